// A list of things that are switched on and off.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lcwatch/view/screen.h"
#include "lcwatch/view/selection.h"
#include "lcwatch/view/table.h"

namespace lc::watch {

/// Space or Enter switches, the last line ("confirm") takes it, Esc leaves all as it was.
class Chooser final : public Overlay {
 public:
  struct Choice {
    std::string name;
    std::string text;
    bool chosen = false;
  };
  Chooser(std::string title, std::vector<Choice> choices, std::function<void(const std::vector<Choice>&)> then);

  void draw(const Pane& pane) override;
  bool key(const Key& key) override;
  [[nodiscard]] std::string_view hint() const override {
    return "Space Enter switch   a all   i invert   y confirm   Esc leave";
  }

 private:
  const std::string title_;
  std::vector<Choice> choices_;
  const std::function<void(const std::vector<Choice>&)> then_;
  Selection<std::string> selection_;
};

/// The table must outlive it.
std::unique_ptr<Overlay> column_chooser(Table& table);

/// A box in the middle with a title. Its inside.
Pane draw_box(const Pane& pane, int width, int height, std::string_view title);

}  // namespace lc::watch
