// One pass over the lines: the first letter decides for most of them that they do not matter.
#include "common/sip/head.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "common/sip/start_line.h"
#include "common/sip/text.h"

namespace lc::sip {
namespace {

enum class Field : std::uint8_t {
  kNone,
  kCallId,
  kFrom,
  kTo,
  kVia,
  kContact,
  kCseq,
  kContentType,
  kContentLength,
  kAuthorization,
  kProxyAuthorization,
  kAssertedIdentity,
  kPreferredIdentity,
  kCalledPartyId,
  kAccessNetworkInfo,
  kVisitedNetworkId,
  kSessionId,
  kChargingVector,
  kOtherCallId,
};

/// A header name; its first eight characters are compared at once.
struct Name {
  std::string_view lower;
  Field field = Field::kNone;
  std::uint64_t prefix = 0;
  std::uint64_t mask = 0;     // ones for the characters that prefix has
  std::uint64_t letters = 0;  // the bit that makes capitals small, for its letters

  constexpr Name(std::string_view name, Field meaning) : lower(name), field(meaning) {
    for (std::size_t i = 0; i < std::min(name.size(), sizeof prefix); ++i) {
      prefix |= std::uint64_t{static_cast<std::uint8_t>(name[i])} << 8 * i;
      mask |= std::uint64_t{0xff} << 8 * i;
      letters |= std::uint64_t{is_letter(name[i]) ? 0x20U : 0U} << 8 * i;
    }
  }
};

/// Of up to eight characters, the first one lowest.
std::uint64_t prefix_of(std::string_view text) {
  static_assert(std::endian::native == std::endian::little);
  std::uint64_t prefix = 0;
  if (text.size() >= sizeof prefix) [[likely]] {
    std::memcpy(&prefix, text.data(), sizeof prefix);
  } else {
    std::memcpy(&prefix, text.data(), text.size());
  }
  return prefix;
}

// RFC 3261 section 20 and 7.3.3 (compact forms), RFC 3325, RFC 7315, RFC 7989, and what B2BUAs write; by first letters.
constexpr std::array<Name, 26> kNames = {{{"authorization", Field::kAuthorization},
                                          {"call-id", Field::kCallId},
                                          {"cseq", Field::kCseq},
                                          {"contact", Field::kContact},
                                          {"content-length", Field::kContentLength},
                                          {"content-type", Field::kContentType},
                                          {"c", Field::kContentType},
                                          {"from", Field::kFrom},
                                          {"f", Field::kFrom},
                                          {"i", Field::kCallId},
                                          {"l", Field::kContentLength},
                                          {"m", Field::kContact},
                                          {"p-asserted-identity", Field::kAssertedIdentity},
                                          {"p-preferred-identity", Field::kPreferredIdentity},
                                          {"p-called-party-id", Field::kCalledPartyId},
                                          {"p-access-network-info", Field::kAccessNetworkInfo},
                                          {"p-visited-network-id", Field::kVisitedNetworkId},
                                          {"p-charging-vector", Field::kChargingVector},
                                          {"proxy-authorization", Field::kProxyAuthorization},
                                          {"session-id", Field::kSessionId},
                                          {"to", Field::kTo},
                                          {"t", Field::kTo},
                                          {"via", Field::kVia},
                                          {"v", Field::kVia},
                                          {"x-cid", Field::kOtherCallId},
                                          {"x-call-id", Field::kOtherCallId}}};

struct Range {
  std::uint8_t begin = 0;
  std::uint8_t end = 0;
};

// The names that begin with a letter, by its lower five bits.
constexpr std::array<Range, 32> kByLetter = [] {
  std::array<Range, 32> ranges{};
  for (std::size_t i = kNames.size(); i-- > 0;) {
    Range& range = ranges[kNames[i].lower[0] & 31];
    if (range.end == 0) range.end = static_cast<std::uint8_t>(i + 1);
    range.begin = static_cast<std::uint8_t>(i);
  }
  return ranges;
}();

// Of a line, with its line feed; `value` is set behind the colon.
Field field_of(std::string_view line, const char*& value) {
  const Range range = kByLetter[line[0] & 31];
  if (range.begin == range.end) return Field::kNone;
  const std::uint64_t prefix = prefix_of(line);
  for (std::size_t i = range.begin; i != range.end; ++i) {
    const Name& name = kNames[i];
    if (((prefix | name.letters) & name.mask) != name.prefix || line.size() <= name.lower.size()) continue;
    constexpr std::size_t kCompared = sizeof prefix;
    const std::size_t size = name.lower.size();
    if (size > kCompared && !is_word(line.substr(kCompared, size - kCompared), name.lower.substr(kCompared))) continue;
    const char* colon = line.data() + size;
    while (is_blank(*colon)) ++colon;  // the line feed ends it
    if (*colon != ':') continue;
    value = colon + 1;
    return name.field;
  }
  return Field::kNone;
}

// Not `message = {}`: clearing the parties too would be a good part of the reader's time.
void clear(Message& message) {
  message.method = message.request_uri = message.reason = message.call_id = {};
  message.branch = message.from_tag = message.to_tag = message.cseq_method = message.content_type = {};
  message.authorization = message.access_network_info = message.visited_network_id = message.body = {};
  message.session_id = message.charging_vector = message.other_call_id = {};
  message.status = 0;
  message.cseq = 0;
  message.vias = 0;
  message.party_count = 0;
}

// Behind the brackets; a URI without brackets has no parameters of its own (RFC 3261 section 20.10).
std::string_view tag_of(std::string_view value) {
  const auto is_semicolon = [](char c) { return c == ';'; };
  std::size_t at = QuotedText(value).find([](char c) { return c == '<' || c == ';'; });
  if (at < value.size() && value[at] == '<') at = std::min(value.find('>', at), value.size());
  const std::string_view parameters = value.substr(find_where(value, is_semicolon, at));
  // Nearly always the tag is the first one, and not quoted.
  constexpr std::string_view kBegin = ";tag=";
  static constexpr CharacterSet kTagEnd(" \t\r\n,>;\"");
  if (parameters.starts_with(kBegin)) {
    const std::string_view tag = parameters.substr(kBegin.size());
    const std::size_t size = find_where(tag, kTagEnd);
    if (size > 0 && (size == tag.size() || tag[size] != '"')) return tag.substr(0, size);
  }
  return parameter(parameters, "tag");
}

class HeadReader {
 public:
  HeadReader(Message& message, HeadExtent& extent) : message_(message), extent_(extent) {}

  void take(Field field, std::string_view value) {
    switch (field) {
      case Field::kCallId:
        return first(message_.call_id, value);
      case Field::kFrom:
        if (!has(Identity::kFrom)) message_.from_tag = tag_of(value);
        return add_party(Identity::kFrom, value);
      case Field::kTo:
        if (!has(Identity::kTo)) message_.to_tag = tag_of(value);
        return add_party(Identity::kTo, value);
      case Field::kVia:
        return take_via(value);
      case Field::kCseq:
        if (message_.cseq_method.empty()) take_cseq(value);
        return;
      case Field::kContentType:
        return first(message_.content_type, value);
      case Field::kContentLength:
        if (!extent_.content_length) extent_.content_length = number<std::uint32_t>(value);
        return;
      case Field::kAuthorization:
        if (!authorized_) message_.authorization = value;
        authorized_ = true;
        return;
      case Field::kProxyAuthorization:
        return first(message_.authorization, value);
      case Field::kContact:
        return add_list(Identity::kContact, value);
      case Field::kAssertedIdentity:
        return add_list(Identity::kAssertedIdentity, value);
      case Field::kPreferredIdentity:
        return add_list(Identity::kPreferredIdentity, value);
      case Field::kCalledPartyId:
        return add_party(Identity::kCalledPartyId, value);
      case Field::kAccessNetworkInfo:
        return first(message_.access_network_info, value);
      case Field::kVisitedNetworkId:
        return first(message_.visited_network_id, value);
      case Field::kSessionId:
        return first(message_.session_id, value);
      case Field::kChargingVector:
        return first(message_.charging_vector, value);
      case Field::kOtherCallId:
        return first(message_.other_call_id, value);
      case Field::kNone:
        return;
    }
  }

  // A header that must be there once always finds room: repetitions and lists leave the last places free.
  void add_party(Identity identity, std::string_view value, bool may_repeat = false) {
    constexpr std::size_t kKept = 4;  // request URI, From, To, P-Called-Party-ID
    const bool repeated = may_repeat || has(identity);
    if (value.empty() || message_.party_count >= Message::kMaxParties - (repeated ? kKept : 0)) return;
    message_.parties[message_.party_count++] = {identity, value};
    identities_ |= bit_of(identity);
  }

 private:
  static unsigned bit_of(Identity identity) { return 1U << static_cast<unsigned>(identity); }
  [[nodiscard]] bool has(Identity identity) const { return (identities_ & bit_of(identity)) != 0; }

  static void first(std::string_view& place, std::string_view value) {
    if (place.empty()) place = value;
  }

  // Splits at commas outside of quotes and brackets.
  void add_list(Identity identity, std::string_view list) {
    QuotedText text(list);
    for (std::size_t begin = 0; begin < list.size() && message_.party_count < Message::kMaxParties;) {
      std::size_t end = begin;
      while ((end = text.find([](char c) { return c == ',' || c == '<'; }, end)) < list.size() && list[end] == '<') {
        end = std::min(list.find('>', end), list.size());
      }
      const std::string_view value = trim(list.substr(begin, end - begin));
      if (value != "*") add_party(identity, value, true);
      begin = end + 1;
    }
  }

  void take_via(std::string_view list) {
    QuotedText text(list);
    std::size_t end = text.find([](char c) { return c == ','; });
    if (message_.vias++ == 0) {
      const std::string_view value = list.substr(0, end);
      message_.branch = parameter(value.substr(find_where(value, [](char c) { return c == ';'; })), "branch");
    }
    for (; end < list.size(); end = text.find([](char c) { return c == ','; }, end + 1)) ++message_.vias;
  }

  void take_cseq(std::string_view value) {
    const std::size_t digits = find_where(value, is_white);
    message_.cseq = number<std::uint32_t>(value.substr(0, digits)).value_or(0);
    const std::string_view method = trim(value.substr(digits));
    message_.cseq_method = method.substr(0, find_where(method, [](char c) { return !is_token(c); }));
  }

  Message& message_;
  HeadExtent& extent_;
  unsigned identities_ = 0;  // those that message_ has
  bool authorized_ = false;
};

/// Finds the line feeds of a text, 64 bytes at a time: calling memchr() for each of a message's short lines takes twice
/// as long.
class LineFeeds {
 public:
  LineFeeds(std::string_view text, std::size_t from)
      : begin_(text.data()), next_block_(text.data() + from), end_(text.data() + text.size()) {}

  /// What follows the next line feed; nullptr: there is none.
  const char* next() {
    while (feeds_ == 0) {
      if (next_block_ == end_) return nullptr;
      take_block();
    }
    const char* const feed = block_ + std::countr_zero(feeds_);
    feeds_ &= feeds_ - 1;
    return feed + 1;
  }

 private:
  static constexpr std::ptrdiff_t kBlock = 64;

  void take_block() {
    block_ = next_block_;
    next_block_ += std::min(kBlock, end_ - block_);
    if (const std::ptrdiff_t size = next_block_ - block_; size == kBlock) {
      feeds_ = feeds_of(block_);
    } else if (end_ - begin_ >= kBlock) {
      feeds_ = feeds_of(end_ - kBlock) >> (kBlock - size);
    } else {
      for (std::ptrdiff_t i = 0; i < size; ++i) feeds_ |= std::uint64_t{block_[i] == '\n'} << i;
    }
  }

  /// A bit for each of kBlock bytes, the first one lowest.
  static std::uint64_t feeds_of(const char* block) {
    std::uint64_t feeds = 0;
#ifdef __SSE2__
    const __m128i feed = _mm_set1_epi8('\n');
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block) + i);
      const auto found = static_cast<std::uint16_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, feed)));
      feeds |= std::uint64_t{found} << 16 * i;
    }
#else
    for (int i = 0; i < kBlock; ++i) feeds |= std::uint64_t{block[i] == '\n'} << i;
#endif
    return feeds;
  }

  const char* begin_;
  const char* block_ = nullptr;
  const char* next_block_;
  const char* end_;
  std::uint64_t feeds_ = 0;  // of block_, those that next() has not given yet
};

}  // namespace

bool read_head(std::string_view text, Message& message, HeadExtent& extent) {
  clear(message);
  extent = {};
  StartLine start;
  if (read_start_line(text, start) != Start::kWhole) return false;
  message.is_request = start.is_request;
  message.method = start.method;
  message.request_uri = start.uri;
  message.status = start.status;
  message.reason = start.reason;

  HeadReader reader(message, extent);
  reader.add_party(Identity::kRequestUri, start.uri);
  LineFeeds feeds(text, start.size);
  const char* const end = text.data() + text.size();
  const char* line = text.data() + start.size;
  while (line != end) {
    const char* next = feeds.next();
    if (next == nullptr) break;  // what is cut off inside a value would be another value
    if (next - line <= 2 && is_line_end(*line)) {
      extent.end = static_cast<std::size_t>(next - text.data());
      break;
    }
    const char* value = nullptr;
    const Field field = field_of({line, static_cast<std::size_t>(next - line)}, value);
    if (field != Field::kNone) {
      while (next != nullptr && next != end && is_blank(*next)) next = feeds.next();
      if (next == nullptr) break;
      reader.take(field, trim({value, static_cast<std::size_t>(next - value)}));
    }
    line = next;
  }
  if (!message.is_request) message.method = message.cseq_method;
  return true;
}

}  // namespace lc::sip
