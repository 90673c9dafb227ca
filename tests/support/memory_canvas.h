// A canvas that can be looked at.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "lcwatch/model/text.h"
#include "lcwatch/view/canvas.h"

namespace lc::test {

class MemoryCanvas final : public watch::Canvas {
 public:
  struct Cell {
    std::string glyph = " ";  // empty: the right half of the one before
    watch::Pen pen;
  };

  MemoryCanvas(int width, int height, bool utf8 = true) : size_{width, height}, utf8_(utf8) { clear(); }

  [[nodiscard]] watch::Size size() const override { return size_; }
  [[nodiscard]] bool utf8() const override { return utf8_; }
  void clear() override {
    cells_.assign(static_cast<std::size_t>(size_.width) * static_cast<std::size_t>(size_.height), {});
    has_cursor_ = false;
  }
  /// Throws for what a terminal could not take as it is: out of its cells, control characters, a wrong width.
  void cell(int x, int y, std::string_view glyph, int width, watch::Pen pen) override {
    if (x < 0 || y < 0 || width < 1 || x + width > size_.width || y >= size_.height) {
      throw std::logic_error("out of the canvas: " + std::to_string(x) + "," + std::to_string(y));
    }
    if (watch::shown(glyph) != glyph || watch::cells(glyph) != static_cast<std::size_t>(width)) {
      throw std::logic_error("not one glyph: " + watch::shown(glyph));
    }
    if (!utf8_ && (glyph.size() != 1 || static_cast<unsigned char>(glyph[0]) >= 0x80)) {
      throw std::logic_error("not ASCII: " + std::string(glyph));
    }
    at(x, y) = {std::string(glyph), pen};
    if (width == 2) at(x + 1, y) = {"", pen};
  }
  void cursor(int x, int y) override {
    if (x < 0 || y < 0 || x >= size_.width || y >= size_.height) throw std::logic_error("the cursor is outside");
    has_cursor_ = true;
  }

  void resize(int width, int height) {
    size_ = {width, height};
    clear();
  }
  [[nodiscard]] bool has_cursor() const { return has_cursor_; }
  [[nodiscard]] const Cell& cell_at(int x, int y) const {
    return cells_[static_cast<std::size_t>(y) * static_cast<std::size_t>(size_.width) + static_cast<std::size_t>(x)];
  }
  [[nodiscard]] std::string line(int y) const {
    std::string text;
    for (int x = 0; x < size_.width; ++x) text += cell_at(x, y).glyph;
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }
  [[nodiscard]] std::string text() const {
    std::string text;
    for (int y = 0; y < size_.height; ++y) text += line(y) + "\n";
    return text;
  }
  [[nodiscard]] bool has(std::string_view part) const { return text().find(part) != std::string::npos; }
  /// The line with this in it, or -1.
  [[nodiscard]] int line_with(std::string_view part) const {
    for (int y = 0; y < size_.height; ++y) {
      if (line(y).find(part) != std::string::npos) return y;
    }
    return -1;
  }
  /// The lines that are marked for the keys.
  [[nodiscard]] std::string marked() const {
    std::string all;
    for (int y = 2; y < size_.height; ++y) {
      if (cell_at(0, y).glyph == ">" && cell_at(0, y).pen.selected) all += line(y);
    }
    return all;
  }

 private:
  Cell& at(int x, int y) {
    return cells_[static_cast<std::size_t>(y) * static_cast<std::size_t>(size_.width) + static_cast<std::size_t>(x)];
  }

  watch::Size size_;
  const bool utf8_;
  std::vector<Cell> cells_;
  bool has_cursor_ = false;
};

}  // namespace lc::test
