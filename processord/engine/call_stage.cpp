#include "processord/engine/call_stage.h"

#include <pthread.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/base/log.h"
#include "common/capture/file_source.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 1s;
constexpr auto kPublishInterval = 200ms;
constexpr auto kPatience = 2s;
// Of who only watches: batches are gathered for so long, or until there is so much.
constexpr auto kGathering = 20ms;
constexpr std::size_t kMuch = std::size_t{1} << 20;
// Below what a hunter may have queued before it is read no further (engine.cpp): it would never be reached.
constexpr std::size_t kMostPendingBytes = std::size_t{6} << 20;
constexpr std::size_t kWatchedBytes = std::size_t{8} << 20;
constexpr int kPacketBits = 16;  // packet::kMaxBatchPackets fits
constexpr calls::Ticket kNobodys = 0;

}  // namespace

CallStage::CallStage(CallTracker& tracker, Sink sink)
    : tracker_(tracker),
      sink_(std::move(sink)),
      sorter_(*this, sorts() ? calls::CallSorter::Purpose::kSort : calls::CallSorter::Purpose::kWatch) {}

CallStage::~CallStage() {
  stop();
}

void CallStage::recover(std::span<const std::string> paths) {
  if (!sorts() || paths.empty()) return;
  // One time for all: files that are read one after the other tell nothing of when their calls were silent.
  const std::uint32_t source = sources_.index_of("");
  const std::int64_t now_ns = sources_.time_of(source, 0, wall_ns());
  sources_.seen(source, wall_ns());
  std::vector<std::string> needless;
  for (const std::string& path : paths) {
    if (!learn(path, source, now_ns)) needless.push_back(path);
  }
  sorter_.finish();
  if (!needless.empty()) sink_.needless(std::move(needless));
  if (!learned_from_.empty()) log::info("calls in progress are followed on", {{"calls", learned_from_.size()}});
}

bool CallStage::learn(const std::string& path, std::uint32_t source_index, std::int64_t now_ns) {
  auto source = capture::FileSource::open(path, {});
  if (!source) {
    log::warning("a call cannot be followed on: " + source.error().text);
    return false;
  }
  const std::size_t before = learned_;
  learning_from_ = &path;
  const capture::PacketConsumer look = [&](const packet::PacketView& packet) {
    sorter_.look(packet, (*source)->link_type(), source_index, source_index << 8, now_ns, kNobodys);
  };
  while ((*source)->dispatch(1000, look).state == capture::ReadState::kReading) {
  }
  learning_from_ = nullptr;
  return learned_ > before;
}

void CallStage::start() {
  tracker_.board().publish_on_demand([this] {
    { const std::lock_guard lock(mutex_); }  // whoever has just looked in vain waits by now
    arrived_.notify_one();
  });
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "calls");
    // Who only watches leaves the processors to who captures and stores, when there is not enough for both.
    constexpr int kGentle = 10;
    if (!sorts()) static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kGentle));
    run();
  });
}

void CallStage::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void CallStage::push(Item item) {
  const std::size_t bytes = item.batch->memory_bytes();
  if (!sorts() && queued_bytes() >= kWatchedBytes) {
    const std::lock_guard lock(mutex_);
    gap_ = true;
    if (!std::exchange(gap_is_told_, true)) {
      log::warning("calls are read more slowly than they come: what is said of them has gaps");
    }
    return;
  }
  queued_bytes_ += bytes;
  queued_packets_ += item.batch->packets().size();
  if (sorts()) item.hunter->queued_bytes += bytes;
  bool was_empty = false;
  {
    const std::lock_guard lock(mutex_);
    was_empty = queue_.empty();
    queue_.push_back(std::move(item));
  }
  if (was_empty || queued_bytes() >= kMuch) arrived_.notify_one();
}

/// False: stop when there is nothing more.
bool CallStage::wait_for_work(Clock::time_point until, std::vector<Item>& items) {
  std::unique_lock lock(mutex_);
  const auto called = [&] { return stop_ || tracker_.board().asked(); };
  arrived_.wait_until(lock, until, [&] { return called() || !queue_.empty(); });
  // Nobody waits for what a watcher sees: being woken less often costs less than seeing each batch at once.
  if (!sorts()) {
    arrived_.wait_for(lock, kGathering, [&] { return called() || queue_.empty() || queued_bytes() >= kMuch; });
  }
  std::swap(items, queue_);
  if (std::exchange(gap_, false)) tracker_.passed_over();
  return !stop_;
}

void CallStage::run() {
  auto next_sweep = Clock::now() + kTick;
  auto next_publish = Clock::now();
  std::vector<Item> items;
  for (bool more = true; more;) {
    auto until = next_sweep;
    if (tracker_.has_news()) until = std::min(until, next_publish);
    if (!pending_.empty()) until = std::min(until, pending_.front().arrived + kPatience);
    more = wait_for_work(until, items) || !items.empty();
    for (Item& item : items) {
      look(std::move(item));
      hand_on(false);
    }
    items.clear();
    hand_on(false);
    const auto now = Clock::now();
    if (now >= next_sweep) {
      sweep();
      next_sweep = now + kTick;
    }
    if (now >= next_publish || tracker_.board().asked()) {
      tracker_.publish();
      next_publish = now + kPublishInterval;
    }
  }
  sorter_.finish();
  hand_on(true);
  const calls::CallTable& table = sorter_.table();
  for (calls::CallIndex call = 0; call < table.capacity(); ++call) {
    if (table.in_use(call) && table.at(call).ended_ns != 0) end(call);
  }
  hand_on(true);
}

void CallStage::look(Item item) {
  const std::shared_ptr<const packet::Batch> batch = item.batch;
  const std::uint32_t source = sources_.index_of(batch->source());
  tracker_.heard_of(source, batch->header());
  const std::uint64_t number = first_ + pending_.size();
  if (sorts()) {
    Pending& waiting = pending_.emplace_back();
    waiting.item = std::move(item);
    waiting.arrived = Clock::now();
    waiting.undecided = batch->packets().size();
    pending_bytes_ += batch->memory_bytes();
    looked_at_ = &waiting;
    looked_at_number_ = number;
  }
  look_at(*batch, source, sorts() ? number : 0);
  looked_at_ = nullptr;
  looked_at_number_ = 0;
  sources_.seen(source, wall_ns());
  if (sorts()) return;
  queued_bytes_ -= batch->memory_bytes();
  queued_packets_ -= batch->packets().size();
}

void CallStage::look_at(const packet::Batch& batch, std::uint32_t source, std::uint64_t number) {
  // While one packet is looked at, of those behind it are under way from memory: what is known of the stream, where it
  // is known, and the packet's headers.
  constexpr std::size_t kStep = 4;
  constexpr std::size_t kAhead = 2 * kStep;
  std::array<calls::CallSorter::Coming, kAhead> coming;
  const auto packets = batch.packets();
  const auto link_type_of = [&](const packet::PacketEntry& entry) {
    return batch.interfaces()[entry.interface].link_type;
  };
  for (std::size_t newest = 0; newest < packets.size() + kAhead; ++newest) {
    if (newest + kStep < packets.size()) __builtin_prefetch(batch.data_of(packets[newest + kStep]));
    if (newest >= kStep && newest - kStep < packets.size()) sorter_.expect(coming[(newest - kStep) % kAhead]);
    if (newest >= kAhead) {
      const std::size_t i = newest - kAhead;
      const packet::PacketEntry& entry = packets[i];
      const std::int64_t now_ns = sources_.time_of(source, entry.interface, entry.timestamp_ns);
      sorter_.look(batch.view(entry), link_type_of(entry), source, source << 8 | (entry.interface & 0xffU), now_ns,
                   number << kPacketBits | i, coming[i % kAhead]);
    }
    if (newest < packets.size()) {
      const packet::PacketEntry& entry = packets[newest];
      coming[newest % kAhead] = sorter_.coming(batch.view(entry), link_type_of(entry));
    }
  }
}

void CallStage::hand_on(bool all) {
  while (!pending_.empty()) {
    const Pending& first = pending_.front();
    const bool ripe =
        first.undecided == 0 || all || pending_bytes_ > kMostPendingBytes || Clock::now() - first.arrived >= kPatience;
    if (!ripe) return;
    hand_on_first();
  }
}

void CallStage::hand_on_first() {
  Pending first = std::move(pending_.front());
  pending_.pop_front();
  ++first_;
  if (first.ended) {
    sink_.ended(std::move(first.ended));
    return;
  }
  if (first.routes) {
    auto& entries = first.routes->entries;
    const auto order = [](const CallRoutes::Entry& a, const CallRoutes::Entry& b) {
      return std::pair(a.packet, a.call) < std::pair(b.packet, b.call);
    };
    if (!std::is_sorted(entries.begin(), entries.end(), order)) std::sort(entries.begin(), entries.end(), order);
    const auto same = [](const CallRoutes::Entry& a, const CallRoutes::Entry& b) {
      return a.packet == b.packet && a.call == b.call;
    };
    entries.erase(std::unique(entries.begin(), entries.end(), same), entries.end());
  }
  const std::size_t bytes = first.item.batch->memory_bytes();
  const std::uint64_t packets = first.item.batch->packets().size();
  pending_bytes_ -= bytes;
  const std::shared_ptr<Hunter> hunter = first.item.hunter;
  sink_.sorted(std::move(first.item), std::move(first.routes));
  // After it is in the next queue, so that the sum of both never falls short.
  hunter->queued_bytes -= bytes;
  queued_bytes_ -= bytes;
  queued_packets_ -= packets;
  sink_.drained();
}

void CallStage::sweep() {
  const SourceTimes::Times times = sources_.now(wall_ns());
  // One hunter sends live and another what it kept during an outage: the parts of messages wait for the slower one.
  sorter_.sweep(times.of_source, times.earliest);
  const calls::CallTable& table = sorter_.table();
  for (calls::CallIndex call = 0; call < table.capacity(); ++call) {
    if (!table.in_use(call)) continue;
    const calls::Call& known = table.at(call);
    if (known.ended_ns == 0 || known.transfers || known.source >= times.of_source.size()) continue;
    const std::int64_t quiet_ns = times.of_source[known.source] - std::max(known.ended_ns, known.last_ns);
    if (quiet_ns > calls::CallTable::Limits().grace_ns) end(call);
  }
}

void CallStage::end(calls::CallIndex call) {
  if (const auto found = learned_from_.find(call); found != learned_from_.end()) {
    sink_.needless(std::move(found->second));
    learned_from_.erase(found);
  }
  std::shared_ptr<const CallLabel> label = tracker_.end(call);
  if (!label || !sorts()) return;
  Pending& marker = pending_.emplace_back();
  marker.arrived = Clock::now();
  marker.ended = std::move(label);
}

bool CallStage::signalling(const calls::Call& call, calls::CallIndex index, const sip::Message& message,
                           const sip::Sdp* sdp, const calls::CallSorter::Context& context) {
  const bool is_call = tracker_.signalling(call, index, message, sdp, context, sources_.hunter_id(context.source));
  if (is_call && learning_from_ != nullptr) {
    std::vector<std::string>& paths = learned_from_[index];
    if (paths.empty() || paths.back() != *learning_from_) {
      paths.push_back(*learning_from_);
      ++learned_;
    }
  }
  return is_call;
}

calls::StreamMemo::Note CallStage::media(calls::CallIndex call, std::span<const std::uint8_t> datagram,
                                         const calls::CallSorter::Context& context, calls::StreamMemo::Note note) {
  return tracker_.media(call, datagram, context, sources_.hunter_id(context.source), note);
}

void CallStage::removed(calls::CallIndex call) {
  end(call);
  tracker_.removed(call);
}

CallStage::Pending* CallStage::pending(calls::Ticket frame) {
  const std::uint64_t number = frame >> kPacketBits;
  if (number == looked_at_number_) return looked_at_;
  return number >= first_ && number - first_ < pending_.size() ? &pending_[number - first_] : nullptr;
}

void CallStage::belongs(calls::Ticket frame, calls::CallIndex call, calls::CallSorter::Part part) {
  Pending* const batch = pending(frame);
  if (batch == nullptr) return;
  const std::shared_ptr<const CallLabel>& label = tracker_.label(call);
  if (!label) return;
  if (!batch->routes) batch->routes = std::make_shared<CallRoutes>();
  if (places_.size() <= call) places_.resize(std::max<std::size_t>(sorter_.table().capacity(), call + 1));
  Place& latest = places_[call];
  CallRoutes& routes = *batch->routes;
  const std::uint64_t number = frame >> kPacketBits;
  Place place = latest;
  if (latest.batch != number || routes.calls[latest.call] != label) {
    // Not yet in this batch, unless the call was in later ones too, or its index was another's.
    const auto known =
        latest.batch < number ? routes.calls.end() : std::find(routes.calls.begin(), routes.calls.end(), label);
    place = {number, static_cast<std::uint32_t>(known - routes.calls.begin())};
    if (known == routes.calls.end()) routes.calls.push_back(label);
    if (latest.batch <= number) latest = place;
  }
  const auto packet = static_cast<std::uint32_t>(frame & ((1U << kPacketBits) - 1));
  routes.entries.push_back(
      {packet, place.call, part == calls::CallSorter::Part::kMedia ? CallPart::kMedia : CallPart::kSignalling});
}

void CallStage::settled(calls::Ticket frame) {
  if (Pending* const batch = pending(frame)) --batch->undecided;
}

}  // namespace lc::processor
