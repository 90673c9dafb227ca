#include "processord/service/media_messages.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/text.h"
#include "lippycat/link.pb.h"

namespace lc::processor {
namespace {

namespace pb = lippycat::link;
namespace mgmt = lippycat::management;

void write(const MediaNews& news, pb::FollowedCall& message) {
  message.set_origin(news.origin);
  message.set_version(news.version);
  message.set_left_ms(
      static_cast<std::uint32_t>(std::clamp<std::int64_t>(news.left.count(), 0, MediaNews::kLife.count())));
  message.set_call_id(news.media.call_id);
  message.set_action(static_cast<mgmt::CaptureAction>(news.media.action));
  message.mutable_follows()->Add(news.media.follows.begin(), news.media.follows.end());
  for (const calls::Endpoint& endpoint : news.media.endpoints) message.add_endpoints(calls::text_of(endpoint));
}

std::optional<MediaNews> read(const pb::FollowedCall& message) {
  const bool whole = message.origin() != 0 && !message.call_id().empty() &&
                     message.call_id().size() <= MediaNews::kLongestCallId &&
                     static_cast<std::size_t>(message.follows_size()) <= FollowedMedia::kMostFilters &&
                     static_cast<std::size_t>(message.endpoints_size()) <= FollowedMedia::kMostEndpoints &&
                     (message.action() == mgmt::CAPTURE_FULL || message.action() == mgmt::CAPTURE_RTP_HEADERS) &&
                     std::ranges::all_of(message.follows(), [](const auto& id) { return check_id("", id).ok(); });
  if (!whole) return std::nullopt;
  MediaNews news{.origin = message.origin(),
                 .version = message.version(),
                 .left = std::min(std::chrono::milliseconds(message.left_ms()), MediaNews::kLife),
                 .media = {.call_id = message.call_id(),
                           .action = static_cast<fleet::CaptureAction>(message.action()),
                           .follows = {message.follows().begin(), message.follows().end()}}};
  for (const std::string& text : message.endpoints()) {
    const Result<calls::Endpoint> endpoint = calls::parse_endpoint(text);
    if (!endpoint) return std::nullopt;
    news.media.endpoints.push_back({calls::unmapped(endpoint->address), endpoint->port});
  }
  return news;
}

}  // namespace

std::vector<std::string> to_payloads(const std::vector<MediaNews>& news) {
  std::vector<std::string> payloads;
  pb::FollowedCalls message;
  std::size_t bytes = 0;
  for (const MediaNews& one : news) {
    if (one.media.call_id.size() > MediaNews::kLongestCallId) continue;  // nobody would take it
    pb::FollowedCall& call = *message.add_calls();
    write(one, call);
    bytes += call.ByteSizeLong();
    if (bytes < kMediaPayloadBytes) continue;
    payloads.push_back(message.SerializeAsString());
    message.Clear();
    bytes = 0;
  }
  if (message.calls_size() > 0) payloads.push_back(message.SerializeAsString());
  return payloads;
}

std::vector<MediaNews> from_payload(const std::string& payload) {
  std::vector<MediaNews> news;
  pb::FollowedCalls message;
  if (payload.size() > 2 * kMediaPayloadBytes || !message.ParseFromString(payload)) return news;
  for (const pb::FollowedCall& call : message.calls()) {
    if (std::optional<MediaNews> one = read(call)) news.push_back(std::move(*one));
  }
  return news;
}

}  // namespace lc::processor
