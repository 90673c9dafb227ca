// The far end of a packet stream, as the engine sees it.
#pragma once

#include <functional>
#include <vector>

#include "processord/engine/stream_peer.h"
#include "tests/support/changes.h"

namespace lc::test {

class RecordingPeer final : public processor::StreamPeer {
 public:
  void control_changed() override {
    changes_.change([&] { ++controls_; });
  }
  void tick() override {}
  void resume_reading() override {
    changes_.change([&] { ++resumes_; });
  }
  void close(const Error& reason) override {
    changes_.change([&] { closed_.push_back(reason); });
  }

  /// Until `condition`, asked after each call from the engine, holds; false when the stream is closed before. It must
  /// not ask this peer.
  bool wait(const std::function<bool()>& condition) {
    return changes_.wait([&] { return condition() || !closed_.empty(); }) && condition();
  }
  /// For resume_reading() to have come once more than was taken so far.
  bool take_resume() {
    return changes_.wait([this] { return resumes_ > taken_ || !closed_.empty(); }) &&
           changes_.look([this] { return resumes_ > taken_++; });
  }
  [[nodiscard]] int resumes() const {
    return changes_.look([this] { return resumes_; });
  }
  [[nodiscard]] std::vector<Error> closed() const {
    return changes_.look([this] { return closed_; });
  }
  bool wait_until_closed() {
    return changes_.wait([this] { return !closed_.empty(); });
  }

 private:
  mutable Changes changes_;
  int controls_ = 0;
  int resumes_ = 0;
  int taken_ = 0;
  std::vector<Error> closed_;
};

}  // namespace lc::test
