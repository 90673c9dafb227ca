// A screen that is a table: sorted, filtered, and with a selected row.
#pragma once

#include <string>
#include <vector>

#include "lcwatch/view/screen.h"
#include "lcwatch/view/selection.h"
#include "lcwatch/view/table.h"

namespace lc::watch {

class TableScreen : public Screen {
 public:
  TableScreen(Desk& desk, std::vector<Column> columns, bool follow = false)
      : Screen(desk), table_(std::move(columns)), selection_(follow) {}

  void draw(const Pane& pane) override;
  bool key(const Key& key) override;
  void filter(const std::string& text) override { filter_ = text; }
  [[nodiscard]] std::string filter() const override { return filter_; }
  std::optional<Sheet> sheet() override;

 protected:
  /// All rows, in the order they have without sorting.
  virtual std::vector<Row> rows(bool utf8) = 0;
  /// A line above the table.
  [[nodiscard]] virtual std::string caption() const = 0;
  /// Instead of rows, when there are none.
  [[nodiscard]] virtual std::string nothing() const = 0;
  /// Whether what is shown is what was, not what is.
  [[nodiscard]] virtual bool stale(const Row&) const { return false; }
  virtual Table& table() { return table_; }

  /// The selected row as it was drawn last; null: none.
  [[nodiscard]] const Row* selected() const;
  Selection<std::string>& selection() { return selection_; }

 private:
  std::vector<Row> wanted_rows(bool utf8);

  Table table_;
  Selection<std::string> selection_;
  std::string filter_;
  std::vector<Row> drawn_;
};

/// The keys of every table.
std::vector<KeyHelp> table_keys();

}  // namespace lc::watch
