#include "common/sip/start_line.h"

#include <algorithm>
#include <array>

#include "common/sip/text.h"

namespace lc::sip {
namespace {

constexpr std::string_view kVersion = "SIP/2.0";
constexpr std::string_view kStatusBegin = "SIP/2.0 ";
constexpr std::size_t kMaxMethod = 32;
constexpr std::size_t kMaxScheme = 16;
constexpr std::size_t kMaxLine = 8192;

// RFC 3261, 3262, 3265, 3311, 3428, 3515, 3903, 6086.
constexpr std::array<std::string_view, 14> kMethods = {"INVITE",  "ACK",   "BYE",     "CANCEL", "REGISTER",
                                                       "OPTIONS", "INFO",  "PRACK",   "UPDATE", "SUBSCRIBE",
                                                       "NOTIFY",  "REFER", "MESSAGE", "PUBLISH"};

Start read_status_line(std::string_view text, StartLine& line) {
  for (std::size_t i = kStatusBegin.size(); i < kStatusBegin.size() + 3; ++i) {
    if (i == text.size()) return Start::kLikely;
    if (!is_digit(text[i])) return Start::kNone;
    line.status = static_cast<std::uint16_t>(line.status * 10 + (text[i] - '0'));
  }
  if (line.status < 100 || line.status > 699) return Start::kNone;
  const std::string_view rest = text.substr(kStatusBegin.size() + 3);
  if (!rest.empty() && !is_white(rest.front())) return Start::kNone;
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return rest.size() < kMaxLine ? Start::kLikely : Start::kNone;
  line.reason = trim(rest.substr(0, end));
  line.size = text.size() - rest.size() + end + 1;
  return Start::kWhole;
}

Start read_request_line(std::string_view text, StartLine& line) {
  std::size_t at = 0;
  while (at < text.size() && at <= kMaxMethod && is_token(text[at])) ++at;
  if (at == 0 || at > kMaxMethod) return Start::kNone;
  if (at == text.size()) return Start::kPossible;
  if (text[at] != ' ') return Start::kNone;
  line.is_request = true;
  line.method = text.substr(0, at);

  while (at < text.size() && text[at] == ' ') ++at;
  const std::size_t uri = at;
  while (at < text.size() && at - uri <= kMaxScheme && (is_letter(text[at]) || (at > uri && is_token(text[at])))) ++at;
  if (at < text.size() && (at == uri || text[at] != ':')) return Start::kNone;

  const std::size_t end = text.substr(0, kMaxLine).find('\n', at);
  if (end == std::string_view::npos) {
    if (text.size() >= kMaxLine) return Start::kNone;
    const bool known = std::find(kMethods.begin(), kMethods.end(), line.method) != kMethods.end();
    return known ? Start::kLikely : Start::kPossible;
  }
  std::string_view rest = trim(text.substr(uri, end - uri));
  if (!rest.ends_with(kVersion)) return Start::kNone;
  rest.remove_suffix(kVersion.size());
  if (rest.empty() || !is_blank(rest.back())) return Start::kNone;
  line.uri = trim(rest);
  line.size = end + 1;
  return Start::kWhole;
}

// Where the request line whose SIP/2.0 is at `version` begins, if there is one.
std::size_t request_begin(std::string_view text, std::size_t version) {
  constexpr std::size_t kMaxUri = 1024;
  const std::size_t first = version - std::min(version, kMaxUri);
  std::size_t at = version;
  while (at > first && is_blank(text[at - 1])) --at;
  while (at > first && !is_white(text[at - 1])) --at;
  while (at > first && is_blank(text[at - 1])) --at;
  const std::size_t method_end = at;
  while (at > first && is_token(text[at - 1])) --at;
  if (at == 0 || text[at - 1] == '\n') return at;
  // Behind other text of its line: there is no telling where a method begins, except that all of them are capitals.
  at = method_end;
  while (at > first && text[at - 1] >= 'A' && text[at - 1] <= 'Z') --at;
  return at;
}

}  // namespace

Start read_start_line(std::string_view text, StartLine& line) {
  line = {};
  if (text.starts_with(kStatusBegin)) return read_status_line(text, line);
  if (kStatusBegin.starts_with(text)) return text.empty() ? Start::kNone : Start::kPossible;
  return read_request_line(text, line);
}

std::string_view without_empty_lines(std::string_view text) {
  while (!text.empty() && is_line_end(text.front())) text.remove_prefix(1);
  return text;
}

std::size_t find_start_line(std::string_view text) {
  StartLine ignored;
  for (std::size_t version = 0; (version = text.find(kVersion, version)) != std::string_view::npos; ++version) {
    if (read_start_line(text.substr(version), ignored) >= Start::kLikely) return version;
    if (version == 0 || !is_blank(text[version - 1])) continue;
    const std::size_t begin = request_begin(text, version);
    if (read_start_line(text.substr(begin), ignored) == Start::kWhole) return begin;
  }
  const std::size_t line = text.rfind('\n') + 1;
  return text.size() - line < kMaxLine ? line : text.size();
}

}  // namespace lc::sip
