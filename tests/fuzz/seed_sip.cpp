// Writes the seed corpora of fuzz_sip, fuzz_sdp and fuzz_rtp into folders of those names: what the UDP datagrams and
// TCP segments of capture files hold. Usage: seed_sip FOLDER CAPTURE...
#include <pcap/pcap.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "common/packet/decode.h"
#include "common/sip/message.h"
#include "common/sip/rtp.h"

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr int kOfEachKind = 40;  // from one capture: more of the same kind teaches a fuzzer nothing

class Folder {
 public:
  explicit Folder(const std::filesystem::path& path) : path_(path) { std::filesystem::create_directories(path); }

  void begin(const std::string& capture) {
    capture_ = capture;
    left_ = kOfEachKind;
  }
  void add(std::string_view first, Bytes bytes) {
    if (left_ == 0) return;
    std::ofstream file(path_ / (capture_ + "-" + std::to_string(left_--)), std::ios::binary);
    file << first << std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  std::filesystem::path path_;
  std::string capture_;
  int left_ = 0;
};

struct Folders {
  Folder sip;
  Folder sdp;
  Folder rtp;
};

void add(const lc::packet::IpPacket& ip, Folders& folders) {
  constexpr std::uint8_t kTcp = 6;
  constexpr std::uint8_t kUdp = 17;
  constexpr std::string_view kWebsocket("\2");
  if (!ip.has_transport || ip.payload.empty()) return;
  lc::sip::Rtp rtp;
  if (ip.protocol == kUdp && (lc::sip::parse_rtp(ip.payload, rtp) || lc::sip::is_rtcp(ip.payload))) {
    folders.rtp.add("", ip.payload);
  } else if (ip.protocol == kTcp && lc::sip::websocket_protocol().begins(ip.payload)) {
    folders.sip.add(kWebsocket, ip.payload);
  }
  static lc::sip::Message message;
  if (!lc::sip::begins_message(ip.payload) || !lc::sip::parse_message(ip.payload, message)) return;
  folders.sip.add(ip.protocol == kTcp ? std::string_view("\1") : std::string_view("\0", 1), ip.payload);
  if (!message.body.empty()) {
    folders.sdp.add(std::string(message.content_type) + "\n",
                    {reinterpret_cast<const std::uint8_t*>(message.body.data()), message.body.size()});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: seed_sip FOLDER CAPTURE...\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  Folders folders{Folder(folder / "fuzz_sip"), Folder(folder / "fuzz_sdp"), Folder(folder / "fuzz_rtp")};
  for (const char* const name : std::span(argv, static_cast<std::size_t>(argc)).subspan(2)) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(name, error.data()), &pcap_close);
    if (!file) continue;  // some captures are damaged on purpose
    for (Folder* const one : {&folders.sip, &folders.sdp, &folders.rtp}) {
      one->begin(std::filesystem::path(name).stem().string());
    }
    const auto link_type = static_cast<std::uint32_t>(pcap_datalink(file.get()));
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    while (pcap_next_ex(file.get(), &header, &data) == 1) {
      add(lc::packet::decode(link_type, {data, header->caplen}).ip, folders);
    }
  }
  return 0;
}
