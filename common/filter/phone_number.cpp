#include "common/filter/phone_number.h"

#include <algorithm>
#include <string>

namespace lc::filter {
namespace {

constexpr std::size_t kLeastSuffix = 5;
constexpr std::size_t kLongestNumber = 64;  // ITU-T E.164 has 15 digits

bool is_separator(char c) {
  return c == '+' || c == ' ' || c == '-' || c == '.' || c == '(' || c == ')';
}

/// How much of these digits says only that an international number follows; the same where a pattern has a star.
std::size_t prefix_size(std::string_view digits) {
  for (const std::string_view prefix : {"00", "011"}) {
    if (digits.size() > prefix.size() && digits.starts_with(prefix)) return prefix.size();
  }
  return 0;
}

}  // namespace

bool read_number(std::string_view text, FoldedText& digits) {
  digits.clear();
  if (text.empty() || !(is_digit(text[0]) || is_separator(text[0]) || text[0] == '%')) return false;  // most are names
  std::array<char, kLongestNumber> room{};
  std::size_t size = 0;
  text = text.substr(0, text.find(';'));
  if (text.starts_with("%2B") || text.starts_with("%2b")) text.remove_prefix(3);
  for (const char c : text) {
    if (is_separator(c)) continue;
    if (!is_digit(c) || size == room.size()) return false;
    room[size++] = c;
  }
  const std::string_view all(room.data(), size);
  digits.append(all.substr(prefix_size(all)));
  return size > 0;
}

Result<Glob> parse_number_pattern(std::string_view pattern) {
  std::string kept;
  std::size_t last = 0;  // where in the pattern the last of them stands
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (is_separator(c)) continue;
    if (!is_digit(c) && c != '*') {
      return fault_at(pattern, i,
                      "'" + std::string(pattern.substr(i, 1)) + "' is not a digit, a blank, +, -, ., ( ) or *");
    }
    const std::size_t prefix = c == '*' ? prefix_size(kept + c) : 0;
    if (prefix != 0 && prefix == kept.size()) {
      return fault_at(pattern, i, "the " + kept + " before this * is left out: write digits that follow it");
    }
    kept += c;
    last = i;
  }
  if (kept.empty()) return fault_at(pattern, last, "no digit and no *");
  kept.erase(0, prefix_size(kept));
  Result<Glob> glob = parse_glob(kept);
  if (glob && !glob->has_star() && kept.size() >= kLeastSuffix)
    glob->pieces.insert(glob->pieces.begin(), std::string());
  return glob;
}

}  // namespace lc::filter
