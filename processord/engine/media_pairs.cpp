#include "processord/engine/media_pairs.h"

#include <algorithm>

namespace lc::processor {
namespace {

constexpr std::size_t kMostEndpoints = 6;  // of a call; the first ones count

}  // namespace

void MediaPairs::announce(Held& held, const calls::Endpoint& endpoint) {
  std::vector<calls::Endpoint>& known = held.endpoints;
  if (known.size() >= kMostEndpoints || std::find(known.begin(), known.end(), endpoint) != known.end()) return;
  const std::uint64_t one = calls::EndpointHash()(endpoint);
  for (const calls::Endpoint& other : known) {
    const std::uint64_t hash = calls::EndpointHash()(other);
    const std::uint64_t key = std::min(one, hash) * 31 + std::max(one, hash);
    Pair& pair = pairs_[key];
    if (pair.calls++ == 0) pair.token = ++last_token_;
    held.pairs.push_back(key);
    held.tokens.push_back(pair.token);
  }
  known.push_back(endpoint);
}

void MediaPairs::release(Held& held) {
  for (const std::uint64_t key : held.pairs) {
    const auto found = pairs_.find(key);
    if (--found->second.calls == 0) pairs_.erase(found);
  }
  held = {};
}

}  // namespace lc::processor
