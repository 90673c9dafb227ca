#include "lcwatch/batch/text_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

std::string fitted(const std::string& text, std::size_t most) {
  std::string safe = shown(text);
  if (cells(safe) <= most) return safe;
  std::string cut;
  std::size_t width = 0;
  Glyphs glyphs(text);
  for (Glyph glyph; glyphs.next(glyph) && width + static_cast<std::size_t>(glyph.width) < most;) {
    cut += glyph.utf8;
    width += static_cast<std::size_t>(glyph.width);
  }
  return cut + "~";
}

}  // namespace

TextTable::TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {
  for (const Column& column : columns_) widths_.push_back(column.title.size());
}

void TextTable::add(std::vector<std::string> row) {
  assert(row.size() == columns_.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    row[i] = fitted(row[i], columns_[i].most);
    widths_[i] = std::max(widths_[i], cells(row[i]));
  }
  rows_.push_back(std::move(row));
}

std::string TextTable::line(const std::vector<std::string>& row) const {
  std::string line;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string padding(widths_[i] - cells(row[i]), ' ');
    if (i > 0) line += "  ";
    line += columns_[i].right ? padding + row[i] : row[i] + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

std::string TextTable::take() {
  std::string text;
  if (!std::exchange(titled_, true)) {
    std::vector<std::string> titles;
    for (const Column& column : columns_) titles.push_back(column.title);
    text += line(titles);
  }
  for (const auto& row : rows_) text += line(row);
  rows_.clear();
  return text;
}

}  // namespace lc::watch
