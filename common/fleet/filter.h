// A filter as nodes tell each other: lippycat.management.Filter as a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lc::fleet {

/// lippycat.management.FilterType, same numbers.
enum class FilterType : int {
  kSipUser = 0,
  kPhoneNumber = 1,
  kIpAddress = 2,
  kCallId = 3,
  kCodec = 4,
  kBpf = 5,
  kSipUri = 6,
  kDnsDomain = 7,
  kEmailAddress = 8,
  kEmailSubject = 9,
  kTlsSni = 10,
  kTlsJa3 = 11,
  kTlsJa3s = 12,
  kTlsJa4 = 13,
  kHttpHost = 14,
  kHttpUrl = 15,
  kImsi = 16,
  kImei = 17,
  kMediaEndpoint = 100,
};

/// The wire's name, FILTER_SIP_USER and so on; empty for a number that is none.
std::string_view name_of(FilterType type);
/// Every type that hunters can evaluate, by number; FILTER_MEDIA_ENDPOINT included.
const std::vector<FilterType>& all_filter_types();

/// lippycat.management.CaptureAction, same numbers.
enum class CaptureAction : int { kFull = 0, kSignalling = 1, kRtpHeaders = 2 };

struct Filter {
  std::string id;
  FilterType type = FilterType::kSipUser;  // may hold a number that is none: a newer peer's
  std::string pattern;
  std::vector<std::string> target_hunters;  // empty: all
  bool enabled = false;
  std::string description;
  CaptureAction action = CaptureAction::kFull;  // may hold a number that is none
  std::int64_t expires_at_ns = 0;               // 0: never
  std::vector<std::string> follows;             // kMediaEndpoint: ids of the filters that want the call

  bool operator==(const Filter&) const = default;
};

}  // namespace lc::fleet
