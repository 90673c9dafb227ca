// A packet source that a test feeds.
#pragma once

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "common/base/stop_signal.h"
#include "common/capture/packet_source.h"
#include "tests/support/changes.h"

namespace lc::test {

/// feed(), end_with() and the questions from any thread; the rest as PacketSource says.
class MemorySource final : public capture::PacketSource {
 public:
  enum class Kind { kFile, kLive };

  MemorySource(std::string name, Kind kind) : name_(std::move(name)), kind_(kind) {}

  void feed(std::vector<std::uint8_t> bytes) {
    changes_.change([&] { packets_.push_back(std::move(bytes)); });
    wake_up_.wake();
  }
  /// After what is fed, dispatch() gives this state; kReading again makes it go on.
  void end_with(capture::ReadState state, std::string error = {}) {
    changes_.change([&] {
      state_ = state;
      error_ = std::move(error);
    });
    wake_up_.wake();
  }
  /// Whether dispatch() has been called and found nothing more to hand over, since the last feed().
  bool wait_until_read() {
    return changes_.wait([this] { return packets_.empty(); });
  }
  [[nodiscard]] std::size_t unread() const {
    return changes_.look([this] { return packets_.size(); });
  }
  [[nodiscard]] std::string filter() const {
    return changes_.look([this] { return filter_; });
  }

  capture::ReadOutcome dispatch(std::uint32_t max_packets, const capture::PacketConsumer& consumer) override {
    wake_up_.drain();
    std::deque<std::vector<std::uint8_t>> taken;
    capture::ReadOutcome outcome;
    changes_.change([&] {
      while (!packets_.empty() && taken.size() < max_packets) {
        taken.push_back(std::move(packets_.front()));
        packets_.pop_front();
      }
      if (packets_.empty()) {
        outcome.state = state_;
        outcome.error = error_;
      }
    });
    for (const auto& bytes : taken) {
      const auto size = static_cast<std::uint32_t>(bytes.size());
      consumer({bytes.data(), size, size, 1'700'000'000'000'000'000 + timestamp_++});
    }
    outcome.packets = static_cast<std::uint32_t>(taken.size());
    return outcome;
  }
  [[nodiscard]] int poll_fd() const override { return kind_ == Kind::kLive ? wake_up_.fd() : -1; }
  [[nodiscard]] std::uint32_t link_type() const override { return 147; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool is_live() const override { return kind_ == Kind::kLive; }
  [[nodiscard]] capture::SourceStats stats() const override { return {.kernel_dropped = 3, .interface_dropped = 2}; }
  Status set_filter(const std::string& expression) override {
    if (expression == "bad") return Error{Code::kInvalidArgument, name_ + ": bad filter"};
    changes_.change([&] { filter_ = expression; });
    return {};
  }

 private:
  const std::string name_;
  const Kind kind_;
  WakeUp wake_up_;
  mutable Changes changes_;
  std::deque<std::vector<std::uint8_t>> packets_;
  capture::ReadState state_ = capture::ReadState::kReading;
  std::string error_;
  std::string filter_;
  std::int64_t timestamp_ = 0;
};

}  // namespace lc::test
