// What a processor must know after a crash: how far each hunter's packets are stored, and how much of each unfinished
// capture file is committed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "processord/engine/journal_entry.h"

namespace lc::processor {

/// The file `journal` in a state directory, which it keeps other processes out of. One thread.
class Journal {
 public:
  struct Settings {
    std::string directory;            // made when it is not there
    bool sync = true;                 // whether entries must survive a loss of power
    std::size_t remembered = 10'000;  // hunters; of more, those that have stored nothing for the longest are forgotten
    std::size_t rewrite_bytes = std::size_t{4} << 20;  // a file of that size is replaced by what is still true of it
  };

  /// Reads what is there; damage is passed over, counted and logged. Throws StartError when another process has the
  /// directory, or it cannot be written or read. `files` must outlive it.
  Journal(Settings settings, FileSystem& files);

  /// The entry survives, or an Error and it is as if it had never been given; it may be given again. Of a file that is
  /// known only what changed is written. Error codes as file_error() says.
  Status append(JournalEntry entry);

  [[nodiscard]] std::vector<StoredPosition> positions() const;  // who has been silent for the longest comes first
  [[nodiscard]] std::vector<capture::CommittedFile> unfinished() const;        // by path
  [[nodiscard]] std::vector<capture::CommittedFile> unfinished_calls() const;  // likewise, files of calls
  [[nodiscard]] std::vector<std::string> interrupted() const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return size_; }

 private:
  struct Position {
    std::uint64_t epoch = 0;
    std::uint64_t sequence = 0;
    std::uint64_t noted = 0;  // rises
  };

  void open();
  void read();
  void apply(const JournalEntry& entry);
  void put(const NumberedFile& begun);
  void finish(const std::string& path);
  void number(JournalEntry& entry, std::vector<capture::CommittedFile> files, bool of_call);
  [[nodiscard]] std::vector<capture::CommittedFile> unfinished(bool of_calls) const;
  void forget_oldest();
  void rewrite();
  Status write_anew();
  Status sync_name();
  [[nodiscard]] Error failure(std::string_view action) const;

  const Settings settings_;
  FileSystem& files_;
  const std::string path_;
  std::unique_ptr<FileSystem::Lock> lock_;
  std::unique_ptr<File> file_;
  std::uint64_t size_ = 0;        // what lies behind is the rest of a failed write
  std::uint64_t number_ = 0;      // of the last entry in the file
  std::uint64_t rewrite_at_ = 0;  // size_
  bool name_synced_ = false;

  std::map<std::string, Position> positions_;                   // by hunter id
  std::unordered_map<std::uint64_t, NumberedFile> unfinished_;  // by number
  std::map<std::string_view, std::uint64_t> numbers_;           // by path, which is in unfinished_
  std::set<std::string> interrupted_;
  std::uint64_t last_number_ = 0;  // that any file had
  bool read_unnumbered_ = false;   // an earlier version wrote it
  std::uint64_t noted_ = 0;
};

}  // namespace lc::processor
