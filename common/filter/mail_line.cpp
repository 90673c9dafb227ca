#include <algorithm>
#include <cstdint>
#include <optional>

#include "common/filter/glob.h"
#include "common/filter/text_headers.h"

namespace lc::filter {
namespace {

std::optional<unsigned> hex_value(char c) {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  c = lower(c);
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  return std::nullopt;
}

/// RFC 2047 section 4.2.
std::string decode_q(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=' && i + 2 < text.size() && hex_value(text[i + 1]) && hex_value(text[i + 2])) {
      out += static_cast<char>(*hex_value(text[i + 1]) << 4 | *hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '_' ? ' ' : text[i];
    }
  }
  return out;
}

/// RFC 4648 section 4; what is none of its characters is left out.
std::string decode_base64(std::string_view text) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) continue;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

/// The text of `=?charset?B?...?=` at the begin, and its size there.
std::optional<std::pair<std::string, std::size_t>> encoded_word(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const std::size_t charset = text.find('?', 2);
  if (charset == std::string_view::npos || charset + 2 >= text.size() || text[charset + 2] != '?') return std::nullopt;
  const std::size_t begin = charset + 3;
  const std::size_t end = text.find("?=", begin);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view name = text.substr(2, charset - 2);
  const std::string_view language_cut = name.substr(0, name.find('*'));  // RFC 2231 section 5
  if (!equals_ignoring_case(language_cut, "utf-8") && !equals_ignoring_case(language_cut, "us-ascii")) {
    return std::nullopt;
  }
  const char encoding = lower(text[charset + 1]);
  const std::string_view coded = text.substr(begin, end - begin);
  if (encoding == 'b') return std::pair{decode_base64(coded), end + 2};
  if (encoding == 'q') return std::pair{decode_q(coded), end + 2};
  return std::nullopt;
}

std::string unfolded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r' || c == '\n') continue;
    out += c == '\t' ? ' ' : c;
  }
  const std::size_t begin = out.find_first_not_of(' ');
  if (begin == std::string::npos) return {};
  return out.substr(begin, out.find_last_not_of(' ') - begin + 1);
}

}  // namespace

MailLine kind_of_mail_line(std::string_view line) {
  if (begins_ignoring_case(line, "mail from:") || begins_ignoring_case(line, "rcpt to:")) return MailLine::kCommand;
  if (begins_ignoring_case(line, "from:") || begins_ignoring_case(line, "to:")) return MailLine::kAddresses;
  if (begins_ignoring_case(line, "subject:")) return MailLine::kSubject;
  return MailLine::kOther;
}

void read_mail_addresses(std::string_view line, std::vector<std::string_view>& addresses) {
  addresses.clear();
  line.remove_prefix(std::min(line.find(':') + 1, line.size()));
  constexpr std::string_view kEnd = " \t\r\n,;<>()\"";
  while (!line.empty()) {
    if (line.front() == '"') {  // a display name, which may look like an address
      const std::size_t end = line.find('"', 1);
      line.remove_prefix(end == std::string_view::npos ? 1 : end + 1);
      continue;
    }
    const std::size_t size = std::min(line.find_first_of(kEnd), line.size());
    const std::string_view word = line.substr(0, size);
    if (word.find('@') != std::string_view::npos) addresses.push_back(word);
    line.remove_prefix(std::max<std::size_t>(size, 1));
  }
}

std::string read_mail_subject(std::string_view line) {
  const std::string text = unfolded(line.substr(std::min(line.find(':') + 1, line.size())));
  std::string out;
  std::size_t behind_word = std::string::npos;  // where `out` ended behind the last encoded word
  for (std::size_t i = 0; i < text.size();) {
    if (auto word = encoded_word(std::string_view(text).substr(i))) {
      // Blanks between two encoded words are no part of the text (RFC 2047 section 6.2).
      const bool follows =
          behind_word != std::string::npos && out.find_first_not_of(' ', behind_word) == std::string::npos;
      if (follows) out.resize(behind_word);
      out += word->first;
      behind_word = out.size();
      i += word->second;
    } else {
      out += text[i++];
    }
  }
  return out;
}

}  // namespace lc::filter
