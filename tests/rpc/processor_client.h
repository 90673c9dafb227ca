// A processor on the network in this process, and clients of generated classes alone.
#pragma once

#include <grpcpp/create_channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "lippycat/data.grpc.pb.h"
#include "lippycat/management.grpc.pb.h"
#include "processord/service/processor_node.h"

namespace lc::test {

inline const TimeSource kTime;
inline constexpr auto kCallLimit = std::chrono::seconds(30);
inline constexpr std::uint64_t kEpoch = 7;

inline std::unique_ptr<processor::ProcessorNode> serve(processor::EngineSettings engine) {
  return std::make_unique<processor::ProcessorNode>(std::move(engine), "127.0.0.1:0", config::TlsSettings{}, kTime);
}

struct Context : grpc::ClientContext {
  Context() { set_deadline(std::chrono::system_clock::now() + kCallLimit); }
};

/// A connection of its own.
class Client {
 public:
  explicit Client(const std::string& address) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetMaxReceiveMessageSize(16 << 20);
    channel = grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
    packets = lippycat::data::DataService::NewStub(channel);
    control = lippycat::management::ManagementService::NewStub(channel);
  }

  grpc::Status register_hunter(const std::string& id = "h1", std::uint64_t epoch = kEpoch,
                               const std::vector<std::string>& features = {}) {
    Context context;
    lippycat::management::HunterRegistration request;
    request.set_hunter_id(id);
    request.set_hostname("host-" + id);
    request.add_interfaces("eth0");
    request.set_epoch(epoch);
    for (const std::string& feature : features) request.add_features(feature);
    request.mutable_capabilities()->add_filter_types("bpf");
    request.mutable_capabilities()->set_max_buffer_size(12345);
    registered = {};
    return control->RegisterHunter(&context, request, &registered);
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<lippycat::data::DataService::Stub> packets;
  std::unique_ptr<lippycat::management::ManagementService::Stub> control;
  lippycat::management::RegistrationResponse registered;
};

}  // namespace lc::test
