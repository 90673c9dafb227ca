// A processor of generated classes alone, that does what a test tells it and notes what it is told.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "lippycat/data.grpc.pb.h"
#include "lippycat/management.grpc.pb.h"
#include "tests/support/changes.h"

namespace lc::test {

class FakeProcessor {
 public:
  /// A call that streams, as the server saw it.
  struct Call {
    grpc::ServerContext* context = nullptr;  // null when it is over
    bool cancelled = false;                  // and not half-closed, when it was over
  };
  struct PacketCall : Call {
    grpc::ServerReaderWriter<lippycat::data::StreamControl, lippycat::data::PacketBatch>* stream = nullptr;
    std::vector<lippycat::data::PacketBatch> batches;
  };
  struct BeatCall : Call {
    std::vector<lippycat::management::HunterHeartbeat> beats;
  };
  struct FilterCall : Call {
    grpc::ServerWriter<lippycat::management::FilterUpdate>* stream = nullptr;
    std::string hunter_id;
  };
  struct Seen {
    std::vector<FilterCall> filter_calls;
    std::vector<lippycat::management::HunterRegistration> registrations;
    std::vector<PacketCall> packet_calls;
    std::vector<BeatCall> beat_calls;
  };
  using Answer = std::function<grpc::Status(lippycat::management::RegistrationResponse&)>;

  FakeProcessor() {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&management_);
    builder.RegisterService(&data_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) throw std::runtime_error("no server");
    port_ = port;
  }
  ~FakeProcessor() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  FakeProcessor(const FakeProcessor&) = delete;
  FakeProcessor& operator=(const FakeProcessor&) = delete;

  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

  /// To registrations from now on; without one they are accepted, with nothing to resume.
  void answer(Answer answer) {
    changes_.change([&] { answer_ = std::move(answer); });
  }
  void resume_after(std::uint64_t sequence) {
    answer([sequence](lippycat::management::RegistrationResponse& response) {
      response.set_accepted(true);
      response.set_resume_after(sequence);
      return grpc::Status::OK;
    });
  }

  /// From now on; before, SubscribeFilters is as unknown as to an old processor.
  void serve_filters() {
    changes_.change([&] { serves_filters_ = true; });
  }
  /// On the newest SubscribeFilters; false when it is over.
  bool send(const lippycat::management::FilterUpdate& update) {
    return changes_.look([&] {
      return !seen_.filter_calls.empty() && seen_.filter_calls.back().stream != nullptr &&
             seen_.filter_calls.back().stream->Write(update);
    });
  }
  void cut_filters() {
    changes_.look([&] { seen_.filter_calls.back().context->TryCancel(); });
  }

  template <typename Function>
  auto look(Function&& function) const {
    return changes_.look([&] { return function(std::as_const(seen_)); });
  }
  template <typename Condition>
  bool wait(Condition&& condition) {
    return changes_.wait([&] { return condition(std::as_const(seen_)); }, std::chrono::seconds(30));
  }

  /// For the `call`th StreamPackets, from 0, to have brought so many batches.
  bool wait_for_batches(std::size_t call, std::size_t count) {
    return wait([&](const Seen& seen) {
      return seen.packet_calls.size() > call && seen.packet_calls[call].batches.size() >= count;
    });
  }
  [[nodiscard]] std::vector<std::uint64_t> sequences(std::size_t call) const {
    return look([&](const Seen& seen) {
      std::vector<std::uint64_t> sequences;
      if (call >= seen.packet_calls.size()) return sequences;
      for (const auto& batch : seen.packet_calls[call].batches) sequences.push_back(batch.sequence());
      return sequences;
    });
  }

  /// On the newest StreamPackets; false when it is over.
  bool send(const lippycat::data::StreamControl& control) {
    return changes_.look([&] {
      return !seen_.packet_calls.empty() && seen_.packet_calls.back().stream != nullptr &&
             seen_.packet_calls.back().stream->Write(control);
    });
  }
  bool acknowledge(std::uint64_t sequence) {
    lippycat::data::StreamControl control;
    control.set_ack_sequence(sequence);
    return send(control);
  }
  bool tell(lippycat::data::FlowControl flow) {
    lippycat::data::StreamControl control;
    control.set_flow_control(flow);
    return send(control);
  }
  /// The newest StreamPackets, as a broken connection would.
  void cut() {
    changes_.look([&] {
      if (seen_.packet_calls.back().context != nullptr) seen_.packet_calls.back().context->TryCancel();
    });
  }

 private:
  struct Management final : lippycat::management::ManagementService::Service {
    explicit Management(FakeProcessor& owner_in) : owner(owner_in) {}
    grpc::Status RegisterHunter(grpc::ServerContext*, const lippycat::management::HunterRegistration* request,
                                lippycat::management::RegistrationResponse* response) override {
      Answer answer;
      owner.changes_.change([&] {
        owner.seen_.registrations.push_back(*request);
        answer = owner.answer_;
      });
      if (answer) return answer(*response);
      response->set_accepted(true);
      return grpc::Status::OK;
    }
    grpc::Status Heartbeat(grpc::ServerContext* context,
                           grpc::ServerReaderWriter<lippycat::management::ProcessorHeartbeat,
                                                    lippycat::management::HunterHeartbeat>* stream) override {
      std::size_t call = 0;
      owner.changes_.change([&] {
        call = owner.seen_.beat_calls.size();
        owner.seen_.beat_calls.emplace_back().context = context;
      });
      for (lippycat::management::HunterHeartbeat beat; stream->Read(&beat);) {
        owner.changes_.change([&] { owner.seen_.beat_calls[call].beats.push_back(beat); });
        stream->Write({});
      }
      owner.changes_.change([&] { end(owner.seen_.beat_calls[call]); });
      return grpc::Status::OK;
    }
    grpc::Status SubscribeFilters(grpc::ServerContext* context, const lippycat::management::FilterRequest* request,
                                  grpc::ServerWriter<lippycat::management::FilterUpdate>* stream) override {
      if (!owner.changes_.look([&] { return owner.serves_filters_; })) {
        return {grpc::StatusCode::UNIMPLEMENTED, "not here"};
      }
      std::size_t call = 0;
      owner.changes_.change([&] {
        call = owner.seen_.filter_calls.size();
        auto& added = owner.seen_.filter_calls.emplace_back();
        added.context = context;
        added.stream = stream;
        added.hunter_id = request->hunter_id();
      });
      while (!context->IsCancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(5));  // gRPC tells nobody
      owner.changes_.change([&] {
        end(owner.seen_.filter_calls[call]);
        owner.seen_.filter_calls[call].stream = nullptr;
      });
      return grpc::Status::CANCELLED;
    }
    FakeProcessor& owner;
  };

  struct Data final : lippycat::data::DataService::Service {
    explicit Data(FakeProcessor& owner_in) : owner(owner_in) {}
    grpc::Status StreamPackets(
        grpc::ServerContext* context,
        grpc::ServerReaderWriter<lippycat::data::StreamControl, lippycat::data::PacketBatch>* stream) override {
      std::size_t call = 0;
      owner.changes_.change([&] {
        call = owner.seen_.packet_calls.size();
        auto& added = owner.seen_.packet_calls.emplace_back();
        added.context = context;
        added.stream = stream;
      });
      for (lippycat::data::PacketBatch batch; stream->Read(&batch);) {
        owner.changes_.change([&] { owner.seen_.packet_calls[call].batches.push_back(batch); });
      }
      owner.changes_.change([&] {
        end(owner.seen_.packet_calls[call]);
        owner.seen_.packet_calls[call].stream = nullptr;
      });
      return grpc::Status::OK;
    }
    FakeProcessor& owner;
  };

  static void end(Call& call) {
    call.cancelled = call.context->IsCancelled();
    call.context = nullptr;
  }

  mutable Changes changes_;
  Seen seen_;
  Answer answer_;
  bool serves_filters_ = false;
  Management management_{*this};
  Data data_{*this};
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lc::test
