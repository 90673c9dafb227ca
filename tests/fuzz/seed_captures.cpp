// Writes seed corpora from capture files into folders named like the fuzzers: what UDP datagrams and TCP segments hold
// for fuzz_sip, fuzz_sdp and fuzz_rtp, tunnelled packets for fuzz_tunnel, frames for fuzz_info, and runs of them for
// fuzz_selector.
// Usage: seed_captures FOLDER CAPTURE...
#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "common/packet/decode.h"
#include "common/packet/packet.h"
#include "common/packet/tunnel.h"
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
  Folder tunnel;
  Folder info;
  Folder selector;
  std::array<Folder*, 6> all() { return {&sip, &sdp, &rtp, &tunnel, &info, &selector}; }
};

std::string big_endian(std::size_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value)};
}

/// Frames as fuzz_selector reads them, under one set of filters after the other, and single ones as fuzz_info does.
class Run {
 public:
  Run(std::uint32_t link_type, Folder& folder, Folder& single) : folder_(folder), single_(single) {
    constexpr std::array<std::uint32_t, 8> kLinkTypes = {1, 0, 101, 108, 113, 228, 229, 276};
    const auto found = std::find(kLinkTypes.begin(), kLinkTypes.end(), link_type);
    known_ = found != kLinkTypes.end();
    control_ = static_cast<char>(found - kLinkTypes.begin());
  }
  void add(Bytes frame) {
    if (!known_ || frame.size() >= 2048) return;
    single_.add(control_ + big_endian(frame.size()), frame);
    text_ += control_;
    text_ += '\1';  // 4 ms later
    text_ += big_endian(frame.size());
    text_.append(reinterpret_cast<const char*>(frame.data()), frame.size());
    if (++frames_ % kFramesOfRun == 0) write();
  }
  void write() {
    if (text_.empty()) return;
    folder_.add(std::string(1, static_cast<char>(1U << (frames_ / kFramesOfRun % 8))),
                {reinterpret_cast<const std::uint8_t*>(text_.data()), text_.size()});
    text_.clear();
  }

 private:
  static constexpr int kFramesOfRun = 6;
  Folder& folder_;
  Folder& single_;
  bool known_ = false;
  char control_ = 0;
  std::string text_;
  int frames_ = 0;
};

void add(const lc::packet::IpPacket& ip, Folders& folders) {
  lc::packet::Decoded inner;
  if (lc::packet::decode_inner(ip, inner)) {
    folders.tunnel.add(static_cast<char>(ip.protocol) + big_endian(ip.source_port) + big_endian(ip.destination_port),
                       ip.payload);
    add(inner.ip, folders);
    return;
  }
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
    std::cerr << "usage: seed_captures FOLDER CAPTURE...\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  Folders folders{Folder(folder / "fuzz_sip"),    Folder(folder / "fuzz_sdp"),  Folder(folder / "fuzz_rtp"),
                  Folder(folder / "fuzz_tunnel"), Folder(folder / "fuzz_info"), Folder(folder / "fuzz_selector")};
  for (const char* const name : std::span(argv, static_cast<std::size_t>(argc)).subspan(2)) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(name, error.data()), &pcap_close);
    if (!file) continue;  // some captures are damaged on purpose
    for (Folder* const one : folders.all()) {
      one->begin(std::filesystem::path(name).stem().string());
    }
    const auto link_type = static_cast<std::uint32_t>(pcap_datalink(file.get()));
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    Run run(link_type == DLT_RAW ? lc::packet::kRaw : link_type, folders.selector, folders.info);
    while (pcap_next_ex(file.get(), &header, &data) == 1) {
      add(lc::packet::decode(link_type, {data, header->caplen}).ip, folders);
      run.add({data, header->caplen});
    }
    run.write();
  }
  return 0;
}
