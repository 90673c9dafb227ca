// The file only grows, until it is replaced as a whole: what is true is written under another name, forced to disk and
// renamed, so that at any instant the name leads to a file that says everything. An entry that could not be written
// leaves size_ where it was, and the next one is written over it.
#include "processord/engine/journal.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/text.h"

namespace lc::processor {
namespace {

constexpr std::string_view kThing = "journal";
// Of one record, when everything is written; far below what a record can hold.
constexpr std::size_t kEntryLines = 500;

[[noreturn]] void refuse(const Error& error) {
  const bool denied = error.code == Code::kPermissionDenied;
  throw StartError(denied ? ExitCode::kNoPermission : ExitCode::kBadConfig, error.text);
}

Error directory_error(std::string_view action, const std::string& directory, int error) {
  Error told = file_error(action, "state directory", directory, error);
  told.text += ", or choose another one with --state-dir";
  return told;
}

int sync_file(File& file) {
  int result = file.sync();
  while (result != 0 && errno == EINTR) result = file.sync();
  return result;
}

}  // namespace

Journal::Journal(Settings settings, FileSystem& files)
    : settings_(std::move(settings)),
      files_(files),
      path_((std::filesystem::path(settings_.directory) / "journal").string()),
      rewrite_at_(settings_.rewrite_bytes) {
  open();
  read();
}

void Journal::open() {
  const std::string& directory = settings_.directory;
  if (files_.make_directory(directory) != 0) refuse(directory_error("create", directory, errno));
  lock_ = files_.lock(directory);
  if (!lock_ && errno == EWOULDBLOCK) {
    throw StartError(ExitCode::kBadConfig, "state directory " + lc::quoted(directory) +
                                               " is in use by another processord; give each its own --state-dir");
  }
  if (!lock_) refuse(directory_error("lock", directory, errno));
  file_ = files_.open(path_, FileSystem::Open::kExisting);
  if (!file_ && errno == ENOENT) {
    static_cast<void>(files_.sync_directory(std::filesystem::path(directory).parent_path().string()));
    file_ = files_.open(path_, FileSystem::Open::kNew);
  }
  if (!file_) refuse(directory_error("write", directory, errno));
}

void Journal::read() {
  const std::optional<JournalExtent> extent = read_journal(*file_, [this](const JournalEntry& entry) { apply(entry); });
  if (!extent) {
    const Error error = failure("read");
    refuse({error.code, error.text + ", or move it away: what was stored is then stored again when it comes again"});
  }
  forget_oldest();
  size_ = extent->whole_bytes;
  number_ = extent->last_number;
  static_cast<void>(file_->truncate(size_));  // the next entry goes over the rest if this fails
  // A process that was killed may not have come to this, and hunters are told now what was read.
  if (settings_.sync && sync_file(*file_) != 0) refuse(failure("write"));
  if (const Status named = sync_name(); !named) refuse(named.error());
  if (read_unnumbered_) rewrite();
  if (extent->damaged_bytes == 0 && extent->lost_entries == 0) return;
  log::warning("the journal was damaged; what could not be read is passed over",
               {{"file", path_}, {"lost_entries", extent->lost_entries}, {"damaged_bytes", extent->damaged_bytes}});
  rewrite();
}

void Journal::apply(const JournalEntry& entry) {
  for (const std::string& path : entry.finished) finish(path);
  for (const std::string& path : entry.interrupted) interrupted_.insert(path);
  for (const std::string& path : entry.forgotten) interrupted_.erase(path);
  for (const capture::CommittedFile& file : entry.files) {
    read_unnumbered_ = true;
    put({.number = ++last_number_, .file = file});
  }
  for (const NumberedFile& begun : entry.begun) put(begun);
  for (const FileGrowth& growth : entry.grown) {
    const auto known = unfinished_.find(growth.number);
    if (known == unfinished_.end()) continue;  // its first mention is lost, with a warning
    known->second.file.bytes = growth.bytes;
    known->second.file.packets = growth.packets;
  }
  for (const StoredPosition& position : entry.positions) {
    positions_.insert_or_assign(position.hunter_id, Position{position.epoch, position.sequence, ++noted_});
  }
  if (positions_.size() > 2 * settings_.remembered) forget_oldest();
}

void Journal::put(const NumberedFile& begun) {
  finish(begun.file.path);
  if (const auto other = unfinished_.find(begun.number); other != unfinished_.end()) finish(other->second.file.path);
  last_number_ = std::max(last_number_, begun.number);
  const NumberedFile& put = unfinished_.emplace(begun.number, begun).first->second;
  numbers_.emplace(put.file.path, put.number);
}

void Journal::finish(const std::string& path) {
  const auto known = numbers_.find(path);
  if (known == numbers_.end()) return;
  const std::uint64_t number = known->second;
  numbers_.erase(known);
  unfinished_.erase(number);
}

// A number is given for good, even if this entry never comes into the file.
void Journal::number(JournalEntry& entry, std::vector<capture::CommittedFile> files, bool of_call) {
  for (capture::CommittedFile& file : files) {
    const auto known = numbers_.find(file.path);
    const bool finished_first =
        std::find(entry.finished.begin(), entry.finished.end(), file.path) != entry.finished.end();
    if (known != numbers_.end() && !finished_first && unfinished_.at(known->second).file.identity == file.identity) {
      entry.grown.push_back({known->second, file.bytes, file.packets});
    } else {
      entry.begun.push_back({++last_number_, of_call, std::move(file)});
    }
  }
}

void Journal::forget_oldest() {
  if (positions_.size() <= settings_.remembered) return;
  std::vector<std::uint64_t> ages;
  ages.reserve(positions_.size());
  for (const auto& [id, position] : positions_) ages.push_back(position.noted);
  const auto oldest_kept = ages.end() - static_cast<std::ptrdiff_t>(settings_.remembered);
  std::nth_element(ages.begin(), oldest_kept, ages.end());
  std::erase_if(positions_, [&](const auto& entry) { return entry.second.noted < *oldest_kept; });
}

Error Journal::failure(std::string_view action) const {
  return file_error(action, kThing, path_, errno);
}

// What the name leads to after a loss of power must be the file that entries go into.
Status Journal::sync_name() {
  if (name_synced_ || !settings_.sync) return {};
  if (files_.sync_directory(settings_.directory) != 0) return failure("write");
  name_synced_ = true;
  return {};
}

Status Journal::append(JournalEntry entry) {
  if (Status named = sync_name(); !named) return named;
  number(entry, std::exchange(entry.files, {}), false);
  number(entry, std::exchange(entry.call_files, {}), true);
  std::vector<std::uint8_t> bytes;
  append_twice(bytes, number_ + 1, entry);
  // After a failed sync the pages may be lost although the next sync succeeds; the same bytes are written again then.
  if (!write_all(*file_, bytes.data(), bytes.size(), size_) || (settings_.sync && sync_file(*file_) != 0)) {
    Error error = failure("write");
    static_cast<void>(file_->truncate(size_));
    return error;
  }
  size_ += bytes.size();
  ++number_;
  apply(entry);
  if (size_ >= rewrite_at_) rewrite();
  return {};
}

// Entries go on into the old file when this fails.
void Journal::rewrite() {
  forget_oldest();
  if (const Status written = write_anew(); !written) {
    log::warning(written.error().text);
    static_cast<void>(files_.remove(path_ + ".new"));
    rewrite_at_ = size_ + settings_.rewrite_bytes / 4;
    return;
  }
  rewrite_at_ = std::max<std::uint64_t>(settings_.rewrite_bytes, 2 * size_);
}

Status Journal::write_anew() {
  const std::string new_path = path_ + ".new";
  static_cast<void>(files_.remove(new_path));  // of a process that died here
  std::unique_ptr<File> fresh = files_.open(new_path, FileSystem::Open::kNew);
  if (!fresh) return failure("replace");

  std::vector<std::uint8_t> bytes;
  std::uint64_t number = 0;
  JournalEntry entry;
  const auto put = [&](std::size_t least_lines) {
    if (entry.begun.size() + entry.positions.size() + entry.interrupted.size() < least_lines) return;
    append_twice(bytes, ++number, entry);
    entry = {};
  };
  for (const auto& [path, file_number] : numbers_) {
    entry.begun.push_back(unfinished_.at(file_number));
    put(kEntryLines);
  }
  for (const std::string& path : interrupted_) {
    entry.interrupted.push_back(path);
    put(kEntryLines);
  }
  for (StoredPosition& position : positions()) {
    entry.positions.push_back(std::move(position));
    put(kEntryLines);
  }
  put(1);
  if (!write_all(*fresh, bytes.data(), bytes.size(), 0) || sync_file(*fresh) != 0 ||
      files_.rename(new_path, path_) != 0) {
    return failure("replace");
  }
  file_ = std::move(fresh);
  size_ = bytes.size();
  number_ = number;
  name_synced_ = false;
  static_cast<void>(sync_name());  // otherwise before the next entry
  return {};
}

std::vector<StoredPosition> Journal::positions() const {
  std::vector<std::pair<std::uint64_t, StoredPosition>> by_age;
  by_age.reserve(positions_.size());
  for (const auto& [id, position] : positions_) {
    by_age.emplace_back(position.noted, StoredPosition{id, position.epoch, position.sequence});
  }
  std::sort(by_age.begin(), by_age.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<StoredPosition> positions;
  positions.reserve(by_age.size());
  for (auto& [noted, position] : by_age) positions.push_back(std::move(position));
  return positions;
}

std::vector<capture::CommittedFile> Journal::unfinished(bool of_calls) const {
  std::vector<capture::CommittedFile> files;
  for (const auto& [path, file_number] : numbers_) {
    const NumberedFile& file = unfinished_.at(file_number);
    if (file.of_call == of_calls) files.push_back(file.file);
  }
  return files;
}

std::vector<capture::CommittedFile> Journal::unfinished() const {
  return unfinished(false);
}

std::vector<capture::CommittedFile> Journal::unfinished_calls() const {
  return unfinished(true);
}

std::vector<std::string> Journal::interrupted() const {
  return {interrupted_.begin(), interrupted_.end()};
}

}  // namespace lc::processor
