// Small rules of RFC 3261's grammar (section 25.1) that the readers here share.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lc::sip {

inline std::string_view as_text(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// What a character may be, as bits.
enum CharacterClass : std::uint8_t { kLetter = 1, kDigit = 2, kMark = 4, kBlank = 8, kLineEnd = 16 };

inline constexpr auto kCharacterClasses = [] {
  std::array<std::uint8_t, 256> classes{};
  for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    classes[static_cast<std::uint8_t>(c)] = kLetter;
  }
  for (const char c : std::string_view("0123456789")) classes[static_cast<std::uint8_t>(c)] = kDigit;
  for (const char c : std::string_view("-.!%*_+`'~")) classes[static_cast<std::uint8_t>(c)] = kMark;
  for (const char c : std::string_view(" \t")) classes[static_cast<std::uint8_t>(c)] = kBlank;
  for (const char c : std::string_view("\r\n")) classes[static_cast<std::uint8_t>(c)] = kLineEnd;
  return classes;
}();

constexpr bool is_any(char c, int classes) {
  return (kCharacterClasses[static_cast<std::uint8_t>(c)] & classes) != 0;
}
constexpr bool is_letter(char c) {
  return is_any(c, kLetter);
}
inline bool is_digit(char c) {
  return is_any(c, kDigit);
}
inline bool is_token(char c) {
  return is_any(c, kLetter | kDigit | kMark);
}
inline bool is_blank(char c) {
  return is_any(c, kBlank);
}
inline bool is_line_end(char c) {
  return is_any(c, kLineEnd);
}
/// Blanks and line ends, as in folded values.
inline bool is_white(char c) {
  return is_any(c, kBlank | kLineEnd);
}

/// Some characters, for where a class above does not do.
class CharacterSet {
 public:
  explicit constexpr CharacterSet(std::string_view characters) {
    for (const char c : characters) has_[static_cast<std::uint8_t>(c)] = true;
  }
  constexpr bool operator()(char c) const { return has_[static_cast<std::uint8_t>(c)]; }

 private:
  std::array<bool, 256> has_{};
};

/// The place of the first character that `wanted` accepts, or the text's size. For short ways: find() has a call's
/// cost.
template <typename Wanted>
std::size_t find_where(std::string_view text, Wanted wanted, std::size_t from = 0) {
  if (from >= text.size()) return from;
  const char* const end = text.data() + text.size();
  const char* at = text.data() + from;
  while (at != end && !wanted(*at)) ++at;
  return static_cast<std::size_t>(at - text.data());
}

inline std::string_view trim(std::string_view text) {
  const char* begin = text.data();
  const char* end = begin + text.size();
  while (begin != end && is_white(*begin)) ++begin;
  while (end != begin && is_white(end[-1])) --end;
  return {begin, static_cast<std::size_t>(end - begin)};
}

/// Whether `text` is `lower`, which is in lower case, whatever the case of its letters.
inline bool is_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != lower[i] && ((text[i] | 0x20) != lower[i] || !is_letter(text[i]))) return false;
  }
  return true;
}

/// Decimal digits and nothing else, within the type's range.
template <typename Number>
std::optional<Number> number(std::string_view digits) {
  Number value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || !is_digit(digits.front()) || error != std::errc() || end != digits.data() + digits.size()) {
    return std::nullopt;
  }
  return value;
}

/// The place of the quote that ends the quoted string at `open`; the text's size: it never ends.
inline std::size_t closing_quote(std::string_view text, std::size_t open) {
  for (std::size_t i = open + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i;
    }
  }
  return text.size();
}

/// Looks for characters outside of quoted strings. Behind a quote that nothing closes, quotes are ordinary characters:
/// people write such names, and looking for the end of each would take the square of the text's size.
class QuotedText {
 public:
  explicit QuotedText(std::string_view text) : text_(text) {}

  /// As find_where().
  template <typename Wanted>
  std::size_t find(Wanted wanted, std::size_t from = 0) {
    for (; from < text_.size() && !wanted(text_[from]); ++from) {
      if (text_[from] != '"' || !has_quotes_) continue;
      const std::size_t close = closing_quote(text_, from);
      has_quotes_ = close < text_.size();
      if (has_quotes_) from = close;
    }
    return from;
  }

 private:
  std::string_view text_;
  bool has_quotes_ = true;
};

/// Takes the text up to `separator` (or all) off the front of `text`, the separator too.
inline std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t size = find_where(text, [separator](char c) { return c == separator; });
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return taken;
}

/// The value of a parameter in `;name=value;other="quoted"`, without its quotes; empty: there is none.
std::string_view parameter(std::string_view parameters, std::string_view lower_name);

}  // namespace lc::sip
