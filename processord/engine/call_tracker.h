// What is known of each call: who takes part, how it does, and how well its media arrives.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/calls/call_groups.h"
#include "common/calls/call_sorter.h"
#include "common/calls/rtp_quality.h"
#include "common/packet/batch.h"
#include "processord/engine/call_board.h"
#include "processord/engine/call_counts.h"
#include "processord/engine/call_routes.h"
#include "processord/engine/call_steps.h"
#include "processord/engine/media_pairs.h"

namespace lc::processor {

/// Keeps a few KiB for a call, and publishes calls as groups of legs while somebody wants to see them. One thread, but
/// for what the board does.
class CallTracker {
 public:
  /// `call_id_suffixes`: as CallGroups takes them.
  explicit CallTracker(CallBoard& board, std::vector<std::string> call_id_suffixes = {});

  CallBoard& board() { return board_; }

  // As CallSorter::Listener; `hunter_id`: of context.source.
  bool signalling(const calls::Call& call, calls::CallIndex index, const sip::Message& message, const sip::Sdp* sdp,
                  const calls::CallSorter::Context& context, const std::string& hunter_id);
  calls::StreamMemo::Note media(calls::CallIndex call, std::span<const std::uint8_t> datagram,
                                const calls::CallSorter::Context& context, const std::string& hunter_id,
                                calls::StreamMemo::Note note);
  void removed(calls::CallIndex call);
  void expect(calls::StreamMemo::Note note) const;

  /// A batch of this source comes: if it has dropped packets, streams have gaps that are not the network's.
  void heard_of(std::uint32_t source, const packet::BatchHeader& header);
  /// Batches of any source were passed over; likewise.
  void passed_over() { ++gaps_; }

  /// What the call's packets are filed under; null: under nothing.
  [[nodiscard]] const std::shared_ptr<const CallLabel>& label(calls::CallIndex call) const;
  /// The call is over. Gives its label, if it has one, which nothing is filed under any more.
  std::shared_ptr<const CallLabel> end(calls::CallIndex call);

  /// Whether something has changed that somebody wants to see.
  [[nodiscard]] bool has_news() const { return !changed_.empty() && board_.wanted(); }
  /// Any thread.
  [[nodiscard]] const CallCounts& counts() const { return counts_; }
  /// Puts what has changed on the board, or everything when that is asked for.
  void publish();

 private:
  struct Format {
    calls::Endpoint endpoint;  // where that is sent to
    std::uint8_t payload_type = 0;
    std::uint32_t clock_rate = 0;
    std::string codec;
    std::string media;  // kind
  };
  struct Stream {
    calls::CallIndex call = calls::kNoCall;  // kNoCall: of none, free
    calls::Endpoint from, to;
    std::uint32_t ssrc = 0;
    std::uint32_t source = 0;
    std::uint64_t gaps = 0;  // of its source when it was seen last
    bool has_gaps = false;
    std::uint8_t payload_type = 0;  // of speech: the first that was no event and no noise
    std::uint8_t clock_type = 0;    // the one that came last, events and noise too
    std::uint32_t clock_rate = 0;   // of that one
    std::string codec;
    std::string media;          // kind, as SDP says
    std::uint64_t changed = 0;  // number of the publish() that is to tell it
    calls::RtpQuality quality;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
  };
  using StreamIndex = std::uint32_t;
  struct Record {
    std::uint64_t number = 0;  // 0: of no call
    std::shared_ptr<const CallLabel> label;
    std::uint64_t changed = 0;  // as of a stream
    fleet::CallLeg leg;
    std::string from_user, to_user;
    std::string from_tag, to_tag;
    std::vector<Format> formats;
    MediaPairs::Held media;
    CallSteps steps;
    std::int64_t answered_ns = 0;  // the first 2xx to an INVITE; 0: none
    std::int64_t ended_ns = 0;     // 0: it goes on
    bool active = false;           // in counts_
    std::vector<StreamIndex> streams;
  };
  struct Source {
    std::uint64_t dropped = 0;
    std::uint64_t gaps = 0;
    std::string hunter_id;
  };

  Record& record(calls::CallIndex call);
  void begin(Record& record, calls::CallIndex call, const sip::Message& message,
             const calls::CallSorter::Context& context, const std::string& hunter_id);
  void note_media(Record& record, const sip::Sdp& sdp);
  [[nodiscard]] bool is_stream(const Stream& stream, calls::CallIndex call, std::uint32_t ssrc,
                               const calls::CallSorter::Context& context) const;
  StreamIndex stream_of(calls::CallIndex call, const sip::Rtp& rtp, const calls::CallSorter::Context& context,
                        const std::string& hunter_id);
  void source_of(std::uint32_t source, const std::string& hunter_id);
  StreamIndex make_stream(Record& record);
  void clear(Record& record);
  static void use_format(const Record& record, Stream& stream, std::uint8_t payload_type);
  void change(calls::CallIndex call);
  void regroup(calls::CallIndex call, const sip::Message& message);
  void count_anew();
  void set_active(calls::CallIndex call, bool active);
  void add_messages(fleet::Call& view, std::span<const Record* const> legs) const;
  [[nodiscard]] std::shared_ptr<const fleet::Call> view_of(calls::GroupId group) const;
  [[nodiscard]] fleet::CallStream view_of(const Stream& stream, const Record& leg) const;

  CallBoard& board_;
  calls::CallGroups groups_;
  CallCounts counts_;
  MediaPairs media_pairs_;
  std::vector<Record> records_;  // by CallIndex
  std::vector<Stream> streams_;  // not in Record: most packets need nothing else of their call
  std::vector<StreamIndex> free_streams_;
  std::vector<Source> sources_;  // by number
  std::uint64_t gaps_ = 0;       // of all sources
  std::uint64_t last_number_ = 0;
  std::vector<calls::CallIndex> changed_;
  std::uint64_t publishing_ = 1;  // number of the next publish()
};

}  // namespace lc::processor
