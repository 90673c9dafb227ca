// The filter table on disk: a JSON object, one filter a line, written as a whole.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/fleet/filter.h"

namespace lc::processor {

/// `{"id":"f1","type":"FILTER_IP_ADDRESS","pattern":"192.0.2.1","enabled":true}`; what has its default is left out.
std::string filter_line(const fleet::Filter& filter);

/// Whether a user may have such a filter: as filter::check, and not of the type that processors make.
Status check_user_filter(const fleet::Filter& filter);

/// One thread.
class FilterFile {
 public:
  /// More is refused: a snapshot of the table must fit into one message.
  static constexpr std::size_t kMostBytes = std::size_t{12} << 20;

  struct Settings {
    std::string path;        // its directory is made when something is saved
    bool exclusive = false;  // keeps other processes out of the directory
  };
  struct Content {
    std::uint64_t revision = 0;
    std::vector<fleet::Filter> filters;  // each one checked, no id twice
    bool durable = false;                // survives a loss of power: who wrote it may have been killed before that
  };

  /// `files` must outlive it.
  FilterFile(Settings settings, FileSystem& files);

  /// Nothing when there is no file. kInvalidArgument names the file, and the line and column or the filter that is
  /// wrong; kFailedPrecondition: another process has the directory.
  Result<std::optional<Content>> load();

  /// The file says this and nothing else, also after a loss of power, or an Error that names it: kResourceExhausted
  /// (disk full) or kUnavailable; it may be either version then. `lines` as filter_line() gives them.
  Status save(std::uint64_t revision, const std::vector<std::string_view>& lines);

  [[nodiscard]] const std::string& path() const { return settings_.path; }

 private:
  Status lock();
  [[nodiscard]] Error failure(std::string_view action) const;

  const Settings settings_;
  FileSystem& files_;
  const std::string directory_;
  std::unique_ptr<FileSystem::Lock> lock_;
};

}  // namespace lc::processor
