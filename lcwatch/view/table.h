// Columns: which of them there is room for, and how rows are put into them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "lcwatch/view/canvas.h"

namespace lc::watch {

struct Column {
  std::string title;
  int width = 0;       // at least
  int stretch = 0;     // its share of what is left over; 0: it stays as wide as it is
  bool right = false;  // figures
  int weight = 0;      // where there is no room, those with more go first
  bool hidden = false;
};

struct Cell {
  std::string text;
  Style style = Style::kNormal;
  std::optional<double> number = {};  // rows are sorted by it; without one by the text
};

struct Row {
  std::string name;         // of the object, and unique
  std::vector<Cell> cells;  // one for each column
  std::size_t source = 0;   // where the screen has it
};

/// One thread.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  [[nodiscard]] const std::vector<Column>& columns() const { return columns_; }
  void hide(std::size_t column, bool hidden) { columns_[column].hidden = hidden; }

  /// Rows are sorted by the next or previous column, after the last by none; and the other way round.
  void sort_next(bool forward);
  void reverse() { descending_ = !descending_; }
  [[nodiscard]] std::optional<std::size_t> sorted_by() const { return sorted_by_; }
  void sort(std::vector<Row>& rows) const;

  /// For the pane's width; before the others.
  void lay_out(int width);
  void draw_header(const Pane& pane, int y) const;
  void draw_row(const Pane& pane, int y, const std::vector<Cell>& cells, bool selected, bool stale) const;

 private:
  struct Place {
    std::size_t column;
    int x;
    int width;
  };

  std::vector<Column> columns_;
  std::vector<Place> places_;
  std::optional<std::size_t> sorted_by_;
  bool descending_ = false;
};

}  // namespace lc::watch
