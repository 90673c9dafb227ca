#include "common/config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <utility>

#include "common/base/text.h"

namespace lc::config {
namespace {

using Unit = std::pair<std::string_view, std::int64_t>;
constexpr std::array<Unit, 5> kSizeUnits = {
    {{"T", 1LL << 40}, {"G", 1LL << 30}, {"M", 1LL << 20}, {"K", 1LL << 10}, {"", 1}}};
constexpr std::array<Unit, 6> kTimeUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"", 1}}};
constexpr std::array<Unit, 1> kNoUnits = {{{"", 1}}};

std::optional<std::int64_t> parse_number(std::string_view text, std::span<const Unit> units) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : units) {
    std::int64_t product = 0;
    if (suffix == name && !__builtin_mul_overflow(number, factor, &product)) return product;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_boolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return 1;  // YAML 1.2, section 10.3.2
  if (text == "false" || text == "False" || text == "FALSE") return 0;
  return std::nullopt;
}

std::optional<std::int64_t> parse_by_kind(Kind kind, std::string_view text) {
  switch (kind) {
    case Kind::kInteger:
      return parse_number(text, kNoUnits);
    case Kind::kBoolean:
      return parse_boolean(text);
    case Kind::kSize:
      return parse_number(text, kSizeUnits);
    case Kind::kMilliseconds:
      return parse_number(text, kTimeUnits);
    case Kind::kText:
    case Kind::kList:
      break;
  }
  return std::nullopt;
}

bool allowed_text(const Option& option, const std::string& text) {
  if (option.choices.empty() || (text.empty() && option.default_value.empty())) return true;
  return std::find(option.choices.begin(), option.choices.end(), text) != option.choices.end();
}

}  // namespace

Result<Value> parse_value(const Option& option, std::string text, std::string origin) {
  Value value{option.kind, {}, 0, std::move(origin)};
  if (option.kind == Kind::kList) {
    value.texts = split(text, ',');
    return value;
  }
  if (option.kind == Kind::kText && allowed_text(option, text)) {
    value.texts.push_back(std::move(text));
    return value;
  }
  const std::optional<std::int64_t> number = parse_by_kind(option.kind, text);
  if (!number || *number < option.min || *number > option.max) {
    return Error{Code::kInvalidArgument, shown(text) + " is not " + allowed_values(option)};
  }
  value.number = *number;
  return value;
}

std::string size_text(std::int64_t size_bytes) {
  for (const auto& [name, factor] : kSizeUnits) {
    if (size_bytes != 0 && size_bytes % factor == 0) return std::to_string(size_bytes / factor) + std::string(name);
  }
  return "0";
}

std::string shown(std::string_view text) {
  return text.size() > 80 ? lc::quoted(text.substr(0, 80)) + "..." : lc::quoted(text);
}

}  // namespace lc::config
