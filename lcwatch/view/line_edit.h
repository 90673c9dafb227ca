// A line that is typed into.
#pragma once

#include <string>
#include <string_view>

#include "lcwatch/view/canvas.h"
#include "lcwatch/view/key.h"

namespace lc::watch {

/// Bounded. One thread.
class LineEdit {
 public:
  static constexpr std::size_t kMost = 1'024;  // characters

  explicit LineEdit(std::string_view text = {});

  bool key(const Key& key);  // false: it means nothing here
  void draw(const Pane& pane, int x, int y, int width, bool active) const;
  [[nodiscard]] std::string text() const;

 private:
  std::u32string text_;
  std::size_t at_ = 0;
};

}  // namespace lc::watch
