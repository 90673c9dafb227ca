#include "lcwatch/view/table_screen.h"

#include <algorithm>

#include "lcwatch/model/text.h"
#include "lcwatch/view/chooser.h"

namespace lc::watch {

std::string packet_name(const NodeKey& hunter) {
  std::string name;
  for (const std::string& id : hunter.path) name += id + "/";
  return name + hunter.hunter;
}

std::vector<Row> TableScreen::wanted_rows(bool utf8) {
  std::vector<Row> all = rows(utf8);
  if (!filter_.empty()) {
    std::erase_if(all, [&](const Row& row) {
      return std::ranges::none_of(row.cells, [&](const Cell& cell) { return contains(cell.text, filter_); });
    });
  }
  table().sort(all);
  return all;
}

void TableScreen::draw(const Pane& pane) {
  drawn_ = wanted_rows(pane.utf8());
  std::string line = caption();
  if (!filter_.empty()) line += "  /" + filter_;
  pane.put(0, 0, line, {Style::kDim}, pane.width());
  table().lay_out(pane.width());
  table().draw_header(pane, 1);

  const Pane list = pane.part(0, 2, pane.width(), pane.height() - 2);
  std::vector<std::string> names;
  names.reserve(drawn_.size());
  for (const Row& row : drawn_) names.push_back(row.name);
  selection_.settle(std::move(names), list.height(), list.top());
  if (drawn_.empty()) {
    list.put(2, 1, filter_.empty() ? nothing() : "nothing matches /" + filter_, {Style::kDim});
    return;
  }
  for (std::size_t i = selection_.top(); i < selection_.end(); ++i) {
    table().draw_row(list, static_cast<int>(i - selection_.top()), drawn_[i].cells, i == selection_.at(),
                     stale(drawn_[i]));
  }
}

bool TableScreen::key(const Key& key) {
  if (selection_.key(key)) return true;
  if (key.code == KeyCode::kEscape && !filter_.empty()) {
    filter_.clear();
    return true;
  }
  if (key.code != KeyCode::kCharacter) return false;
  switch (key.character) {
    case 'n':
    case 'N':
      selection_.step(key.character == 'n');
      return true;
    case '<':
    case '>':
      table().sort_next(key.character == '>');
      return true;
    case 'o':
      table().reverse();
      return true;
    case 'c':
      desk_.open(column_chooser(table()));
      return true;
    default:
      return false;
  }
}

std::optional<Sheet> TableScreen::sheet() {
  Sheet sheet;
  for (const Column& column : table().columns()) sheet.titles.push_back(column.title);
  for (const Row& row : wanted_rows(true)) {
    auto& cells = sheet.rows.emplace_back();
    for (const Cell& cell : row.cells) cells.push_back(cell.text);
  }
  return sheet;
}

const Row* TableScreen::selected() const {
  return selection_.empty() || selection_.at() >= drawn_.size() ? nullptr : &drawn_[selection_.at()];
}

std::vector<KeyHelp> table_keys() {
  return {{"j k g G", "move; PgUp PgDn by pages"},
          {"/", "show only what has a text in it; Esc ends that", true},
          {"n N", "next, previous row of these"},
          {"< >", "sort by the column to the left, right; o: the other way round", false},
          {"c", "choose columns"}};
}

}  // namespace lc::watch
