// Where media is, as lippycat.link.Media carries it, and back.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "processord/engine/followed_media.h"

namespace lc::processor {

/// A payload is full beyond this. So what a MediaDirectory knows fits into what a link holds (ChildEnd::kMostMedia),
/// and nothing waits for long behind a part of it.
inline constexpr std::size_t kMediaPayloadBytes = std::size_t{256} << 10;

std::vector<std::string> to_payloads(const std::vector<MediaNews>& news);

/// What can be understood of it, within the bounds that link.proto names.
std::vector<MediaNews> from_payload(const std::string& payload);

}  // namespace lc::processor
