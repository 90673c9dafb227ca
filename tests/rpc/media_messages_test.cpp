#include "processord/service/media_messages.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "lippycat/link.pb.h"
#include "processord/engine/media_directory.h"
#include "processord/tree/child_end.h"
#include "processord/tree/parent_end.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
namespace pb = lippycat::link;

namespace {

MediaNews some_news() {
  const auto first = calls::parse_endpoint("192.0.2.1:4000");
  const auto second = calls::parse_endpoint("[2001:db8::1]:4001");
  return {.origin = 0xffff'ffff'ffff'ffff,
          .version = 7,
          .left = 61'500ms,
          .media = {.call_id = "\xff not utf-8",
                    .action = fleet::CaptureAction::kRtpHeaders,
                    .follows = {"alice", "bob.2"},
                    .endpoints = {*first, *second}}};
}

pb::FollowedCalls message_of(const std::vector<MediaNews>& news) {
  const std::vector<std::string> payloads = to_payloads(news);
  REQUIRE(payloads.size() == 1);
  pb::FollowedCalls message;
  REQUIRE(message.ParseFromString(payloads[0]));
  return message;
}

}  // namespace

TEST_CASE("Where media is arrives whole", "[media_messages]") {
  const pb::FollowedCalls message = message_of({some_news()});
  REQUIRE(message.calls_size() == 1);
  const pb::FollowedCall& call = message.calls(0);
  CHECK(call.origin() == 0xffff'ffff'ffff'ffff);
  CHECK(call.version() == 7);
  CHECK(call.left_ms() == 61'500);
  CHECK(call.call_id() == "\xff not utf-8");
  CHECK(call.action() == lippycat::management::CAPTURE_RTP_HEADERS);
  CHECK(std::vector<std::string>(call.follows().begin(), call.follows().end()) ==
        std::vector<std::string>{"alice", "bob.2"});
  CHECK(std::vector<std::string>(call.endpoints().begin(), call.endpoints().end()) ==
        std::vector<std::string>{"192.0.2.1:4000", "[2001:db8::1]:4001"});

  const std::vector<MediaNews> back = from_payload(message.SerializeAsString());
  REQUIRE(back.size() == 1);
  CHECK(back[0].origin == some_news().origin);
  CHECK(back[0].version == 7);
  CHECK(back[0].left == 61'500ms);
  CHECK(back[0].media == some_news().media);
}

TEST_CASE("What is out of bounds is passed over, and what stands beside it is not", "[media_messages]") {
  const std::string fine = message_of({some_news()}).calls(0).SerializeAsString();
  const auto left_of = [&](auto&& spoil) {
    pb::FollowedCalls message;
    REQUIRE(message.add_calls()->ParseFromString(fine));
    spoil(*message.mutable_calls(0));
    REQUIRE(message.add_calls()->ParseFromString(fine));
    return from_payload(message.SerializeAsString()).size();
  };
  CHECK(left_of([](pb::FollowedCall&) {}) == 2);
  CHECK(left_of([](pb::FollowedCall& call) { call.clear_endpoints(); }) == 2);
  CHECK(left_of([](pb::FollowedCall& call) { call.set_call_id(std::string(1'024, 'x')); }) == 2);
  CHECK(left_of([](pb::FollowedCall& call) { call.clear_origin(); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) { call.clear_call_id(); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) { call.set_call_id(std::string(1'025, 'x')); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) { call.add_follows("no id"); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) { call.add_endpoints("192.0.2.1"); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) { call.set_action(lippycat::management::CAPTURE_SIGNALLING); }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) {
          call.set_action(static_cast<lippycat::management::CaptureAction>(77));
        }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) {
          for (int i = 0; i < 15; ++i) call.add_endpoints("192.0.2.1:4000");
        }) == 1);
  CHECK(left_of([](pb::FollowedCall& call) {
          for (int i = 0; i < 63; ++i) call.add_follows("alice");
        }) == 1);
  CHECK(from_payload("\xff\xff\xff").empty());
  CHECK(from_payload("").empty());
}

TEST_CASE("Nobody can ask for more than the longest life, nor for an address mapped into IPv6", "[media_messages]") {
  pb::FollowedCalls message = message_of({some_news()});
  message.mutable_calls(0)->set_left_ms(0xffff'ffff);
  message.mutable_calls(0)->set_endpoints(0, "[::ffff:192.0.2.9]:4000");
  const std::vector<MediaNews> news = from_payload(message.SerializeAsString());
  REQUIRE(news.size() == 1);
  CHECK(news[0].left == MediaNews::kLife);
  CHECK(calls::text_of(news[0].media.endpoints[0]) == "192.0.2.9:4000");
}

TEST_CASE("All that can be known fits into what a link holds, and each part into a message", "[media_messages]") {
  MediaNews longest = some_news();
  longest.media.call_id = std::string(MediaNews::kLongestCallId, 'x');
  longest.media.endpoints.assign(FollowedMedia::kMostEndpoints, longest.media.endpoints[1]);
  // Those of 50,000 followed calls are known at most, and of as many as may be remembered.
  const std::vector<MediaNews> all(50'000 + MediaDirectory::kMostOver + MediaDirectory::kMostForeign, longest);
  const std::vector<std::string> payloads = to_payloads(all);
  CHECK(payloads.size() < ChildEnd::kMostMedia);
  CHECK(payloads.size() < ParentEnd::kMostMedia);
  std::size_t calls = 0;
  for (const std::string& payload : payloads) {
    CHECK(payload.size() < 2 * kMediaPayloadBytes);
    pb::FollowedCalls message;
    REQUIRE(message.ParseFromString(payload));
    calls += static_cast<std::size_t>(message.calls_size());
  }
  CHECK(calls == all.size());
  CHECK(to_payloads({}).empty());
}
