#include "lcwatch/view/table.h"

#include <algorithm>
#include <utility>

#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

constexpr int kMargin = 2;  // for the mark of the selected row
constexpr int kGap = 2;

bool before(const Cell& a, const Cell& b) {
  if (a.number && b.number) return *a.number < *b.number;
  if (a.number.has_value() != b.number.has_value()) return b.number.has_value();
  return a.text < b.text;
}

}  // namespace

void Table::sort_next(bool forward) {
  const std::size_t none = columns_.size();
  std::size_t at = sorted_by_.value_or(none);
  do {
    at = forward ? (at + 1) % (none + 1) : (at + none) % (none + 1);
  } while (at != none && columns_[at].hidden);
  sorted_by_ = at == none ? std::nullopt : std::optional(at);
  // Of figures the large ones are looked for.
  descending_ = sorted_by_ && columns_[at].right;
}

void Table::sort(std::vector<Row>& rows) const {
  if (!sorted_by_) return;
  const std::size_t by = *sorted_by_;
  std::ranges::stable_sort(rows, [&](const Row& a, const Row& b) {
    return descending_ ? before(b.cells[by], a.cells[by]) : before(a.cells[by], b.cells[by]);
  });
}

void Table::lay_out(int width) {
  std::vector<std::size_t> chosen;
  int needed = kMargin - kGap;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].hidden) continue;
    chosen.push_back(i);
    needed += columns_[i].width + kGap;
  }
  while (needed > width && chosen.size() > 1) {
    const auto least = std::ranges::max_element(chosen, {}, [&](std::size_t i) { return columns_[i].weight; });
    needed -= columns_[*least].width + kGap;
    chosen.erase(least);
  }
  int shares = 0;
  for (const std::size_t i : chosen) shares += columns_[i].stretch;
  int left = std::max(width - needed, 0);
  places_.clear();
  int x = kMargin;
  for (const std::size_t i : chosen) {
    int own = columns_[i].width;
    if (columns_[i].stretch > 0) {
      const int more = left * columns_[i].stretch / shares;
      own += more;
      left -= more;
      shares -= columns_[i].stretch;
    }
    places_.push_back({i, x, own});
    x += own + kGap;
  }
}

void Table::draw_header(const Pane& pane, int y) const {
  for (const auto& [i, x, width] : places_) {
    const Column& column = columns_[i];
    const bool sorted = sorted_by_ == i;
    const std::string title = column.title + (sorted ? (descending_ ? "-" : "+") : "");
    const Pen pen{sorted ? Style::kAccent : Style::kHeader};
    if (column.right) {
      pane.put_right(x + width, y, title, pen, width + 1);  // the sign may stand in the gap
    } else {
      pane.put(x, y, title, pen, width + 1);
    }
  }
}

void Table::draw_row(const Pane& pane, int y, const std::vector<Cell>& cells, bool selected, bool stale) const {
  if (selected) {
    pane.fill(0, y, pane.width(), {Style::kNormal, true});
    pane.put(0, y, Symbol::kMark, {Style::kNormal, true});
  }
  for (const auto& [i, x, width] : places_) {
    const Cell& cell = cells[i];
    const Pen pen{stale ? Style::kStale : cell.style, selected};
    if (columns_[i].right) {
      pane.put_right(x + width, y, cell.text, pen, width);
    } else {
      pane.put(x, y, cell.text, pen, width);
    }
  }
}

}  // namespace lc::watch
