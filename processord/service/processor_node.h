// A processor on the network: the engine, its services, its place in the tree and the server that carries them.
#pragma once

#include <grpcpp/server.h>

#include <memory>
#include <string>

#include "common/config/tls_settings.h"
#include "processord/engine/engine.h"
#include "processord/service/data_service.h"
#include "processord/service/management_service.h"
#include "processord/service/tree_node.h"

namespace lc::processor {

/// The owner's thread.
class ProcessorNode {
 public:
  /// Binds and serves; throws StartError when it can't, saying which address and why.
  ProcessorNode(EngineSettings engine, const std::string& listen, const config::TlsSettings& tls,
                const TimeSource& time, const UpstreamSettings& upstream = {});
  /// Streams end, what was taken is stored and acknowledged as far as a hunter still listens.
  ~ProcessorNode();

  [[nodiscard]] const std::string& address() const { return address_; }  // HOST:PORT that was bound
  Engine& engine() { return engine_; }

 private:
  Engine engine_;
  std::string address_;
  TreeNode tree_;
  DataService data_service_;
  ManagementService management_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace lc::processor
