#include "common/capture/live_source.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/capture/interfaces.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::capture::test;
using namespace std::chrono_literals;

namespace {

/// Null, with a warning, where this process may not capture.
std::unique_ptr<LiveSource> capture_on(const std::string& interface, LiveOptions options) {
  Result<std::unique_ptr<LiveSource>> source = LiveSource::open(interface, std::move(options));
  if (!source && source.error().code == Code::kPermissionDenied) {
    WARN("skipped: " << source.error().text);
    return nullptr;
  }
  INFO((source ? "" : source.error().text));
  REQUIRE(source);
  return std::move(*source);
}

/// A socket on the loopback address, on a port that the kernel picked.
struct LocalSocket {
  explicit LocalSocket(int type) : fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    port = ntohs(name().sin_port);
  }
  [[nodiscard]] sockaddr_in name() const {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    return address;
  }
  void connect_to(const LocalSocket& other) const {
    const sockaddr_in address = other.name();
    REQUIRE(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  void send(const std::string& text) const {
    REQUIRE(::send(fd.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  }

  UniqueFd fd;
  std::uint16_t port = 0;
};

struct Captured {
  std::string bytes;
  std::uint32_t original;
  std::int64_t timestamp_ns;

  [[nodiscard]] bool has(const std::string& text) const { return bytes.find(text) != std::string::npos; }
};

/// Everything up to the first packet that contains `last`.
std::vector<Captured> capture_until(LiveSource& source, const std::string& last) {
  std::vector<Captured> packets;
  const auto limit = Clock::now() + 10s;
  const auto arrived = [&] { return !packets.empty() && packets.back().has(last); };
  while (!arrived()) {
    REQUIRE(Clock::now() < limit);
    const ReadOutcome outcome = source.dispatch(1, [&](const packet::PacketView& packet) {
      packets.push_back({std::string(reinterpret_cast<const char*>(packet.data), packet.captured), packet.original,
                         packet.timestamp_ns});
    });
    REQUIRE(outcome.state == ReadState::kReading);
    if (outcome.packets > 0) continue;
    pollfd fd = {source.poll_fd(), POLLIN, 0};
    ::poll(&fd, 1, 100);
  }
  return packets;
}

std::string udp_to(const LocalSocket& socket) {
  return "udp dst port " + std::to_string(socket.port);
}

}  // namespace

TEST_CASE("A missing interface is refused with the names of those there are", "[live_source]") {
  for (const std::string name : {"no-such-if0", "", "usbmon0", "a-name-that-no-interface-can-have"}) {
    const Result<std::unique_ptr<LiveSource>> source = LiveSource::open(name, {});
    REQUIRE_FALSE(source);
    CHECK(source.error().code == Code::kNotFound);
    CHECK(source.error().text.starts_with("no interface \"" + name + "\"; there are: "));
    CHECK(source.error().text.find("lo") != std::string::npos);
  }
}

TEST_CASE("A packet on the loopback interface is captured once, whole, with the kernel's time", "[live_source]") {
  const LocalSocket receiver(SOCK_DGRAM);
  const LocalSocket sender(SOCK_DGRAM);
  for (const auto& [interface, header] : {std::pair{"lo", 14U}, {"any", 20U}}) {
    INFO(interface);
    const auto source = capture_on(interface, {.filter = udp_to(receiver)});
    if (!source) return;
    sender.connect_to(receiver);
    const std::int64_t before = wall_ns();
    const std::string large(60'000, 'l');
    sender.send("first");
    sender.send(large);
    sender.send("last");
    const std::vector<Captured> packets = capture_until(*source, "last");
    REQUIRE(packets.size() == 3);
    CHECK(packets[0].bytes.size() == header + 20 + 8 + 5);
    CHECK(packets[1].has(large));
    for (const Captured& packet : packets) {
      CHECK(packet.original == packet.bytes.size());
      CHECK(packet.timestamp_ns >= before);
      CHECK(packet.timestamp_ns <= wall_ns());
    }
    CHECK(source->link_type() == (header == 14 ? packet::kEthernet : packet::kLinuxSll2));
  }
}

TEST_CASE("A snapshot length cuts packets and keeps their length on the wire", "[live_source]") {
  const LocalSocket receiver(SOCK_DGRAM);
  const LocalSocket sender(SOCK_DGRAM);
  const auto source = capture_on("lo", {.filter = udp_to(receiver), .snaplen = 64});
  if (!source) return;
  sender.connect_to(receiver);
  sender.send("cut" + std::string(500, '.'));
  const std::vector<Captured> packets = capture_until(*source, "cut");
  CHECK(packets[0].bytes.size() == 64);
  CHECK(packets[0].original == 14 + 20 + 8 + 503);
}

TEST_CASE("A new filter also holds for what the kernel had let in under the old one", "[live_source]") {
  const LocalSocket a(SOCK_DGRAM);
  const LocalSocket b(SOCK_DGRAM);
  const LocalSocket sender(SOCK_DGRAM);
  const auto source = capture_on("lo", {.filter = udp_to(a)});
  if (!source) return;
  sender.connect_to(a);
  sender.send("in the ring");
  REQUIRE(source->set_filter(udp_to(b) + " or (" + udp_to(a) + " and greater 1000)"));
  CHECK_FALSE(source->set_filter("no filter"));  // changes nothing
  source->dispatch(1, [](const packet::PacketView&) { FAIL("nothing is wanted yet"); });
  sender.send("still not wanted");
  sender.connect_to(b);
  sender.send("last");
  CHECK(capture_until(*source, "last").size() == 1);
}

TEST_CASE("No wanted packet is lost while another thread changes the filter", "[live_source]") {
  const LocalSocket receiver(SOCK_DGRAM);
  const LocalSocket sender(SOCK_DGRAM);
  const auto source = capture_on("lo", {.filter = udp_to(receiver)});
  if (!source) return;
  sender.connect_to(receiver);
  constexpr int kPackets = 5000;
  int received = 0;
  {
    const std::jthread changer([&](const std::stop_token& stop) {
      for (int i = 0; !stop.stop_requested(); ++i) {
        if (!source->set_filter(udp_to(receiver) + (i % 2 == 0 ? " and greater 20" : ""))) std::abort();
      }
    });
    for (int i = 0; i < kPackets; ++i) {
      sender.send(std::to_string(i));
      if (i % 10 == 0) received += static_cast<int>(source->dispatch(1000, [](const packet::PacketView&) {}).packets);
    }
  }
  sender.send("last");
  received += static_cast<int>(capture_until(*source, "last").size());
  CHECK(received + static_cast<int>(source->stats().kernel_dropped) == kPackets + 1);
}

TEST_CASE("An excluded connection is not captured, its neighbour on the same port is", "[live_source]") {
  const LocalSocket server(SOCK_STREAM);
  REQUIRE(::listen(server.fd.get(), 2) == 0);
  const LocalSocket own(SOCK_STREAM);
  const LocalSocket other(SOCK_STREAM);
  for (const std::string interface : {"lo", "any"}) {
    const auto source = capture_on(interface, {.filter = "tcp port " + std::to_string(server.port)});
    if (!source) return;
    source->exclude({{"127.0.0.1", own.port, "127.0.0.1", server.port}, {"::1", own.port, "::1", server.port}});
    source->dispatch(1, [](const packet::PacketView&) {});
    if (interface == "lo") {
      own.connect_to(server);
      other.connect_to(server);
    }
    own.send("of our own");
    other.send("of another");
    const std::vector<Captured> packets = capture_until(*source, "of another");
    for (const Captured& packet : packets) CHECK_FALSE(packet.has("of our own"));
    CHECK(packets.size() == (interface == "lo" ? 4 : 1));  // the other's handshake
  }
}

TEST_CASE("The interfaces listed are those the kernel has, as text and as JSON", "[interfaces]") {
  const Result<std::vector<Interface>> interfaces = list_interfaces();
  REQUIRE(interfaces);
  const TempDir dir;
  write_file(dir.file("list.json"), as_json(*interfaces));
  const Outcome judged =
      run("python3 -c '\nimport json, os\nlisted = {i[\"name\"]: i for i in json.load(open(\"" + dir.file("list.json") +
          "\"))}\nassert set(listed) == set(os.listdir(\"/sys/class/net\")) | {\"any\"}, listed\n"
          "lo = listed[\"lo\"]\nassert lo[\"loopback\"] and lo[\"addresses\"][0] == \"127.0.0.1\"\n"
          "print(\"good\")' 2>&1");
  CHECK(judged.text == "good\n");
  CHECK(lines_of(as_text(*interfaces)).size() == interfaces->size());
}
