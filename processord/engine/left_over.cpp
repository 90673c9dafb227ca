#include "processord/engine/left_over.h"

#include <vector>

#include "common/base/log.h"

namespace lc::processor {
namespace {

using capture::without_part;

/// Gives the files their names. Before that the journal forgets them as unfinished, so that whoever dies in between
/// leaves complete files for finish_unknown_parts().
void finish_parts(Journal& journal, JournalEntry& entry, std::vector<std::string>& parts, bool interrupted,
                  const std::function<void(const std::string&)>& closed) {
  if (interrupted) {
    for (const std::string& part : parts) entry.interrupted.push_back(without_part(part));
  }
  // Not an Error: the files are as they should be, and cutting again does no harm.
  if (const Status noted = journal.append(entry); !noted) log::warning(noted.error().text);
  entry = {};
  for (const std::string& part : parts) {
    const Result<std::string> whole = capture::finish_part(part, false);
    if (!whole) {
      log::warning(whole.error().text);
      continue;
    }
    if (interrupted && *whole != without_part(part)) {
      static_cast<void>(journal.append({.interrupted = {*whole}, .forgotten = {without_part(part)}}));
    }
    closed(*whole);
  }
  parts.clear();
}

}  // namespace

Result<capture::CutBack> cut_back_and_tell(const capture::CommittedFile& file) {
  using Outcome = capture::CutBack::Outcome;
  const Result<capture::CutBack> cut = capture::cut_back(file);
  if (!cut) return cut.error();
  switch (cut->outcome) {
    case Outcome::kCommitted:
    case Outcome::kRemoved:
      if (cut->size_bytes == file.bytes) break;
      log::info("capture file cut back to what was acknowledged",
                {{"file", file.path}, {"packets", file.packets}, {"cut_bytes", cut->size_bytes - file.bytes}});
      break;
    case Outcome::kShorter:
      log::error("a capture file is shorter than what was acknowledged",
                 {{"file", file.path}, {"acknowledged_bytes", file.bytes}, {"bytes", cut->size_bytes}});
      break;
    case Outcome::kGone:
      if (file.packets == 0) break;
      log::warning("a capture file that was being written has been moved or removed",
                   {{"file", file.path}, {"packets", file.packets}});
      break;
  }
  return cut;
}

Status finish_left_calls(Journal& journal, bool interrupted, const std::function<void(const std::string&)>& closed) {
  using Outcome = capture::CutBack::Outcome;
  JournalEntry entry;
  std::vector<std::string> parts;
  for (const capture::CommittedFile& file : journal.unfinished_calls()) {
    const Result<capture::CutBack> cut = cut_back_and_tell(file);
    if (!cut) return cut.error();
    entry.finished.push_back(file.path);
    if (cut->outcome == Outcome::kCommitted || cut->outcome == Outcome::kShorter) parts.push_back(file.path);
    if (entry.finished.size() < kEntryPaths) continue;
    finish_parts(journal, entry, parts, interrupted, closed);
  }
  if (!entry.finished.empty()) finish_parts(journal, entry, parts, interrupted, closed);
  return {};
}

Status finish_unknown_parts(const std::string& directory, const std::function<void(const std::string&)>& closed) {
  const Result<std::vector<std::string>> finished = capture::finish_left_parts(directory);
  if (!finished) return finished.error();
  for (const std::string& path : *finished) {
    log::info("capture file of an earlier run finished", {{"file", path}});
    closed(path);
  }
  return capture::check_directory(directory);
}

}  // namespace lc::processor
