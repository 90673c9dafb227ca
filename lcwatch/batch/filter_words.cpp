#include "lcwatch/batch/filter_words.h"

#include <algorithm>
#include <cctype>

namespace lc::watch {
namespace {

constexpr std::string_view kPrefix = "filter-";
constexpr std::string_view kUnknown = "unknown";

std::string normal(std::string_view word) {
  std::string made(word);
  for (char& c : made) c = c == '_' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return made.starts_with(kPrefix) ? made.substr(kPrefix.size()) : made;
}

}  // namespace

std::string word_of(fleet::FilterType type) {
  const std::string_view name = fleet::name_of(type);
  return name.empty() ? std::string(kUnknown) : normal(name);
}

std::optional<fleet::FilterType> type_of(std::string_view word) {
  for (const fleet::FilterType type : fleet::all_filter_types()) {
    if (type != fleet::FilterType::kMediaEndpoint && word_of(type) == normal(word)) return type;
  }
  return std::nullopt;
}

std::vector<std::string> type_words() {
  std::vector<std::string> words;
  for (const fleet::FilterType type : fleet::all_filter_types()) {
    if (type != fleet::FilterType::kMediaEndpoint) words.push_back(word_of(type));
  }
  return words;
}

std::string word_of(fleet::CaptureAction action) {
  switch (action) {
    case fleet::CaptureAction::kFull:
      return "full";
    case fleet::CaptureAction::kSignalling:
      return "signalling";
    case fleet::CaptureAction::kRtpHeaders:
      return "rtp-headers";
  }
  return std::string(kUnknown);
}

std::optional<fleet::CaptureAction> action_of(std::string_view word) {
  for (const auto action :
       {fleet::CaptureAction::kFull, fleet::CaptureAction::kSignalling, fleet::CaptureAction::kRtpHeaders}) {
    if (word_of(action) == word) return action;
  }
  return std::nullopt;
}

std::vector<std::string> action_words() {
  return {"full", "signalling", "rtp-headers"};
}

}  // namespace lc::watch
