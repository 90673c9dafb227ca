#include "processord/service/upstream_link.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "common/base/log.h"
#include "common/wire/endpoint.h"
#include "processord/service/link_messages.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr auto kTick = 500ms;
constexpr auto kCloseLimit = 500ms;
// While waiting to try again: whether anybody is there.
constexpr std::chrono::milliseconds kLook = 3s;
constexpr std::chrono::milliseconds kLookLimit = 500ms;
// For a link that was refused: what closes a cycle together must not come back together.
constexpr std::chrono::milliseconds kSlowest = 15s;
constexpr std::chrono::milliseconds kSlow = 10s;

}  // namespace

UpstreamLink::UpstreamLink(UpstreamSettings settings, config::TlsSettings tls, std::string self_id,
                           Hierarchy& hierarchy, ForwardQueue* packets, Changed changed)
    : settings_(std::move(settings)),
      tls_(std::move(tls)),
      self_id_(std::move(self_id)),
      hierarchy_(hierarchy),
      packets_(packets != nullptr ? std::make_unique<ForwardStreams>(*packets, self_id_) : nullptr),
      changed_upstream_(std::move(changed)),
      random_(std::random_device{}()),
      backoff_(random_()) {}

UpstreamLink::~UpstreamLink() {
  stop();
}

void UpstreamLink::start() {
  tell(settings_.addresses.front(), "not attached to the upstream processor yet");
  supervisor_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "upstream");
    supervise();
  });
}

void UpstreamLink::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
}

bool UpstreamLink::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

void UpstreamLink::tell(const std::string& address, const std::string& fault) {
  if (address == address_ && fault == fault_) return;
  address_ = address;
  fault_ = fault;
  changed_upstream_(address, fault);
}

std::chrono::milliseconds UpstreamLink::next_wait(Outcome outcome) {
  if (outcome == Outcome::kRefused) {
    return std::chrono::milliseconds(
        std::uniform_int_distribution<std::int64_t>(kSlow.count(), kSlowest.count())(random_));
  }
  if (outcome == Outcome::kWasLinked) backoff_.connection_worked();
  return backoff_.next();
}

void UpstreamLink::supervise() {
  for (std::int64_t failed = 0; !stopping();) {
    Outcome outcome = Outcome::kNoLink;
    for (const std::string& address : settings_.addresses) {
      outcome = std::max(outcome, serve(address));
      if (outcome == Outcome::kWasLinked || stopping()) break;
    }
    if (stopping()) return;
    failed = outcome == Outcome::kWasLinked ? 0 : failed + 1;
    if (failed > 0 && failed == settings_.max_reconnect_attempts) {
      const std::string text = fault_ + "; given up after " + std::to_string(failed) + " attempts";
      log::error(text);
      tell(address_, text);
      return;
    }
    const std::chrono::milliseconds wait = next_wait(outcome);
    if (failed > 0) log::info("trying the upstream again", {{"in_ms", wait.count()}, {"failed_attempts", failed}});
    wait_to_retry(wait, outcome == Outcome::kNoLink);
  }
}

// What is below a processor that was away shall be back soon after it, however long that was.
void UpstreamLink::wait_to_retry(std::chrono::milliseconds wait, bool looks) {
  const auto until = Clock::now() + wait;
  for (;;) {
    const auto look_at = Clock::now() + std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(
                                            kLook.count() / 2, kLook.count())(random_));
    {
      std::unique_lock lock(mutex_);
      if (changed_.wait_until(lock, looks ? std::min(look_at, until) : until, [this] { return stop_; })) return;
    }
    if (Clock::now() >= until) return;
    for (const std::string& address : settings_.addresses) {
      if (wire::takes_connections(address, kLookLimit)) return;
    }
  }
}

UpstreamLink::Outcome UpstreamLink::serve(const std::string& address) {
  std::shared_ptr<grpc::Channel> channel;
  try {
    channel = wire::make_channel(address, tls_);
  } catch (const std::exception& error) {  // certificate files that became unusable while we ran
    log::error(error.what());
    tell(address, std::string("no upstream processor: ") + error.what());
    return Outcome::kNoLink;
  }
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return Outcome::kNoLink;
    heard_ = false;
    ended_.reset();
  }
  const auto stream = ParentStream::open(channel, hierarchy_, address, self_id_,
                                         {.heard =
                                              [this] {
                                                {
                                                  const std::lock_guard lock(mutex_);
                                                  heard_ = true;
                                                }
                                                changed_.notify_all();
                                              },
                                          .ended =
                                              [this](const grpc::Status& status, std::shared_ptr<void> self) {
                                                const std::lock_guard lock(mutex_);
                                                ended_ = status;
                                                stream_ = std::move(self);
                                                // Under the lock: the supervisor may leave, and this object go, as soon
                                                // as it sees the status.
                                                changed_.notify_all();
                                              }});
  return run(address, channel, *stream);
}

std::string UpstreamLink::why_ended(const std::string& address) const {
  if (ended_->ok()) return "it was closed by the upstream processor";
  if (ended_->error_code() != grpc::StatusCode::UNAVAILABLE) return ended_->error_message();
  return stopping() ? "" : wire::connect_failure(address, tls_, ended_->error_message());
}

UpstreamLink::Outcome UpstreamLink::run(const std::string& address, const std::shared_ptr<grpc::Channel>& channel,
                                        ParentStream& stream) {
  Outcome outcome = Outcome::kNoLink;
  std::string silent;
  auto beat_at = Clock::now() + kLinkBeat;
  std::unique_lock lock(mutex_);
  while (!stop_ && !ended_) {
    lock.unlock();
    const auto now = Clock::now();
    if (const Hierarchy::Place place = hierarchy_.place(); place.attached) {
      if (std::exchange(outcome, Outcome::kWasLinked) != Outcome::kWasLinked) {
        log::info("attached to the upstream processor", {{"upstream", address}, {"depth", place.above.size()}});
        if (settings_.linked) settings_.linked();
        if (packets_) packets_->connect(channel);
      }
      const std::string fault = packets_ ? packets_->fault() : "";
      tell(address, fault.empty() ? place.warning : fault);
    }
    if (packets_ && outcome == Outcome::kWasLinked) packets_->tick();
    if (now >= beat_at) {
      stream.beat();
      beat_at = now + kLinkBeat;
    }
    if (now - stream.heard_at() >= kLinkSilence && silent.empty()) {
      silent = "it has been silent for " + std::to_string(kLinkSilence.count()) + " s";
      stream.cancel();
    }
    lock.lock();
    changed_.wait_for(lock, kTick, [this] { return stop_ || heard_ || ended_; });
    heard_ = false;
  }
  lock.unlock();
  if (packets_) packets_->disconnect();
  lock.lock();
  if (!changed_.wait_for(lock, kCloseLimit, [this] { return ended_.has_value(); })) {
    lock.unlock();
    stream.cancel();
    lock.lock();
    changed_.wait(lock, [this] { return ended_.has_value(); });
  }
  lock.unlock();
  const std::string why = silent.empty() ? why_ended(address) : silent;
  stream.broken(why);
  stream_.reset();
  if (stopping()) return outcome;
  const Hierarchy::Place place = hierarchy_.place();
  // A parent that stops says so and may be back in a moment; what else it says does not change so soon.
  const Error fault = place.not_attached.value_or(Error{Code::kUnavailable, why});
  if (fault.code != Code::kUnavailable) outcome = Outcome::kRefused;
  const std::string text = "no upstream processor at " + address + ": " + fault.text;
  if (text != fault_) log::warning(text);
  tell(address, text);
  return outcome;
}

}  // namespace lc::processor
