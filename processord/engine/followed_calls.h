// Calls that filters want, as far as the processor needs to know them: where their media is.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "common/calls/call_table.h"
#include "common/calls/dissector.h"
#include "common/packet/batch.h"
#include "processord/engine/filter_table.h"
#include "processord/engine/media_directory.h"
#include "processord/engine/source_times.h"

namespace lc::processor {

/// Counts what filters hit, reads the signalling of wanted calls, and tells the directory where their media is, so that
/// it is captured wherever it passes, until the call is over. On a thread of its own.
class FollowedCalls final : private calls::Dissector::Handler, private calls::CallTable::Listener {
 public:
  FollowedCalls(FilterTable& filters, MediaDirectory& media);
  ~FollowedCalls();

  void start();
  void stop();

  /// Any thread; cheap when no packet of the batch matched a filter. Batches of one hunter in their order.
  void push(std::shared_ptr<const packet::Batch> batch);

  /// Batches that were passed over because the thread was far behind: their media may have gone unannounced.
  [[nodiscard]] std::uint64_t skipped() const { return skipped_.load(std::memory_order_relaxed); }

 private:
  /// A filter that follows calls. One that is changed under the same id means something else.
  struct Wanting {
    std::string id;
    std::uint64_t meaning = 0;  // hash of what it looks for
  };
  /// What is known of a set of matched filters.
  struct Interest {
    std::vector<Wanting> filters;
    fleet::CaptureAction action = fleet::CaptureAction::kSignalling;
  };
  /// What a frame's messages need when they are found later, behind other frames.
  struct Seen {
    std::shared_ptr<const Interest> interest;
    std::uint32_t source = 0;
    std::int64_t time_ns = 0;
  };

  /// A stream of media that was looked up not long ago.
  struct Touched {
    std::uint64_t hash = 0;
    std::int64_t time_ns = 0;
  };

  void run();
  void take(const packet::Batch& batch);
  [[nodiscard]] std::shared_ptr<const Interest> interest_of(const packet::MatchedIds& matched) const;
  static void add(Interest& interest, const fleet::Filter& filter);
  static bool note(std::vector<Wanting>& wanted_by, const Wanting& wanting);
  [[nodiscard]] Interest interest_in(calls::CallIndex call) const;
  void sweep();
  void look_again();
  void update(calls::CallIndex call);
  [[nodiscard]] FollowedMedia media_of(calls::CallIndex call) const;
  void publish();
  void sip(std::span<const std::uint8_t> bytes, const Seen& seen);
  static bool is_spoken_for(const packet::PacketView& frame, std::uint32_t link_type);
  [[nodiscard]] bool is_known_media(const packet::PacketView& frame, std::uint32_t link_type,
                                    std::int64_t now_ns) const;
  [[nodiscard]] bool was_touched(std::uint64_t hash, std::int64_t now_ns) const;
  void look_shortly(const packet::PacketView& frame, std::uint32_t link_type, const Seen& seen);
  void touch(const calls::Endpoint& from, const calls::Endpoint& to, const Seen& seen);

  void header(const packet::IpPacket&, calls::FrameId, bool) override {}
  void datagram(const packet::IpPacket& ip, calls::FrameId frame) override;
  std::uint32_t message(std::size_t protocol, const packet::StreamEnds& ends, std::span<const std::uint8_t> bytes,
                        std::span<const calls::FrameId> frames) override;
  void repeated(calls::FrameId, std::uint32_t) override {}
  void segment(const packet::IpPacket&, calls::FrameId) override {}

  void media_claimed(calls::CallIndex, const calls::Endpoint&) override {}
  void media_withdrawn(calls::CallIndex call, const calls::Endpoint& endpoint) override;
  void call_removed(calls::CallIndex call) override;

  static constexpr std::size_t kQueueBytes = std::size_t{32} << 20;

  FilterTable& filters_;
  MediaDirectory& media_;
  std::atomic<std::uint64_t> skipped_{0};

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<std::shared_ptr<const packet::Batch>> queue_;
  std::size_t queued_bytes_ = 0;
  bool stop_ = false;

  // The thread's:
  calls::FrameStore frames_;
  calls::Dissector dissector_;
  calls::CallTable table_;
  SourceTimes sources_;
  std::vector<Seen> seen_;                       // by FrameId
  std::vector<std::vector<Wanting>> wanted_by_;  // by CallIndex: filters that ever wanted the call
  std::vector<std::uint8_t> unmasked_;
  std::vector<Touched> touched_ = std::vector<Touched>(65'536);
  std::unordered_set<calls::CallIndex> changed_;  // to be told to the directory
  std::vector<FollowedMedia> over_;               // likewise, before these
  std::uint64_t board_revision_ = 0;              // of the filters when all calls were looked at
  Clock::time_point next_renewal_at_;
  std::jthread thread_;
};

}  // namespace lc::processor
