// The short ways for packets of media, against the full ones: on real packets, and on the same with bytes changed.
#include "common/calls/plain_datagram.h"

#include <filesystem>
#include <random>

#include "common/calls/call_sorter.h"
#include "common/calls/dissector.h"
#include "common/packet/ip_address.h"
#include "tests/unit/packet/shared_packets.h"

using namespace lc;
using namespace lc::calls;
using packet::test::Captured;

namespace {

/// What is in one frame, by the full way.
class Dissected final : private Dissector::Handler {
 public:
  void look(const Captured& frame) {
    datagrams = 0;
    others = 0;
    const auto size = static_cast<std::uint32_t>(frame.bytes.size());
    const FrameId id = frames_.begin({frame.bytes.data(), size, size, frame.at_ns}, {0, frame.link_type, 0});
    dissector_.add(id, frame.link_type, frame.at_ns);
    frames_.finish();
  }
  int datagrams = 0;
  int others = 0;
  packet::IpPacket last;  // as it was when it was given

 private:
  void header(const packet::IpPacket&, FrameId, bool) override {}
  void datagram(const packet::IpPacket& ip, FrameId) override {
    ++datagrams;
    last = ip;
  }
  std::uint32_t message(std::size_t, const packet::StreamEnds&, std::span<const std::uint8_t>,
                        std::span<const FrameId>) override {
    ++others;
    return 0;
  }
  void repeated(FrameId, std::uint32_t) override { ++others; }
  void segment(const packet::IpPacket&, FrameId) override { ++others; }

  FrameStore frames_;
  Dissector dissector_{{sip::stream_protocol()}, frames_, *this};
};

bool is_plain(const Captured& frame, PlainDatagram& datagram) {
  return read_plain(frame.link_type, frame.bytes, datagram);
}

void require_the_same(const Captured& frame, const PlainDatagram& datagram, const Dissected& full) {
  INFO(packet::test::hex(frame.bytes));
  REQUIRE(full.datagrams == 1);
  REQUIRE(full.others == 0);
  REQUIRE(full.last.protocol == 17);
  REQUIRE(full.last.has_ports);
  REQUIRE(datagram.from == Endpoint{unmapped(full.last.source), full.last.source_port});
  REQUIRE(datagram.to == Endpoint{unmapped(full.last.destination), full.last.destination_port});
  REQUIRE(datagram.payload.data() == full.last.payload.data());
  REQUIRE(datagram.payload.size() == full.last.payload.size());
  REQUIRE(datagram.hash == stream_hash(datagram.from, datagram.to));
  const auto payload = payload_of_plain(frame.link_type, frame.bytes);
  REQUIRE(std::pair(payload.data(), payload.size()) == std::pair(datagram.payload.data(), datagram.payload.size()));
}

/// Those that can be read; nothing, with a warning, where there are none.
std::vector<std::vector<Captured>> all_captures() {
  std::vector<std::vector<Captured>> found;
  const std::optional<std::string> truth = packet::test::shared_file("truth.json");
  if (!truth) return found;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(*truth).parent_path())) {
    const std::string name = entry.path().filename().string();
    const bool is_capture = entry.path().extension() == ".pcap" || entry.path().extension() == ".pcapng";
    if (is_capture && !name.starts_with("bad-")) found.push_back(packet::test::read_packets(entry.path().string()));
  }
  return found;
}

/// Somewhere in the headers, mostly; or cut.
class Mutation {
 public:
  Captured operator()(Captured frame) {
    if (frame.bytes.empty()) return frame;
    const std::size_t front = std::min<std::size_t>(frame.bytes.size(), 70);
    switch (random_() % 4) {
      case 0:
        frame.bytes.resize(random_() % (frame.bytes.size() + 1));
        break;
      case 1:
        frame.bytes[random_() % front] = static_cast<std::uint8_t>(random_());
        break;
      case 2:
        frame.bytes[random_() % front] ^= static_cast<std::uint8_t>(1U << random_() % 8);
        break;
      default:  // what decides which way is taken
        frame.bytes[std::min(front - 1, 12 + random_() % 12)] = kTelling[random_() % kTelling.size()];
    }
    return frame;
  }

 private:
  static constexpr std::array<std::uint8_t, 8> kTelling = {0x00, 0x08, 0x11, 0x45, 0x46, 0x60, 0x81, 0x86};
  std::mt19937 random_{4711};
};

/// All that a sorter says, in order.
class Said final : public CallSorter::Listener {
 public:
  bool signalling(const Call& call, CallIndex index, const sip::Message& message, const sip::Sdp*,
                  const CallSorter::Context& context) override {
    note("signalling", index, context);
    return is_call(call, message);
  }
  StreamMemo::Note media(CallIndex call, std::span<const std::uint8_t> datagram, const CallSorter::Context& context,
                         StreamMemo::Note note_before) override {
    note("media of " + std::to_string(datagram.size()), call, context);
    any_noted = any_noted || note_before < StreamMemo::kNothing;
    return call;
  }
  void removed(CallIndex call) override { lines.push_back("removed " + std::to_string(call)); }
  void belongs(Ticket frame, CallIndex call, CallSorter::Part part) override {
    lines.push_back(std::to_string(frame) + " belongs " + std::to_string(call) +
                    (part == CallSorter::Part::kMedia ? " media" : " signalling"));
  }
  void settled(Ticket frame) override { lines.push_back(std::to_string(frame) + " settled"); }
  void expect(StreamMemo::Note) override {}

  std::vector<std::string> lines;
  bool any_noted = false;  // a stream was remembered

 private:
  void note(const std::string& what, CallIndex call, const CallSorter::Context& context) {
    lines.push_back(what + ' ' + std::to_string(call) + ' ' + std::to_string(context.source) + ' ' +
                    std::to_string(context.time_ns) + ' ' + text_of(context.from) + ' ' + text_of(context.to));
  }
};

Said sorted(const std::vector<Captured>& frames, CallSorter::Purpose purpose, bool shortly) {
  Said said;
  CallSorter sorter(said, purpose);
  Ticket ticket = 0;
  for (const Captured& frame : frames) {
    const auto size = static_cast<std::uint32_t>(frame.bytes.size());
    const packet::PacketView view{frame.bytes.data(), size, size, frame.at_ns};
    const CallSorter::Coming coming = shortly ? sorter.coming(view, frame.link_type) : CallSorter::Coming();
    sorter.expect(coming);
    sorter.look(view, frame.link_type, 1, 0, frame.at_ns, ++ticket, coming);
  }
  sorter.finish();
  return said;
}

}  // namespace

TEST_CASE("Whatever is read as a plain datagram is what the dissector finds in the frame", "[calls][plain_datagram]") {
  const auto captures = all_captures();
  std::size_t plain = 0;
  std::size_t udp = 0;
  Mutation mutation;
  for (const std::vector<Captured>& frames : captures) {
    Dissected full;
    for (const Captured& frame : frames) {
      PlainDatagram datagram;
      full.look(frame);
      udp += full.datagrams == 1 && full.last.protocol == 17 ? 1 : 0;
      if (is_plain(frame, datagram)) {
        ++plain;
        require_the_same(frame, datagram, full);
      }
    }
    Dissected mutated;
    for (int round = 0; round < 3; ++round) {
      for (const Captured& frame : frames) {
        const Captured changed = mutation(frame);
        PlainDatagram datagram;
        mutated.look(changed);
        if (is_plain(changed, datagram)) require_the_same(changed, datagram, mutated);
      }
    }
  }
  if (!captures.empty()) CHECK(plain > udp * 3 / 4);
}

TEST_CASE("Calls get the same frames whether known streams are looked at shortly or not", "[calls][plain_datagram]") {
  const auto purpose = GENERATE(CallSorter::Purpose::kSort, CallSorter::Purpose::kWatch);
  const bool with_mutations = GENERATE(false, true);
  const auto captures = all_captures();
  bool any_noted = false;
  Mutation mutation;
  for (std::vector<Captured> frames : captures) {
    if (with_mutations) {
      for (std::size_t i = 0; i < frames.size(); i += 5) frames[i] = mutation(frames[i]);
    }
    const Said shortly = sorted(frames, purpose, true);
    REQUIRE(shortly.lines == sorted(frames, purpose, false).lines);
    any_noted = any_noted || shortly.any_noted;
  }
  if (!captures.empty()) CHECK(any_noted);
}

TEST_CASE("Tunnels, fragments, options and mapped addresses are no plain datagrams", "[calls][plain_datagram]") {
  const auto frame = [](std::vector<std::uint8_t> ip) {
    std::vector<std::uint8_t> bytes(12, 2);
    bytes.insert(bytes.end(), {0x08, 0x00});
    bytes.insert(bytes.end(), ip.begin(), ip.end());
    return bytes;
  };
  const std::vector<std::uint8_t> plain = {0x45, 0, 0, 32, 0,    0,    0x40, 0,    64, 17, 0, 0, 10, 0, 0, 1,
                                           10,   0, 0, 2,  0x0f, 0xa0, 0x13, 0x88, 0,  12, 0, 0, 1,  2, 3, 4};
  const auto reads = [&](std::size_t at, std::uint8_t byte) {
    std::vector<std::uint8_t> changed = plain;
    changed[at] = byte;
    PlainDatagram datagram;
    return read_plain(packet::kEthernet, frame(changed), datagram);
  };
  PlainDatagram datagram;
  const auto bytes = frame(plain);
  REQUIRE(read_plain(packet::kEthernet, bytes, datagram));
  CHECK(text_of(datagram.from) == "10.0.0.1:4000");
  CHECK(text_of(datagram.to) == "10.0.0.2:5000");
  CHECK(std::vector<std::uint8_t>(datagram.payload.begin(), datagram.payload.end()) ==
        std::vector<std::uint8_t>{1, 2, 3, 4});
  CHECK_FALSE(read_plain(packet::kRaw, bytes, datagram));
  CHECK_FALSE(reads(0, 0x46));  // options
  CHECK_FALSE(reads(3, 0));     // without a length
  CHECK_FALSE(reads(6, 0x20));  // more fragments
  CHECK_FALSE(reads(7, 1));     // a later fragment
  CHECK_FALSE(reads(9, 6));     // TCP
  CHECK_FALSE(reads(25, 13));   // longer than the packet
  CHECK_FALSE(reads(25, 7));    // shorter than its header
  std::vector<std::uint8_t> cut = plain;
  cut[3] = 132;
  cut[25] = 112;
  const auto cut_bytes = frame(cut);
  REQUIRE(read_plain(packet::kEthernet, cut_bytes, datagram));
  CHECK(datagram.payload.size() == 4);
  std::vector<std::uint8_t> tunnel = plain;
  tunnel[22] = 0x08;  // to port 2152
  tunnel[23] = 0x68;
  CHECK_FALSE(read_plain(packet::kEthernet, frame(tunnel), datagram));
}
