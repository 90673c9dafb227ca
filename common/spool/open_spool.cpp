#include "common/spool/open_spool.h"

#include <algorithm>
#include <utility>

#include "common/base/exit_code.h"

namespace lc::spool {

std::unique_ptr<RecordLog> open_spool(FileSystem& files, const SpoolSettings& settings, const std::string& owner) {
  if (settings.mode == SpoolMode::kOff) return nullptr;
  constexpr std::uint64_t kLeastSegment = std::uint64_t{1} << 20;
  constexpr std::uint64_t kMostSegment = std::uint64_t{64} << 20;
  Result<std::unique_ptr<RecordLog>> log =
      RecordLog::open(files, {.directory = settings.directory,
                              .owner = owner,
                              .segment_bytes = std::clamp(settings.max_bytes / 8, kLeastSegment, kMostSegment),
                              .max_bytes = settings.max_bytes});
  if (!log) throw start_error({log.error().code, log.error().text + " (--spool-dir, or --spool-mode off)"});
  return std::move(*log);
}

}  // namespace lc::spool
