#include "processord/engine/call_file_name.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdio>

#include "common/base/clock.h"
#include "common/base/text.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMostNameBytes = 180;                 // but for a first _, see name_for()
constexpr std::string_view kTimeForm = "00000000T000000Z";  // as utc_compact() gives it
constexpr std::size_t kHashBytes = 17;                      // a dash and 16 digits
constexpr std::size_t kLeastValueBytes = 2 * kHashBytes;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_safe(char c) {
  return is_digit(c) || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
         std::string_view("._@+-").find(c) != std::string_view::npos;
}

std::string safe_value(std::string_view value, std::size_t most) {
  std::string safe(value.substr(0, most));
  std::replace_if(
      safe.begin(), safe.end(), [](char c) { return !is_safe(c); }, '_');
  if (value.size() <= most) return safe;
  std::array<char, kHashBytes + 1> hash{};
  std::snprintf(hash.data(), hash.size(), "-%016llx",
                static_cast<unsigned long long>(XXH3_64bits(value.data(), value.size())));
  return safe.replace(most - kHashBytes, kHashBytes, hash.data());
}

/// CON, prn.x, COM1 ...: names that Windows takes for devices, whatever follows a dot.
bool is_device(std::string_view name) {
  std::string stem(name.substr(0, name.find('.')));
  std::transform(stem.begin(), stem.end(), stem.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  if (stem.size() == 4 && is_digit(stem[3])) return stem.starts_with("COM") || stem.starts_with("LPT");
  return stem == "CON" || stem == "PRN" || stem == "AUX" || stem == "NUL";
}

bool is_time(std::string_view text) {
  return std::equal(kTimeForm.begin(), kTimeForm.end(), text.begin(), text.end(),
                    [](char form, char c) { return form == '0' ? is_digit(c) : c == form; });
}

}  // namespace

Result<CallFileName> CallFileName::parse(std::string_view text) {
  const auto bad = [&](std::size_t at, const std::string& what) {
    return Error{Code::kInvalidArgument, quoted(text) + ": " + what + " at character " + std::to_string(at + 1)};
  };
  CallFileName name;
  name.pieces_.assign(1, {});
  std::size_t fixed = 0;
  std::size_t values = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '{') {
      const std::size_t end = text.find('}', at);
      if (end == std::string_view::npos) return bad(at, "a { that is not closed");
      const std::string_view known = text.substr(at + 1, end - at - 1);
      Value& value = name.pieces_.back().value;
      if (known == "callid") {
        value = Value::kCallId;
      } else if (known == "from") {
        value = Value::kFrom;
      } else if (known == "to") {
        value = Value::kTo;
      } else if (known == "timestamp") {
        value = Value::kTime;
      } else {
        return bad(at,
                   "unknown placeholder {" + std::string(known) + "}, choose from {callid}, {from}, {to}, {timestamp}");
      }
      if (value == Value::kTime) {
        fixed += kTimeForm.size();
      } else {
        ++values;
      }
      name.pieces_.emplace_back();
      at = end;
    } else if (is_safe(text[at])) {
      if (at == 0 && (text[at] == '.' || text[at] == '-')) return bad(at, "a name can't begin with a dot or a dash");
      name.pieces_.back().text += text[at];
      ++fixed;
    } else {
      return bad(at, "names are made of letters, digits, placeholders and . _ @ + -;" +
                         std::string(text[at] == '/' ? " there are no folders in the folder;" : "") +
                         " something else is");
    }
  }
  if (text.empty()) return bad(0, "no name");
  if (fixed + values * kLeastValueBytes > kMostNameBytes) return bad(text.size() - 1, "the name gets too long");
  if (values > 0) name.most_value_bytes_ = (kMostNameBytes - fixed) / values;
  return name;
}

CallFileName::CallFileName() : pieces_{{"", Value::kTime}, {"_", Value::kCallId}, {}} {
  most_value_bytes_ = kMostNameBytes - kTimeForm.size() - 1;
}

std::string CallFileName::name_for(const CallLabel& call) const {
  std::string name;
  for (const Piece& piece : pieces_) {
    name += piece.text;
    switch (piece.value) {
      case Value::kNone:
        break;
      case Value::kCallId:
        name += safe_value(call.call_id, most_value_bytes_);
        break;
      case Value::kFrom:
        name += safe_value(call.from, most_value_bytes_);
        break;
      case Value::kTo:
        name += safe_value(call.to, most_value_bytes_);
        break;
      case Value::kTime:
        name += utc_compact(call.start_ns);
        break;
    }
  }
  if (name.empty()) return "_";
  if (name.front() == '.' || name.front() == '-' || is_device(name)) name.insert(name.begin(), '_');
  return name;
}

bool CallFileName::has_time() const {
  return std::any_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) { return piece.value == Value::kTime; });
}

// What follows the last piece is not looked at closely: a value may look just like it.
bool CallFileName::matches_from(std::size_t piece, std::string_view rest) const {
  if (piece == pieces_.size()) return true;
  const Piece& wanted = pieces_[piece];
  if (!rest.starts_with(wanted.text)) return false;
  rest.remove_prefix(wanted.text.size());
  if (wanted.value == Value::kNone) return matches_from(piece + 1, rest);
  if (wanted.value == Value::kTime) {
    if (rest.size() < kTimeForm.size() || !is_time(rest.substr(0, kTimeForm.size()))) return false;
    return matches_from(piece + 1, rest.substr(kTimeForm.size()));
  }
  for (std::size_t length = 0; length <= rest.size(); ++length) {
    if (matches_from(piece + 1, rest.substr(length))) return true;
  }
  return false;
}

bool CallFileName::matches(std::string_view file_name) const {
  if (!std::all_of(file_name.begin(), file_name.end(), is_safe)) return false;
  if (matches_from(0, file_name)) return true;
  // What name_for() put before it.
  return file_name.starts_with('_') && matches_from(0, file_name.substr(1));
}

}  // namespace lc::processor
