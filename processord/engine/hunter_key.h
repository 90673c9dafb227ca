// How hunters are told apart: those of this processor by their ids, those below others by where they are too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace lc::processor {

/// A capture session of a hunter below other processors, as a child tells it; lippycat.link.Origin.
struct RelayedOrigin {
  std::vector<std::string> path;  // ids of processors: the child, ..., the one that the hunter is registered at
  std::string hunter_id;
  std::uint64_t epoch = 0;
};

/// kInvalidArgument when it names no hunter that could be below a processor.
Status check_origin(const RelayedOrigin& origin);

/// "east/edge-1/h1"; ids have no slash in them.
std::string origin_path(const RelayedOrigin& origin);

/// The registry's and the journal's name for one below another processor: PATH@EPOCH, because what was left of an
/// earlier session may still come when the next one has begun. For a path of one id that id, a hunter of our own.
std::string hunter_key(std::string_view path, std::uint64_t epoch);
bool is_relayed(std::string_view key);
/// As hunter_key() or a hunter may have made it.
bool is_hunter_key(std::string_view text);
/// What hunter_key() was given.
std::string path_of(std::string_view key);

}  // namespace lc::processor
