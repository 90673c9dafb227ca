#include "lcwatch/model/text.h"

#include <algorithm>
#include <cstdio>

#include "common/base/text.h"

namespace lc::watch {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
constexpr int kMostJoining = 2;  // marks on one character; terminals draw more of them over other lines

struct Character {
  char32_t point = 0;
  std::size_t size = 0;  // in bytes
  bool valid = false;
};

/// Of a text that is not empty.
Character first_of(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || text.size() < size || !is_utf8(text.substr(0, size))) return {0, 1, false};
  char32_t point = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3fU);
  return {point, size, true};
}

/// To be seen as an escape: controls (C0, DEL, C1), separators of lines, and formatting characters without a width.
bool is_escaped(char32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0xad || point == 0x61c || point == 0x180e ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff);
}

/// Flags are two letters, and tones of skin join what is before them: how wide, is each terminal's own idea. Private
/// characters and what is none at all come with them.
bool is_replaced(char32_t point) {
  return (point >= 0x1f1e6 && point <= 0x1f1ff) || (point >= 0x1f3fb && point <= 0x1f3ff) ||
         (point >= 0xe000 && point <= 0xf8ff) || (point >= 0xfdd0 && point <= 0xfdef) || (point & 0xfffe) == 0xfffe ||
         point >= 0xf0000;
}

/// They only say how the character before is drawn.
bool is_left_out(char32_t point) {
  return point >= 0xfe00 && point <= 0xfe0f;
}

std::string escape(char32_t point) {
  char text[16];
  const char* form = point < 0x100 ? "\\x%02x" : "\\u%04x";
  return {text, static_cast<std::size_t>(std::snprintf(text, sizeof text, form, static_cast<unsigned>(point)))};
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void append_utf8(std::string& text, char32_t c) {
  const auto byte = [&](char32_t value) { text += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0 | c >> 6);
    byte(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    byte(0xe0 | c >> 12);
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  } else {
    byte(0xf0 | c >> 18);
    byte(0x80 | (c >> 12 & 0x3f));
    byte(0x80 | (c >> 6 & 0x3f));
    byte(0x80 | (c & 0x3f));
  }
}

bool Glyphs::next(Glyph& glyph) {
  if (escape_left_ > 0) {
    glyph = {std::string_view(made_).substr(made_.size() - escape_left_--, 1), 1};
    return true;
  }
  while (!rest_.empty()) {
    const Character first = first_of(rest_);
    if (first.valid && is_left_out(first.point)) {
      rest_.remove_prefix(first.size);
      continue;
    }
    if (!first.valid || is_replaced(first.point)) {
      rest_.remove_prefix(first.size);
      glyph = {kReplacement, 1};
      return true;
    }
    if (is_escaped(first.point)) {
      rest_.remove_prefix(first.size);
      made_ = escape(first.point);
      escape_left_ = made_.size() - 1;
      glyph = {std::string_view(made_).substr(0, 1), 1};
      return true;
    }
    if (first.point >= 0x20 && first.point < 0x7f && (rest_.size() == 1 || static_cast<signed char>(rest_[1]) >= 0)) {
      glyph = {rest_.substr(0, 1), 1};  // the common case: nothing can join it
      rest_.remove_prefix(1);
      return true;
    }
    const int width = width_of(first.point);
    // A mark with nothing before it sits on a blank of its own.
    made_.assign(width == 0 ? 1 : 0, ' ');
    made_ += rest_.substr(0, first.size);
    rest_.remove_prefix(first.size);
    for (int marks = width == 0 ? 1 : 0; !rest_.empty();) {
      const Character joining = first_of(rest_);
      if (!joining.valid) break;
      if (!is_left_out(joining.point)) {
        if (is_escaped(joining.point) || is_replaced(joining.point) || width_of(joining.point) != 0) break;
        if (++marks <= kMostJoining) made_ += rest_.substr(0, joining.size);
      }
      rest_.remove_prefix(joining.size);
    }
    glyph = {made_, std::max(width, 1)};
    return true;
  }
  return false;
}

std::size_t cells(std::string_view text) {
  std::size_t count = 0;
  Glyph glyph;
  for (Glyphs glyphs(text); glyphs.next(glyph);) count += static_cast<std::size_t>(glyph.width);
  return count;
}

std::string shown(std::string_view text) {
  std::string made;
  Glyph glyph;
  for (Glyphs glyphs(text); glyphs.next(glyph);) made += glyph.utf8;
  return made;
}

bool contains(std::string_view text, std::string_view pattern) {
  return !std::ranges::search(text, pattern, {}, lower, lower).empty() || pattern.empty();
}

}  // namespace lc::watch
