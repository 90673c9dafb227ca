#include "common/base/text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <numeric>
#include <system_error>

namespace lc {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
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
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    if (*at < 0x80) {
      ++at;
      continue;
    }
    std::ptrdiff_t length = 0;
    std::uint32_t point = 0;
    if (*at >= 0xc2 && *at <= 0xdf) {
      length = 2;
      point = *at & 0x1fU;
    } else if ((*at & 0xf0) == 0xe0) {
      length = 3;
      point = *at & 0x0fU;
    } else if (*at >= 0xf0 && *at <= 0xf4) {
      length = 4;
      point = *at & 0x07U;
    } else {
      return false;
    }
    if (end - at < length) return false;
    for (std::ptrdiff_t i = 1; i < length; ++i) {
      if ((at[i] & 0xc0) != 0x80) return false;
      point = (point << 6) | (at[i] & 0x3fU);
    }
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    if ((length == 3 && (point < 0x800 || surrogate)) || (length == 4 && (point < 0x10000 || point > 0x10ffff))) {
      return false;
    }
    at += length;
  }
  return true;
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
