// --per-call-pattern: how the files of a call are named.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "processord/engine/call_routes.h"

namespace lc::processor {

/// Immutable. Names have at most 181 bytes of [A-Za-z0-9._@+-], which leaves room for what is put behind them (_sip, a
/// link type, a number, the suffix, .part: 255 bytes are a name's limit), do not begin with a dot or a dash, and are no
/// device of Windows. What a value has of other bytes becomes '_'.
class CallFileName {
 public:
  static constexpr std::string_view kDefault = "{timestamp}_{callid}";

  /// Text with {callid}, {from}, {to} (user parts) and {timestamp} (the call's start, as utc_compact()).
  /// kInvalidArgument names what is wrong and the position (characters from 1). Any thread.
  static Result<CallFileName> parse(std::string_view text);

  CallFileName();  // kDefault

  /// Values that are too long end in a hash of the whole, so that two of them stay two names.
  [[nodiscard]] std::string name_for(const CallLabel& call) const;

  /// Whether a file's name is one that a call's file may have, with all that is put behind it, but for .part.
  [[nodiscard]] bool matches(std::string_view file_name) const;
  /// Whether there is a {timestamp}, without which nearly any name matches.
  [[nodiscard]] bool has_time() const;

 private:
  enum class Value { kNone, kCallId, kFrom, kTo, kTime };
  /// Text, and the value behind it.
  struct Piece {
    std::string text;
    Value value = Value::kNone;
  };

  [[nodiscard]] bool matches_from(std::size_t piece, std::string_view rest) const;

  std::vector<Piece> pieces_;
  std::size_t most_value_bytes_ = 0;  // of each value other than the time
};

}  // namespace lc::processor
