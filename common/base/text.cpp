#include "common/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <numeric>
#include <system_error>

namespace lc {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

struct Character {
  std::uint32_t point = 0;
  std::size_t size = 0;  // in bytes; 0: what is there is no UTF-8
};

/// Of a text that is not empty. RFC 3629 section 4.
Character first_character(std::string_view text) {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = at(0);
  if (first < 0x80) return {first, 1};
  Character character;
  if (first >= 0xc2 && first <= 0xdf) {
    character = {first & 0x1fU, 2};
  } else if ((first & 0xf0) == 0xe0) {
    character = {first & 0x0fU, 3};
  } else if (first >= 0xf0 && first <= 0xf4) {
    character = {first & 0x07U, 4};
  } else {
    return {};
  }
  if (text.size() < character.size) return {};
  for (std::size_t i = 1; i < character.size; ++i) {
    if ((at(i) & 0xc0) != 0x80) return {};
    character.point = (character.point << 6) | (at(i) & 0x3fU);
  }
  const std::uint32_t point = character.point;
  const bool surrogate = point >= 0xd800 && point <= 0xdfff;
  const bool too_long = (character.size == 3 && point < 0x800) || (character.size == 4 && point < 0x10000);
  if (surrogate || too_long || point > 0x10ffff) return {};
  return character;
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the formatting characters for bidirectional
/// text (Unicode Standard Annex 9).
bool is_unsafe(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x061c || point == 0x200e || point == 0x200f ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (is_control(c)) {
      std::array<char, 8> hex{};
      std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += hex.data();
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool needs_quotes(std::string_view text) {
  return text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
           return c == ' ' || c == '"' || c == '\\' || c == '=' || is_control(c);
         });
}

std::optional<std::string> nearest(std::string_view text, std::span<const std::string> known) {
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(text, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    std::string_view piece = text.substr(0, end);
    while (!piece.empty() && piece.front() == ' ') piece.remove_prefix(1);
    while (!piece.empty() && piece.back() == ' ') piece.remove_suffix(1);
    if (!piece.empty()) pieces.emplace_back(piece);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = first_character(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string terminal_safe(std::string_view text, std::size_t most) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD
  constexpr std::string_view kEllipsis = "\xe2\x80\xa6";     // U+2026
  std::string out;
  out.reserve(std::min(text.size(), most));
  std::size_t count = 0;
  std::size_t before_last = 0;  // where the last of `most` characters begins
  while (!text.empty()) {
    if (count++ == most) {
      out.replace(before_last, std::string::npos, kEllipsis);
      break;
    }
    before_last = out.size();
    const Character character = first_character(text);
    const std::size_t size = std::max<std::size_t>(character.size, 1);
    if (text[0] == '\t' || text[0] == '\r' || text[0] == '\n') {
      out += ' ';
    } else if (character.size == 0 || is_unsafe(character.point)) {
      out += kReplacement;
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return out;
}

Status check_id(std::string_view what, std::string_view id) {
  const bool allowed = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
  if (!id.empty() && id.size() <= 64 && allowed) return {};
  const std::string shown = id.size() > 80 ? quoted(id.substr(0, 80)) + "..." : quoted(id);
  return Error{Code::kInvalidArgument,
               std::string(what) + " must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not " + shown};
}

std::string errno_text(int error) {
  return std::generic_category().message(error);
}

}  // namespace lc
