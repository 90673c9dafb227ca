// A batch nearly always has one interface, and so one link type. The rare one with several goes into pcap files one
// link type after the other.
#include "processord/engine/capture_output.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/capture/link_type.h"

namespace lc::processor {

using capture::CaptureFile;

Result<std::unique_ptr<CaptureOutput>> CaptureOutput::open(const std::string& path) {
  const Result<capture::CaptureFormat> format = capture::capture_format(path);
  if (!format) return format.error();
  std::unique_ptr<CaptureOutput> output(new CaptureOutput(path));
  output->format_ = *format;
  const Result<CaptureFile*> file = output->create(path);
  if (!file) return file.error();
  return output;
}

Result<CaptureFile*> CaptureOutput::create(const std::string& path) {
  Result<capture::NewCaptureFile> created = capture::create_capture_file(path);
  if (!created) return created.error();
  if (created->set_aside) {
    log::info("capture file of an earlier run kept under another name", {{"file", created->set_aside->path},
                                                                         {"packets", created->set_aside->packets},
                                                                         {"cut_bytes", created->set_aside->cut_bytes}});
  }
  return files_.emplace_back(std::move(created->file)).get();
}

Result<CaptureFile*> CaptureOutput::file_for(std::uint32_t link_type) {
  if (format_ == capture::CaptureFormat::kPcapng) return files_.front().get();
  const auto found = by_link_type_.find(link_type);
  if (found != by_link_type_.end()) return found->second;
  CaptureFile* file = files_.front().get();
  if (!by_link_type_.empty()) {
    const std::string path = path_.substr(0, path_.rfind('.')) + "-" + capture::link_type_name(link_type) + ".pcap";
    Result<CaptureFile*> created = create(path);
    if (!created) return created;
    file = *created;
    log::info("a second link type goes into a pcap file of its own", {{"file", path}});
  }
  by_link_type_[link_type] = file;
  return file;
}

// Fills ids_ with what belongs into this file, and gives the number of packets that do. Describing an interface writes
// to the file, so it can fail like every write.
Result<std::uint64_t> CaptureOutput::choose_ids(const packet::Batch& batch, CaptureFile& file,
                                                std::uint32_t link_type) {
  ids_.clear();
  bool any = false;
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    std::uint32_t id = CaptureFile::kLeaveOut;
    const Result<std::uint32_t> type = capture::file_link_type(interface.link_type);
    if (type && (format_ == capture::CaptureFormat::kPcapng || *type == link_type)) {
      const Result<std::uint32_t> added = file.add_interface({.node = std::string(batch.header().hunter_id),
                                                              .name = std::string(interface.name),
                                                              .link_type = interface.link_type,
                                                              .filter = {}});
      if (!added) return added.error();
      id = *added;
    }
    any = any || id != CaptureFile::kLeaveOut;
    ids_.push_back(id);
  }
  if (!any) return 0;
  if (ids_.size() == 1) return batch.packets().size();
  return static_cast<std::uint64_t>(std::count_if(
      batch.packets().begin(), batch.packets().end(),
      [this](const packet::PacketEntry& entry) { return ids_[entry.interface] != CaptureFile::kLeaveOut; }));
}

Result<std::uint64_t> CaptureOutput::write(const packet::Batch& batch) {
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    const Result<std::uint32_t> stored = capture::file_link_type(interface.link_type);
    if (!stored) continue;  // left out
    const std::uint32_t type = format_ == capture::CaptureFormat::kPcapng ? 0 : *stored;
    if (std::find(done_link_types_.begin(), done_link_types_.end(), type) != done_link_types_.end()) continue;
    const Result<CaptureFile*> file = file_for(type);
    if (!file) return file.error();
    const Result<std::uint64_t> packets = choose_ids(batch, **file, type);
    if (!packets) return packets.error();
    if (*packets > 0) {
      if (Status status = (*file)->write(batch, ids_); !status) return status.error();
    }
    done_packets_ += *packets;
    done_link_types_.push_back(type);
  }
  done_link_types_.clear();
  return std::exchange(done_packets_, 0);
}

Status CaptureOutput::flush() {
  for (const auto& file : files_) {
    if (Status status = file->flush(); !status) return status;
  }
  return {};
}

Status CaptureOutput::sync() {
  for (const auto& file : files_) {
    if (Status status = file->sync(); !status) return status;
  }
  return {};
}

Status CaptureOutput::close() {
  for (const auto& file : files_) {
    if (Status status = file->close(); !status) return status;
  }
  return {};
}

}  // namespace lc::processor
