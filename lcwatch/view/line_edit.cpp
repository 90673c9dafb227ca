#include "lcwatch/view/line_edit.h"

#include <algorithm>

#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

std::string utf8_of(std::u32string_view text) {
  std::string made;
  for (const char32_t character : text) append_utf8(made, character);
  return made;
}

}  // namespace

LineEdit::LineEdit(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    char32_t point = size == 1 ? lead : lead & (0xffU >> (size + 1));
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k) {
      point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3fU);
    }
    text_ += point;
    i += size;
  }
  at_ = text_.size();
}

bool LineEdit::key(const Key& key) {
  switch (key.code) {
    case KeyCode::kCharacter:
      if (key.character < 0x20 || key.character == 0x7f) return false;
      if (text_.size() < kMost) text_.insert(at_++, 1, key.character);
      return true;
    case KeyCode::kLeft:
      at_ -= at_ > 0 ? 1 : 0;
      return true;
    case KeyCode::kRight:
      at_ = std::min(at_ + 1, text_.size());
      return true;
    case KeyCode::kHome:
      at_ = 0;
      return true;
    case KeyCode::kEnd:
      at_ = text_.size();
      return true;
    case KeyCode::kBackspace:
      if (at_ > 0) text_.erase(--at_, 1);
      return true;
    case KeyCode::kDelete:
      if (at_ < text_.size()) text_.erase(at_, 1);
      return true;
    default:
      return false;
  }
}

void LineEdit::draw(const Pane& pane, int x, int y, int width, bool active) const {
  width = std::min(width, pane.width() - x);
  if (width <= 1) return;
  const Pen pen{active ? Style::kInput : Style::kNormal};
  if (active) pane.fill(x, y, width, pen);
  // So much from the left is left out that the cursor is in sight.
  std::size_t from = 0;
  while (from < at_ &&
         cells(utf8_of(std::u32string_view(text_).substr(from, at_ - from))) >= static_cast<std::size_t>(width)) {
    ++from;
  }
  pane.put(x, y, utf8_of(std::u32string_view(text_).substr(from)), pen, width);
  if (!active) return;
  const auto before = cells(utf8_of(std::u32string_view(text_).substr(from, at_ - from)));
  pane.cursor(x + static_cast<int>(before), y);
}

std::string LineEdit::text() const {
  return utf8_of(text_);
}

}  // namespace lc::watch
