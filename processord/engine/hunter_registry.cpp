#include "processord/engine/hunter_registry.h"

#include <algorithm>

#include "common/base/text.h"

namespace lc::processor {
namespace {

constexpr std::size_t kRemembered = 10'000;

}  // namespace

// As many as may be connected, and then some: a restart makes all of them gone for a moment.
std::size_t HunterRegistry::remembered() const {
  return max_hunters_ + kRemembered;
}

void HunterRegistry::remember(const std::string& id, std::uint64_t epoch, std::uint64_t stored) {
  const std::lock_guard lock(mutex_);
  removed_.push_back(std::make_shared<Hunter>(id, time_, epoch, stored));
  if (removed_.size() > remembered()) removed_.pop_front();
}

Result<std::shared_ptr<Hunter>> HunterRegistry::register_hunter(const fleet::HunterDescription& description,
                                                                const std::string& remote_address) {
  if (Status status = check_id("hunter id", description.id); !status) return status.error();
  std::shared_ptr<Hunter> hunter;
  std::shared_ptr<StreamPeer> stream_before;
  {
    const std::lock_guard lock(mutex_);
    const auto found = hunters_.find(description.id);
    const Clock::time_point now = time_.now();
    const bool has_place = found != hunters_.end() && found->second->holds_place(now);
    const auto places = std::count_if(hunters_.begin(), hunters_.end(),
                                      [now](const auto& entry) { return entry.second->holds_place(now); });
    if (!has_place && static_cast<std::size_t>(places) >= max_hunters_) {
      return Error{Code::kResourceExhausted,
                   "maximum number of hunters reached: limit " + std::to_string(max_hunters_)};
    }
    hunter = found != hunters_.end() ? found->second : take_removed(description.id);
    if (!hunter) hunter = std::make_shared<Hunter>(description.id, time_);
    Result<std::shared_ptr<StreamPeer>> before = hunter->register_as(description, remote_address);
    if (!before) return before.error();
    stream_before = std::move(*before);
    hunters_[description.id] = hunter;
  }
  if (stream_before)
    stream_before->close({Code::kAborted, "hunter " + quoted(description.id) + " has connected again"});
  return hunter;
}

std::shared_ptr<Hunter> HunterRegistry::take_removed(const std::string& key) {
  const auto found = std::ranges::find_if(removed_, [&](const auto& other) { return other->id() == key; });
  if (found == removed_.end()) return nullptr;
  std::shared_ptr<Hunter> hunter = std::move(*found);
  removed_.erase(found);
  return hunter;
}

std::shared_ptr<Hunter> HunterRegistry::admit(const RelayedOrigin& origin) {
  const std::string key = hunter_key(origin_path(origin), origin.epoch);
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Hunter>& hunter = relayed_[key];
  if (!hunter) hunter = take_removed(key);
  if (!hunter) hunter = std::make_shared<Hunter>(key, time_, origin.epoch);
  hunter->expect_stream();
  return hunter;
}

std::shared_ptr<Hunter> HunterRegistry::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = hunters_.find(id);
  return found == hunters_.end() ? nullptr : found->second;
}

std::shared_ptr<Hunter> HunterRegistry::find_any(const std::string& key) const {
  if (!is_relayed(key)) return find(key);
  const std::lock_guard lock(mutex_);
  const auto found = relayed_.find(key);
  return found == relayed_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Hunter>> HunterRegistry::relayed() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Hunter>> hunters;
  hunters.reserve(relayed_.size());
  for (const auto& [key, hunter] : relayed_) hunters.push_back(hunter);
  return hunters;
}

std::shared_ptr<Hunter> HunterRegistry::find_remembered(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = hunters_.find(id); found != hunters_.end()) return found->second;
  const auto gone = std::find_if(removed_.rbegin(), removed_.rend(), [&](const auto& one) { return one->id() == id; });
  return gone == removed_.rend() ? nullptr : *gone;
}

std::vector<std::shared_ptr<Hunter>> HunterRegistry::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Hunter>> hunters;
  hunters.reserve(hunters_.size());
  for (const auto& [id, hunter] : hunters_) hunters.push_back(hunter);
  return hunters;
}

// Asked with each heartbeat: one look at the clock, not one for each hunter.
std::uint32_t HunterRegistry::connected() const {
  const Clock::time_point now = time_.now();
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint32_t>(std::count_if(hunters_.begin(), hunters_.end(),
                                                  [now](const auto& entry) { return entry.second->holds_place(now); }));
}

void HunterRegistry::judge_silence(std::chrono::seconds stale, std::chrono::seconds removal) {
  std::vector<std::pair<std::string, std::shared_ptr<StreamPeer>>> dead;  // to be closed without the lock
  {
    const std::lock_guard lock(mutex_);
    for (Hunters* const hunters : {&hunters_, &relayed_}) {
      for (auto entry = hunters->begin(); entry != hunters->end();) {
        if (auto peer = entry->second->judge_silence(stale)) dead.emplace_back(entry->first, std::move(peer));
        if (entry->second->gone_for(removal)) {
          removed_.push_back(std::move(entry->second));
          entry = hunters->erase(entry);
        } else {
          ++entry;
        }
      }
    }
    while (removed_.size() > remembered()) removed_.pop_front();
  }
  for (const auto& [id, peer] : dead) {
    peer->close({Code::kDeadlineExceeded, "hunter " + quoted(id) + " has been silent for 15 s"});
  }
}

}  // namespace lc::processor
