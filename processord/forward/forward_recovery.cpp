// What a start finds on disk. The whole log is read once: memory must know where each batch lies, and up to which
// sequence each origin is there. A batch that is there twice counts once.
#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "processord/forward/forward_queue.h"
#include "processord/forward/forward_record.h"

namespace lc::processor {
namespace {

constexpr std::size_t kScanBytes = std::size_t{1} << 20;  // read at once
constexpr int kReadTries = 3;

}  // namespace

void ForwardQueue::recover() {
  std::vector<std::uint8_t> buffer(kScanBytes);
  for (int failed = 0;;) {
    const Result<spool::RecordLog::ReadResult> read = log_->read(buffer);
    if (!read) {
      log::error(read.error().text);
      if (++failed < kReadTries) continue;
      log_->skip_unreadable();
    } else if (read->records.empty() && read->needed > buffer.size()) {
      buffer.resize(read->needed);
    } else if (read->records.empty()) {
      break;
    } else {
      for (const spool::Record& record : read->records) recover(record);
    }
    failed = 0;
  }
  totals_.recovered += log_->losses().damaged;
  totals_.dropped_damaged += log_->losses().damaged;
  for (auto& [key, source] : sources_) {
    for (const LanePointer& lane : source.lanes) {
      lane->custody_ = lane->last_;
      if (!lane->places_.empty()) begin_storing(*lane);
      note_front(*lane);
      note_hungry(*lane);
    }
  }
  last_number_ = synced_number_ = log_->last_number();  // the log has made its end durable
  log_->mark_all_read();
  note_log();
}

void ForwardQueue::recover(const spool::Record& record) {
  const std::optional<ForwardRecord> found = ForwardRecord::parse(record.payload);
  if (!found) {
    totals_.recovered += record.info.weight;
    totals_.dropped_damaged += record.info.weight;
    log::error("the spool holds a record that is not understood", {{"packets", record.info.weight}});
    return;
  }
  for (const ForwardRecord::Position& position : found->acknowledged) {
    const Origin origin{std::string(position.key), position.epoch};
    // A session before the first that is left is of no use any more.
    if (!find(origin) && sources_.contains(origin.key)) continue;
    Lane& lane = find_or_make(origin);
    lane.acknowledged_ = std::max(lane.acknowledged_, position.sequence);
    lane.last_ = std::max(lane.last_, position.sequence);
    while (!lane.places_.empty() && lane.places_.front().sequence <= position.sequence) {
      totals_.in_flight -= lane.places_.front().packets;
      totals_.recovered -= lane.places_.front().packets;
      lane.places_.pop_front();
    }
  }
  if (found->is_note) return;
  Lane& lane = find_or_make({std::string(found->position.key), found->position.epoch});
  if (found->position.sequence <= lane.last_) return;
  lane.last_ = found->position.sequence;
  lane.places_.push_back({.number = record.info.number,
                          .sequence = found->position.sequence,
                          .offset = static_cast<std::uint32_t>(record.offset),
                          .payload_bytes = static_cast<std::uint32_t>(record.payload.size()),
                          .packets = record.info.weight});
  totals_.recovered += record.info.weight;
  totals_.in_flight += record.info.weight;
}

}  // namespace lc::processor
