// Packets from a pcap or pcapng file.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/guarded.h"
#include "common/base/unique_fd.h"
#include "common/capture/packet_source.h"
#include "common/filter/bpf.h"

struct pcap;

namespace lc::capture {

struct FileOptions {
  /// Times to read the file; 0: for ever. Every pass gives the timestamps of the file: time jumps back between two.
  std::int64_t loop = 1;
  /// Hand packets over at the distances in time at which they were captured. Each pass begins at once.
  bool pace = false;
};

/// Reads through libpcap (pcap-savefile(5), any byte order and time resolution); the packets before a damaged place
/// are handed over, then dispatch() gives kFailed.
class FileSource final : public PacketSource {
 public:
  /// Gives kNotFound, kPermissionDenied, or kInvalidArgument for what is not a regular file or not a capture. `time`
  /// is what `pace` goes by; it must outlive the source.
  static Result<std::unique_ptr<FileSource>> open(const std::string& path, FileOptions options,
                                                  const TimeSource& time = kSystemTime);

  /// The filter runs here, so that a call reads `max_packets` records and no more, wanted or not.
  ReadOutcome dispatch(std::uint32_t max_packets, const PacketConsumer& consumer) override;
  /// With `pace`: a timer that becomes readable when the next packet is due.
  [[nodiscard]] int poll_fd() const override { return timer_.get(); }
  [[nodiscard]] std::uint32_t link_type() const override { return link_type_; }
  [[nodiscard]] const std::string& name() const override { return path_; }
  [[nodiscard]] bool is_live() const override { return false; }
  [[nodiscard]] SourceStats stats() const override { return {}; }
  Status set_filter(const std::string& expression) override;

 private:
  static inline const TimeSource kSystemTime{};

  enum class Step { kRecord, kEnd, kError };
  using Handle = std::unique_ptr<pcap, void (*)(pcap*)>;

  FileSource(std::string path, UniqueFd file, FileOptions options, const TimeSource& time);

  Status begin_pass();
  Step next();
  Step end_of_pass();
  [[nodiscard]] Clock::time_point due();
  void arm_timer(Clock::duration wait) const;
  Step fail(std::string why);

  const std::string path_;
  const UniqueFd file_;  // kept, so that every pass reads the same file even if the path is replaced
  const FileOptions options_;
  const TimeSource& time_;
  UniqueFd timer_;  // with `pace` only
  Guarded<std::shared_ptr<const filter::BpfFilter>> filter_;
  std::uint32_t link_type_ = 0;

  Handle handle_;
  std::optional<packet::PacketView> held_;  // read, but not handed over yet
  std::int64_t passes_done_ = 0;
  std::uint64_t records_of_pass_ = 0;
  Clock::time_point pass_began_;
  std::int64_t first_ns_ = 0;  // timestamp of the pass's first record
  std::string error_;          // once set, the source stays failed
  bool ended_ = false;
};

}  // namespace lc::capture
