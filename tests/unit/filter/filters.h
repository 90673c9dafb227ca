// Filters by type and pattern, and what of them matches.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/filter/filter_set.h"

namespace lc::filter::test {

using fleet::FilterType;
using SetPtr = std::shared_ptr<const FilterSet>;

inline fleet::Filter make_filter(FilterType type, std::string pattern, std::string id = "f1") {
  fleet::Filter filter;
  filter.id = std::move(id);
  filter.type = type;
  filter.pattern = std::move(pattern);
  filter.enabled = true;
  return filter;
}

inline SetPtr compile(std::vector<fleet::Filter> filters, std::int64_t now_ns = 1) {
  auto set = FilterSet::compile(std::move(filters), 7, now_ns);
  if (!set) FAIL(set.error().text);
  return *set;
}

inline SetPtr set_of(FilterType type, const std::string& pattern) {
  return compile({make_filter(type, pattern)});
}

inline std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Whether a set of this one filter matches what `ask(set, matches)` shows it.
template <typename Ask>
bool is_match(FilterType type, const std::string& pattern, Ask ask) {
  const SetPtr set = set_of(type, pattern);
  Matches matches;
  ask(*set, matches);
  ask(*set, matches);  // what matches twice is there once
  REQUIRE(matches.size() <= 1);
  return !matches.empty();
}

inline std::string refusal(const fleet::Filter& filter) {
  const Status status = check(filter);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kInvalidArgument);
  const auto compiled = FilterSet::compile({filter}, 1, 1);
  REQUIRE_FALSE(compiled);
  CHECK(compiled.error().text == status.error().text);
  return status.error().text;
}

}  // namespace lc::filter::test
