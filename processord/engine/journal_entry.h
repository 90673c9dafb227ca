// What a processor's journal says, and how it lies in the file: records of common/spool/record.h, each twice, so that a
// flipped bit costs nothing. Their payload is lines of text:
//
//   position HUNTER EPOCH SEQUENCE            everything of this hunter's epoch up to there is stored
//   file NUMBER "PATH" DEVICE INODE BIRTH BYTES PACKETS    so much of this capture file is committed; from now on it
//                                             is known by its number, which no other file ever has
//   call NUMBER "PATH" ...                    likewise, of a file of one call
//   grown NUMBER BYTES PACKETS                and now so much
//   finished "PATH"                           and nothing more will be written to it
//   interrupted "PATH"                        the call that this finished file is of goes on, as far as we know
//   forgotten "PATH"                          and this is of no interest any more
//
// Journals of earlier versions have lines `file "PATH" DEVICE INODE BIRTH BYTES PACKETS` in place of the numbers.
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
  std::string hunter_id;  // or the key of one below another processor, see hunter_key.h
  std::uint64_t epoch = 0;
  std::uint64_t sequence = 0;

  bool operator==(const StoredPosition&) const = default;
};

struct NumberedFile {
  std::uint64_t number = 0;
  bool of_call = false;
  capture::CommittedFile file;

  bool operator==(const NumberedFile&) const = default;
};

struct FileGrowth {
  std::uint64_t number = 0;
  std::uint64_t bytes = 0;
  std::uint64_t packets = 0;

  bool operator==(const FileGrowth&) const = default;
};

/// Paths that one entry should name at most: far below what it can hold.
inline constexpr std::size_t kEntryPaths = 500;

/// What changes at once: all of it is known after a crash, or nothing. Of a path that is in both, `finished` comes
/// first.
struct JournalEntry {
  std::vector<StoredPosition> positions = {};
  std::vector<capture::CommittedFile> files = {};       // as they are now, whether the journal knows them or not
  std::vector<capture::CommittedFile> call_files = {};  // likewise
  std::vector<std::string> finished = {};               // paths
  std::vector<std::string> interrupted = {};
  std::vector<std::string> forgotten = {};
  // What becomes of `files` and `call_files` in the journal's file:
  std::vector<NumberedFile> begun = {};
  std::vector<FileGrowth> grown = {};

  bool operator==(const JournalEntry&) const = default;
};

/// The lines; `files` as earlier versions wrote them, `call_files` not at all.
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
