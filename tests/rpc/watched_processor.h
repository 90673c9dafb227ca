// A processor of generated classes alone, as a console sees it: each subscription sends and ends as a test says.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "lippycat/data.grpc.pb.h"
#include "lippycat/management.grpc.pb.h"
#include "tests/support/changes.h"

namespace lc::test {

class WatchedProcessor {
 public:
  WatchedProcessor() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&management_);
    builder.RegisterService(&data_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) throw std::runtime_error("no server");
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~WatchedProcessor() {
    for (const char* kind : {"topology", "packets", "calls"}) cut(kind);
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  WatchedProcessor(const WatchedProcessor&) = delete;
  WatchedProcessor& operator=(const WatchedProcessor&) = delete;

  /// How many calls of this subscription (topology, packets, calls) have begun.
  int begun(const std::string& kind) {
    return changes_.look([&] { return streams_[kind].begun; });
  }
  bool wait_begun(const std::string& kind, int count) {
    return changes_.wait([&] { return streams_[kind].begun >= count; });
  }
  /// Ends the calls of this subscription that there are.
  void cut(const std::string& kind) {
    changes_.change([&] { streams_[kind].ended = streams_[kind].begun; });
  }
  void send(const lippycat::management::TopologyUpdate& update) {
    changes_.change([&] { topology_.push_back(update); });
  }
  void send(const lippycat::data::PacketBatch& batch) {
    changes_.change([&] { batches_.push_back(batch); });
  }

  std::string address;
  // With look().
  std::vector<lippycat::data::SubscribeRequest> packet_requests;
  std::vector<std::string> tokens_used;
  int tokens = 0;
  int tokens_refused = 0;  // so many changes are refused before one is taken
  bool read_only = false;

  template <typename Function>
  auto look(Function&& function) {
    return changes_.look(function);
  }
  template <typename Condition>
  bool wait(Condition&& condition) {
    return changes_.wait(condition);
  }

 private:
  struct Stream {
    int begun = 0;
    int ended = 0;
  };

  template <typename Message>
  grpc::Status serve(const std::string& kind, std::vector<Message>& queue, grpc::ServerWriter<Message>* writer,
                     std::vector<Message> first) {
    int number = 0;
    changes_.change([&] { number = ++streams_[kind].begun; });
    writer->SendInitialMetadata();
    for (const Message& message : first) writer->Write(message);
    while (true) {
      std::vector<Message> more;
      bool over = false;
      changes_.wait([&] {
        over = streams_[kind].ended >= number;
        more.swap(queue);
        return over || !more.empty();
      });
      for (const Message& message : more) {
        if (!writer->Write(message)) over = true;
      }
      if (over) return {grpc::StatusCode::UNAVAILABLE, "cut"};
    }
  }

  struct Management final : lippycat::management::ManagementService::Service {
    explicit Management(WatchedProcessor& owner_in) : owner(owner_in) {}
    grpc::Status SubscribeTopology(grpc::ServerContext*, const lippycat::management::TopologySubscribeRequest*,
                                   grpc::ServerWriter<lippycat::management::TopologyUpdate>* writer) override {
      lippycat::management::TopologyUpdate snapshot;
      snapshot.set_update_type(lippycat::management::TOPOLOGY_SNAPSHOT);
      snapshot.set_revision(10);
      auto& root = *snapshot.mutable_snapshot();
      root.set_processor_id("root");
      root.set_reachable(true);
      auto& below = *root.add_downstream_processors();
      below.set_processor_id("below");
      below.set_reachable(true);
      return owner.serve("topology", owner.topology_, writer, {snapshot});
    }
    grpc::Status RequestAuthToken(grpc::ServerContext*, const lippycat::management::AuthTokenRequest* request,
                                  lippycat::management::AuthorizationToken* token) override {
      return owner.changes_.look([&]() -> grpc::Status {
        if (owner.read_only) return {grpc::StatusCode::PERMISSION_DENIED, "viewers change nothing"};
        if (request->target_processor_id() != "below") return {grpc::StatusCode::NOT_FOUND, "no such processor"};
        token->set_nonce(std::to_string(++owner.tokens));
        return grpc::Status::OK;
      });
    }
    grpc::Status UpdateFilterOnProcessor(grpc::ServerContext*,
                                         const lippycat::management::ProcessorFilterRequest* request,
                                         lippycat::management::FilterUpdateResult* result) override {
      return owner.changes_.look([&]() -> grpc::Status {
        owner.tokens_used.push_back(request->auth_token().nonce());
        if (owner.tokens_refused > 0) {
          --owner.tokens_refused;
          return {grpc::StatusCode::UNAUTHENTICATED, "token expired"};
        }
        result->set_success(true);
        result->set_hunters_updated(2);
        result->set_hunters_pending(1);
        return grpc::Status::OK;
      });
    }
    WatchedProcessor& owner;
  };

  struct Data final : lippycat::data::DataService::Service {
    explicit Data(WatchedProcessor& owner_in) : owner(owner_in) {}
    grpc::Status SubscribePackets(grpc::ServerContext*, const lippycat::data::SubscribeRequest* request,
                                  grpc::ServerWriter<lippycat::data::PacketBatch>* writer) override {
      owner.changes_.change([&] { owner.packet_requests.push_back(*request); });
      return owner.serve("packets", owner.batches_, writer, {});
    }
    grpc::Status SubscribeCorrelatedCalls(grpc::ServerContext*, const lippycat::data::SubscribeRequest*,
                                          grpc::ServerWriter<lippycat::data::CorrelatedCallUpdate>* writer) override {
      lippycat::data::CorrelatedCallUpdate begin, call, end;
      begin.set_update_type(lippycat::data::CALL_SNAPSHOT_BEGIN);
      call.set_correlation_id("call-1");
      end.set_update_type(lippycat::data::CALL_SNAPSHOT_END);
      return owner.serve("calls", owner.calls_, writer, {begin, call, end});
    }
    WatchedProcessor& owner;
  };

  Changes changes_;
  std::map<std::string, Stream> streams_;
  std::vector<lippycat::management::TopologyUpdate> topology_;
  std::vector<lippycat::data::PacketBatch> batches_;
  std::vector<lippycat::data::CorrelatedCallUpdate> calls_;
  Management management_{*this};
  Data data_{*this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lc::test
