// What one hunter below has sent in one capture session, on its way to the parent.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "common/packet/send_queue.h"
#include "common/packet/send_window.h"

namespace lc::processor {

/// Whose batches: a hunter somewhere below, in one of its capture sessions.
struct Origin {
  std::string key;  // ids of the processors below this one, and of the hunter; at most kMaxKeyBytes
  std::uint64_t epoch = 0;

  static constexpr std::size_t kMaxKeyBytes = 4096;
};

/// Packets, each counted where it is: pushed + recovered = acknowledged + in_flight + dropped_full + dropped_damaged.
struct ForwardCounts {
  std::uint64_t pushed = 0;        // taken by take()
  std::uint64_t recovered = 0;     // found on disk at the start, damaged ones included
  std::uint64_t acknowledged = 0;  // by the parent
  std::uint64_t in_flight = 0;     // in memory or on disk
  std::uint64_t dropped_full = 0;  // the spool had no room for them
  std::uint64_t dropped_damaged = 0;
};

/// A handle for the sending side; what is in it belongs to the ForwardQueue that gave it, under its lock.
class Lane : public std::enable_shared_from_this<Lane> {
 public:
  explicit Lane(Origin origin) : origin_(std::move(origin)) {}

  [[nodiscard]] const Origin& origin() const { return origin_; }

 private:
  friend class ForwardQueue;

  /// All that is known of one key.
  struct Source {
    std::deque<std::shared_ptr<Lane>> lanes;  // by age; the first that is not empty may be sent
    std::uint64_t last_push = 0;              // number
  };
  /// Of one batch, in memory or not.
  struct Place {
    std::uint64_t number = 0;  // of its record; while it has none, of its arrival
    std::uint64_t sequence = 0;
    std::uint32_t offset = 0;         // of its record in the segment; 0: not on disk
    std::uint32_t payload_bytes = 0;  // of its record
    std::uint32_t packets = 0;
  };

  [[nodiscard]] std::size_t written() const { return places_.size() - unwritten_; }
  [[nodiscard]] std::size_t alone() const { return places_.size() - loaded_ - tail_; }

  const Origin origin_;
  Source* source_ = nullptr;  // null: forgotten, and empty

  // Every batch that is not acknowledged, in order. The first `loaded_` are in the window, the last `tail_` neither
  // there nor on disk; what is between is on disk alone. The last `unwritten_` are not on disk.
  std::deque<Place> places_;
  packet::SendWindow window_;
  std::size_t loaded_ = 0;
  std::size_t tail_ = 0;
  std::size_t unwritten_ = 0;

  // Sequences; 0: none.
  std::uint64_t last_ = 0;  // pushed, or had by the parent before that
  std::uint64_t acknowledged_ = 0;
  std::uint64_t custody_ = 0;

  packet::Flow flow_ = packet::Flow::kContinue;
  std::uint64_t indexed_ = 0;      // its number in ForwardQueue::fronts_; 0: it is not there
  std::size_t refused_bytes_ = 0;  // of the batch that was refused last; 0: it is not in ForwardQueue::refused_
  int failed_reads_ = 0;
  bool storing_ = false;       // what is not on disk waits to go there
  bool told_ = false;          // that it has something to send
  bool hungry_ = false;        // in ForwardQueue::hungry_
  bool unnoted_ = false;       // in ForwardQueue::unnoted_
  bool unsafe_ = false;        // in ForwardQueue::unsafe_
  bool custody_news_ = false;  // in ForwardQueue::news_
};

}  // namespace lc::processor
