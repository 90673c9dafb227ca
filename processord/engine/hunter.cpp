#include "processord/engine/hunter.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "processord/engine/hunter_key.h"

namespace lc::processor {
namespace {

// Between RegisterHunter and the first stream.
constexpr auto kRegistrationGrace = std::chrono::seconds(10);
// Hunters beat every 5 s: a connection on which nothing comes for that long is dead, whatever TCP thinks of it.
constexpr auto kDeadAfter = std::chrono::seconds(15);

}  // namespace

Hunter::Hunter(std::string id, const TimeSource& time, std::uint64_t epoch, std::uint64_t stored)
    : id_(std::move(id)),
      path_(processor::is_relayed(id_) ? std::make_shared<const std::string>(path_of(id_)) : nullptr),
      hunter_id_(path_ ? std::string_view(*path_).substr(path_->rfind('/') + 1) : std::string_view(id_)),
      time_(time),
      positions_{.epoch = epoch, .accepted = stored, .custody = stored},
      queued_(stored),
      stored_(stored) {}

bool Hunter::holds_place_locked(Clock::time_point now) const {
  if (keeps_place_) return true;
  // Whether the processor is alive that relays it, its link says.
  const bool linked = links_ > 0 && (is_relayed() || now - heard_at_ < kDeadAfter);
  return linked || (awaiting_links_ && now - connected_at_ < kRegistrationGrace);
}

void Hunter::keep_place() {
  const std::lock_guard lock(mutex_);
  keeps_place_ = true;
}

bool Hunter::holds_place(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return holds_place_locked(now);
}

Result<std::shared_ptr<StreamPeer>> Hunter::register_as(const fleet::HunterDescription& description,
                                                        const std::string& remote_address) {
  const std::lock_guard lock(mutex_);
  const bool same = !keeps_place_ && description.epoch != 0 && description.epoch == positions_.epoch;
  if (!same && holds_place_locked(time_.now())) {
    return Error{Code::kAlreadyExists, "hunter id " + quoted(id_) + " is in use by host " +
                                           quoted(view_.description.hostname) + " at " + view_.remote_address +
                                           "; give this one another --hunter-id"};
  }
  if (!same) {
    positions_ = {.epoch = description.epoch, .incarnation = positions_.incarnation};
    queued_ = stored_ = 0;
    forwarded_.reset();
    forward.given_epoch = 0;
    view_.stats = {};
  }
  view_.description = description;
  view_.remote_address = remote_address;
  view_.connected_since_ns = wall_ns();
  view_.status = fleet::HunterStatus::kHealthy;
  view_.stats.filter_revision = 0;
  awaiting_links_ = true;
  connected_at_ = heard_at_ = time_.now();
  held_ = false;
  return std::exchange(peer_, nullptr);
}

void Hunter::link_opened() {
  const std::lock_guard lock(mutex_);
  ++links_;
  awaiting_links_ = false;
}

bool Hunter::link_closed() {
  const std::lock_guard lock(mutex_);
  --links_;
  // A hunter that has just registered anew, while its old links were still going down, is not disconnected.
  if (holds_place_locked(time_.now())) return false;
  if (view_.status != fleet::HunterStatus::kStopping) view_.status = fleet::HunterStatus::kError;
  heard_at_ = time_.now();
  return true;
}

fleet::HunterStatus Hunter::heard_beat(fleet::HunterStatus status, fleet::HunterStats stats,
                                       std::int64_t clock_offset_ns) {
  const std::lock_guard lock(mutex_);
  heard_at_ = time_.now();
  view_.stats = std::move(stats);
  view_.last_heartbeat_ns = wall_ns();
  view_.clock_offset_ns = clock_offset_ns;
  return std::exchange(view_.status, status);
}

std::optional<Positions> Hunter::attach(std::uint64_t epoch, const std::shared_ptr<StreamPeer>& peer) {
  std::shared_ptr<StreamPeer> before;
  Positions positions;
  {
    const std::lock_guard lock(mutex_);
    if (epoch != positions_.epoch) return std::nullopt;
    positions = positions_;
    before = std::exchange(peer_, peer);
    held_ = false;
    ++links_;
    awaiting_links_ = false;
  }
  if (before) before->close({Code::kAborted, "hunter " + quoted(id_) + " has opened another stream"});
  return positions;
}

void Hunter::detach(const StreamPeer* peer) {
  const std::lock_guard lock(mutex_);
  if (peer_.get() != peer) return;
  peer_.reset();
  held_ = false;
}

void Hunter::hold(const StreamPeer* peer) {
  const std::lock_guard lock(mutex_);
  if (peer_.get() == peer) held_ = true;
}

std::shared_ptr<StreamPeer> Hunter::release() {
  const std::lock_guard lock(mutex_);
  return std::exchange(held_, false) ? peer_ : nullptr;
}

bool Hunter::release(const StreamPeer* peer) {
  const std::lock_guard lock(mutex_);
  return peer_.get() == peer && std::exchange(held_, false);
}

std::shared_ptr<StreamPeer> Hunter::peer() const {
  const std::lock_guard lock(mutex_);
  return peer_;
}

Hunter::Arrival Hunter::arrived(std::uint64_t epoch, std::uint64_t incarnation, std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (epoch != positions_.epoch || incarnation != positions_.incarnation) return Arrival::kVoidStream;
  heard_at_ = time_.now();
  // A peer without epochs starts again at any number whenever it likes: nothing can be told from its sequences.
  if (epoch != 0 && sequence <= positions_.accepted) return Arrival::kDuplicate;
  positions_.accepted = sequence;
  if (epoch != 0 && sequence <= queued_) return Arrival::kStored;
  queued_ = sequence;
  return Arrival::kNew;
}

void Hunter::settle_custody() {
  positions_.custody = forwarded_ ? std::min(stored_, *forwarded_) : stored_;
}

void Hunter::stored(std::uint64_t epoch, std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (epoch != positions_.epoch) return;
  stored_ = sequence;
  settle_custody();
}

void Hunter::forwarded(std::uint64_t epoch, std::uint64_t sequence) {
  const std::lock_guard lock(mutex_);
  if (epoch != positions_.epoch) return;
  const bool first = !forwarded_;
  forwarded_ = std::max(forwarded_.value_or(0), sequence);  // of two threads with news the older may come last
  settle_custody();
  // What an earlier process has stored and not brought further comes again, for the parent's sake.
  if (first) positions_.accepted = positions_.custody;
}

void Hunter::forward_anew() {
  const std::lock_guard lock(mutex_);
  forwarded_ = 0;
  settle_custody();
}

void Hunter::expect_stream() {
  const std::lock_guard lock(mutex_);
  awaiting_links_ = true;
  connected_at_ = heard_at_ = time_.now();
}

void Hunter::forget_unstored(const Error& reason) {
  std::shared_ptr<StreamPeer> before;
  {
    const std::lock_guard lock(mutex_);
    queued_ = stored_;
    positions_.accepted = positions_.custody;
    ++positions_.incarnation;
    before = std::exchange(peer_, nullptr);
    held_ = false;
  }
  if (before) before->close(reason);
}

Positions Hunter::positions() const {
  const std::lock_guard lock(mutex_);
  return positions_;
}

std::shared_ptr<StreamPeer> Hunter::judge_silence(std::chrono::seconds stale) {
  const std::lock_guard lock(mutex_);
  if (keeps_place_ || is_relayed()) return nullptr;
  const bool left_in_order = !holds_place_locked(time_.now()) && view_.status == fleet::HunterStatus::kStopping;
  if (!left_in_order && time_.now() - heard_at_ >= stale) view_.status = fleet::HunterStatus::kError;
  if (holds_place_locked(time_.now())) return nullptr;
  held_ = false;
  return std::exchange(peer_, nullptr);
}

bool Hunter::gone_for(std::chrono::seconds limit) const {
  const std::lock_guard lock(mutex_);
  return links_ == 0 && !holds_place_locked(time_.now()) && queued_ == stored_ && !awaits_forwarding &&
         time_.now() - heard_at_ >= limit;
}

Hunter::View Hunter::view() const {
  const std::lock_guard lock(mutex_);
  View view = view_;
  view.connected = holds_place_locked(time_.now());
  if (view.connected)
    view.connected_for = std::chrono::duration_cast<std::chrono::seconds>(time_.now() - connected_at_);
  return view;
}

InterfaceReport Hunter::interface_report(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  InterfaceReport report{.filter = view_.description.capture_filter, .epoch = positions_.epoch, .is_new = stored_ == 0};
  for (const fleet::InterfaceStats& stats : view_.stats.interfaces) {
    if (stats.name == name) report.stats = stats;
  }
  return report;
}

bool Hunter::has_feature(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto& features = view_.description.features;
  return std::find(features.begin(), features.end(), name) != features.end();
}

std::uint64_t Hunter::filter_revision() const {
  const std::lock_guard lock(mutex_);
  return view_.stats.filter_revision;
}

void Hunter::set_filters_given(std::vector<FilterPointer> filters) {
  const std::lock_guard lock(mutex_);
  filters_given_ = std::move(filters);
}

std::vector<FilterPointer> Hunter::take_filters_given() {
  const std::lock_guard lock(mutex_);
  return std::exchange(filters_given_, {});
}

}  // namespace lc::processor
