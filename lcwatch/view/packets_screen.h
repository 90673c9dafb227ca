// Packets as they come, and one of them whole.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lcwatch/view/screen.h"
#include "lcwatch/view/selection.h"
#include "lcwatch/view/table.h"

namespace lc::watch {

class PacketsScreen final : public Screen {
 public:
  explicit PacketsScreen(Desk& desk);

  [[nodiscard]] std::string_view name() const override { return "Packets"; }
  void draw(const Pane& pane) override;
  bool key(const Key& key) override;
  [[nodiscard]] std::vector<KeyHelp> keys() const override;
  void filter(const std::string& text) override { filter_ = text; }
  [[nodiscard]] std::string filter() const override { return filter_; }
  std::optional<Sheet> sheet() override;
  [[nodiscard]] std::optional<ServerIndex> server() const override;

  /// Numbers of the packets that are shown, for the export.
  [[nodiscard]] std::vector<std::uint64_t> shown() const;

 private:
  [[nodiscard]] std::vector<Cell> cells_of(const PacketRow& row) const;
  [[nodiscard]] bool matches(const PacketRow& row) const;
  [[nodiscard]] std::string caption() const;
  [[nodiscard]] bool details_key(const Key& key);
  void open_details();

  Table table_;
  Selection<std::uint64_t> selection_;
  std::string filter_;
  std::optional<PacketRing::Entry> opened_;  // a copy: it may leave the list meanwhile
  std::size_t top_ = 0;                      // of the details, the first line in sight
  std::size_t lines_ = 0;                    // there are
};

}  // namespace lc::watch
