// A queue of records on disk: appended at the end, read and given up from the front, in segments.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/spool/position.h"
#include "common/spool/segment.h"

namespace lc::spool {

/// Survives kill -9 at any point: what append() returned from is there again, in order, under the same numbers; after a
/// loss of power, what was synced. What can't be read back is passed over, kept aside in *.damaged, and counted; it
/// never stops anything. One thread, but for sync_handle(). Errors as file_error() codes them; each names the path.
class RecordLog {
 public:
  struct Options {
    std::string directory;
    std::string owner;  // whose records these are, at most kMaxOwnerBytes
    std::uint64_t segment_bytes = std::uint64_t{64} << 20;
    std::uint64_t max_bytes = std::uint64_t{1} << 30;
  };
  /// Weights (packets) that are lost, since the start.
  struct Losses {
    std::uint64_t damaged = 0;  // could not be read back
    std::uint64_t dropped = 0;  // by make_room()
  };

  /// Takes the directory for this process (making it if need be) and finds what an earlier one left.
  /// kFailedPrecondition when another process has it, or another owner's records are in it. `files` must outlive the
  /// log. Takes time that depends on one segment, not on the backlog.
  static Result<std::unique_ptr<RecordLog>> open(FileSystem& files, Options options);
  ~RecordLog();

  /// Of what is in it; 0 when there is no segment.
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }
  /// Highest number that was ever in it, as far as known.
  [[nodiscard]] std::uint64_t last_number() const { return last_number_; }
  /// Of the first segment that is there; the next one to come when there is none.
  [[nodiscard]] std::uint64_t first_number() const {
    return segments_.empty() ? last_number_ + 1 : segments_.front().first;
  }
  /// Names what comes; only while epoch() is 0.
  void begin(std::uint64_t epoch) { epoch_ = epoch; }

  /// At the end, all or none; their numbers rise. total_before and offset are filled in here. Not bounded: see
  /// make_room().
  Status append(std::span<Record> records);
  /// The file whose sync() makes all that was appended durable (what was in segments before it already is); null when
  /// there is none. Another thread may call that.
  [[nodiscard]] std::shared_ptr<File> sync_handle() const { return active_; }

  [[nodiscard]] bool fits(std::uint64_t more_bytes) const { return bytes() + more_bytes <= options_.max_bytes; }
  [[nodiscard]] std::uint32_t percent_full() const {
    return static_cast<std::uint32_t>(bytes() * 100 / options_.max_bytes);
  }
  /// Whole segments are dropped from the front until `bytes` more fit below the bound. False: they never will.
  bool make_room(std::uint64_t bytes);

  /// Reads on behind what was read before, as many whole records as there are and fit into `buffer`, where their
  /// payloads lie. 0 records: at the end, unless `needed` says how large a buffer the next one takes.
  struct ReadResult {
    std::vector<Record> records;
    std::size_t needed = 0;
  };
  Result<ReadResult> read(std::span<std::uint8_t> buffer);
  /// After errors of read() that don't pass: the rest of that segment is given up as damaged.
  void skip_unreadable();
  /// What is appended from now on has been read already (is in memory), as long as nothing else is unread.
  [[nodiscard]] bool all_read() const { return unread_weight() == 0 && unread_bytes() == 0; }
  void mark_all_read();

  /// Reads one record where append() or read() said that it is, whatever read() has come to; `buffer` is its
  /// record_bytes(). kDataLoss: it is not there as it was written; a copy is kept aside, and nothing is counted.
  Result<Record> read_at(std::uint64_t number, std::uint64_t offset, std::span<std::uint8_t> buffer);

  /// Everything up to `number` is not needed any more. Segments go when all of their records are.
  void release(std::uint64_t number);
  /// Nothing of it is left on disk. What was not released may be appended again.
  void clear();

  [[nodiscard]] std::uint64_t bytes() const;  // on disk
  [[nodiscard]] std::uint64_t max_bytes() const { return options_.max_bytes; }
  [[nodiscard]] std::uint64_t unread_bytes() const;
  [[nodiscard]] std::uint64_t unread_weight() const { return total_end_ - read_total_; }
  [[nodiscard]] const Losses& losses() const { return losses_; }
  /// Weight of what was unread, but released before it was read (the receiver knew more than our last note).
  [[nodiscard]] std::uint64_t released_unread() const { return released_unread_; }

 private:
  struct Segment {
    std::string path;
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // or any number up to the next segment's first
    std::uint64_t total_before = 0;
    std::uint64_t size = 0;
    std::uint64_t epoch = 0;  // as its header has it; 0: that is damaged
  };

  RecordLog(FileSystem& files, Options options) : files_(files), options_(std::move(options)) {}
  Status find_segments();
  Status look_at(const std::string& name);
  Status look_inside();
  Status look_through(const Segment& segment, File& file,
                      const std::function<bool(const Record&, std::uint64_t)>& take);
  Status look_at_tail();
  Status look_behind_damaged_headers();
  Status begin_segment(std::uint64_t first);
  std::uint64_t remove_front();
  void move_reader_to_next_segment();
  void pass_over(std::uint64_t total, std::uint64_t number);
  void take(const Record& record, std::uint64_t offset, std::vector<Record>& records);
  void lose(std::uint64_t weight, const std::string& where);
  void keep_damaged(File& file, const std::string& path, std::uint64_t from, std::uint64_t to);
  void write_position();
  [[nodiscard]] std::string path(const std::string& name) const { return options_.directory + "/" + name; }

  FileSystem& files_;
  const Options options_;
  std::unique_ptr<FileSystem::Lock> lock_;
  std::uint64_t epoch_ = 0;
  std::uint64_t last_number_ = 0;
  std::uint64_t total_end_ = 0;  // weights of everything that was appended
  std::deque<Segment> segments_;
  std::shared_ptr<File> active_;  // the last segment, when this process appends to it
  bool torn_ = false;             // bytes of an append that failed may lie behind the last record
  std::vector<std::uint8_t> buffer_;

  std::size_t read_segment_ = 0;  // index; segments_.size() when there is none
  std::uint64_t read_offset_ = kSegmentHeaderBytes;
  std::uint64_t read_total_ = 0;  // total_before of the next record, if nothing is lost
  std::uint64_t read_number_ = 0;
  std::unique_ptr<File> reading_;
  std::unique_ptr<File> looked_up_;  // what read_at() read last
  std::string looked_up_path_;

  std::uint64_t released_ = 0;
  std::uint64_t released_unread_ = 0;
  std::unique_ptr<PositionFile> position_;
  Losses losses_;
};

}  // namespace lc::spool
