#include "processord/engine/engine.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/signals.h"
#include "common/base/text.h"
#include "processord/engine/storage.h"

namespace lc::processor {
namespace {

using namespace std::chrono_literals;

constexpr auto kStale = 30s;
constexpr auto kRemoval = 5min;
constexpr auto kTick = 1s;

std::unique_ptr<VirtualInterface> open_virtual_interface(const EngineSettings& settings) {
  if (!settings.virtual_interface) return nullptr;
  return std::make_unique<VirtualInterface>(open_virtual_device(*settings.virtual_interface),
                                            settings.virtual_interface->type);
}

// The journal keeps others out of the state directory, if there is one; a file elsewhere may have company.
FilterFile::Settings filter_file(const EngineSettings& settings, bool has_journal) {
  if (!settings.filter_file.empty()) return {.path = settings.filter_file, .exclusive = false};
  return {.path = settings.state_dir + "/filters.json", .exclusive = !has_journal};
}

std::unique_ptr<Forwarder> open_forwarder(const EngineSettings& settings, Forwarder::Events events,
                                          const TimeSource& time) {
  if (!settings.forward) return nullptr;
  return std::make_unique<Forwarder>(*settings.forward, settings.processor_id, std::move(events), time);
}

fleet::Processor description(const EngineSettings& settings) {
  fleet::Processor self{.id = settings.processor_id, .version = LC_VERSION};
  if (settings.local_hunter) {
    self.type = fleet::NodeType::kTap;
    self.interfaces = settings.local_hunter->interfaces;
  }
  return self;
}

}  // namespace

Error not_attached(const std::string& child) {
  return {Code::kFailedPrecondition, "processor " + quoted(child) + " is not attached to this one"};
}

Engine::Engine(EngineSettings settings, const TimeSource& time)
    : settings_(std::move(settings)),
      registry_(settings_.max_hunters, time),
      hub_(settings_.max_subscribers),
      calls_(settings_.max_subscribers),
      feed_(description(settings_), settings_.max_subscribers, [this] { return status(); }),
      virtual_interface_(open_virtual_interface(settings_)),
      retention_(kept_places(settings_), settings_.keep),
      journal_(open_journal(settings_, registry_, journal_files_)),
      writer_(open_output(settings_, journal_.get(), registry_, hooks_, retention_), place_of(settings_),
              settings_.sync,
              {.custody_grew = [this](Hunter& hunter) { custody_grew(hunter); },
               .drained =
                   [this] {
                     update_flow();
                     release_held();
                   },
               .unstored_lost =
                   [this](const std::string& why) {
                     for (const auto& hunter : senders()) hunter->forget_unstored({Code::kUnavailable, why});
                   },
               .fault_changed = [this] { feed_.status_changed(); }}),
      forwarder_(open_forwarder(settings_,
                                {.find = [this](const std::string& key) { return registry_.find_any(key); },
                                 .custody_grew = [this](Hunter& hunter) { custody_grew(hunter); }},
                                time)),
      filters_(filter_file(settings_, journal_ != nullptr), filter_files_, wall_ns,
               [this](const FilterChange& change) { feed_.filter_changed(change); }),
      rollout_(registry_, filters_.board(), time),
      media_(filters_),
      followed_calls_(filters_, media_),
      call_tracker_(calls_, settings_.call_id_suffixes),
      call_stage_(call_tracker_, call_sink()),
      time_(time),
      certificate_(settings_.certificate_file) {
  if (!settings_.local_hunter) return;
  const auto hunter = registry_.register_hunter(*settings_.local_hunter, "local");
  if (!hunter) throw StartError(ExitCode::kBadConfig, hunter.error().text);
  (*hunter)->keep_place();
  if (forwarder_) forwarder_->note_custody(**hunter);
  feed_.hunter_changed(**hunter, "");
}

Engine::~Engine() {
  stop();
}

void Engine::start() {
  hooks_.start();
  retention_.start();
  call_stage_.recover(writer_.interrupted_calls());
  writer_.start();
  if (forwarder_) forwarder_->start();
  filters_.start();
  followed_calls_.start();
  call_stage_.start();
  if (virtual_interface_) virtual_interface_->start();
  timer_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "timer");
    run_timer();
  });
}

void Engine::stop() {
  if (stopping_.exchange(true)) return;
  stop_.request();
  if (timer_.joinable()) timer_.join();
  followed_calls_.stop();
  call_stage_.stop();
  filters_.stop();
  rollout_.finish();
  filters_.board().close_all({Code::kUnavailable, "the processor is stopping"});
  calls_.close_all({Code::kUnavailable, "the processor is stopping"});
  feed_.topology().close_all({Code::kUnavailable, "the processor is stopping"});
  writer_.stop();
  if (forwarder_) forwarder_->stop();
  hooks_.stop();  // the last file is closed now
  retention_.stop();
  for (const auto& hunter : senders()) {
    if (const auto peer = hunter->peer()) peer->close({Code::kUnavailable, "the processor is stopping"});
  }
  if (virtual_interface_) virtual_interface_->stop();
}

// Without files of calls nobody waits for what the stage finds out.
CallStage::Sink Engine::call_sink() {
  if (settings_.calls.directory.empty()) return {};
  return {.sorted =
              [this](CallStage::Item item, std::shared_ptr<const CallRoutes> routes) {
                writer_.push(std::move(item.hunter), item.incarnation, std::move(item.batch), std::move(routes));
              },
          .ended = [this](std::shared_ptr<const CallLabel> call) { writer_.end_call(std::move(call)); },
          .drained =
              [this] {
                update_flow();
                release_held();
              },
          .needless = [this](std::vector<std::string> paths) { writer_.forget_interrupted(std::move(paths)); }};
}

void Engine::rotate() {
  if (settings_.write_file.empty() && !settings_.rotation.directory.empty()) {
    writer_.rotate();
  } else {
    log::warning("there is no directory of capture files to rotate; --rotate-dir asks for one");
  }
}

void Engine::run_timer() {
  const int room = forwarder_ ? forwarder_->fd() : -1;  // which poll(2) passes over
  for (auto next_tick = Clock::now() + kTick; !stop_.requested();) {
    auto wait = next_tick - Clock::now();
    if (const auto deadline = rollout_.next_deadline()) wait = std::min(wait, *deadline - time_.now());
    const auto limit = std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), 0ms);
    static_cast<void>(wait_readable({stop_.fd(), rollout_.fd(), room}, limit));
    rollout_.settle();
    retry_forwarding();
    if (Clock::now() < next_tick) continue;
    judge_silence();
    cpu_percent_ = cpu_.percent_since_last();
    next_tick = Clock::now() + kTick;
  }
}

void Engine::judge_silence() {
  feed_.status_changed();
  registry_.judge_silence(kStale, kRemoval);
  for (const auto& hunter : registry_.all()) feed_.hunter_changed(*hunter, "nothing has been heard of it");
}

void Engine::close_relayed(const std::function<bool(const std::string&)>& is_attached) {
  for (const auto& hunter : registry_.relayed()) {
    const auto peer = hunter->peer();
    if (!peer) continue;
    const std::string child = hunter->path()->substr(0, hunter->path()->find('/'));
    if (!is_attached(child)) peer->close(not_attached(child));
  }
}

void Engine::tick_peers() {
  for (const auto& hunter : senders()) {
    if (const auto peer = hunter->peer()) peer->tick();
  }
}

std::vector<std::shared_ptr<Hunter>> Engine::senders() const {
  std::vector<std::shared_ptr<Hunter>> hunters = registry_.all();
  for (auto& hunter : registry_.relayed()) hunters.push_back(std::move(hunter));
  return hunters;
}

void Engine::custody_grew(Hunter& hunter) {
  if (const auto peer = hunter.peer()) peer->control_changed();
}

Result<fleet::RegistrationAnswer> Engine::register_hunter(const fleet::HunterDescription& description,
                                                          const std::string& remote_address) {
  const Result<std::shared_ptr<Hunter>> hunter = registry_.register_hunter(description, remote_address);
  if (!hunter) {
    log::warning("hunter refused: " + hunter.error().text,
                 {{"hunter_id", description.id.substr(0, 64)}, {"address", remote_address}});
    return hunter.error();
  }
  if (forwarder_) forwarder_->note_custody(**hunter);
  feed_.hunter_changed(**hunter, "");
  filters_.board().close(description.id, {Code::kAborted, "hunter " + quoted(description.id) + " has connected again"});
  const Positions positions = (*hunter)->positions();
  log::info("hunter registered", {{"hunter_id", description.id},
                                  {"host", description.hostname},
                                  {"address", remote_address},
                                  {"resume_after", positions.custody}});
  fleet::RegistrationAnswer answer{.assigned_id = description.id,
                                   .processor_id = settings_.processor_id,
                                   .filters = {},
                                   .resume_after = positions.custody};
  std::vector<FilterPointer> given;
  for (ListedFilter& listed : filters_.board().list(description.id)) {
    answer.filters.push_back(*listed.filter);
    given.push_back(std::move(listed.filter));
  }
  if (!(*hunter)->has_feature(fleet::kFilterSnapshotFeature)) (*hunter)->set_filters_given(std::move(given));
  return answer;
}

Result<Ingest> Engine::attach(const packet::BatchHeader& header, const std::shared_ptr<StreamPeer>& peer) {
  if (stopping_) return Error{Code::kUnavailable, "the processor is stopping"};
  const std::string id(header.hunter_id);
  const std::shared_ptr<Hunter> hunter = registry_.find(id);
  if (!hunter) {
    return Error{Code::kFailedPrecondition, "hunter " + quoted(id) + " is not registered; call RegisterHunter first"};
  }
  const std::optional<Positions> positions = hunter->attach(header.epoch, peer);
  if (!positions) {
    return Error{Code::kFailedPrecondition,
                 "hunter " + quoted(id) + " is registered with another epoch; call RegisterHunter again"};
  }
  return Ingest{hunter, positions->epoch, positions->incarnation, peer.get()};
}

Result<Ingest> Engine::attach_relayed(const RelayedOrigin& origin, const std::shared_ptr<StreamPeer>& peer) {
  if (stopping_) return Error{Code::kUnavailable, "the processor is stopping"};
  if (const Status status = check_origin(origin); !status) return status.error();
  const std::shared_ptr<Hunter> hunter = registry_.admit(origin);
  if (forwarder_) forwarder_->note_custody(*hunter);
  const std::optional<Positions> positions = hunter->attach(origin.epoch, peer);
  return Ingest{hunter, positions->epoch, positions->incarnation, peer.get()};
}

void Engine::detach(const Ingest& ingest, const StreamPeer* peer) {
  ingest.hunter->detach(peer);
  if (ingest.hunter->link_closed() && !ingest.hunter->is_relayed()) disconnected(*ingest.hunter);
}

void Engine::disconnected(const Hunter& hunter) {
  const bool left = hunter.view().status == fleet::HunterStatus::kStopping;
  log::info("hunter disconnected", {{"hunter_id", hunter.id()}});
  feed_.hunter_changed(hunter, left ? "it has stopped" : "its connection broke");
}

Result<std::shared_ptr<Hunter>> Engine::heartbeat_opened(const std::string& hunter_id) {
  std::shared_ptr<Hunter> hunter = registry_.find(hunter_id);
  if (!hunter) {
    return Error{Code::kNotFound, "hunter " + quoted(hunter_id) + " is not registered; call RegisterHunter first"};
  }
  hunter->link_opened();
  return hunter;
}

void Engine::heartbeat_closed(Hunter& hunter) {
  if (hunter.link_closed()) disconnected(hunter);
}

void Engine::heard_beat(Hunter& hunter, fleet::HunterStatus status, fleet::HunterStats stats,
                        std::int64_t clock_offset_ns) {
  if (const auto before = hunter.heard_beat(status, std::move(stats), clock_offset_ns); before != status) {
    log::info("hunter status changed",
              {{"hunter_id", hunter.id()}, {"from", fleet::name_of(before)}, {"to", fleet::name_of(status)}});
  }
  feed_.hunter_changed(hunter, "");
  rollout_.progressed();
}

FilterTable::Done Engine::follow(FilterDone done) {
  return [this, done = std::move(done)](const Result<FilterChange>& change) {
    if (change) {
      rollout_.follow(*change, done);
    } else {
      done(change.error());
    }
  };
}

void Engine::update_filter(fleet::Filter filter, FilterDone done) {
  filters_.upsert(std::move(filter), follow(std::move(done)));
}

void Engine::delete_filter(const std::string& id, FilterDone done) {
  filters_.erase(id, follow(std::move(done)));
}

Result<std::shared_ptr<FilterSubscription>> Engine::open_filters(const std::string& hunter_id,
                                                                 std::function<void()> ready,
                                                                 std::function<void(const Error&)> closed) {
  const std::shared_ptr<Hunter> hunter = registry_.find(hunter_id);
  if (!hunter) {
    return Error{Code::kNotFound, "hunter " + quoted(hunter_id) + " is not registered; call RegisterHunter first"};
  }
  if (stopping_) return Error{Code::kUnavailable, "the processor is stopping"};
  return filters_.board().subscribe({.hunter_id = hunter_id,
                                     .takes_snapshots = hunter->has_feature(fleet::kFilterSnapshotFeature),
                                     .given = hunter->take_filters_given(),
                                     .ready = std::move(ready),
                                     .closed = std::move(closed)});
}

void Engine::close_filters(const std::shared_ptr<FilterSubscription>& subscription) {
  filters_.board().unsubscribe(subscription);
}

void Engine::filters_written(FilterSubscription& subscription) {
  filters_.board().written(subscription);
  rollout_.progressed();
}

Engine::Statistics Engine::statistics() const {
  const CaptureWriter::Counters& counters = writer_.counters();
  Statistics statistics{.received = received_ - counters.given_back,
                        .duplicates = duplicates_,
                        .stored = counters.stored,
                        .live_only = counters.live_only,
                        .in_flight = counters.in_flight + (call_stage_.sorts() ? call_stage_.queued_packets() : 0),
                        .queued_bytes = queued_bytes()};
  if (forwarder_) statistics.forward = forwarder_->queue().usage();
  if (virtual_interface_) statistics.virtual_interface = virtual_interface_->counts();
  for (std::size_t reason = 0; reason < kDropReasons; ++reason) {
    statistics.dropped[reason] = counters.dropped.of(static_cast<DropReason>(reason));
  }
  for (const auto& hunter : registry_.all()) {
    const Hunter::View view = hunter->view();
    if (view.connected) ++statistics.hunters;
    switch (view.status) {
      case fleet::HunterStatus::kHealthy:
        ++statistics.healthy;
        break;
      case fleet::HunterStatus::kWarning:
        ++statistics.warning;
        break;
      case fleet::HunterStatus::kError:
        ++statistics.error;
        break;
      case fleet::HunterStatus::kStopping:
        break;
    }
  }
  return statistics;
}

void Engine::upstream_is(const std::string& address, const std::string& fault) {
  upstream_fault_.with([&](std::string& text) { text = fault; });
  feed_.set_upstream(address);
}

std::pair<fleet::ProcessorStatus, std::string> Engine::status() const {
  if (std::string fault = writer_.fault(); !fault.empty()) return {fleet::ProcessorStatus::kError, std::move(fault)};
  const ForwardQueue* const queue = forwarder_ ? &forwarder_->queue() : nullptr;
  if (queue != nullptr && queue->progress() == ForwardQueue::Progress::kNone) {
    // Hunters know by ERROR that it is not their connection that keeps acknowledgements away.
    return {fleet::ProcessorStatus::kError,
            "packets wait for the upstream processor, which has acknowledged none for 5 s, and are in no spool" +
                (queue->fault().empty() ? "" : ": " + queue->fault())};
  }
  if (std::string fault = queue != nullptr ? queue->fault() : ""; !fault.empty()) {
    return {fleet::ProcessorStatus::kWarning, std::move(fault)};
  }
  if (flow_.load() != FlowLevel::kContinue) {
    return {fleet::ProcessorStatus::kWarning, "packets come faster than they can be stored"};
  }
  if (std::string fault = upstream_fault_.with([](const std::string& text) { return text; }); !fault.empty()) {
    return {fleet::ProcessorStatus::kWarning, std::move(fault)};
  }
  if (queue != nullptr && queue->progress() == ForwardQueue::Progress::kSpooled) {
    return {fleet::ProcessorStatus::kWarning, "the upstream processor has acknowledged nothing for 5 s"};
  }
  return {fleet::ProcessorStatus::kHealthy, ""};
}

}  // namespace lc::processor
