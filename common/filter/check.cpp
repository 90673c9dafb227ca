#include <string>

#include "common/base/text.h"
#include "common/filter/filter_set.h"
#include "common/filter/pattern.h"

namespace lc::filter {
namespace {

constexpr std::size_t kLongestDescription = 1024;

Error about_filter(const fleet::Filter& filter, const std::string& why) {
  return {Code::kInvalidArgument, "filter " + quoted(filter.id) + ": " + why};
}

bool is_known(fleet::CaptureAction action) {
  return action == fleet::CaptureAction::kFull || action == fleet::CaptureAction::kSignalling ||
         action == fleet::CaptureAction::kRtpHeaders;
}

}  // namespace

Status check(const fleet::Filter& filter) {
  if (Status id = check_id("a filter's id", filter.id); !id) return id;
  if (fleet::name_of(filter.type).empty()) {
    return about_filter(filter, "type " + std::to_string(static_cast<int>(filter.type)) + " is unknown here");
  }
  if (const Status pattern = check_pattern(filter.type, filter.pattern); !pattern) {
    return about_pattern(filter, pattern.error());
  }
  for (const std::string& target : filter.target_hunters) {
    if (const Status id = check_id("a target hunter's id", target); !id) return about_filter(filter, id.error().text);
  }
  if (!is_known(filter.action)) {
    return about_filter(filter, "action " + std::to_string(static_cast<int>(filter.action)) + " is unknown here");
  }
  if (filter.description.size() > kLongestDescription) {
    return about_filter(filter, "its description has " + std::to_string(filter.description.size()) +
                                    " bytes; at most " + std::to_string(kLongestDescription) + " are allowed");
  }
  if (filter.expires_at_ns < 0) return about_filter(filter, "it expires before 1970");
  return {};
}

}  // namespace lc::filter
