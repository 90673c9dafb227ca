// Why a frame is wanted, and how much of it.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/filter/filter_set.h"

namespace lc::calls {

/// How much of media is forwarded. Of several filters that want a frame, the one that asks for most decides.
enum class MediaExtent : std::uint8_t { kNone, kHeaders, kFull };

MediaExtent extent_of(fleet::CaptureAction action);

/// The filters that want something, as it travels: fields matched_filter_ids of lippycat.data.CapturedPacket.
struct Want {
  std::vector<std::uint8_t> encoded;
  MediaExtent media = MediaExtent::kNone;

  [[nodiscard]] bool any() const { return !encoded.empty(); }
  void clear();
  void add(std::string_view filter_id, MediaExtent extent);  // ids that are there already stay once
  void add(const Want& other);
};

/// A filter set with what is needed to say which of its filters want something. Immutable.
struct Plan {
  std::shared_ptr<const filter::FilterSet> filters;
  bool looks_inside = false;  // at more than addresses and BPF

  explicit Plan(std::shared_ptr<const filter::FilterSet> set);
  static std::shared_ptr<const Plan> without_filters();
  void add(const filter::Matches& matches, Want& want) const;
  /// What is left of a want of the plan before: filters that are here, and still mean the same.
  [[nodiscard]] Want still_wanted(const Plan& before, const Want& want) const;

 private:
  [[nodiscard]] const fleet::Filter* find(std::string_view id) const;

  absl::flat_hash_map<std::string_view, std::uint32_t> by_id_;
};

}  // namespace lc::calls
