// The one way from foreign text to the screen: characters that a terminal takes as they are, and how wide they are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lc::watch {

/// Cells of a character by Unicode's East Asian Width, whatever the locale says: 0 (joins the one before), 1 or 2.
int width_of(char32_t character);

void append_utf8(std::string& text, char32_t character);

/// What fills one place on the screen: a character with what joins it.
struct Glyph {
  std::string_view utf8;
  int width = 1;  // 1 or 2 cells
};

/// Takes a text apart. Control characters, and those that turn the direction of writing or have no width of their own,
/// come as \x1b and \u202e, cell by cell; bytes that are no UTF-8, and characters that terminals melt with
/// their neighbours, as U+FFFD. Linear.
class Glyphs {
 public:
  explicit Glyphs(std::string_view text) : rest_(text) {}

  /// False: there is no more. The glyph is good until the next call.
  bool next(Glyph& glyph);

 private:
  std::string_view rest_;
  std::string made_;  // of an escape, or a character and what joins it
  std::size_t escape_left_ = 0;
};

/// How many cells it takes.
std::size_t cells(std::string_view text);
/// As it is shown, in UTF-8.
std::string shown(std::string_view text);
/// Whether it has the pattern in it, ASCII letters alike in upper and lower case.
bool contains(std::string_view text, std::string_view pattern);

}  // namespace lc::watch
