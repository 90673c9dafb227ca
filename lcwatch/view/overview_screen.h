// How the fleet is, on one page.
#pragma once

#include <string>
#include <vector>

#include "lcwatch/view/screen.h"

namespace lc::watch {

class OverviewScreen final : public Screen {
 public:
  using Screen::Screen;

  [[nodiscard]] std::string_view name() const override { return "Overview"; }
  void draw(const Pane& pane) override;
  bool key(const Key&) override { return false; }
  [[nodiscard]] std::vector<KeyHelp> keys() const override;

 private:
  struct Share {
    std::string name;
    std::uint64_t packets = 0;
    Style style = Style::kNormal;
  };
  void draw_traffic(const Pane& pane) const;
  void draw_nodes(const Pane& pane) const;
  void draw_balance(const Pane& pane) const;
  void draw_shares(const Pane& pane, std::string_view title, const std::vector<Share>& shares) const;
  void draw_spools(const Pane& pane) const;
  void draw_certificates(const Pane& pane) const;
  void draw_events(const Pane& pane) const;

  // For one drawing.
  std::vector<NodeRow> rows_;
  int listed_ = 0;  // lines of what is listed
};

}  // namespace lc::watch
