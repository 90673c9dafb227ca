// A hunter's filters, as its processor's updates leave them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/fleet/hunter.h"

namespace lc::capture {

/// Takes updates in any order without ever drifting from what they say: an addition of what is known replaces it, a
/// change of what is not known adds it, a deletion of what is not known is nothing. One thread at a time.
class FilterView {
 public:
  /// What is new since the last take().
  struct Changes {
    std::vector<fleet::Filter> endpoints_added;  // or replaced
    std::vector<std::string> endpoints_removed;
    bool endpoints_replaced = false;                    // nothing but endpoints_added is left
    std::optional<std::vector<fleet::Filter>> filters;  // the whole set, by id, disabled ones too
    std::uint64_t revision = 0;                         // of the set

    [[nodiscard]] bool any_endpoints() const {
      return endpoints_replaced || !endpoints_added.empty() || !endpoints_removed.empty();
    }
  };

  /// What a registration answered; its owner knows that already. Media endpoints stay until a snapshot says otherwise:
  /// calls go on while a connection is lost.
  void reset(const std::vector<fleet::Filter>& filters);
  void apply(const fleet::FilterUpdate& update);

  [[nodiscard]] bool has_changes() const { return filters_changed_ || endpoints_changed(); }
  Changes take();

 private:
  [[nodiscard]] bool endpoints_changed() const {
    return endpoints_replaced_ || !endpoints_added_.empty() || !endpoints_removed_.empty();
  }
  void put(const fleet::Filter& filter);
  void remove(const fleet::Filter& filter);
  void replace(const std::vector<fleet::Filter>& snapshot);

  std::map<std::string, fleet::Filter> filters_;
  std::map<std::string, fleet::Filter> endpoints_;
  std::uint64_t revision_ = 0;
  bool filters_changed_ = false;
  std::set<std::string> endpoints_added_;
  std::set<std::string> endpoints_removed_;
  bool endpoints_replaced_ = false;
};

}  // namespace lc::capture
