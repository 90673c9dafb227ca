// Consoles that see calls, against clients of generated classes alone.
#include "processord/service/call_subscriber.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/rpc/packet_calls.h"
#include "tests/rpc/subscriber.h"
#include "tests/support/calls.h"

using namespace lc;
using namespace lc::test;
using namespace std::chrono_literals;
using fleet::Call;
namespace data = lippycat::data;
using grpc::StatusCode;

namespace {

/// A board on the network, with no follower of calls behind it.
class CallServer final : public data::DataService::CallbackService {
 public:
  CallServer() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~CallServer() override {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  grpc::ServerWriteReactor<data::CorrelatedCallUpdate>* SubscribeCorrelatedCalls(
      grpc::CallbackServerContext*, const data::SubscribeRequest* request) override {
    return processor::CallSubscriber::start(board, *request);
  }

  processor::CallBoard board{10};
  std::string address;

 private:
  std::unique_ptr<grpc::Server> server_;
};

data::SubscribeRequest with_removals() {
  data::SubscribeRequest request;
  request.set_with_removals(true);
  return request;
}

/// What each update says, in short.
std::string text_of(const data::CorrelatedCallUpdate& update) {
  switch (update.update_type()) {
    case data::CALL_UPDATED:
      return update.correlation_id() + " " + update.state();
    case data::CALL_REMOVED:
      return "removed " + update.correlation_id();
    case data::CALL_SNAPSHOT_BEGIN:
      return "begin";
    case data::CALL_SNAPSHOT_END:
      return "end";
    default:
      return "?";
  }
}

template <typename Console>
std::vector<std::string> read(Console& console, std::size_t updates) {
  std::vector<std::string> texts;
  while (texts.size() < updates) {
    const auto update = console.next();
    if (!update) break;
    texts.push_back(text_of(*update));
  }
  return texts;
}

using Texts = std::vector<std::string>;

/// Fields that are as if never set, also in the messages within.
std::vector<std::string> unset_fields(const google::protobuf::Message& message) {
  std::vector<std::string> names;
  const auto& reflection = *message.GetReflection();
  const auto& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const auto& field = *descriptor.field(i);
    const bool is_set =
        field.is_repeated() ? reflection.FieldSize(message, &field) > 0 : reflection.HasField(message, &field);
    if (!is_set) names.push_back(field.full_name());
    if (field.cpp_type() != field.CPPTYPE_MESSAGE) continue;
    for (int k = 0; field.is_repeated() && k < reflection.FieldSize(message, &field); ++k) {
      const auto inner = unset_fields(reflection.GetRepeatedMessage(message, &field, k));
      names.insert(names.end(), inner.begin(), inner.end());
    }
  }
  return names;
}

fleet::Call full_call(const std::string& text) {
  fleet::Call call;
  call.id = "call-1";
  call.tag_pair = {text + "1", text + "2"};
  call.from_user = text + "3";
  call.to_user = text + "4";
  call.state = "active";
  call.start_ns = 1'700'000'000'000'000'001;
  call.last_ns = 1'700'000'000'000'000'002;
  call.legs = {{.call_id = text + "5",
                .hunter_id = "h1",
                .source = "192.0.2.1",
                .destination = "2001:db8::1",
                .method = text + "6",
                .response_code = 180,
                .messages = 3'000'000'000,
                .state = "ringing",
                .start_ns = 11,
                .last_ns = 12}};
  call.streams = {{.call_id = text + "7",
                   .hunter_id = "h2",
                   .source = "192.0.2.1:4000",
                   .destination = "[2001:db8::1]:4002",
                   .ssrc = 0xdeadbeef,
                   .payload_type = 101,
                   .codec = text + "8",
                   .clock_rate = 48'000,
                   .media = text + "9",
                   .packets = 21,
                   .lost = 22,
                   .reordered = 23,
                   .duplicates = 24,
                   .jitter_ms = 2.5,
                   .max_jitter_ms = 3.5,
                   .mean_jitter_ms = 3,
                   .mos = 4.25,
                   .gaps_in_capture = true,
                   .first_ns = 25,
                   .last_ns = 26}};
  call.answered_ns = 27;
  call.ended_ns = 28;
  call.messages = {{.time_ns = 29,
                    .call_id = text + "10",
                    .hunter_id = "h1",
                    .source = "192.0.2.1:5060",
                    .destination = "[2001:db8::1]:5060",
                    .method = text + "11",
                    .response_code = 180,
                    .cseq = 30,
                    .sdp = true,
                    .retransmission = true}};
  call.more_messages = 31;
  return call;
}

}  // namespace

TEST_CASE("A console is sent a snapshot, then what changes and what goes", "[call_subscriber]") {
  CallServer server;
  Client client(server.address);
  server.board.publish(call("a"));
  server.board.publish(call("b"));
  auto console = subscribe_calls(client, with_removals());
  CHECK(read(console, 4) == Texts{"begin", "a trying", "b trying", "end"});
  server.board.publish(call("a", "active"));
  CHECK(read(console, 1) == Texts{"a active"});
  server.board.remove("b");
  const auto removal = console.next();
  REQUIRE(removal);
  CHECK(text_of(*removal) == "removed b");
  CHECK(removal->revision() == 4);
  auto empty = subscribe_calls(client, with_removals());
  CHECK(read(empty, 3) == Texts{"begin", "a active", "end"});
}

TEST_CASE("A console that does not know removals and snapshots is sent calls alone", "[call_subscriber]") {
  CallServer server;
  Client client(server.address);
  server.board.publish(call("a"));
  server.board.publish(call("b"));
  auto console = subscribe_calls(client);
  CHECK(read(console, 2) == Texts{"a trying", "b trying"});
  server.board.remove("a");
  server.board.publish(call("b", "ended"));
  const auto update = console.next();
  REQUIRE(update);
  CHECK(text_of(*update) == "b ended");
}

TEST_CASE("A call reaches a console with all that is known of it", "[call_subscriber]") {
  CallServer server;
  Client client(server.address);
  data::SubscribeRequest request;
  request.set_with_messages(true);
  auto console = subscribe_calls(client, request);
  server.board.publish(std::make_shared<const fleet::Call>(full_call("text")));
  const auto update = console.next();
  REQUIRE(update);
  CHECK(unset_fields(*update) == Texts{"lippycat.data.CorrelatedCallUpdate.update_type"});  // 0: CALL_UPDATED
  CHECK(update->correlation_id() == "call-1");
  REQUIRE(update->tag_pair_size() == 2);
  CHECK(update->tag_pair(0) == "text1");
  CHECK(update->tag_pair(1) == "text2");
  CHECK(update->from_user() == "text3");
  CHECK(update->to_user() == "text4");
  CHECK(update->state() == "active");
  CHECK(update->start_time_ns() == 1'700'000'000'000'000'001);
  CHECK(update->last_seen_ns() == 1'700'000'000'000'000'002);
  REQUIRE(update->legs_size() == 1);
  const data::CallLegInfo& leg = update->legs(0);
  CHECK(leg.call_id() == "text5");
  CHECK(leg.hunter_id() == "h1");
  CHECK(leg.src_ip() == "192.0.2.1");
  CHECK(leg.dst_ip() == "2001:db8::1");
  CHECK(leg.method() == "text6");
  CHECK(leg.response_code() == 180);
  CHECK(leg.packet_count() == 2'147'483'647);  // as much as the field holds
  CHECK(leg.state() == "ringing");
  CHECK(leg.start_time_ns() == 11);
  CHECK(leg.last_seen_ns() == 12);
  REQUIRE(update->messages_size() == 1);
  CHECK(update->messages(0).call_id() == "text10");
  CHECK(update->messages(0).method() == "text11");
  CHECK(update->messages_omitted() == 31);
  REQUIRE(update->streams_size() == 1);
  const data::CallStreamInfo& stream = update->streams(0);
  CHECK(stream.call_id() == "text7");
  CHECK(stream.hunter_id() == "h2");
  CHECK(stream.source() == "192.0.2.1:4000");
  CHECK(stream.destination() == "[2001:db8::1]:4002");
  CHECK(stream.ssrc() == 0xdeadbeef);
  CHECK(stream.payload_type() == 101);
  CHECK(stream.codec() == "text8");
  CHECK(stream.clock_rate() == 48'000);
  CHECK(stream.packets() == 21);
  CHECK(stream.lost() == 22);
  CHECK(stream.reordered() == 23);
  CHECK(stream.duplicates() == 24);
  CHECK(stream.jitter_ms() == 2.5);
  CHECK(stream.max_jitter_ms() == 3.5);
  CHECK(stream.mos() == 4.25);
  CHECK(stream.gaps_in_capture());
  CHECK(stream.start_time_ns() == 25);
  CHECK(stream.last_seen_ns() == 26);
}

TEST_CASE("Bytes that are no text in a call's headers do not break the stream", "[call_subscriber]") {
  CallServer server;
  Client client(server.address);
  auto console = subscribe_calls(client);
  server.board.publish(std::make_shared<const fleet::Call>(full_call("\xff\x1b[2J\xc0\x80")));
  server.board.publish(std::make_shared<const fleet::Call>(full_call(std::string(100'000, 'x'))));
  const auto update = console.next();  // the generated classes refuse a string that is no UTF-8
  REQUIRE(update);
  const std::string safe = "\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd";
  CHECK((update->from_user() == safe + "3" || update->from_user().size() < 1'000));  // if both waited, the later one
  server.board.publish(std::make_shared<const fleet::Call>(full_call("\xff\x1b[2J\xc0\x80")));
  for (;;) {
    const auto next = console.next();
    REQUIRE(next);
    CHECK(next->ByteSizeLong() < 10'000);
    if (next->from_user() != safe + "3") continue;
    CHECK(next->tag_pair(0) == safe + "1");
    CHECK(next->legs(0).call_id() == safe + "5");
    CHECK(next->streams(0).codec() == safe + "8");
    CHECK(next->streams(0).media() == safe + "9");
    break;
  }
}

TEST_CASE("A console is sent the calls of the hunters it chose: of all, of those it names, or none",
          "[call_subscriber]") {
  CallServer server;
  Client client(server.address);
  data::SubscribeRequest unfiltered = with_removals();
  unfiltered.add_hunter_ids("h2");  // means nothing without has_hunter_filter
  data::SubscribeRequest named = unfiltered;
  named.set_has_hunter_filter(true);
  data::SubscribeRequest none = with_removals();
  none.set_has_hunter_filter(true);
  server.board.publish(call("one", "active", {"h1"}));
  server.board.publish(call("two", "active", {"h2"}));
  server.board.publish(call("both", "active", {"h1", "h2"}));
  auto to_all = subscribe_calls(client, unfiltered);
  auto to_h2 = subscribe_calls(client, named);
  auto to_none = subscribe_calls(client, none);
  CHECK(read(to_all, 5) == Texts{"begin", "one active", "two active", "both active", "end"});
  CHECK(read(to_h2, 4) == Texts{"begin", "two active", "both active", "end"});
  CHECK(read(to_none, 2) == Texts{"begin", "end"});
  server.board.remove("one");
  server.board.remove("two");
  CHECK(read(to_all, 2) == Texts{"removed one", "removed two"});
  CHECK(read(to_h2, 1) == Texts{"removed two"});
}

TEST_CASE("A console that never reads holds nobody up, and then gets what there is and not what there was",
          "[call_subscriber]") {
  constexpr int kCalls = 10;
  constexpr int kChanges = 20'000;  // of some 50 kB each: a gigabyte, were each of them sent
  CallServer server;
  Client client(server.address);
  auto console = subscribe_calls(client, with_removals());
  CHECK(read(console, 2) == Texts{"begin", "end"});
  const auto long_call = [](int number, const std::string& state) {
    fleet::Call view = lc::test::call_view("c" + std::to_string(number), state);
    view.legs.resize(100, view.legs[0]);
    for (auto& leg : view.legs) leg.source = std::string(500, 'x');
    return std::make_shared<const fleet::Call>(view);
  };
  std::vector<processor::CallPointer> calls;
  for (int i = 0; i < kCalls; ++i) calls.push_back(long_call(i, "active"));
  for (int change = 0; change < kChanges; ++change)
    server.board.publish(calls[static_cast<std::size_t>(change % kCalls)]);
  for (int i = 1; i < kCalls; ++i) server.board.publish(long_call(i, "ended"));
  server.board.remove("c0");
  std::map<std::string, std::string> states;
  int updates = 0;
  do {
    const auto update = console.next();
    REQUIRE(update);
    ++updates;
    if (update->update_type() == data::CALL_REMOVED) {
      states.erase(update->correlation_id());
    } else {
      states[update->correlation_id()] = update->state();
    }
  } while (states.contains("c0") || states.size() < kCalls - 1 ||
           std::any_of(states.begin(), states.end(), [](const auto& one) { return one.second != "ended"; }));
  CHECK(updates < kChanges / 10);
}

TEST_CASE("Of a console that is gone nothing is left on the board", "[call_subscriber]") {
  CallServer server;
  const auto gone = [&] {
    const auto limit = Clock::now() + 30s;
    while (server.board.wanted() && Clock::now() < limit) std::this_thread::yield();
    return !server.board.wanted();
  };
  Client client(server.address);
  {
    auto console = subscribe_calls(client);
    CHECK(server.board.wanted());
  }
  CHECK(gone());
  {
    auto console = subscribe_calls(client, with_removals());
    for (int i = 0; i < 100; ++i) server.board.publish(call("c" + std::to_string(i)));
  }
  CHECK(gone());
}

TEST_CASE("Packets and calls may each have as many consoles as are allowed, and a stop of the processor ends them",
          "[call_subscriber]") {
  processor::EngineSettings engine = settings();
  engine.max_subscribers = 1;
  auto node = serve(engine);
  Client client(node->address());
  auto packets = subscribe_packets(client);
  auto first = subscribe_calls(client, with_removals());
  CHECK(read(first, 2) == Texts{"begin", "end"});
  {
    auto second = subscribe_calls(client);
    CHECK_FALSE(second.next());
    const grpc::Status status = second.end();
    CHECK(status.error_code() == StatusCode::RESOURCE_EXHAUSTED);
    CHECK(status.error_message() == "maximum number of subscribers of calls reached: limit 1");
  }
  const auto began = Clock::now();
  node.reset();
  CHECK(Clock::now() - began < 3s);
  CHECK_FALSE(first.next());
  const grpc::Status status = first.end();
  CHECK(status.error_code() == StatusCode::UNAVAILABLE);
  CHECK(status.error_message() == "the processor is stopping");
}
