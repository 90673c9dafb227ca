#include "common/packet/send_queue.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "tests/support/numbered_packets.h"

using namespace lc;
using namespace lc::packet;
using lc::test::numbered_bytes;
using lc::test::view_of;

namespace {

/// A window with one interface's builder in front of it.
struct Sender {
  explicit Sender(SendQueue::Limits limits = {}) : queue("h1", 99, limits) {}

  void push(std::uint32_t packets = 1, std::size_t size = 60) {
    for (std::uint32_t i = 0; i < packets; ++i) {
      const auto bytes = numbered_bytes({1, next++}, size);
      if (builder.append(view_of(bytes, 1), 1)) continue;
      queue.push(builder, {}, 5);  // the slab is full
      REQUIRE(builder.append(view_of(bytes, 1), 1));
    }
    queue.push(builder, {}, 5);
  }
  /// Sequences that may be sent now.
  std::vector<std::uint64_t> send() {
    std::vector<std::uint64_t> sequences;
    while (const auto batch = queue.next()) sequences.push_back(batch->sequence);
    return sequences;
  }

  SlabPool pool;
  BatchBuilder builder{pool, "eth0", 0};
  SendQueue queue;
  std::uint32_t next = 0;
};

using Sequences = std::vector<std::uint64_t>;

}  // namespace

TEST_CASE("Batches are numbered from one and carry hunter, epoch and number", "[send_queue]") {
  Sender sender;
  sender.push(3);
  sender.push(2);
  for (const std::uint64_t expected : {1U, 2U}) {
    const auto batch = sender.queue.next();
    REQUIRE(batch);
    CHECK(batch->sequence == expected);
    const Result<Batch> parsed = Batch::parse(batch->bytes);
    REQUIRE(parsed);
    CHECK(parsed->header().hunter_id == "h1");
    CHECK(parsed->header().epoch == 99);
    CHECK(parsed->header().sequence == expected);
    CHECK(parsed->packets().size() == batch->packets);
  }
  CHECK_FALSE(sender.queue.next());
  CHECK(sender.queue.usage().packets == 5);
  CHECK(sender.queue.usage().last_sequence == 2);
}

TEST_CASE("After a reconnect exactly what is not acknowledged is sent again, in order", "[send_queue]") {
  Sender sender;
  for (int i = 0; i < 10; ++i) sender.push(2);
  REQUIRE(sender.send().size() == 10);
  sender.queue.acknowledge(3);
  sender.push(2);

  sender.queue.rewind(5);  // the receiver had stored two more than it could say
  CHECK(sender.queue.usage().acknowledged == 5);
  CHECK(sender.queue.usage().acknowledged_packets == 10);
  CHECK(sender.queue.usage().unsent_packets == 12);
  CHECK(sender.send() == Sequences{6, 7, 8, 9, 10, 11});

  sender.queue.rewind(5);
  CHECK(sender.send() == Sequences{6, 7, 8, 9, 10, 11});
  sender.queue.acknowledge(11);
  CHECK(sender.queue.empty());
  CHECK(sender.queue.usage().bytes == 0);
  CHECK(sender.queue.usage().unsent_packets == 0);
  CHECK(sender.queue.usage().acknowledged_packets == 22);
}

TEST_CASE("An acknowledgement of what only the stream before had sent counts, for it is said once", "[send_queue]") {
  Sender sender;
  for (int i = 0; i < 6; ++i) sender.push();
  REQUIRE(sender.send().size() == 6);
  sender.queue.rewind(2);  // the receiver had taken all six, and stored two
  REQUIRE(sender.queue.next()->sequence == 3);
  sender.queue.acknowledge(6);  // and has now stored the others
  CHECK(sender.queue.empty());
  CHECK(sender.send().empty());
  CHECK(sender.queue.usage().unsent_packets == 0);
  CHECK(sender.queue.usage().bytes == 0);
}

TEST_CASE("Numbers that were never sent acknowledge nothing", "[send_queue]") {
  Sender sender;
  for (int i = 0; i < 4; ++i) sender.push();
  REQUIRE(sender.queue.next());
  REQUIRE(sender.queue.next());
  sender.queue.acknowledge(3);
  sender.queue.acknowledge(~std::uint64_t{0});
  CHECK(sender.queue.usage().packets == 4);
  sender.queue.rewind(1'000);
  CHECK(sender.send() == Sequences{1, 2, 3, 4});
  sender.queue.acknowledge(0);
  CHECK(sender.queue.usage().packets == 4);
  sender.queue.acknowledge(2);
  sender.queue.acknowledge(1);  // an old one, late
  CHECK(sender.queue.usage().packets == 2);
  CHECK(sender.queue.usage().acknowledged == 2);
}

TEST_CASE("A sender told to slow down keeps little out, and one told to pause sends nothing", "[send_queue]") {
  Sender sender({.slow_bytes = 3000});
  for (int i = 0; i < 10; ++i) sender.push(1, 1000);
  sender.queue.set_flow(Flow::kSlow);
  CHECK(sender.send() == Sequences{1, 2, 3});
  CHECK_FALSE(sender.queue.has_next());
  sender.queue.acknowledge(1);
  CHECK(sender.queue.has_next());
  CHECK(sender.send() == Sequences{4});

  sender.queue.set_flow(Flow::kPause);
  sender.queue.acknowledge(4);
  CHECK_FALSE(sender.queue.has_next());
  CHECK(sender.send().empty());

  sender.queue.set_flow(Flow::kContinue);
  CHECK(sender.send() == Sequences{5, 6, 7, 8, 9, 10});
}

TEST_CASE("The capture side is told what the window and the writer allow", "[send_queue]") {
  Sender sender({.window_bytes = 5000, .queue_packets = 4});
  CHECK(sender.queue.signal() == FlowSignal::kBehind);  // no connection: let batches grow
  sender.queue.set_writer(SendQueue::Writer::kIdle);
  CHECK(sender.queue.signal() == FlowSignal::kIdle);
  sender.queue.set_writer(SendQueue::Writer::kWriting);
  CHECK(sender.queue.signal() == FlowSignal::kBusy);
  sender.push(3, 100);
  CHECK(sender.queue.signal() == FlowSignal::kBehind);
  sender.push(1, 100);
  CHECK(sender.queue.signal() == FlowSignal::kFull);  // by the queue
  CHECK(sender.queue.usage_percent() == 100);
  sender.send();
  CHECK(sender.queue.signal() == FlowSignal::kBusy);
  for (int i = 0; i < 5; ++i) {
    sender.push(1, 1000);
    sender.send();
  }
  CHECK(sender.queue.signal() == FlowSignal::kFull);  // by the bytes not acknowledged
  sender.queue.acknowledge(4);
  CHECK(sender.queue.signal() == FlowSignal::kBusy);
}

TEST_CASE("An acknowledgement gives the memory back", "[send_queue][slab_pool]") {
  Sender sender;
  std::set<const void*> slabs;
  std::vector<std::weak_ptr<std::uint8_t>> alive;
  for (int i = 0; i < 8; ++i) {
    sender.push(1, 200'000);
    sender.push(1, 200'000);
    sender.push(1, 200'000);
    sender.push(1, 200'000);
    sender.push(1, 200'000);
  }
  while (const auto batch = sender.queue.next()) {
    if (slabs.insert(batch->bytes.owner.get()).second) alive.emplace_back(batch->bytes.owner);
  }
  REQUIRE(slabs.size() >= 8);
  sender.queue.acknowledge(sender.queue.usage().last_sequence);
  std::size_t left = 0;
  for (const auto& slab : alive) {
    if (!slab.expired()) ++left;
  }
  CHECK(left <= 1);  // the one that is being filled
}

TEST_CASE("A capture thread that waits for room or an idle writer is always woken", "[send_queue][stress]") {
  constexpr std::uint32_t kPushes = 100'000;
  Sender sender({.window_bytes = 40'000, .queue_packets = 64});
  SinkListener listener;
  std::vector<std::uint64_t> received;

  std::jthread writer([&](const std::stop_token& stop) {
    // As a stream does: write what there is, then call oneself idle, then acknowledge.
    const auto wake = [&] {
      if (sender.queue.signal() != FlowSignal::kFull) listener.notify();
    };
    while (!stop.stop_requested()) {
      const auto batch = sender.queue.next();
      if (batch) {
        sender.queue.set_writer(SendQueue::Writer::kWriting);
        received.push_back(batch->sequence);
        if (batch->sequence % 7 == 0) {
          sender.queue.acknowledge(batch->sequence);
          wake();
        }
        continue;
      }
      sender.queue.set_writer(SendQueue::Writer::kIdle);
      if (!received.empty()) sender.queue.acknowledge(received.back());
      wake();
    }
  });

  bool hung = false;
  const auto wait = [&](auto&& may_go_on) {
    while (!may_go_on()) {
      listener.waiting = true;
      if (may_go_on()) {
        listener.waiting = false;
        return;
      }
      pollfd fd = {listener.wake_up.fd(), POLLIN, 0};
      if (::poll(&fd, 1, 20'000) != 1) {
        hung = true;
        return;
      }
      listener.wake_up.drain();
    }
  };
  for (std::uint32_t i = 0; i < kPushes && !hung; ++i) {
    wait([&] { return sender.queue.signal() != FlowSignal::kFull; });
    if (i % 64 == 0) wait([&] { return sender.queue.signal() == FlowSignal::kIdle; });
    sender.push(1 + i % 3, 40);
  }
  wait([&] { return sender.queue.empty(); });
  writer.request_stop();
  writer.join();
  CHECK_FALSE(hung);
  REQUIRE(received.size() == sender.queue.usage().last_sequence);
  for (std::size_t i = 0; i < received.size(); ++i) {
    if (received[i] != i + 1) FAIL("batch " << received[i] << " where " << i + 1 << " belongs");
  }
}
