// lippycat.link.LinkService: the parent's ends of the links to its children.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "lippycat/link.grpc.pb.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

class ChildStream;

/// Any thread.
class LinkService final : public lippycat::link::LinkService::CallbackService {
 public:
  explicit LinkService(Hierarchy& hierarchy) : hierarchy_(hierarchy) {}

  grpc::ServerBidiReactor<lippycat::link::FromChild, lippycat::link::FromParent>* Attach(
      grpc::CallbackServerContext* context) override;

  /// At least once a second: gives and looks for signs of life.
  void tick();

 private:
  Hierarchy& hierarchy_;
  std::mutex mutex_;
  std::vector<std::weak_ptr<ChildStream>> streams_;
};

}  // namespace lc::processor
