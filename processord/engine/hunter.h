// One hunter as a processor knows it: who it is, how it does, and how far its packets have come.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/fleet/hunter.h"
#include "common/packet/batch_builder.h"
#include "processord/engine/file_interfaces.h"
#include "processord/engine/filter_store.h"
#include "processord/engine/stream_peer.h"

namespace lc::processor {

/// Sequences of one epoch. 0 = none.
struct Positions {
  std::uint64_t epoch = 0;
  std::uint64_t accepted = 0;  // taken into this processor's queues
  std::uint64_t custody = 0;   // stored, and in the care of the parent or the spool: what an acknowledgement promises
  /// Grows when what was accepted is lost before it was stored: batches and streams from before are void.
  std::uint64_t incarnation = 0;
};

/// What the Forwarder keeps of a hunter.
struct ForwardState {
  struct Waiting {
    std::uint64_t epoch = 0;
    packet::EncodedBatch batch;
  };
  std::deque<Waiting> waiting;                // in order, for room on the way to the parent
  std::atomic<std::uint64_t> given_epoch{0};  // to a peer that has none; any thread may read it
  std::uint64_t sequence = 0;                 // the last one under that epoch
};

/// Any thread.
class Hunter {
 public:
  /// What status calls show.
  struct View {
    fleet::HunterDescription description;
    std::string remote_address;
    fleet::HunterStatus status = fleet::HunterStatus::kHealthy;
    fleet::HunterStats stats;
    std::chrono::seconds connected_for{0};
    std::int64_t connected_since_ns = 0;  // by this processor's clock
    std::int64_t last_heartbeat_ns = 0;   // likewise; 0 = none yet
    std::int64_t clock_offset_ns = 0;     // of the hunter's less this one's, when that came
    bool connected = false;
  };

  /// `id`: or the key of one below another processor (see hunter_key.h), which is registered there. `stored`: in this
  /// epoch, as known from before this processor started.
  Hunter(std::string id, const TimeSource& time, std::uint64_t epoch = 0, std::uint64_t stored = 0);

  [[nodiscard]] const std::string& id() const { return id_; }
  /// What its batches carry.
  [[nodiscard]] std::string_view hunter_id() const { return hunter_id_; }
  /// It is below another processor.
  [[nodiscard]] bool is_relayed() const { return path_ != nullptr; }
  /// Ids from this processor to one that is relayed, its own last; null: it is this processor's own.
  [[nodiscard]] const std::shared_ptr<const std::string>& path() const { return path_; }

  /// Registers (again). kAlreadyExists when another live hunter has this id; the same epoch takes over, and the stream
  /// that it had, if it had one, is given to be closed.
  Result<std::shared_ptr<StreamPeer>> register_as(const fleet::HunterDescription& description,
                                                  const std::string& remote_address);

  /// It is in this process: it holds its place and its id from now on, whatever is heard of it.
  void keep_place();

  /// It is about to be attached, and not gone until then.
  void expect_stream();

  // Streams and heartbeat calls, each a link; without one the hunter is disconnected.
  void link_opened();
  /// True when it was the last one.
  bool link_closed();
  /// Gives the status before.
  fleet::HunterStatus heard_beat(fleet::HunterStatus status, fleet::HunterStats stats,
                                 std::int64_t clock_offset_ns = 0);

  /// `peer` receives this hunter's packets from now on, and is one of its links; a stream that it had before is closed.
  /// Nothing, and nothing changed, when the hunter is not registered with this epoch.
  std::optional<Positions> attach(std::uint64_t epoch, const std::shared_ptr<StreamPeer>& peer);
  void detach(const StreamPeer* peer);
  [[nodiscard]] std::shared_ptr<StreamPeer> peer() const;

  /// The stream of `peer`, if it is the current one, waits for resume_reading().
  void hold(const StreamPeer* peer);
  /// The stream that waits, if there is one: it does not any more.
  std::shared_ptr<StreamPeer> release();
  /// Whether it was the stream of `peer` that waited: it does not any more.
  bool release(const StreamPeer* peer);

  enum class Arrival {
    kNew,
    kStored,  // new to the parent only: it was stored by an earlier process
    kDuplicate,
    kVoidStream
  };
  /// Notes a batch's arrival on a stream that was attached when positions() said this epoch and incarnation.
  Arrival arrived(std::uint64_t epoch, std::uint64_t incarnation, std::uint64_t sequence);
  /// Everything of `epoch` up to `sequence` is stored.
  void stored(std::uint64_t epoch, std::uint64_t sequence);
  /// Everything of `epoch` up to `sequence` is in the care of the parent, or of the spool on the way there. From the
  /// first call on this counts for custody too. Never goes back, unless forward_anew() says that nothing is there yet.
  void forwarded(std::uint64_t epoch, std::uint64_t sequence);
  void forward_anew();
  /// What was accepted but not stored is gone and must come again: the stream is closed with `reason`.
  void forget_unstored(const Error& reason);
  [[nodiscard]] Positions positions() const;

  /// Judged by this processor's clock: silent for `stale` turns ERROR. Gives the stream of one that has been silent for
  /// 15 s, if there is one, to be closed.
  std::shared_ptr<StreamPeer> judge_silence(std::chrono::seconds stale);
  /// Disconnected for that long, with nothing of its packets on the way.
  [[nodiscard]] bool gone_for(std::chrono::seconds limit) const;
  /// Holds a place among --max-hunters: connected and heard of within 15 s, or registered a moment ago.
  [[nodiscard]] bool holds_place(Clock::time_point now) const;
  [[nodiscard]] View view() const;
  /// Of the interface of that name, what its registration and last heartbeat said.
  [[nodiscard]] InterfaceReport interface_report(std::string_view name) const;
  [[nodiscard]] bool has_feature(std::string_view name) const;
  /// As its last heartbeat since it registered says; 0: it has said nothing.
  [[nodiscard]] std::uint64_t filter_revision() const;
  /// What its registration answered, for its first subscription; then it is gone.
  void set_filters_given(std::vector<FilterPointer> filters);
  std::vector<FilterPointer> take_filters_given();

  /// Held from arrived() until the batch is queued.
  std::mutex arrival_order;
  /// With arrival_order held.
  ForwardState forward;
  /// Batches are in forward.waiting: nothing more should be read.
  std::atomic<bool> awaits_forwarding{false};
  /// Bytes of this hunter's batches that wait for the writer.
  std::atomic<std::size_t> queued_bytes{0};

 private:
  [[nodiscard]] bool holds_place_locked(Clock::time_point now) const;
  void settle_custody();

  const std::string id_;
  const std::shared_ptr<const std::string> path_;
  const std::string_view hunter_id_;
  const TimeSource& time_;
  mutable std::mutex mutex_;
  View view_;
  Positions positions_;
  std::uint64_t queued_ = 0;                // given to the writer
  std::uint64_t stored_ = 0;                // by it
  std::optional<std::uint64_t> forwarded_;  // nothing: there is no parent
  std::shared_ptr<StreamPeer> peer_;
  std::vector<FilterPointer> filters_given_;
  bool held_ = false;  // peer_ waits for resume_reading()
  int links_ = 0;
  bool keeps_place_ = false;
  bool awaiting_links_ = false;  // registered, and no stream has been opened since
  Clock::time_point connected_at_;
  Clock::time_point heard_at_;
};

}  // namespace lc::processor
