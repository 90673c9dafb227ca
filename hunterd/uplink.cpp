// A connection's life: register (which says where to resume), rewind the queue, open the streams, wait until one of
// them ends, cancel the others, wait until all are done. Nothing of the queue is given up in between.
#include "hunterd/uplink.h"

#include <pthread.h>

#include <random>
#include <utility>

#include "common/base/log.h"
#include "common/wire/convert.h"
#include "common/wire/endpoint.h"
#include "common/wire/status.h"

namespace lc::hunter {
namespace {

using namespace std::chrono_literals;
namespace pb = lippycat::management;

constexpr auto kRegistrationLimit = 10s;
constexpr auto kBeatInterval = 5s;
constexpr auto kTick = 500ms;
// A sender that was told to slow down or pause and then hears nothing goes on by itself.
constexpr auto kFlowGuard = 5s;
constexpr auto kCloseLimit = 2s;

std::uint64_t random_seed() {
  return std::random_device{}();
}

}  // namespace

Uplink::Uplink(UplinkSettings settings, fleet::HunterDescription description, packet::SendQueue& queue, Events events)
    : settings_(std::move(settings)),
      description_(std::move(description)),
      events_(std::move(events)),
      queue_(queue),
      backoff_(random_seed()),
      inbox_(events_.filters) {}

Uplink::~Uplink() {
  stop();
  queue_.stop();  // its thread calls us
}

void Uplink::start() {
  queue_.start([this] {
    pump();
    notify_listeners();
  });
  inbox_.start();
  supervisor_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "uplink");
    supervise();
  });
}

void Uplink::submit(packet::BatchBuilder& batch, const packet::BatchStats& stats) {
  queue_.push(batch, stats, wall_ns());
  pump();
}

void Uplink::pump() {
  std::shared_ptr<PacketStream> stream;
  {
    const std::lock_guard lock(mutex_);
    stream = stream_;
  }
  if (stream) stream->pump();
}

void Uplink::add_listener(packet::SinkListener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.push_back(&listener);
}

void Uplink::remove_listener(packet::SinkListener& listener) {
  const std::lock_guard lock(listeners_mutex_);
  std::erase(listeners_, &listener);
}

void Uplink::notify_listeners() {
  if (queue_.signal() == packet::FlowSignal::kFull) return;
  const std::lock_guard lock(listeners_mutex_);
  for (packet::SinkListener* listener : listeners_) listener->notify();
}

bool Uplink::stopping() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

bool Uplink::finish(std::chrono::milliseconds limit, const std::function<bool()>& cancelled) {
  const auto end = Clock::now() + limit;
  while (!queue_.empty() && !stopping() && Clock::now() < end && !cancelled()) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 50ms);
  }
  const bool all = queue_.empty();
  const std::lock_guard lock(mutex_);
  return graceful_ = all;
}

void Uplink::beat_soon() {
  {
    const std::lock_guard lock(mutex_);
    beat_due_ = true;
  }
  changed_.notify_all();
}

bool Uplink::connected() const {
  const std::lock_guard lock(mutex_);
  return stream_ != nullptr;
}

void Uplink::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    if (registering_ != nullptr) registering_->TryCancel();
  }
  changed_.notify_all();
  if (supervisor_.joinable()) supervisor_.join();
  inbox_.stop();
}

void Uplink::supervise() {
  for (std::int64_t failed = 0; !stopping();) {
    Outcome outcome = Outcome::kNoConnection;
    for (const std::string& address : settings_.processors) {
      outcome = serve(address);
      if (outcome == Outcome::kWasConnected || stopping()) break;
    }
    if (stopping()) return;
    if (outcome == Outcome::kWasConnected) {
      failed = 0;
      backoff_.connection_worked();
    } else if (++failed == settings_.max_reconnect_attempts) {
      events_.gave_up("no processor reached in " + std::to_string(failed) + " attempts");
      return;
    }
    const auto wait = backoff_.next();
    log::info("reconnecting", {{"in_ms", wait.count()}, {"failed_attempts", failed}});
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, wait, [this] { return stop_; });
  }
}

Uplink::Outcome Uplink::serve(const std::string& address) {
  std::shared_ptr<grpc::Channel> channel;
  try {
    channel = wire::make_channel(address, settings_.tls);
  } catch (const std::exception& error) {  // certificate files that became unusable while we ran
    log::error(error.what());
    return Outcome::kNoConnection;
  }
  if (!register_at(address, channel)) return Outcome::kNoConnection;
  run_streams(address, channel);
  return Outcome::kWasConnected;
}

bool Uplink::register_at(const std::string& address, const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kRegistrationLimit);
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return false;
    registering_ = &context;
  }
  pb::RegistrationResponse response;
  const grpc::Status status =
      pb::ManagementService::NewStub(channel)->RegisterHunter(&context, wire::to_proto(description_), &response);
  {
    const std::lock_guard lock(mutex_);
    registering_ = nullptr;
    if (stop_) return false;
  }
  if (!status.ok()) {
    const bool unreachable = status.error_code() == grpc::StatusCode::UNAVAILABLE;
    log::error(unreachable ? wire::connect_failure(address, settings_.tls, status.error_message())
                           : "processor refuses this hunter: " + status.error_message(),
               {{"processor", address}});
    return false;
  }
  if (!response.accepted()) {
    log::error("processor refuses this hunter: " + response.error(), {{"processor", address}});
    return false;
  }
  const fleet::RegistrationAnswer answer = wire::from_proto(response);
  log::info("connected",
            {{"processor", address}, {"processor_id", answer.processor_id}, {"resume_after", answer.resume_after}});
  queue_.rewind(answer.resume_after);
  queue_.set_flow(packet::Flow::kContinue);
  inbox_.reset(answer.filters);
  const Result<wire::Address> parsed = wire::parse_address(address);
  events_.registered(answer, parsed.ok() ? parsed->port : 0);
  return true;
}

void Uplink::run_streams(const std::string& address, const std::shared_ptr<grpc::Channel>& channel) {
  {
    const std::lock_guard lock(mutex_);
    broken_.clear();
    open_streams_ = 3;
    heard_at_ = Clock::now();
    liveness_ = Liveness(heard_at_);
    processor_in_error_ = false;
  }
  auto stream = PacketStream::open(
      channel, queue_,
      {.writer_idle = [this] { notify_listeners(); },
       .heard = [this] { heard_of_packets(); },
       .ended = [this](const grpc::Status& status,
                       std::shared_ptr<void> self) { stream_ended("packet stream", status, std::move(self)); }});
  auto heartbeat = Heartbeat::open(
      channel, [this](const pb::ProcessorHeartbeat& answer) { answered(answer); },
      [this](const grpc::Status& status, std::shared_ptr<void> self) {
        stream_ended("heartbeat", status, std::move(self));
      });
  auto feed = FilterFeed::open(
      channel, description_.id, [this](const fleet::FilterUpdate& update) { inbox_.apply(update); },
      [this](const grpc::Status& status, std::shared_ptr<void> self) { feed_ended(status, std::move(self)); });
  {
    const std::lock_guard lock(mutex_);
    stream_ = stream;
  }
  stream->pump();  // what was submitted before it was known

  auto next_beat = Clock::now();
  std::unique_lock lock(mutex_);
  while (!stop_ && broken_.empty()) {
    const bool beat_due = std::exchange(beat_due_, false);
    lock.unlock();
    if (beat_due || Clock::now() >= next_beat) {
      beat(*heartbeat);
      next_beat = Clock::now() + kBeatInterval;
    }
    mind_flow();
    const bool waits = queue_.awaits_acknowledgement();
    lock.lock();
    if (broken_.empty()) broken_ = dead(waits);
    changed_.wait_until(lock, std::min(next_beat, Clock::now() + kTick),
                        [this] { return stop_ || beat_due_ || !broken_.empty(); });
  }
  stream_.reset();
  const bool in_order = graceful_ && broken_.empty();
  if (!broken_.empty() && !stop_) log::warning("connection lost", {{"processor", address}, {"reason", broken_}});
  lock.unlock();

  feed->cancel();  // nobody ends it but us
  if (in_order) {
    beat(*heartbeat);  // says STOPPING
    heartbeat->half_close();
    stream->half_close();
    lock.lock();
    changed_.wait_for(lock, kCloseLimit, [this] { return open_streams_ == 0; });
    lock.unlock();
  }
  stream->cancel();
  heartbeat->cancel();
  lock.lock();
  changed_.wait(lock, [this] { return open_streams_ == 0; });
  ended_streams_.clear();
  queue_.set_writer(packet::SendQueue::Writer::kAway);  // last: an ending stream may still call itself idle
}

void Uplink::beat(Heartbeat& heartbeat) {
  const capture::Report report = events_.report();
  pb::HunterHeartbeat message;
  message.set_hunter_id(description_.id);
  message.set_timestamp_ns(wall_ns());
  message.set_status(wire::to_proto(report.status));
  *message.mutable_stats() = wire::to_proto(report.stats);
  heartbeat.beat(std::move(message));
}

void Uplink::mind_flow() {
  if (queue_.flow() == packet::Flow::kContinue) return;
  std::shared_ptr<PacketStream> stream;
  {
    const std::lock_guard lock(mutex_);
    if (Clock::now() - heard_at_ < kFlowGuard) return;
    stream = stream_;
  }
  queue_.set_flow(packet::Flow::kContinue);
  if (stream) stream->pump();
}

std::string Uplink::dead(bool waits) {
  liveness_.holds_back(processor_in_error_ || queue_.flow() != packet::Flow::kContinue);
  return liveness_.judge(waits, Clock::now());
}

void Uplink::heard_of_packets() {
  const std::uint64_t acknowledged = queue_.usage().acknowledged;
  {
    const std::lock_guard lock(mutex_);
    heard_at_ = Clock::now();
    liveness_.heard(heard_at_);
    liveness_.acknowledged(acknowledged, heard_at_);
  }
  changed_.notify_all();
  notify_listeners();
}

void Uplink::answered(const pb::ProcessorHeartbeat& answer) {
  const std::lock_guard lock(mutex_);
  liveness_.heard(Clock::now());
  processor_in_error_ = answer.status() == pb::PROCESSOR_ERROR;
}

void Uplink::feed_ended(const grpc::Status& status, std::shared_ptr<void> feed) {
  if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
    stream_ended("filter stream", status, std::move(feed));
    return;
  }
  log::info("the processor does not send filter changes; those of the registration stay in force");
  const std::lock_guard lock(mutex_);
  --open_streams_;
  ended_streams_.push_back(std::move(feed));
  changed_.notify_all();  // as in stream_ended
}

void Uplink::stream_ended(const char* which, const grpc::Status& status, std::shared_ptr<void> stream) {
  const std::lock_guard lock(mutex_);
  --open_streams_;
  ended_streams_.push_back(std::move(stream));
  if (broken_.empty()) {
    broken_ = std::string(which) + (status.ok() ? " closed by the processor" : ": " + status.error_message());
  }
  // Under the lock: the supervisor may leave, and this object go, as soon as it sees the count.
  changed_.notify_all();
}

}  // namespace lc::hunter
