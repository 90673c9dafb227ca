// Which row of a list the keys are for, and which rows are in sight.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "lcwatch/view/key.h"

namespace lc::watch {

/// It follows the object, not the row: what is selected stays so, and stays where it is on the screen, when others come
/// or go. If it goes itself, the row that is there now is selected, until it comes back. One thread.
template <typename Name>
class Selection {
 public:
  /// With `follow` the last row is selected until the user goes up, and again from the last row on.
  explicit Selection(bool follow = false) : can_follow_(follow), follows_(follow) {}

  /// The rows as they are now, `height` of which can be seen, the first at line `y` of the canvas.
  void settle(std::vector<Name> names, int height, int y = 0) {
    names_ = std::move(names);
    height_ = static_cast<std::size_t>(std::max(height, 1));
    y_ = y;
    if (names_.empty()) {
      at_ = top_ = 0;
      return;
    }
    if (follows_) {
      at_ = names_.size() - 1;
    } else if (wanted_) {
      const bool in_place = at_ < names_.size() && names_[at_] == *wanted_;
      if (!in_place) {
        const auto found = std::ranges::find(names_, *wanted_);
        if (found != names_.end()) {
          const auto now = static_cast<std::size_t>(found - names_.begin());
          const std::size_t line = at_ - std::min(top_, at_);
          top_ = now - std::min(line, now);
          at_ = now;
        }
      }
    }
    at_ = std::min(at_, names_.size() - 1);
    if (!wanted_ || follows_) wanted_ = names_[at_];
    show();
  }

  bool key(const Key& key) {
    const std::size_t last = names_.empty() ? 0 : names_.size() - 1;
    switch (key.code) {
      case KeyCode::kUp:
      case KeyCode::kWheelUp:
        return go(at_ - std::min<std::size_t>(1, at_), true);
      case KeyCode::kDown:
      case KeyCode::kWheelDown:
        return go(at_ + 1, false);
      case KeyCode::kPageUp:
        return go(at_ - std::min(height_, at_), true);
      case KeyCode::kPageDown:
        return go(at_ + height_, false);
      case KeyCode::kHome:
        return go(0, true);
      case KeyCode::kEnd:
        return go(last, false);
      case KeyCode::kClick:
        if (key.y < y_ || top_ + static_cast<std::size_t>(key.y - y_) > last) return false;
        return go(top_ + static_cast<std::size_t>(key.y - y_), true);
      case KeyCode::kCharacter:
        if (key.character == 'k') return go(at_ - std::min<std::size_t>(1, at_), true);
        if (key.character == 'j') return go(at_ + 1, false);
        if (key.character == 'g') return go(0, true);
        if (key.character == 'G') return go(last, false);
        return false;
      default:
        return false;
    }
  }

  /// To the next row for `n`, or the one before, and around the end.
  void step(bool forward) {
    if (names_.empty()) return;
    const std::size_t count = names_.size();
    go(forward ? (at_ + 1) % count : (at_ + count - 1) % count, true);
  }

  void select(const Name& name) {
    wanted_ = name;
    follows_ = false;
  }
  void follow(bool follows) { follows_ = can_follow_ && follows; }
  [[nodiscard]] bool follows() const { return follows_; }
  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] std::size_t count() const { return names_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }    // of the rows; 0 when there are none
  [[nodiscard]] std::size_t top() const { return top_; }  // likewise, the first in sight
  [[nodiscard]] const Name& name(std::size_t row) const { return names_[row]; }
  [[nodiscard]] std::size_t end() const { return std::min(names_.size(), top_ + height_); }
  [[nodiscard]] const Name* selected() const { return names_.empty() ? nullptr : &names_[at_]; }

 private:
  bool go(std::size_t to, bool up) {
    if (names_.empty()) return true;
    at_ = std::min(to, names_.size() - 1);
    wanted_ = names_[at_];
    follows_ = can_follow_ && (up ? false : follows_ || at_ + 1 == names_.size());
    show();
    return true;
  }
  void show() {
    if (at_ < top_) top_ = at_;
    if (at_ >= top_ + height_) top_ = at_ + 1 - height_;
    top_ = std::min(top_, names_.size() - std::min(height_, names_.size()));
  }

  bool can_follow_;
  bool follows_;
  std::vector<Name> names_;
  std::optional<Name> wanted_;
  std::size_t at_ = 0;
  std::size_t top_ = 0;
  std::size_t height_ = 1;
  int y_ = 0;
};

}  // namespace lc::watch
