// Each origin's word on a call stands beside those of the others: hunters are told what comes of all of them, so that
// what one processor withdraws stays as long as another one wants it.
#include "processord/engine/media_directory.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <random>
#include <utility>

namespace lc::processor {
namespace {

constexpr std::int64_t kLookNs = 10'000'000'000;
// Media that flows is told of at least every ten seconds; when it has not been for so long, it has ended.
constexpr std::int64_t kFlowsNs = 60'000'000'000;

std::uint64_t random_origin() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;
}

std::int64_t nanoseconds(std::chrono::milliseconds time) {
  return std::chrono::nanoseconds(time).count();
}

/// The filter's id: the same for the same call and address, whoever makes it.
std::string id_of(const std::string& call_id, const calls::Endpoint& endpoint) {
  const std::string text = call_id + ' ' + calls::text_of(endpoint);
  std::uint64_t hash = XXH3_64bits(text.data(), text.size());
  std::string id = "media-";
  for (int digit = 0; digit < 16; ++digit, hash >>= 4) id += "0123456789abcdef"[hash & 15];
  return id;
}

}  // namespace

MediaDirectory::MediaDirectory(FilterTable& filters, Time steady, Time wall)
    : filters_(filters), now_ns_(std::move(steady)), wall_ns_(std::move(wall)), self_(random_origin()) {}

void MediaDirectory::followed(const std::vector<FollowedMedia>& calls) {
  std::vector<MediaNews> news;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = now_ns_();
    for (const FollowedMedia& media : calls) {
      if (std::optional<MediaNews> one = follow(media, now)) news.push_back(std::move(*one));
    }
  }
  publish();
  if (!news.empty() && spread_) spread_(news);
}

void MediaDirectory::saw(const calls::Endpoint& from, const calls::Endpoint& to) {
  const std::lock_guard lock(mutex_);
  if (foreign_ == 0) return;
  seen_[from] = seen_[to] = now_ns_();
}

bool MediaDirectory::flows(const FollowedMedia& media, std::int64_t now) const {
  return std::ranges::any_of(media.endpoints, [&](const calls::Endpoint& endpoint) {
    const auto seen = seen_.find(endpoint);
    return seen != seen_.end() && now - seen->second < kFlowsNs;
  });
}

std::optional<MediaNews> MediaDirectory::follow(const FollowedMedia& media, std::int64_t now) {
  const std::int64_t life = nanoseconds(MediaNews::kLife);
  const bool over = media.endpoints.empty();
  const auto call = calls_.find(media.call_id);
  const bool known = call != calls_.end() && call->second.by_origin.contains(self_);
  if (!known && over) return std::nullopt;
  if (media.is_idle) {
    call->second.by_origin.erase(self_);
    changed_.insert(media.call_id);
    return std::nullopt;
  }
  Said& said = calls_[media.call_id].by_origin[self_];
  const bool ends_soon = said.expires_at_ns - now <= life / 2;
  if (known && over && said.media.endpoints.empty()) return std::nullopt;
  if (known && !ends_soon && said.media == media) return std::nullopt;
  // An end is of use as long as somebody may believe what was said before.
  if (ends_soon && !over) said.expires_at_ns = now + life;
  said.version = ++last_version_;
  said.media = media;
  changed_.insert(media.call_id);
  MediaNews news{.origin = self_,
                 .version = said.version,
                 .left = std::chrono::milliseconds((said.expires_at_ns - now) / 1'000'000),
                 .media = media};
  if (over) note_over(media.call_id);
  return news;
}

void MediaDirectory::note_over(const std::string& call_id) {
  over_.push_back(call_id);
  if (over_.size() <= kMostOver) return;
  const std::string oldest = std::exchange(over_.front(), {});
  over_.pop_front();
  const auto call = calls_.find(oldest);
  if (call == calls_.end()) return;
  const auto said = call->second.by_origin.find(self_);
  if (said == call->second.by_origin.end() || !said->second.media.endpoints.empty()) return;  // it goes on
  call->second.by_origin.erase(said);
  changed_.insert(oldest);
}

bool MediaDirectory::heard(const std::vector<MediaNews>& news) {
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = now_ns_();
    for (const MediaNews& one : news) any = take(one, now) || any;
  }
  if (any) publish();
  return any;
}

bool MediaDirectory::take(const MediaNews& news, std::int64_t now) {
  if (news.origin == self_ || news.left.count() <= 0) return false;
  const auto call = calls_.find(news.media.call_id);
  const bool known = call != calls_.end() && call->second.by_origin.contains(news.origin);
  if (known && news.version <= call->second.by_origin[news.origin].version) return false;
  if (!known) {
    const bool crowded = call != calls_.end() && call->second.by_origin.size() >= kMostOrigins;
    if (foreign_ >= kMostForeign || crowded) return false;
    ++foreign_;
  }
  calls_[news.media.call_id].by_origin[news.origin] = {
      .version = news.version,
      .expires_at_ns = now + nanoseconds(std::min(news.left, MediaNews::kLife)),
      .media = news.media};
  changed_.insert(news.media.call_id);
  return true;
}

std::vector<MediaNews> MediaDirectory::known() const {
  const std::lock_guard lock(mutex_);
  const std::int64_t now = now_ns_();
  std::vector<MediaNews> known;
  for (const auto& [call_id, call] : calls_) {
    for (const auto& [origin, said] : call.by_origin) {
      const std::chrono::milliseconds left((said.expires_at_ns - now) / 1'000'000);
      if (left.count() > 0) {
        known.push_back({.origin = origin, .version = said.version, .left = left, .media = said.media});
      }
    }
  }
  return known;
}

void MediaDirectory::tick() {
  {
    const std::lock_guard lock(mutex_);
    const std::int64_t now = now_ns_();
    if (now < next_look_ns_) return;  // hunters go by the filters' own end
    next_look_ns_ = now + kLookNs;
    for (auto& [call_id, call] : calls_) {
      bool is_changed = false;
      for (auto& [origin, said] : call.by_origin) {
        if (origin == self_ || said.expires_at_ns - now >= kFlowsNs / 2 || !flows(said.media, now)) continue;
        said.expires_at_ns = now + kFlowsNs;
        is_changed = true;
      }
      std::erase_if(call.by_origin, [&](const auto& entry) {
        if (entry.second.expires_at_ns > now) return false;
        if (entry.first != self_) --foreign_;
        return is_changed = true;
      });
      if (is_changed) changed_.insert(call_id);
    }
    std::erase_if(seen_, [&](const auto& entry) { return now - entry.second >= kFlowsNs; });
  }
  publish();
}

void MediaDirectory::publish() {
  publication_.run([this] {
    Changes changes;
    {
      const std::lock_guard lock(mutex_);
      for (const std::string& call_id : std::exchange(changed_, {})) settle(call_id, changes);
    }
    if (!changes.withdrawn.empty()) filters_.withdraw(changes.withdrawn);
    if (!changes.announced.empty()) filters_.announce(changes.announced);
  });
}

void MediaDirectory::settle(const std::string& call_id, Changes& changes) {
  const auto found = calls_.find(call_id);
  if (found == calls_.end()) return;
  Call& call = found->second;
  const std::int64_t to_wall_ns = wall_ns_() - now_ns_();
  announced_ -= call.announced.size();
  const std::vector<calls::Endpoint> before = std::exchange(call.announced, {});
  const std::size_t first = changes.announced.size();
  for (const auto& [origin, said] : call.by_origin) {
    for (const calls::Endpoint& endpoint : said.media.endpoints) {
      const auto known = std::find(call.announced.begin(), call.announced.end(), endpoint);
      if (known == call.announced.end()) {
        if (announced_ >= kMostEndpoints) continue;
        ++announced_;
        call.announced.push_back(endpoint);
        changes.announced.push_back({.id = id_of(call_id, endpoint),
                                     .type = fleet::FilterType::kMediaEndpoint,
                                     .pattern = calls::text_of(endpoint),
                                     .target_hunters = {},
                                     .enabled = true,
                                     .description = "media of a followed call",
                                     .action = said.media.action,
                                     .expires_at_ns = said.expires_at_ns + to_wall_ns,
                                     .follows = said.media.follows});
        continue;
      }
      fleet::Filter& filter = changes.announced[first + static_cast<std::size_t>(known - call.announced.begin())];
      if (said.media.action == fleet::CaptureAction::kFull) filter.action = said.media.action;
      filter.expires_at_ns = std::max(filter.expires_at_ns, said.expires_at_ns + to_wall_ns);
      for (const std::string& id : said.media.follows) {
        if (filter.follows.size() >= FollowedMedia::kMostFilters) break;
        if (std::find(filter.follows.begin(), filter.follows.end(), id) == filter.follows.end()) {
          filter.follows.push_back(id);
        }
      }
    }
  }
  for (const calls::Endpoint& endpoint : before) {
    if (std::find(call.announced.begin(), call.announced.end(), endpoint) == call.announced.end()) {
      changes.withdrawn.push_back(id_of(call_id, endpoint));
    }
  }
  if (call.by_origin.empty()) calls_.erase(found);
}

}  // namespace lc::processor
