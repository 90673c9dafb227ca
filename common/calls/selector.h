// Decides which captured frames are forwarded: the one matcher of hunterd and tapd.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/guarded.h"
#include "common/calls/call_follower.h"
#include "common/calls/connections.h"
#include "common/calls/dissector.h"
#include "common/calls/frame_store.h"
#include "common/calls/packet_clock.h"
#include "common/calls/want.h"

namespace lc::calls {

/// What a node without an enabled filter forwards.
enum class NoFilterPolicy { kAll, kNone };

/// Shared by the capture threads of a node, as a call's signalling may pass one interface and its media another. They
/// take turns, each for a burst of packets.
class Selector final : private Dissector::Handler {
 public:
  explicit Selector(NoFilterPolicy policy);

  /// A thread will take turns, and leave() in the end.
  void join() { ++threads_; }

  // Any thread. In force from the next turn on:
  void use(std::shared_ptr<const filter::FilterSet> filters);
  /// Media of calls that other nodes follow: filters of type FILTER_MEDIA_ENDPOINT, by their ids. `anew`: in place of
  /// all that were there.
  void change_endpoints(std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew);

  // Any thread:
  [[nodiscard]] std::uint64_t revision() const { return revision_.load(std::memory_order_relaxed); }
  /// Frames that were captured, and not wanted.
  [[nodiscard]] std::uint64_t filtered() const { return filtered_.load(std::memory_order_relaxed); }
  /// Frames that wait for their call or the rest of their message.
  [[nodiscard]] std::uint64_t held() const { return held_.load(std::memory_order_relaxed); }

  /// A capture thread's turn. Frames go to its outlet, also those that other threads captured before.
  class Turn {
   public:
    Turn(Selector& selector, Outlet& outlet);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    /// Everything is wanted: the thread need not call look(), and others are let in.
    [[nodiscard]] bool passes_all() const { return !lock_.owns_lock(); }
    /// Of the filters in force in this turn.
    [[nodiscard]] std::uint64_t revision() const { return revision_; }
    void look(const packet::PacketView& frame, const Origin& origin) { selector_.look(frame, origin); }
    /// No packet came from this interface for a while; `now_ns` is the time of packets that would come now.
    void idle(std::uint32_t interface, std::int64_t now_ns) {
      selector_.expire(selector_.clock_.time_of(interface, now_ns));
    }
    /// This thread ends. If it is the last of those that joined(), what waits is judged by what is there.
    void leave() {
      if (selector_.threads_.fetch_sub(1) == 1) selector_.finish();
    }

   private:
    Selector& selector_;
    std::unique_lock<std::mutex> lock_;
    std::uint64_t revision_ = 0;
  };

 private:
  struct EndpointChange {
    std::vector<fleet::Filter> added;
    std::vector<std::string> removed;
    bool anew = false;
  };
  struct Pending {
    std::shared_ptr<const Plan> plan;
    std::vector<EndpointChange> endpoints;
  };

  void apply_pending();
  void look(const packet::PacketView& view, const Origin& origin);
  bool look_shortly(const packet::PacketView& view, const Origin& origin);
  void look_inside(const packet::PacketView& view, const Origin& origin);
  void expire(std::int64_t now_ns);
  void finish();
  void publish_counts();
  [[nodiscard]] bool wants_everything() const;

  void header(const packet::IpPacket& ip, FrameId frame, bool joined) override;
  void datagram(const packet::IpPacket& ip, FrameId frame) override;
  std::uint32_t message(std::size_t protocol, const packet::StreamEnds& ends, std::span<const std::uint8_t> bytes,
                        std::span<const FrameId> frames) override;
  void repeated(FrameId frame, std::uint32_t answer) override;
  void segment(const packet::IpPacket& tcp, FrameId frame) override;

  const NoFilterPolicy policy_;
  std::atomic<std::uint64_t> revision_{0};
  std::atomic<std::uint64_t> filtered_{0};
  std::atomic<std::uint64_t> held_{0};
  std::atomic<int> threads_{0};
  std::atomic<bool> any_pending_{false};
  Guarded<Pending> pending_;

  // Of the thread whose turn it is:
  std::mutex mutex_;
  std::shared_ptr<const Plan> plan_;
  FrameStore frames_;
  Forwarder forwarder_;
  CallFollower calls_;
  Connections connections_;
  Dissector dissector_;
  filter::Matches matches_;
  Want want_;    // scratch
  Want direct_;  // of the frame that is looked at: by its addresses, or as BPF
  std::vector<std::uint8_t> unmasked_;
  PacketClock clock_;
  std::int64_t now_ns_ = 0;
  std::int64_t next_expiry_ns_ = 0;
};

}  // namespace lc::calls
