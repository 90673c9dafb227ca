// What the keys do.
#pragma once

#include <string>
#include <vector>

#include "lcwatch/view/table_screen.h"

namespace lc::watch {

class HelpScreen final : public TableScreen {
 public:
  explicit HelpScreen(Desk& desk)
      : TableScreen(desk, {{.title = "KEYS", .width = 15}, {.title = "DO", .width = 24, .stretch = 1}}) {}

  /// The screen that it was asked for on.
  void about(const Screen& screen);

  [[nodiscard]] std::string_view name() const override { return "Help"; }
  [[nodiscard]] std::vector<KeyHelp> keys() const override {
    return {{"/", "search", true}, {"j k", "move", true}, {"Esc", "back", true}};
  }

 protected:
  std::vector<Row> rows(bool utf8) override;
  [[nodiscard]] std::string caption() const override { return "Keys of " + about_ + ", then those of every screen"; }
  [[nodiscard]] std::string nothing() const override { return ""; }

 private:
  std::string about_ = "Overview";
  std::vector<KeyHelp> of_screen_;
};

}  // namespace lc::watch
