// All hunters whose packets come to a processor.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "processord/engine/hunter.h"
#include "processord/engine/hunter_key.h"

namespace lc::processor {

/// Any thread.
class HunterRegistry {
 public:
  HunterRegistry(std::size_t max_hunters, const TimeSource& time) : max_hunters_(max_hunters), time_(time) {}

  /// This many hunters are remembered when they are gone.
  [[nodiscard]] std::size_t remembered() const;
  /// What is known of a hunter from before this processor started; of several, who came last is remembered longest.
  /// Before any registers.
  void remember(const std::string& id, std::uint64_t epoch, std::uint64_t stored);

  /// kInvalidArgument for an id that is none, kAlreadyExists as Hunter::register_as, kResourceExhausted
  /// `maximum number of hunters reached: limit N`.
  Result<std::shared_ptr<Hunter>> register_hunter(const fleet::HunterDescription& description,
                                                  const std::string& remote_address);

  /// One below another processor, which a child has begun to forward.
  std::shared_ptr<Hunter> admit(const RelayedOrigin& origin);

  /// Null when it is not registered.
  [[nodiscard]] std::shared_ptr<Hunter> find(const std::string& id) const;
  /// Likewise, also those below other processors.
  [[nodiscard]] std::shared_ptr<Hunter> find_any(const std::string& key) const;
  /// Also of those that are gone, as long as they are remembered.
  [[nodiscard]] std::shared_ptr<Hunter> find_remembered(const std::string& id) const;
  [[nodiscard]] std::vector<std::shared_ptr<Hunter>> all() const;  // by id
  [[nodiscard]] std::vector<std::shared_ptr<Hunter>> relayed() const;
  [[nodiscard]] std::uint32_t connected() const;

  /// Marks silent hunters, and removes those that have been gone for `removal`.
  void judge_silence(std::chrono::seconds stale, std::chrono::seconds removal);

 private:
  using Hunters = std::map<std::string, std::shared_ptr<Hunter>>;
  // With mutex_ held.
  std::shared_ptr<Hunter> take_removed(const std::string& key);
  const std::size_t max_hunters_;
  const TimeSource& time_;
  mutable std::mutex mutex_;
  Hunters hunters_;
  Hunters relayed_;
  // Gone, for the longest first; not forgotten, because one that comes back after a long outage must be told what
  // of its queue is stored already.
  std::deque<std::shared_ptr<Hunter>> removed_;
};

}  // namespace lc::processor
