#include "common/capture/node.h"

#include <random>
#include <utility>

#include "common/base/exit_code.h"

namespace lc::capture {

OpenedSources open_sources(const std::vector<std::string>& names, const SourceOptions& options,
                           const TimeSource& time) {
  OpenedSources sources;
  for (const std::string& name : names) {
    Result<std::unique_ptr<PacketSource>> source = open_source(name, options, time);
    if (!source) throw start_error(source.error());
    if (auto* live = dynamic_cast<LiveSource*>(source->get())) sources.live.push_back(live);
    sources.all.push_back(std::move(*source));
  }
  return sources;
}

std::uint64_t random_epoch() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;
}

fleet::HunterDescription describe(std::string id, std::string host_name, std::vector<std::string> interfaces,
                                  std::string capture_filter, std::uint64_t buffer_bytes, std::uint64_t epoch) {
  std::vector<std::string> filter_types;
  for (const fleet::FilterType type : fleet::all_filter_types()) filter_types.emplace_back(fleet::name_of(type));
  return {.id = std::move(id),
          .hostname = std::move(host_name),
          .interfaces = std::move(interfaces),
          .version = LC_VERSION,
          .capabilities = {.filter_types = std::move(filter_types),
                           .max_buffer_bytes = buffer_bytes,
                           .gpu_acceleration = false,
                           .af_xdp = false},
          .epoch = epoch,
          .features = {"resume", std::string(fleet::kFilterSnapshotFeature)},
          .capture_filter = std::move(capture_filter)};
}

}  // namespace lc::capture
