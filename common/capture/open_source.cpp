#include "common/capture/open_source.h"

#include <net/if.h>

#include <filesystem>

namespace lc::capture {
namespace {

bool is_file(const std::string& name) {
  if (name.find('/') != std::string::npos) return true;
  for (const char* suffix : {".pcap", ".pcapng", ".cap"}) {
    if (name.ends_with(suffix)) return true;
  }
  std::error_code ignored;
  return ::if_nametoindex(name.c_str()) == 0 && std::filesystem::is_regular_file(name, ignored);
}

}  // namespace

Result<std::unique_ptr<PacketSource>> open_source(const std::string& name, const SourceOptions& options,
                                                  const TimeSource& time) {
  if (is_file(name)) {
    Result<std::unique_ptr<FileSource>> file = FileSource::open(name, options.file, time);
    if (!file) return file.error();
    if (Status status = (*file)->set_filter(options.live.filter); !status) return status.error();
    return std::unique_ptr<PacketSource>(std::move(*file));
  }
  Result<std::unique_ptr<LiveSource>> live = LiveSource::open(name, options.live);
  if (!live) return live.error();
  return std::unique_ptr<PacketSource>(std::move(*live));
}

}  // namespace lc::capture
