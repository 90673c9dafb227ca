#include "lcwatch/view/canvas.h"

#include <algorithm>

#include "lcwatch/model/text.h"

namespace lc::watch {

std::string_view text_of(Symbol symbol, bool utf8) {
  switch (symbol) {
    case Symbol::kHorizontal:
      return utf8 ? "─" : "-";
    case Symbol::kVertical:
      return utf8 ? "│" : "|";
    case Symbol::kTee:
      return utf8 ? "├" : "|";
    case Symbol::kCorner:
      return utf8 ? "└" : "`";
    case Symbol::kTopLeft:
      return utf8 ? "┌" : "+";
    case Symbol::kTopRight:
      return utf8 ? "┐" : "+";
    case Symbol::kBottomLeft:
      return utf8 ? "└" : "+";
    case Symbol::kBottomRight:
      return utf8 ? "┘" : "+";
    case Symbol::kRight:
      return utf8 ? "▶" : ">";
    case Symbol::kLeft:
      return utf8 ? "◀" : "<";
    case Symbol::kOpen:
      return utf8 ? "▾" : "-";
    case Symbol::kClosed:
      return utf8 ? "▸" : "+";
    case Symbol::kEllipsis:
      return utf8 ? "…" : "~";
    case Symbol::kMark:
      return ">";
    case Symbol::kFull:
      return utf8 ? "█" : "#";
    case Symbol::kEmpty:
      break;
  }
  return utf8 ? "░" : ".";
}

Pane Pane::part(int x, int y, int width, int height) const {
  Pane pane(*this);
  const int left = std::clamp(x, 0, size_.width);
  const int top = std::clamp(y, 0, size_.height);
  pane.x_ = x_ + left;
  pane.y_ = y_ + top;
  pane.size_.width = std::clamp(x + width - left, 0, size_.width - left);
  pane.size_.height = std::clamp(y + height - top, 0, size_.height - top);
  return pane;
}

int Pane::put(int x, int y, std::string_view text, Pen pen, int most) const {
  if (x < 0 || y < 0 || x >= size_.width || y >= size_.height || most <= 0) return x;
  const int end = most > size_.width - x ? size_.width : x + most;
  Glyph glyph;
  Glyphs glyphs(text);
  while (glyphs.next(glyph)) {
    // A glyph that would fill the last cell is put there only if it is the last one.
    bool fits = x + glyph.width < end;
    if (x + glyph.width == end) {
      Glyphs rest = glyphs;
      Glyph next;
      fits = !rest.next(next);
    }
    if (!fits) {
      while (x < end - 1) canvas_->cell(x_ + x++, y_ + y, " ", 1, pen);  // a wide one did not fit
      canvas_->cell(x_ + x, y_ + y, text_of(Symbol::kEllipsis, utf8()), 1, pen);
      return end;
    }
    if (utf8() || static_cast<unsigned char>(glyph.utf8[0]) < 0x80) {
      canvas_->cell(x_ + x, y_ + y, utf8() ? glyph.utf8 : glyph.utf8.substr(0, 1), glyph.width, pen);
    } else {
      for (int i = 0; i < glyph.width; ++i) canvas_->cell(x_ + x + i, y_ + y, "?", 1, pen);
    }
    x += glyph.width;
  }
  return x;
}

void Pane::put_right(int end, int y, std::string_view text, Pen pen, int most) const {
  const int width = std::min(most, static_cast<int>(std::min<std::size_t>(cells(text), 100'000)));
  put(end - width, y, text, pen, width);
}

int Pane::put(int x, int y, Symbol symbol, Pen pen) const {
  if (x >= 0 && y >= 0 && x < size_.width && y < size_.height) {
    canvas_->cell(x_ + x, y_ + y, text_of(symbol, utf8()), 1, pen);
  }
  return x + 1;
}

void Pane::fill(int x, int y, int count, Pen pen, std::string_view glyph) const {
  if (y < 0 || y >= size_.height) return;
  const int end = count > size_.width - x ? size_.width : x + count;
  for (int at = std::max(x, 0); at < end; ++at) canvas_->cell(x_ + at, y_ + y, glyph, 1, pen);
}

void Pane::rule(int y, Pen pen) const {
  fill(0, y, width(), pen, text_of(Symbol::kHorizontal, utf8()));
}

void Pane::cursor(int x, int y) const {
  if (x >= 0 && y >= 0 && x < size_.width && y < size_.height) canvas_->cursor(x_ + x, y_ + y);
}

}  // namespace lc::watch
