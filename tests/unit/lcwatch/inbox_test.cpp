#include "lcwatch/model/inbox.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <thread>

using namespace lc;
using namespace lc::watch;

namespace {

bool readable(const Inbox& inbox) {
  pollfd one{.fd = inbox.fd(), .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1;
}

PacketsCame packets(std::size_t count, std::uint64_t offered) {
  PacketsCame came{.packets = std::vector<PacketRow>(count), .offered = offered};
  for (std::size_t i = 0; i < count; ++i) came.packets[i].number = offered - count + i + 1;
  return came;
}

CallCame call(const std::string& id, const std::string& state) {
  fleet::Call made;
  made.id = id;
  made.state = state;
  return {.call = std::make_shared<const fleet::Call>(made)};
}

}  // namespace

TEST_CASE("An inbox is readable from a push to the taking", "[lcwatch][inbox]") {
  Inbox inbox;
  CHECK_FALSE(readable(inbox));
  inbox.push(CallsBegin{});
  inbox.push(CallsComplete{});
  CHECK(readable(inbox));
  const auto taken = inbox.take();
  REQUIRE(taken.size() == 2);
  CHECK(std::holds_alternative<CallsBegin>(taken[0]));
  CHECK_FALSE(readable(inbox));
  CHECK(inbox.take().empty());
}

TEST_CASE("An inbox that nobody takes from keeps the latest packets and counts the others as skipped",
          "[lcwatch][inbox]") {
  Inbox inbox;
  for (std::uint64_t i = 1; i <= 1'000; ++i) inbox.push(packets(100, i * 100));
  auto taken = inbox.take();
  REQUIRE(taken.size() == Inbox::kMostPackets / 100);
  const auto& last = std::get<PacketsCame>(taken.back());
  CHECK(last.packets.back().number == 100'000);
  CHECK(last.skipped == 100'000 - Inbox::kMostPackets);
  inbox.push(packets(50'000, 150'000));
  taken = inbox.take();
  REQUIRE(taken.size() == 1);
  CHECK(std::get<PacketsCame>(taken[0]).packets.size() == Inbox::kMostPackets);
  CHECK(std::get<PacketsCame>(taken[0]).skipped == 150'000 - 2 * Inbox::kMostPackets);
  for (int i = 0; i < 10'000; ++i) inbox.push(packets(0, 150'000));
  CHECK(inbox.take().size() == 1);
}

TEST_CASE("An inbox keeps of figures and calls the latest, and of trees as many as events are shown",
          "[lcwatch][inbox]") {
  Inbox inbox;
  for (std::uint64_t i = 0; i < 3'000; ++i) {
    fleet::FiguresAt at{.path = {"east"}, .figures = {}};
    at.figures.processor.packets_received = i;
    inbox.push(FiguresCame{.server = 0, .at = at});
    inbox.push(call("c1", std::to_string(i)));
    inbox.push(TreeCame{});
  }
  auto taken = inbox.take();
  REQUIRE(taken.size() == Inbox::kMostTrees + 2);
  inbox.push(call("c1", "active"));
  inbox.push(CallGone{.server = 0, .id = "c1"});
  taken = inbox.take();
  REQUIRE(taken.size() == 1);
  CHECK(std::holds_alternative<CallGone>(taken[0]));
  inbox.push(CallGone{.server = 0, .id = "c1"});
  inbox.push(CallsBegin{});
  inbox.push(call("c1", "active"));
  taken = inbox.take();
  REQUIRE(taken.size() == 2);
  CHECK(std::holds_alternative<CallsBegin>(taken[0]));
}

TEST_CASE("Threads push into an inbox while another takes", "[lcwatch][inbox]") {
  constexpr std::uint64_t kEach = 2'000;
  Inbox inbox;
  std::vector<std::jthread> threads;
  for (ServerIndex server = 0; server < 3; ++server) {
    threads.emplace_back([&, server] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        inbox.push(PacketsCame{.server = server, .packets = std::vector<PacketRow>(1), .offered = i});
      }
    });
  }
  std::size_t seen = 0;
  while (seen < 3 * kEach) {
    pollfd one{.fd = inbox.fd(), .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&one, 1, 10'000) == 1);
    for (const Update& update : inbox.take()) seen += std::get<PacketsCame>(update).packets.size();
  }
  CHECK(seen == 3 * kEach);
}
