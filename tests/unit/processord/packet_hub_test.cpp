#include "processord/engine/packet_hub.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/changes.h"
#include "tests/support/numbered_packets.h"

using namespace lc;
using namespace lc::processor;
using lc::test::BatchSpec;
using lc::test::Changes;
using lc::test::make_batch;

namespace {

std::shared_ptr<const packet::Batch> shared_batch(const BatchSpec& spec) {
  return std::make_shared<const packet::Batch>(make_batch(spec));
}

/// A subscriber that counts how often it is told of packets. The hub may tell it once more after it has left.
struct Subscriber {
  struct Told {
    Changes changes;
    int times = 0;
  };

  Subscriber(PacketHub& hub, HunterSelection selection, const std::string& expression = "") {
    Result<std::shared_ptr<Subscription>> made = hub.subscribe(
        std::move(selection), expression, [told = told] { told->changes.change([&] { ++told->times; }); });
    if (!made) throw std::runtime_error(made.error().text);
    subscription = std::move(*made);
  }
  /// The next batch's first number.
  std::uint32_t next() {
    if (!told->changes.wait([this] { return subscription->has_next(); })) throw std::runtime_error("nothing came");
    const auto delivery = subscription->next();
    skipped = delivery->skipped;
    infos = delivery->infos;
    return lc::test::numbered_of(delivery->batch->data_of(delivery->batch->packets()[0])).second;
  }

  std::shared_ptr<Told> told = std::make_shared<Told>();
  std::uint64_t skipped = 0;
  std::shared_ptr<const std::vector<info::PacketInfo>> infos;
  std::shared_ptr<Subscription> subscription;
};

}  // namespace

TEST_CASE("Each subscriber gets the batches of the hunters it selects, and no others", "[packet_hub]") {
  PacketHub hub(10);
  Subscriber all(hub, std::nullopt);
  Subscriber one(hub, std::unordered_set<std::string>{"h2"});
  Subscriber none(hub, std::unordered_set<std::string>{});
  for (std::uint32_t i = 0; i < 6; ++i) {
    hub.publish(shared_batch({.hunter = i % 2 == 0 ? "h1" : "h2", .first_number = i}));
  }
  for (std::uint32_t i = 0; i < 6; ++i) CHECK(all.next() == i);
  for (const std::uint32_t i : {1U, 3U, 5U}) CHECK(one.next() == i);
  CHECK_FALSE(one.subscription->has_next());
  CHECK_FALSE(none.subscription->has_next());
  CHECK(none.told->times == 0);
  CHECK(all.skipped == 0);
}

TEST_CASE("A slow subscriber loses its oldest batches and is told how many", "[packet_hub]") {
  PacketHub hub(10);
  Subscriber slow(hub, std::unordered_set<std::string>{"h1"});
  Subscriber quick(hub, std::nullopt);
  constexpr std::uint32_t kBatches = 60;
  for (std::uint32_t i = 0; i < kBatches; ++i) {
    hub.publish(shared_batch({.first_number = i * 10, .packets = 10, .size = 50'000}));
    hub.publish(shared_batch({.hunter = "other", .sender = 2, .first_number = i, .packets = 1}));
    CHECK(quick.next() == i * 10);
    CHECK(quick.next() == i);
  }
  // 8 MiB hold 16 batches of 500 kB; skipped counts packets of the selected hunter only.
  const std::uint32_t first = slow.next();
  CHECK(first > 0);
  CHECK(first % 10 == 0);
  CHECK(slow.skipped == first);
  CHECK(first == (kBatches - 16) * 10);
  for (std::uint32_t number = first + 10; number < kBatches * 10; number += 10) CHECK(slow.next() == number);
  CHECK(slow.skipped == first);
  CHECK_FALSE(slow.subscription->has_next());
  CHECK(quick.skipped == 0);
}

TEST_CASE("What no queue has room for is counted, and the newest stays", "[packet_hub]") {
  PacketHub hub(10);
  Changes gate;
  bool is_kept = false;
  bool open = false;
  // The hub's thread is kept from going on, with the first batch alone.
  Result<std::shared_ptr<Subscription>> made = hub.subscribe(std::nullopt, "", [&] {
    gate.change([&] { is_kept = true; });
    gate.wait([&] { return open; });
  });
  REQUIRE(made);
  constexpr std::uint32_t kBatches = 100;
  const auto publish = [&](std::uint32_t number) {
    hub.publish(shared_batch({.first_number = number, .size = 260'000}));
  };
  publish(0);
  REQUIRE(gate.wait([&] { return is_kept; }));
  for (std::uint32_t i = 1; i < kBatches; ++i) publish(i);
  gate.change([&] { open = true; });

  std::uint64_t seen = 0;
  std::uint64_t skipped = 0;
  std::uint32_t last = 0;
  while (last != kBatches - 1) {
    const auto delivery = (*made)->next();
    if (!delivery) {
      std::this_thread::yield();
      continue;
    }
    const std::uint32_t number = lc::test::numbered_of(delivery->batch->data_of(delivery->batch->packets()[0])).second;
    CHECK((seen == 0 || number > last));
    last = number;
    skipped = delivery->skipped;
    ++seen;
  }
  CHECK(skipped > 0);
  CHECK(seen + skipped == kBatches);
}

TEST_CASE("An expression that libpcap refuses makes no subscription, and the limit holds", "[packet_hub]") {
  PacketHub hub(1);
  const auto bad = hub.subscribe(std::nullopt, "udp prot 53", [] {});
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == Code::kInvalidArgument);
  const auto first = hub.subscribe(std::nullopt, "", [] {});
  REQUIRE(first);
  const auto second = hub.subscribe(std::nullopt, "", [] {});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kResourceExhausted);
  hub.unsubscribe(*first);
  CHECK(hub.subscribe(std::nullopt, "", [] {}));
}

TEST_CASE("A subscriber's expression picks packets by what is in them", "[packet_hub]") {
  PacketHub hub(10);
  Subscriber udp(hub, std::nullopt, "udp port 5060");
  Subscriber everything(hub, std::nullopt);
  std::vector<std::uint8_t> packet(14 + 20 + 8, 0);
  packet[12] = 0x08;      // IPv4
  packet[14] = 0x45;      // header of 20 bytes
  packet[14 + 9] = 17;    // UDP
  packet[34 + 2] = 0x13;  // to port 5060
  packet[34 + 3] = 0xc4;
  const packet::PacketView view{packet.data(), 42, 42, 0};
  CHECK(udp.subscription->wants(view, packet::kEthernet));
  CHECK_FALSE(udp.subscription->wants(view, packet::kRaw));  // not where an IP header should be
  CHECK_FALSE(udp.subscription->wants(view, 147));           // libpcap has no code for it
  CHECK(everything.subscription->wants(view, 147));
  packet[34 + 3] = 0xc5;
  CHECK_FALSE(udp.subscription->wants(view, packet::kEthernet));
}

TEST_CASE("A packet is described once for all subscribers, off the publisher's thread, and only for those who want it",
          "[packet_hub]") {
  std::atomic<int> described{0};
  std::atomic<bool> on_this_thread{false};
  const auto publisher = std::this_thread::get_id();
  PacketHub hub(10, [&](std::uint32_t link_type, std::span<const std::uint8_t> frame) {
    ++described;
    if (std::this_thread::get_id() == publisher) on_this_thread = true;
    info::PacketInfo info;
    info.protocol = "T";
    info.line = std::to_string(link_type) + " " + std::to_string(frame.size());
    return info;
  });
  hub.publish(shared_batch({.packets = 5}));  // nobody is there
  Subscriber one(hub, std::unordered_set<std::string>{"h1"});
  Subscriber other(hub, std::unordered_set<std::string>{"h1"});
  hub.publish(shared_batch({.hunter = "h2", .packets = 7}));  // nobody wants it
  hub.publish(shared_batch({.first_number = 10, .packets = 3}));
  CHECK(one.next() == 10);
  REQUIRE(one.infos->size() == 3);
  CHECK((*one.infos)[2].line == "147 60");
  CHECK(other.next() == 10);
  CHECK(other.infos == one.infos);
  CHECK(described == 3);
  hub.unsubscribe(one.subscription);
  hub.unsubscribe(other.subscription);
  hub.publish(shared_batch({.first_number = 20, .packets = 2}));
  Subscriber late(hub, std::nullopt);
  hub.publish(shared_batch({.first_number = 30, .packets = 1}));
  CHECK(late.next() == 30);
  CHECK(described == 4);
  CHECK_FALSE(on_this_thread);
}

TEST_CASE("Subscribers may come and go while batches are published", "[packet_hub][stress]") {
  PacketHub hub(100);
  std::atomic<bool> stop{false};
  std::vector<std::jthread> publishers;
  for (std::uint32_t p = 0; p < 2; ++p) {
    publishers.emplace_back([&, p] {
      for (std::uint32_t i = 0; !stop; ++i) {
        hub.publish(shared_batch({.sender = p, .first_number = i, .packets = 4, .size = 1000}));
        std::this_thread::yield();
      }
    });
  }
  std::vector<std::jthread> subscribers;
  std::atomic<std::uint64_t> seen{0};
  for (int s = 0; s < 3; ++s) {
    subscribers.emplace_back([&] {
      for (int round = 0; round < 15; ++round) {
        Subscriber subscriber(hub, std::nullopt);
        for (int i = 0; i < 10; ++i) {
          subscriber.next();
          ++seen;
        }
        hub.unsubscribe(subscriber.subscription);
      }
    });
  }
  subscribers.clear();
  stop = true;
  CHECK(seen == 3 * 15 * 10);
}
