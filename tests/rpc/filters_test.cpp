// Filters on a processor, from the calls that change them to the hunters' streams.
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/rpc/processor_client.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::test;
using namespace std::chrono_literals;
namespace management = lippycat::management;
using grpc::StatusCode;

namespace {

const std::vector<std::string> kSnapshots = {"filter-snapshot"};

struct Bench {
  TempDir directory;
  std::unique_ptr<processor::ProcessorNode> node = open();
  Client operator_client{node->address()};

  std::unique_ptr<processor::ProcessorNode> open() {
    processor::EngineSettings settings;
    settings.processor_id = "p1";
    settings.state_dir = directory.file("state");
    return serve(std::move(settings));
  }

  struct Outcome {
    grpc::Status status;
    management::FilterUpdateResult result;
  };
  Outcome update(const management::Filter& filter) {
    Context context;
    Outcome outcome;
    outcome.status = operator_client.control->UpdateFilter(&context, filter, &outcome.result);
    return outcome;
  }
  Outcome remove(const std::string& id) {
    Context context;
    Outcome outcome;
    management::FilterDeleteRequest request;
    request.set_filter_id(id);
    outcome.status = operator_client.control->DeleteFilter(&context, request, &outcome.result);
    return outcome;
  }
  management::FilterResponse filters(const std::string& hunter_id = "") {
    Context context;
    management::FilterRequest request;
    request.set_hunter_id(hunter_id);
    management::FilterResponse response;
    REQUIRE(operator_client.control->GetFilters(&context, request, &response).ok());
    return response;
  }
};

/// As grpcurl reads its -d.
template <typename Message>
Message from_json(const std::string& json) {
  Message message;
  REQUIRE(google::protobuf::util::JsonStringToMessage(json, &message).ok());
  return message;
}

management::Filter make_filter(const std::string& id, const std::string& pattern = "192.0.2.1",
                               const std::vector<std::string>& targets = {}) {
  management::Filter message;
  message.set_id(id);
  message.set_type(management::FILTER_IP_ADDRESS);
  message.set_pattern(pattern);
  message.set_enabled(true);
  for (const std::string& target : targets) message.add_target_hunters(target);
  return message;
}

/// A hunter's registration, filter stream and heartbeat.
class Hunter {
 public:
  Hunter(const std::string& address, std::string id, const std::vector<std::string>& features = kSnapshots)
      : id_(std::move(id)), client(address) {
    REQUIRE(client.register_hunter(id_, kEpoch, features).ok());
    management::FilterRequest request;
    request.set_hunter_id(id_);
    stream_ = client.control->SubscribeFilters(&context_, request);
    stream_->WaitForInitialMetadata();
    beats_ = client.control->Heartbeat(&beat_context_);
    report(0);
  }
  ~Hunter() {
    context_.TryCancel();
    beat_context_.TryCancel();
    for (management::FilterUpdate rest; stream_->Read(&rest);) {
    }
    static_cast<void>(stream_->Finish());
    beats_->Finish();
  }
  Hunter(const Hunter&) = delete;
  Hunter& operator=(const Hunter&) = delete;

  std::optional<management::FilterUpdate> next() {
    management::FilterUpdate update;
    if (!stream_->Read(&update)) return std::nullopt;
    return update;
  }
  management::FilterUpdate must_next() {
    const auto update = next();
    REQUIRE(update);
    return *update;
  }
  /// The processor's answer to a heartbeat with that revision in force.
  management::ProcessorHeartbeat report(std::uint64_t revision) {
    management::HunterHeartbeat beat;
    beat.set_hunter_id(id_);
    beat.mutable_stats()->set_filter_revision(revision);
    REQUIRE(beats_->Write(beat));
    management::ProcessorHeartbeat answer;
    REQUIRE(beats_->Read(&answer));
    return answer;
  }

 private:
  const std::string id_;

 public:
  Client client;

 private:
  Context context_;
  Context beat_context_;
  std::unique_ptr<grpc::ClientReader<management::FilterUpdate>> stream_;
  std::unique_ptr<grpc::ClientReaderWriter<management::HunterHeartbeat, management::ProcessorHeartbeat>> beats_;
};

}  // namespace

TEST_CASE("The documented grpcurl calls add filters for all hunters or for one, and delete them", "[filters]") {
  Bench bench;
  const auto first = bench.update(from_json<management::Filter>(R"({"id": "filter-1", "type": "FILTER_IP_ADDRESS",
      "pattern": "192.168.1.0/24", "enabled": true, "description": "Local network filter"})"));
  REQUIRE(first.status.ok());
  CHECK(first.result.success());
  CHECK(first.result.filter_id() == "filter-1");
  CHECK(first.result.hunters_updated() == 0);
  const auto second = bench.update(from_json<management::Filter>(R"({"id": "filter-2", "type": "FILTER_SIP_USER",
      "pattern": "alicent@example.com", "target_hunters": ["hunter-1"], "enabled": true})"));
  REQUIRE(second.status.ok());
  CHECK(second.result.revision() > first.result.revision());
  CHECK(bench.filters().filters_size() == 2);
  CHECK(bench.filters("hunter-1").filters_size() == 2);
  CHECK(bench.filters("hunter-2").filters_size() == 1);
  REQUIRE(
      bench.remove(from_json<management::FilterDeleteRequest>(R"({"filter_id": "filter-1"})").filter_id()).status.ok());
  REQUIRE(bench.filters().filters_size() == 1);
  CHECK(bench.filters().filters(0).id() == "filter-2");

  CHECK(bench.remove("filter-1").status.error_code() == StatusCode::NOT_FOUND);
  CHECK(bench.update(make_filter("bad", "")).status.error_code() == StatusCode::INVALID_ARGUMENT);
  management::Filter endpoint = make_filter("m", "192.0.2.1:4000");
  endpoint.set_type(management::FILTER_MEDIA_ENDPOINT);
  CHECK(bench.update(endpoint).status.error_code() == StatusCode::INVALID_ARGUMENT);
  management::Filter unknown = make_filter("u");
  unknown.set_type(static_cast<management::FilterType>(77));
  CHECK(bench.update(unknown).status.error_code() == StatusCode::INVALID_ARGUMENT);
  const auto made = bench.update(make_filter(""));
  REQUIRE(made.status.ok());
  CHECK_FALSE(made.result.filter_id().empty());
}

TEST_CASE("A change is confirmed when its hunters report its revision, and status calls show filters and hits",
          "[filters]") {
  Bench bench;
  REQUIRE(bench.update(make_filter("before")).status.ok());
  Hunter hunter(bench.node->address(), "h1");
  Hunter other(bench.node->address(), "h2");
  REQUIRE(hunter.client.registered.filters_size() == 1);
  CHECK(hunter.client.registered.filters(0).id() == "before");
  const auto snapshot = hunter.must_next();
  CHECK(snapshot.update_type() == management::UPDATE_SNAPSHOT);
  REQUIRE(snapshot.snapshot_size() == 1);
  CHECK(hunter.report(snapshot.revision()).filter_revision() == snapshot.revision());

  auto changed = std::async(std::launch::async, [&] {
    return bench.update(make_filter("new", "192.0.2.2", {"h1", "away"}));
  });
  const auto update = hunter.must_next();
  CHECK(update.update_type() == management::UPDATE_ADD);
  CHECK(update.filter().pattern() == "192.0.2.2");
  CHECK(hunter.report(update.revision()).filter_revision() == update.revision());
  const auto outcome = changed.get();
  REQUIRE(outcome.status.ok());
  CHECK(outcome.result.revision() == update.revision());
  CHECK(outcome.result.hunters_updated() == 1);
  CHECK(outcome.result.hunters_pending() == 0);

  const auto began = Clock::now();
  const auto pending = bench.update(make_filter("before", "192.0.2.3"));  // nobody reports it
  CHECK(Clock::now() - began >= 1s);
  REQUIRE(pending.status.ok());
  CHECK(pending.result.hunters_updated() == 0);
  CHECK(pending.result.hunters_pending() == 2);

  bench.node->engine().filters().count_hits("new", 12, 77);
  CHECK(bench.filters("h1").filters(1).packets_hit() == 12);
  Context context;
  management::StatusResponse status;
  REQUIRE(bench.operator_client.control->GetHunterStatus(&context, {}, &status).ok());
  CHECK(status.processor_stats().total_filters() == 2);
  REQUIRE(status.hunters_size() == 2);
  CHECK(status.hunters(0).filters_targeting() == 2);
  REQUIRE(status.hunters(0).filters_size() == 2);
  CHECK(status.hunters(0).filters(1).last_hit_ns() == 77);
  CHECK(status.hunters(0).filter_revision() == pending.result.revision());
  CHECK(status.hunters(0).stats().filter_revision() == update.revision());
  CHECK(status.hunters(1).filters_targeting() == 1);
}

TEST_CASE("A retargeted filter is deleted on the hunter that loses it and added on the one that gets it", "[filters]") {
  Bench bench;
  REQUIRE(bench.update(make_filter("f", "192.0.2.1", {"h1"})).status.ok());
  Hunter first(bench.node->address(), "h1");
  Hunter second(bench.node->address(), "h2");
  CHECK(first.must_next().snapshot_size() == 1);
  CHECK(second.must_next().snapshot_size() == 0);
  const auto outcome = bench.update(make_filter("f", "192.0.2.1", {"h2"}));
  REQUIRE(outcome.status.ok());
  const auto gone = first.must_next();
  CHECK(gone.update_type() == management::UPDATE_DELETE);
  CHECK(gone.filter().id() == "f");
  CHECK(gone.revision() == outcome.result.revision());
  CHECK(second.must_next().update_type() == management::UPDATE_ADD);
}

TEST_CASE("A peer of the reference gets additions, then DELETE and ADD, and counts as updated when they are written",
          "[filters]") {
  Bench bench;
  REQUIRE(bench.update(make_filter("f")).status.ok());
  Hunter old(bench.node->address(), "old", {});
  CHECK(old.must_next().update_type() == management::UPDATE_ADD);
  const auto outcome = bench.update(make_filter("f", "192.0.2.2"));
  CHECK(outcome.result.hunters_updated() == 1);
  CHECK(old.must_next().update_type() == management::UPDATE_DELETE);
  const auto again = old.must_next();
  CHECK(again.update_type() == management::UPDATE_ADD);
  CHECK(again.filter().pattern() == "192.0.2.2");
}

TEST_CASE("A hunter that does not read its filters delays nobody, and gets the newest state in the end", "[filters]") {
  constexpr int kChanges = 2'000;
  Bench bench;
  Hunter slow(bench.node->address(), "slow");
  std::vector<std::string> targets(300, std::string(60, 'x'));  // changes of 18 KB: more than gRPC's windows hold
  targets.emplace_back("slow");
  std::vector<std::future<bool>> answers;
  for (int i = 0; i < kChanges; ++i) {
    fleet::Filter change;
    change.id = "f" + std::to_string(i % 10);
    change.type = fleet::FilterType::kIpAddress;
    change.pattern = "192.0.2.1";
    change.enabled = true;
    change.description = std::to_string(i);
    change.target_hunters = targets;
    auto done = std::make_shared<std::promise<bool>>();
    answers.push_back(done->get_future());
    bench.node->engine().filters().upsert(std::move(change),
                                          [done](const auto& result) { done->set_value(result.ok()); });
  }
  for (auto& answer : answers) REQUIRE(answer.get());
  std::map<std::string, std::string> seen;
  std::uint64_t revision = 0;
  const std::uint64_t newest = bench.node->engine().filters().board().revision();
  int updates = 0;
  for (; revision < newest; ++updates) {
    const auto update = slow.must_next();
    CHECK(update.revision() >= revision);
    revision = update.revision();
    for (const auto& entry : update.snapshot()) seen[entry.id()] = entry.description();
    if (update.has_filter()) seen[update.filter().id()] = update.filter().description();
  }
  CHECK(updates < kChanges);
  REQUIRE(seen.size() == 10);
  const management::FilterResponse table = bench.filters();
  for (const auto& shown : table.filters()) CHECK(seen.at(shown.id()) == shown.description());
}

TEST_CASE("A filter stream ends when its hunter registers again, is not registered, or the processor stops",
          "[filters]") {
  Bench bench;
  Hunter hunter(bench.node->address(), "h1");
  hunter.must_next();
  Client again(bench.node->address());
  REQUIRE(again.register_hunter("h1", kEpoch, kSnapshots).ok());
  CHECK_FALSE(hunter.next());
  Context context;
  management::FilterRequest request;
  request.set_hunter_id("nobody");
  const auto stream = again.control->SubscribeFilters(&context, request);
  management::FilterUpdate update;
  CHECK_FALSE(stream->Read(&update));
  CHECK(stream->Finish().error_code() == StatusCode::NOT_FOUND);

  Hunter second(bench.node->address(), "h2");
  second.must_next();
  const auto began = Clock::now();
  bench.node.reset();
  CHECK(Clock::now() - began < 3s);
  CHECK_FALSE(second.next());
}

TEST_CASE("Calls for a processor's filters by its own id are its own, and others are not known", "[filters]") {
  Bench bench;
  auto& control = *bench.operator_client.control;
  for (const auto& [id, code] :
       {std::pair{"", StatusCode::OK}, {"p1", StatusCode::OK}, {"p2", StatusCode::NOT_FOUND}}) {
    management::ProcessorFilterRequest change;
    change.set_processor_id(id);
    *change.mutable_filter() = make_filter("f");
    management::FilterUpdateResult result;
    Context change_context;
    CHECK(control.UpdateFilterOnProcessor(&change_context, change, &result).error_code() == code);
    management::ProcessorFilterQuery query;
    query.set_processor_id(id);
    management::FilterResponse filters;
    Context query_context;
    CHECK(control.GetFiltersFromProcessor(&query_context, query, &filters).error_code() == code);
    CHECK(filters.filters_size() == (code == StatusCode::OK ? 1 : 0));
    management::ProcessorFilterDeleteRequest removal;
    removal.set_processor_id(id);
    removal.set_filter_id("f");
    Context removal_context;
    const grpc::Status status = control.DeleteFilterOnProcessor(&removal_context, removal, &result);
    CHECK(status.error_code() == code);
    if (code != StatusCode::OK) CHECK_THAT(status.error_message(), Catch::Contains("p2"));
  }
}

TEST_CASE("Ten thousand filters reach a hunter in one message, and status stays small", "[filters]") {
  Bench bench;
  std::vector<std::future<void>> answers;
  for (int i = 0; i < 10'000; ++i) {
    fleet::Filter added;
    added.id = "f" + std::to_string(i);
    added.type = fleet::FilterType::kIpAddress;
    added.pattern = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250);
    added.enabled = true;
    added.description = std::string(100, 'x');
    auto done = std::make_shared<std::promise<void>>();
    answers.push_back(done->get_future());
    bench.node->engine().filters().upsert(std::move(added), [done](const auto&) { done->set_value(); });
  }
  for (auto& answer : answers) answer.get();
  Hunter first(bench.node->address(), "h1");
  Hunter second(bench.node->address(), "h2");
  CHECK(first.must_next().snapshot_size() == 10'000);
  CHECK(second.must_next().snapshot_size() == 10'000);
  std::vector<double> took_ms;
  for (int i = 0; i < 10; ++i) {
    const auto began = Clock::now();
    auto changed = std::async(std::launch::async,
                              [&] { return bench.update(make_filter("f77", "192.0.2." + std::to_string(i))); });
    for (Hunter* hunter : {&first, &second}) hunter->report(hunter->must_next().revision());
    CHECK(changed.get().result.hunters_updated() == 2);
    took_ms.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
  }
  std::sort(took_ms.begin(), took_ms.end());
  std::cout << "a change among 10,000 filters, until two hunters have confirmed: median " << took_ms[5] << " ms\n";
  Context context;
  management::StatusResponse status;
  REQUIRE(bench.operator_client.control->GetHunterStatus(&context, {}, &status).ok());
  CHECK(status.ByteSizeLong() < std::size_t{4} << 20);
  CHECK(status.hunters(0).filters_size() == 10'000);
  CHECK(status.hunters(1).filters_size() == 0);
  CHECK(status.hunters(1).filters_targeting() == 10'000);
}
