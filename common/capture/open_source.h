// --interface takes names of interfaces and paths of capture files alike.
#pragma once

#include <memory>
#include <string>

#include "common/capture/file_source.h"
#include "common/capture/live_source.h"

namespace lc::capture {

struct SourceOptions {
  LiveOptions live;  // its filter holds for files too
  FileOptions file;
};

/// A name with a slash or with the suffix .pcap, .pcapng or .cap is a file; so is what is no interface but a regular
/// file. Errors as LiveSource::open and FileSource::open give them. `time` must outlive the source.
Result<std::unique_ptr<PacketSource>> open_source(const std::string& name, const SourceOptions& options,
                                                  const TimeSource& time);

}  // namespace lc::capture
