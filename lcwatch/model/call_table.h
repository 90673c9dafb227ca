// The calls that the processors follow.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "lcwatch/model/update.h"

namespace lc::watch {

struct CallKey {
  ServerIndex server = 0;
  std::string id;

  auto operator<=>(const CallKey&) const = default;
};

/// One thread.
class CallTable {
 public:
  using Pointer = std::shared_ptr<const fleet::Call>;

  void take(const CallCame& came);
  void take(const CallGone& gone);
  void take(const CallsBegin& begin);
  /// What has not come since the begin is gone.
  void take(const CallsComplete& complete);

  [[nodiscard]] Pointer find(const CallKey& key) const;  // null: there is none
  template <typename Function>                           // (const CallKey&, const Pointer&)
  void each(Function&& function) const {
    for (const auto& [key, known] : calls_) function(key, known.call);
  }
  [[nodiscard]] std::size_t size() const { return calls_.size(); }
  [[nodiscard]] std::size_t active() const;  // that have not come to an end

 private:
  struct Known {
    Pointer call;
    std::uint64_t snapshot = 0;  // it came in, or after
  };

  std::map<CallKey, Known> calls_;
  std::map<ServerIndex, std::uint64_t> snapshots_;
};

}  // namespace lc::watch
