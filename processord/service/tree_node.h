// A processor's place in the tree, on the network: its Hierarchy with the links above and below.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/base/stop_signal.h"
#include "processord/engine/engine.h"
#include "processord/service/link_service.h"
#include "processord/service/operations.h"
#include "processord/service/token_desk.h"
#include "processord/service/upstream_link.h"

namespace lc::processor {

/// The owner's thread, but for hierarchy(), figures() and operations().
class TreeNode final : private Hierarchy::Host {
 public:
  TreeNode(Engine& engine, const UpstreamSettings& upstream, const config::TlsSettings& tls, const TimeSource& time);
  ~TreeNode() override;

  void start();
  /// Leaves the parent and sends the children away; while the server still serves.
  void stop();

  [[nodiscard]] const Hierarchy& hierarchy() const { return hierarchy_; }
  FiguresBoard& figures() { return hierarchy_.figures(); }
  LinkService& service() { return service_; }
  Operations& operations() { return operations_; }

 private:
  Status check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below) override;
  void operate(std::uint32_t kind, const std::string& payload, std::chrono::milliseconds left,
               Hierarchy::Done done) override;
  bool media(const std::string& payload) override;
  std::vector<std::string> known_media() override;

  void take_figures();

  Engine& engine_;
  TokenDesk tokens_;
  Hierarchy hierarchy_;
  Operations operations_;
  LinkService service_;
  const std::unique_ptr<UpstreamLink> upstream_;  // null at the root
  Clock::time_point next_figures_ = {};           // the ticker's
  StopSignal stop_;
  std::jthread ticker_;
};

}  // namespace lc::processor
