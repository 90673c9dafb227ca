// Where the media of followed calls is, in the whole tree of processors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/clock.h"
#include "common/base/one_at_a_time.h"
#include "processord/engine/filter_table.h"
#include "processord/engine/followed_media.h"

namespace lc::processor {

/// Brings together what is followed here and what other processors say, and announces it to this processor's hunters
/// (FILTER_MEDIA_ENDPOINT) for as long as one of them wants it. What is not said anew within MediaNews::kLife is
/// forgotten. Any thread, but for set_spread().
class MediaDirectory {
 public:
  /// Calls of other processors that are remembered, those that are over included.
  static constexpr std::size_t kMostForeign = 50'000;
  /// Endpoints that hunters are told of: a snapshot of them must fit into a message.
  static constexpr std::size_t kMostEndpoints = 50'000;
  /// Calls followed here whose end is remembered, for processors that are away when it comes.
  static constexpr std::size_t kMostOver = 10'000;
  /// Processors whose word on one call is remembered.
  static constexpr std::size_t kMostOrigins = 32;

  using Spread = std::function<void(const std::vector<MediaNews>&)>;

  using Time = std::function<std::int64_t()>;  // nanoseconds

  /// Only hunters are told of times of the day: `steady` goes on whatever is done to the clock.
  explicit MediaDirectory(FilterTable& filters, Time steady = steady_ns, Time wall = wall_ns);

  /// Before anything else: who tells the other processors what known() now says too. Called on the thread of
  /// followed().
  void set_spread(Spread spread) { spread_ = std::move(spread); }

  /// What is followed here; one thread. What has not changed is said anew when half of its life is over.
  void followed(const std::vector<FollowedMedia>& calls);

  /// Packets between these have come here: media of a call that others follow keeps being wanted while it flows, even
  /// if they have heard nothing of the call for so long that they have forgotten it.
  void saw(const calls::Endpoint& from, const calls::Endpoint& to);

  /// What another processor says, or one of those behind it. Whether any of it is news.
  bool heard(const std::vector<MediaNews>& news);
  /// All that is in force, and what is over but could still be known to others as in force.
  [[nodiscard]] std::vector<MediaNews> known() const;

  /// Every second or so: forgets what has not been said anew.
  void tick();

 private:
  struct Said {
    std::uint64_t version = 0;
    std::int64_t expires_at_ns = 0;
    FollowedMedia media;
  };
  struct Call {
    std::map<std::uint64_t, Said> by_origin;
    std::vector<calls::Endpoint> announced;  // to the hunters
  };
  struct Changes {
    std::vector<std::string> withdrawn;
    std::vector<fleet::Filter> announced;
  };

  void publish();
  // With mutex_ held.
  [[nodiscard]] bool flows(const FollowedMedia& media, std::int64_t now) const;
  [[nodiscard]] std::optional<MediaNews> follow(const FollowedMedia& media, std::int64_t now);
  bool take(const MediaNews& news, std::int64_t now);
  void note_over(const std::string& call_id);
  void settle(const std::string& call_id, Changes& changes);

  FilterTable& filters_;
  const Time now_ns_;
  const Time wall_ns_;
  const std::uint64_t self_;  // as MediaNews::origin
  Spread spread_;

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Call> calls_;
  std::unordered_set<std::string> changed_;                                      // calls that hunters are to be told of
  std::deque<std::string> over_;                                                 // calls followed here
  std::unordered_map<calls::Endpoint, std::int64_t, calls::EndpointHash> seen_;  // media there, when last
  std::size_t foreign_ = 0;                                                      // what others have said, of all calls
  std::size_t announced_ = 0;                                                    // endpoints, of all calls
  std::uint64_t last_version_ = 0;
  std::int64_t next_look_ns_ = 0;

  OneAtATime publication_;  // so that hunters are told in the order of the changes, without a lock
};

}  // namespace lc::processor
