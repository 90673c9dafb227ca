#include "processord/engine/file_interfaces.h"

#include <utility>

#include "common/base/clock.h"

namespace lc::processor {

Result<std::uint32_t> FileInterfaces::id_of(std::string_view hunter_id, const packet::BatchInterface& interface,
                                            capture::CaptureFile& file, const InterfaceReports& reports) {
  if (latest_ != nullptr) {
    const auto& [hunter, name, link_type] = latest_->first;
    if (hunter == hunter_id && name == interface.name && link_type == interface.link_type) return latest_->second.id;
  }
  const Key key(hunter_id, interface.name, interface.link_type);
  auto found = known_.find(key);
  if (found == known_.end()) {
    const InterfaceReport report = reports(hunter_id, interface.name);
    const Result<std::uint32_t> id = file.add_interface({.node = std::string(hunter_id),
                                                         .name = std::string(interface.name),
                                                         .link_type = interface.link_type,
                                                         .filter = report.filter});
    if (!id) return id;
    Known known{.id = *id, .epoch = report.epoch, .before = std::nullopt};
    if (report.is_new) {
      known.before = Counted();
    } else if (report.stats) {
      known.before = Counted{report.stats->captured, report.stats->dropped};
    }
    found = known_.emplace(key, known).first;
  }
  latest_ = &*found;
  return found->second.id;
}

void FileInterfaces::tell_drops(capture::CaptureFile& file, const InterfaceReports& reports) const {
  for (const auto& [key, known] : known_) {
    const InterfaceReport now = reports(std::get<0>(key), std::get<1>(key));
    if (!known.before || !now.stats || now.epoch != known.epoch) continue;
    // One that goes on with its queue on disk keeps its epoch.
    if (now.stats->captured < known.before->captured || now.stats->dropped < known.before->dropped) continue;
    const std::uint64_t dropped = now.stats->dropped - known.before->dropped;
    file.set_drops(known.id, now.stats->captured - known.before->captured + dropped, dropped, wall_ns());
  }
}

}  // namespace lc::processor
