// What a processor's journal says, and how it lies in the file: records of common/spool/record.h, each twice, so that a
// flipped bit costs nothing. Their payload is lines of text:
//
//   position HUNTER EPOCH SEQUENCE            everything of this hunter's epoch up to there is stored
//   file "PATH" DEVICE INODE BIRTH BYTES PACKETS    so much of this capture file is committed
//   finished "PATH"                           and nothing more will be written to it
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/capture/capture_files.h"

namespace lc::processor {

struct StoredPosition {
  std::string hunter_id;
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  bool operator==(const StoredPosition&) const = default;
};

/// What changes at once: all of it is known after a crash, or nothing. Of a path that is in both, `finished` comes
/// first.
struct JournalEntry {
  std::vector<StoredPosition> positions = {};
  std::vector<capture::CommittedFile> files = {};
  std::vector<std::string> finished = {};  // paths

  bool operator==(const JournalEntry&) const = default;
};

std::string to_text(const JournalEntry& entry);
/// Nothing when a line is not as to_text() writes it.
std::optional<JournalEntry> journal_entry(std::string_view text);

/// Appends the entry's record and its copy to `bytes`.
void append_twice(std::vector<std::uint8_t>& bytes, std::uint64_t number, const JournalEntry& entry);

/// What reading a journal found.
struct JournalExtent {
  std::uint64_t whole_bytes = 0;    // up to the end of the last record that could be read
  std::uint64_t last_number = 0;    // of that record; 0 = there is none
  std::uint64_t lost_entries = 0;   // damaged in both copies, as far as the numbers tell
  std::uint64_t damaged_bytes = 0;  // passed over before whole_bytes
  std::uint64_t torn_bytes = 0;     // behind whole_bytes
};

/// Hands over every entry, oldest first. Passes over what is damaged. Nothing, with errno, when the file cannot be
/// read.
std::optional<JournalExtent> read_journal(File& file, const std::function<void(const JournalEntry&)>& take);

}  // namespace lc::processor
