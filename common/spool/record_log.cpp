// Losses are counted by the running total that each record and each segment carries: whatever is missing between two
// of them, for whatever reason, is known in packets. A small position file says up to where the queue was released and
// how far it reached, so that a lost end is counted too; without it nothing is lost, only sent again.
#include "common/spool/record_log.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "common/base/fail_point.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/spool/position.h"

namespace lc::spool {
namespace {

constexpr std::string_view kThing = "spool file";
constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::int64_t kMostKeptDamage = std::int64_t{64} << 20;  // in one file

}  // namespace

Result<std::unique_ptr<RecordLog>> RecordLog::open(FileSystem& files, Options options) {
  const std::string directory = options.directory;
  if (files.make_directory(directory) != 0) return file_error("make", "spool directory", directory, errno);
  std::unique_ptr<RecordLog> log(new RecordLog(files, std::move(options)));
  log->lock_ = files.lock(directory);
  if (!log->lock_) {
    if (errno != EWOULDBLOCK) return file_error("lock", "spool directory", directory, errno);
    return Error{Code::kFailedPrecondition,
                 "spool directory " + quoted(directory) + " is in use by another process; give each its own"};
  }
  if (Status found = log->find_segments(); !found) return found.error();
  log->position_ = PositionFile::open(files, log->path("position"));
  if (!log->position_) return file_error("open", kThing, log->path("position"), errno);
  if (Status looked = log->look_inside(); !looked) return looked.error();
  return log;
}

RecordLog::~RecordLog() = default;

Status RecordLog::find_segments() {
  std::optional<std::vector<std::string>> names = files_.list(options_.directory);
  if (!names) return file_error("read", "spool directory", options_.directory, errno);
  std::erase_if(*names, [](const std::string& name) { return !first_in_name(name); });
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    if (Status looked = look_at(name); !looked) return looked;
  }
  for (std::size_t i = 0; i + 1 < segments_.size(); ++i) segments_[i].last = segments_[i + 1].first - 1;
  return {};
}

Status RecordLog::look_at(const std::string& name) {
  Segment segment{.path = path(name), .first = *first_in_name(name)};
  const std::unique_ptr<File> file = files_.open(segment.path, FileSystem::Open::kExisting);
  if (!file) return file_error("open", kThing, segment.path, errno);
  const std::int64_t size = file->size();
  std::array<std::uint8_t, kSegmentHeaderBytes> bytes{};
  const auto count = read_all(*file, bytes.data(), bytes.size(), 0);
  if (size < 0 || !count) return file_error("read", kThing, segment.path, errno);
  if (*count < bytes.size()) {  // its writer died while it made it
    static_cast<void>(files_.remove(segment.path));
    return {};
  }
  segment.size = static_cast<std::uint64_t>(size);
  const std::optional<SegmentHeader> header = parse_segment_header(bytes);
  if (header && header->owner != options_.owner) {
    return Error{Code::kFailedPrecondition, "spool directory " + quoted(options_.directory) + " holds packets of " +
                                                quoted(header->owner) + ", not of " + quoted(options_.owner) +
                                                "; start that one to send them, or choose another directory"};
  }
  if (header) {
    segment.epoch = header->epoch;
    segment.total_before = header->total_before;
  }
  segments_.push_back(std::move(segment));
  return {};
}

// Hands the whole records to `take`, with the offset at which each ends, until that gives false.
Status RecordLog::look_through(const Segment& segment, File& file,
                               const std::function<bool(const Record&, std::uint64_t)>& take) {
  std::vector<std::uint8_t> chunk(std::min<std::uint64_t>(kChunk, segment.size - kSegmentHeaderBytes));
  bool go_on = true;
  for (std::uint64_t offset = kSegmentHeaderBytes; go_on && offset < segment.size;) {
    const auto count = read_all(file, chunk.data(), chunk.size(), offset);
    if (!count) return file_error("read", kThing, segment.path, errno);
    const bool last = *count < chunk.size() || offset + *count >= segment.size;
    const Scan scan = scan_records(std::span(chunk.data(), *count), epoch_, last, [&](const Record& record) {
      const auto end = static_cast<std::uint64_t>(record.payload.data() + record.payload.size() - chunk.data());
      go_on = go_on && take(record, offset + end);
    });
    if (last) break;
    offset += scan.consumed;
    if (scan.consumed == 0) chunk.resize(scan.needed);
  }
  return {};
}

// The only part of a sound backlog that is read before anything is sent: where the last whole record ends. A file that
// can't be read now is left alone.
Status RecordLog::look_at_tail() {
  while (!segments_.empty()) {
    Segment& segment = segments_.back();
    const std::unique_ptr<File> file = files_.open(segment.path, FileSystem::Open::kExisting);
    if (!file) return file_error("open", kThing, segment.path, errno);
    std::uint64_t whole = kSegmentHeaderBytes;
    segment.last = segment.first - 1;
    const Status looked = look_through(segment, *file, [&](const Record& record, std::uint64_t end) {
      whole = end;
      segment.last = std::max(segment.last, record.info.number);
      total_end_ = std::max(total_end_, record.info.total_before + record.info.weight);
      return true;
    });
    if (!looked) return looked;
    last_number_ = std::max(last_number_, segment.last);
    if (whole < segment.size) {
      log::warning("the end of a spool file is torn or damaged, and cut",
                   {{"file", segment.path}, {"bytes", segment.size - whole}});
      keep_damaged(*file, segment.path, whole, segment.size);
      static_cast<void>(file->truncate(whole));
    }
    segment.size = whole;
    if (whole > kSegmentHeaderBytes) {
      // Later ones are synced by who appends to them; this one's writer may not have come to it.
      if (file->sync() != 0) log::error(file_error("make durable", kThing, segment.path, errno).text);
      return {};
    }
    static_cast<void>(files_.remove(segment.path));
    segments_.pop_back();
  }
  return {};
}

// A segment without a header is taken to begin with its first whole record.
Status RecordLog::look_behind_damaged_headers() {
  std::uint64_t next_total = total_end_;
  for (auto segment = segments_.rbegin(); segment != segments_.rend(); next_total = (segment++)->total_before) {
    if (segment->epoch == epoch_) continue;
    log::error("the beginning of a spool file is damaged; its records are looked for", {{"file", segment->path}});
    segment->total_before = next_total;
    const std::unique_ptr<File> file = files_.open(segment->path, FileSystem::Open::kExisting);
    if (!file) return file_error("open", kThing, segment->path, errno);
    const Status looked = look_through(*segment, *file, [&](const Record& record, std::uint64_t) {
      segment->total_before = std::min(record.info.total_before, next_total);
      return false;
    });
    if (!looked) return looked;
  }
  return {};
}

Status RecordLog::look_inside() {
  const std::optional<Position> position = position_->read();
  const bool anything_there = !segments_.empty();
  // Not every file need be of this log: one of an earlier epoch may have escaped its removal.
  const auto is_of = [](std::uint64_t epoch) {
    return [epoch](const Segment& segment) { return segment.epoch == epoch; };
  };
  const auto sound = std::find_if_not(segments_.begin(), segments_.end(), is_of(0));
  if (sound != segments_.end()) epoch_ = sound->epoch;
  if (position && (epoch_ == 0 || std::any_of(segments_.begin(), segments_.end(), is_of(position->epoch)))) {
    epoch_ = position->epoch;
  }
  for (const Segment& segment : segments_) {
    if (segment.epoch == epoch_) total_end_ = std::max(total_end_, segment.total_before);
  }
  if (Status looked = look_at_tail(); !looked) return looked;
  if (Status looked = look_behind_damaged_headers(); !looked) return looked;
  read_total_ = segments_.empty() ? total_end_ : segments_.front().total_before;
  if (epoch_ != 0 && position && position->epoch == epoch_) {
    last_number_ = std::max(last_number_, position->last_number);
    released_ = std::min(position->released, last_number_);
    if (position->total_end > total_end_ && last_number_ > released_ && anything_there) {
      lose(position->total_end - total_end_, "at the end of the spool");
    }
  }
  release(released_);
  released_unread_ = 0;  // these were never waited for by this process
  if (segments_.empty()) epoch_ = released_ = last_number_ = 0;
  return {};
}

Status RecordLog::begin_segment(std::uint64_t first) {
  if (active_ && active_->sync() != 0) return file_error("make durable", kThing, segments_.back().path, errno);
  const std::string new_path = path(segment_name(first));
  std::shared_ptr<File> file = files_.open(new_path, FileSystem::Open::kNew);
  if (!file && errno == EEXIST && files_.remove(new_path) == 0) file = files_.open(new_path, FileSystem::Open::kNew);
  if (!file) return file_error("create", kThing, new_path, errno);
  const auto header = encode({epoch_, first, total_end_, options_.owner});
  if (!write_all(*file, header.data(), header.size(), 0) || files_.sync_directory(options_.directory) != 0) {
    const int error = errno;
    static_cast<void>(files_.remove(new_path));
    return file_error("write", kThing, new_path, error);
  }
  const bool reader_at_end = all_read();
  segments_.push_back({new_path, first, first, total_end_, kSegmentHeaderBytes, epoch_});
  active_ = std::move(file);
  if (reader_at_end) mark_all_read();
  return {};
}

Status RecordLog::append(std::span<Record> records) {
  if (records.empty()) return {};
  if (active_ && torn_ && active_->truncate(segments_.back().size) != 0) {
    return file_error("write", kThing, segments_.back().path, errno);
  }
  torn_ = false;
  if (!active_ || segments_.back().size >= options_.segment_bytes) {
    if (Status begun = begin_segment(records.front().info.number); !begun) return begun;
  }
  buffer_.clear();
  std::uint64_t total = total_end_;
  for (Record& record : records) {
    record.info.total_before = total;
    record.offset = segments_.back().size + buffer_.size();
    append_record(buffer_, epoch_, record);
    total += record.info.weight;
  }
  Segment& segment = segments_.back();
  if (!write_all(*active_, buffer_.data(), buffer_.size(), segment.size)) {
    const int error = errno;
    torn_ = active_->truncate(segment.size) != 0;
    return file_error("write", kThing, segment.path, error);
  }
  segment.size += buffer_.size();
  segment.last = last_number_ = records.back().info.number;
  total_end_ = total;
  write_position();
  return {};
}

bool RecordLog::make_room(std::uint64_t bytes) {
  if (bytes + kSegmentHeaderBytes > options_.max_bytes) return false;
  while (!segments_.empty() && this->bytes() + bytes > options_.max_bytes) losses_.dropped += remove_front();
  return true;
}

// Gives the weight of what had not been read.
std::uint64_t RecordLog::remove_front() {
  std::uint64_t unread = 0;
  const std::uint64_t total_end = segments_.size() > 1 ? segments_[1].total_before : total_end_;
  if (read_segment_ == 0) {
    if (total_end > read_total_) unread = total_end - read_total_;
    read_total_ = std::max(read_total_, total_end);
    read_offset_ = kSegmentHeaderBytes;
    reading_.reset();
  } else {
    --read_segment_;
  }
  if (segments_.size() == 1) active_.reset();
  if (looked_up_path_ == segments_.front().path) looked_up_.reset();
  if (files_.remove(segments_.front().path) != 0) {
    log::warning(file_error("remove", kThing, segments_.front().path, errno).text);
  }
  segments_.pop_front();
  return unread;
}

// What is missing up to `total`, before `number`, is lost, unless it was not needed any more.
void RecordLog::pass_over(std::uint64_t total, std::uint64_t number) {
  if (total <= read_total_) return;
  const std::uint64_t weight = total - read_total_;
  read_total_ = total;
  if (number - 1 <= released_) {
    released_unread_ += weight;
  } else {
    lose(weight, "before number " + std::to_string(number));
  }
}

void RecordLog::take(const Record& record, std::uint64_t offset, std::vector<Record>& records) {
  // Else it is left over from an append that failed, or that a loss of power broke off.
  if (record.info.number <= read_number_ || record.info.total_before < read_total_) return;
  read_number_ = record.info.number;
  pass_over(record.info.total_before, record.info.number);
  read_total_ += record.info.weight;
  if (record.info.number <= released_) {
    released_unread_ += record.info.weight;
  } else {
    records.push_back({record.info, record.payload, offset});
  }
}

void RecordLog::lose(std::uint64_t weight, const std::string& where) {
  losses_.damaged += weight;
  log::error("packets in the spool were damaged and are lost",
             {{"directory", options_.directory}, {"where", where}, {"packets", weight}});
}

void RecordLog::move_reader_to_next_segment() {
  const Segment& next = segments_[++read_segment_];
  pass_over(next.total_before, next.first);
  read_total_ = next.total_before;
  read_offset_ = kSegmentHeaderBytes;
  reading_.reset();
}

Result<RecordLog::ReadResult> RecordLog::read(std::span<std::uint8_t> buffer) {
  ReadResult result;
  while (read_segment_ < segments_.size() && result.records.empty()) {
    Segment& segment = segments_[read_segment_];
    if (read_offset_ >= segment.size) {
      if (read_segment_ + 1 == segments_.size()) break;
      move_reader_to_next_segment();
      continue;
    }
    if (!reading_) reading_ = files_.open(segment.path, FileSystem::Open::kExisting);
    if (!reading_) return file_error("open", kThing, segment.path, errno);
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), segment.size - read_offset_));
    const auto count = read_all(*reading_, buffer.data(), wanted, read_offset_);
    if (!count) return file_error("read", kThing, segment.path, errno);
    if (*count == 0) {  // somebody cut the file
      skip_unreadable();
      continue;
    }
    const bool last = *count < wanted || read_offset_ + *count >= segment.size;
    const Scan scan = scan_records(buffer.first(*count), epoch_, last, [&](const Record& record) {
      const auto at = static_cast<std::uint64_t>(record.payload.data() - buffer.data()) - kRecordHeaderBytes;
      take(record, read_offset_ + at, result.records);
    });
    if (scan.damaged_end > scan.damaged_begin) {
      keep_damaged(*reading_, segment.path, read_offset_ + scan.damaged_begin, read_offset_ + scan.damaged_end);
    }
    read_offset_ += scan.consumed;
    if (scan.consumed == 0) {
      result.needed = scan.needed;
      break;
    }
  }
  const bool at_end = read_segment_ + 1 == segments_.size() && read_offset_ >= segments_.back().size;
  if (at_end) pass_over(total_end_, last_number_ + 1);
  return result;
}

void RecordLog::skip_unreadable() {
  if (read_segment_ >= segments_.size()) return;
  read_offset_ = segments_[read_segment_].size;
  // What is appended must not follow what can't be read.
  if (read_segment_ + 1 < segments_.size() || !active_) return;
  if (active_->sync() != 0) log::error(file_error("make durable", kThing, segments_.back().path, errno).text);
  active_.reset();
}

void RecordLog::mark_all_read() {
  read_segment_ = segments_.empty() ? 0 : segments_.size() - 1;
  read_offset_ = segments_.empty() ? kSegmentHeaderBytes : segments_.back().size;
  read_total_ = total_end_;
  read_number_ = last_number_;
  reading_.reset();
}

Result<Record> RecordLog::read_at(std::uint64_t number, std::uint64_t offset, std::span<std::uint8_t> buffer) {
  const auto behind = std::upper_bound(segments_.begin(), segments_.end(), number,
                                       [](std::uint64_t n, const Segment& segment) { return n < segment.first; });
  if (behind == segments_.begin()) return Error{Code::kDataLoss, "a record of the spool is gone"};
  const std::string& from = std::prev(behind)->path;
  if (!looked_up_ || looked_up_path_ != from) {
    looked_up_ = files_.open(from, FileSystem::Open::kExisting);
    looked_up_path_ = from;
  }
  if (!looked_up_) return file_error("open", kThing, from, errno);
  const auto count = read_all(*looked_up_, buffer.data(), buffer.size(), offset);
  if (!count) {
    const int error = errno;
    looked_up_.reset();
    return file_error("read", kThing, from, error);
  }
  const auto found = parse_record(buffer.first(*count), epoch_);
  if (const auto* record = std::get_if<Record>(&found); record != nullptr && record->info.number == number) {
    return Record{record->info, record->payload, offset};
  }
  keep_damaged(*looked_up_, from, offset, offset + buffer.size());
  return Error{Code::kDataLoss, "a record of spool file " + quoted(from) + " is damaged"};
}

void RecordLog::release(std::uint64_t number) {
  if (number > released_) {
    released_ = number;
    write_position();
  }
  while (!segments_.empty() && segments_.front().last <= released_ && !(segments_.size() == 1 && active_)) {
    released_unread_ += remove_front();
  }
}

// Whoever clears may append again what is not released: numbers begin anew behind that.
void RecordLog::clear() {
  while (!segments_.empty()) released_unread_ += remove_front();
  last_number_ = read_number_ = released_;
  write_position();
}

void RecordLog::write_position() {
  position_->write({epoch_, released_, last_number_, total_end_});
}

// What nobody can read may still be worth a look; a copy is kept, within bounds.
void RecordLog::keep_damaged(File& file, const std::string& from_path, std::uint64_t from, std::uint64_t to) {
  const std::string kept_path = from_path + ".damaged";
  std::unique_ptr<File> kept = files_.open(kept_path, FileSystem::Open::kNew);
  if (!kept) kept = files_.open(kept_path, FileSystem::Open::kExisting);
  const std::int64_t size = kept ? kept->size() : -1;
  if (size < 0) return;
  auto at = static_cast<std::uint64_t>(size);
  std::vector<std::uint8_t> chunk(std::min<std::uint64_t>(kChunk, to - from));
  while (from < to && at < kMostKeptDamage) {
    const auto count = read_all(file, chunk.data(), std::min<std::uint64_t>(chunk.size(), to - from), from);
    if (!count || *count == 0 || !write_all(*kept, chunk.data(), *count, at)) return;
    from += *count;
    at += *count;
  }
  log::warning("what was damaged in a spool file is kept beside it", {{"file", kept_path}});
}

std::uint64_t RecordLog::bytes() const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += segment.size;
  return sum;
}

std::uint64_t RecordLog::unread_bytes() const {
  std::uint64_t sum = 0;
  for (std::size_t i = read_segment_; i < segments_.size(); ++i) {
    sum += segments_[i].size - (i == read_segment_ ? std::min(read_offset_, segments_[i].size) : kSegmentHeaderBytes);
  }
  return sum;
}

}  // namespace lc::spool
