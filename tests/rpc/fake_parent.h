// The upper end of a link, of generated classes alone, that says what a test tells it.
#pragma once

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "lippycat/link.grpc.pb.h"
#include "tests/support/changes.h"

namespace lc::test {

class FakeParent {
 public:
  /// The root "root", whose tokens are signed with this key.
  explicit FakeParent(std::string token_key) : token_key_(std::move(token_key)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    if (!server_ || port == 0) throw std::runtime_error("no server");
    address = "127.0.0.1:" + std::to_string(port);
  }
  ~FakeParent() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }
  FakeParent(const FakeParent&) = delete;
  FakeParent& operator=(const FakeParent&) = delete;

  /// Until the child has told of a processor with this id: itself, or one below it.
  bool wait_for_processor(const std::string& id) {
    return changes_.wait([&] { return known_.contains(id); });
  }

  /// Until such a processor is the newest child, and the one that operations go to.
  bool wait_for_link(const std::string& id) {
    return changes_.wait([&] { return child_ == id; });
  }

  /// Its answer; nothing when none came.
  template <typename Payload>
  std::optional<lippycat::link::OperationAnswer> operate(const std::vector<std::string>& path, int kind,
                                                         const Payload& payload) {
    lippycat::link::FromParent message;
    lippycat::link::Operation& operation = *message.mutable_operation();
    operation.mutable_path()->Add(path.begin(), path.end());
    operation.set_left_ms(10'000);
    operation.set_kind(static_cast<lippycat::link::OperationKind>(kind));
    operation.set_payload(payload);
    changes_.look([&] {
      operation.set_id(++last_);
      stream_->Write(message);
    });
    const std::uint64_t id = operation.id();
    if (!changes_.wait([&] { return answers_.contains(id); })) return std::nullopt;
    return changes_.look([&] { return answers_.at(id); });
  }

  std::string address;

 private:
  using Stream = grpc::ServerReaderWriter<lippycat::link::FromParent, lippycat::link::FromChild>;

  void note(const lippycat::management::ProcessorNode& node) {
    known_.insert(node.processor_id());
    for (const auto& child : node.downstream_processors()) note(child);
  }
  void note(const lippycat::link::FromChild& message) {
    if (message.has_answer()) answers_[message.answer().id()] = message.answer();
    if (message.topology().has_snapshot()) note(message.topology().snapshot());
    if (message.topology().has_processor_connected()) note(message.topology().processor_connected().processor());
  }

  struct Service final : lippycat::link::LinkService::Service {
    explicit Service(FakeParent& owner_in) : owner(owner_in) {}
    grpc::Status Attach(grpc::ServerContext*, Stream* stream) override {
      lippycat::link::FromChild message;
      if (!stream->Read(&message)) return grpc::Status::OK;
      const std::string child = message.registration().self().id();
      lippycat::link::FromParent welcome;
      lippycat::link::ProcessorIdentity& root = *welcome.mutable_welcome()->add_chain();
      root.set_id("root");
      root.set_instance(1);
      root.set_token_key(owner.token_key_);
      owner.changes_.change([&] {
        stream->Write(welcome);
        owner.stream_ = stream;
        owner.child_ = child;
      });
      while (stream->Read(&message)) owner.changes_.change([&] { owner.note(message); });
      return grpc::Status::OK;
    }
    FakeParent& owner;
  };

  const std::string token_key_;
  Changes changes_;
  Stream* stream_ = nullptr;  // of the newest link
  std::string child_;         // at its other end
  std::set<std::string> known_;
  std::map<std::uint64_t, lippycat::link::OperationAnswer> answers_;
  std::uint64_t last_ = 0;
  Service service_{*this};
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lc::test
