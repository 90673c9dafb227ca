// --write-file: the capture file that takes every packet.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/capture/capture_files.h"
#include "common/packet/batch.h"

namespace lc::processor {

/// One pcapng file; or one pcap file for the first link type, and beside it NAME-LINKTYPE.pcap for each other one,
/// since a pcap file has room for one. One thread. Errors as capture::CaptureFile gives them.
class CaptureOutput {
 public:
  /// Creates the file now, so that an unwritable path is known at the start; what is there is set aside.
  static Result<std::unique_ptr<CaptureOutput>> open(const std::string& path);

  /// How many of the batch's packets are in now; those with a link type that no file can hold are left out. After an
  /// Error the next write() must be of the same batch: what has reached one of several files is not written again.
  Result<std::uint64_t> write(const packet::Batch& batch);
  Status flush();
  Status sync();
  Status close();

 private:
  explicit CaptureOutput(std::string path) : path_(std::move(path)) {}

  Result<capture::CaptureFile*> file_for(std::uint32_t link_type);
  Result<capture::CaptureFile*> create(const std::string& path);
  Result<std::uint64_t> choose_ids(const packet::Batch& batch, capture::CaptureFile& file, std::uint32_t link_type);

  const std::string path_;
  capture::CaptureFormat format_ = capture::CaptureFormat::kPcap;
  std::vector<std::unique_ptr<capture::CaptureFile>> files_;     // the first is at path_
  std::map<std::uint32_t, capture::CaptureFile*> by_link_type_;  // pcap only; as capture::file_link_type gives them

  // Of the batch being written:
  std::vector<std::uint32_t> ids_;  // for CaptureFile::write
  std::vector<std::uint32_t> done_link_types_;
  std::uint64_t done_packets_ = 0;
};

}  // namespace lc::processor
