#include "processord/service/forward_streams.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

// A parent that ends a stream has its reasons (it lost what it had not stored), and most are over in a moment.
constexpr std::chrono::milliseconds kOpenAgain = 500ms;
constexpr std::chrono::milliseconds kSlowest = 60s;
constexpr int kMostDoublings = 7;
// Longer than hunters are silent that send anything at all.
constexpr auto kIdle = 60s;

}  // namespace

void ForwardStreams::sendable(const ForwardQueue::LanePointer& lane) {
  std::shared_ptr<ForwardStream> stream;
  {
    const std::lock_guard lock(mutex_);
    if (!channel_ || broken_.contains(lane)) return;
    if (const auto found = streams_.find(lane); found != streams_.end()) stream = found->second;
  }
  if (stream) {
    stream->pump();
  } else {
    open(lane);
  }
}

void ForwardStreams::open(const ForwardQueue::LanePointer& lane) {
  std::shared_ptr<ForwardStream> stream;
  std::shared_ptr<grpc::Channel> channel;
  {
    const std::lock_guard lock(mutex_);
    if (!channel_ || streams_.contains(lane)) return;
    channel = channel_;
    stream = std::make_shared<ForwardStream>(
        queue_, lane,
        [this, lane](const grpc::Status& status, std::shared_ptr<void> self) { ended(lane, status, std::move(self)); });
    streams_.emplace(lane, stream);
  }
  stream->open(channel, self_id_);
}

void ForwardStreams::ended(const ForwardQueue::LanePointer& lane, const grpc::Status& status,
                           std::shared_ptr<void> stream) {
  queue_.stream_ended(lane);  // what it says now is passed over: the lane is still among the streams
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    if (streams_.at(lane)->has_progressed()) failures_.erase(lane);
    streams_.erase(lane);
    over_.push_back(std::move(stream));
    if (channel_ && status.ok()) {
      broken_[lane] = Clock::now();
    } else if (channel_) {
      is_news = std::ranges::none_of(failures_,
                                     [&](const auto& entry) { return entry.second.reason == status.error_message(); });
      Failure& failure = failures_[lane];
      broken_[lane] = Clock::now() + std::min(kOpenAgain * (1 << std::min(failure.times++, kMostDoublings)), kSlowest);
      failure.reason = status.error_message();
    }
    // Under the lock: this object may go as soon as the last one is seen to be gone.
    changed_.notify_all();
  }
  if (is_news) {
    log::warning("the upstream processor does not take a hunter's packets",
                 {{"hunter", lane->origin().key}, {"reason", status.error_message()}});
  }
}

std::string ForwardStreams::fault() const {
  const std::lock_guard lock(mutex_);
  if (failures_.empty()) return "";
  const auto& [lane, failure] = *failures_.begin();
  return "the upstream processor does not take the packets of " + quoted(lane->origin().key) + ": " + failure.reason;
}

std::vector<std::shared_ptr<ForwardStream>> ForwardStreams::open_streams() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<ForwardStream>> streams;
  streams.reserve(streams_.size());
  for (const auto& [lane, stream] : streams_) streams.push_back(stream);
  return streams;
}

void ForwardStreams::connect(std::shared_ptr<grpc::Channel> channel) {
  {
    const std::lock_guard lock(mutex_);
    channel_ = std::move(channel);
    failures_.clear();
  }
  queue_.set_connected(true);
}

void ForwardStreams::tick() {
  const auto now = Clock::now();
  std::vector<ForwardQueue::LanePointer> again;
  std::vector<std::shared_ptr<void>> over;
  {
    const std::lock_guard lock(mutex_);
    over.swap(over_);
    for (const auto& [lane, stream] : streams_) {
      if (stream->has_progressed()) failures_.erase(lane);
    }
    for (auto lane = broken_.begin(); lane != broken_.end();) {
      if (lane->second <= now) {
        again.push_back(lane->first);
        lane = broken_.erase(lane);
      } else {
        ++lane;
      }
    }
  }
  for (const ForwardQueue::LanePointer& lane : again) {
    if (queue_.pending(lane)) open(lane);
  }
  for (const auto& stream : open_streams()) {
    stream->mind_pause(now);
    if (now - stream->busy_at() >= kIdle && !queue_.pending(stream->lane())) stream->half_close();
  }
}

void ForwardStreams::disconnect() {
  queue_.set_connected(false);
  {
    const std::lock_guard lock(mutex_);
    channel_.reset();
  }
  for (const auto& stream : open_streams()) stream->cancel();
  std::vector<std::shared_ptr<void>> over;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return streams_.empty(); });
  over.swap(over_);
  broken_.clear();
}

}  // namespace lc::processor
