// --write-file and --rotate-dir: the capture files that take every packet.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/capture/capture_files.h"
#include "common/packet/batch.h"
#include "processord/engine/journal.h"

namespace lc::processor {

/// When written packets are committed, that is: may be acknowledged.
enum class SyncPolicy {
  kInterval,  // after fdatasync, at most every 100 ms
  kAlways,    // after fdatasync, as soon as the queue is written
  kNever,     // after write(2): survives a killed process, not a power cut
};

/// Where packets go: into one file, or into one file after the other.
struct CaptureTarget {
  std::string path = {};  // the one file; "": files in `directory`, named by the time of their first packet
  std::string directory = {};
  capture::CaptureFormat format = capture::CaptureFormat::kPcapng;  // in `directory`
  // A file ends when it has this many bytes, is so old, or has had no packet for so long; 0: never for that reason.
  std::uint64_t size_bytes = 0;
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};
};

/// One pcapng file at a time; or one pcap file for the first link type, and beside it NAME-LINKTYPE.pcap for each other
/// one, since a pcap file has room for one. The journal knows of a file before it holds a packet, and of packets when
/// they are committed. One thread. Errors as capture::CaptureFile and Journal give them.
class CaptureOutput {
 public:
  /// Cuts back what the journal says is unfinished. The one file is created now, so that an unwritable path is known at
  /// the start, and what is there is set aside; in a directory what was left is finished. `journal` must outlive it.
  /// `closed` is told of each file that takes nothing more and has packets, by the name that it keeps; also of those
  /// that a killed process left. It must not block.
  using Closed = std::function<void(const std::string& path)>;
  static Result<std::unique_ptr<CaptureOutput>> open(CaptureTarget target, Journal& journal, SyncPolicy policy,
                                                     Closed closed);

  /// How many of the batch's packets are in now; those with a link type that no file can hold are left out. After an
  /// Error the next write() must be of the same batch: what has reached one of several files is not written again.
  Result<std::uint64_t> write(const packet::Batch& batch);
  /// What was written is where readers see it.
  Status flush();
  /// What was written stays, as the policy says, and after a crash it and `positions` are known together. May be
  /// repeated after an Error other than kDataLoss.
  Status commit(std::vector<StoredPosition> positions);
  /// Ends the files in order, before the next write() or for good. One with packets that could not be committed is left
  /// to be cut back by the next open(). May be repeated after an Error.
  Status close();

  /// When the files are to be closed, of which there are several; nothing: not before something else happens. Files at
  /// one path never are.
  [[nodiscard]] std::optional<Clock::time_point> rotation_at() const;
  [[nodiscard]] bool rotates() const { return target_.path.empty(); }

  /// Gives up files that take nothing more (kDataLoss), with what is committed in them, and opens new ones as open()
  /// does. May be repeated after an Error.
  Status start_anew();

 private:
  struct Output {
    std::unique_ptr<capture::CaptureFile> file;
    capture::CommittedFile committed;
    bool in_journal = false;
    bool closed = false;
  };

  CaptureOutput(CaptureTarget target, Journal& journal, SyncPolicy policy, Closed closed)
      : target_(std::move(target)), journal_(journal), policy_(policy), closed_(std::move(closed)) {}

  Status cut_back_unfinished();
  Status set_aside_unfinished();
  Status finish_left();
  Result<Output*> create_first();
  Result<Output*> create_beside(const std::string& link_type);
  Result<Output*> output_for(std::uint32_t link_type);
  Result<Output*> create(const std::string& path);
  Result<Output*> add(Result<capture::NewCaptureFile> created);
  Status finish(Output& output);
  Status enter_in_journal(Output& output);
  Result<std::uint64_t> choose_ids(const packet::Batch& batch, capture::CaptureFile& file, std::uint32_t link_type);

  const CaptureTarget target_;
  Journal& journal_;
  const SyncPolicy policy_;
  const Closed closed_;
  std::vector<std::string> left_over_;  // paths of files that were cut back and are not set aside yet
  capture::CaptureFormat format_ = capture::CaptureFormat::kPcap;
  std::vector<std::unique_ptr<Output>> outputs_;   // the first takes the first link type
  std::map<std::uint32_t, Output*> by_link_type_;  // pcap only; as capture::file_link_type gives them

  // In a directory:
  std::string name_;  // of the files that are open, without suffix
  Clock::time_point opened_at_;
  Clock::time_point written_at_;

  // Of the batch being written:
  std::vector<std::uint32_t> ids_;  // for CaptureFile::write
  std::vector<std::uint32_t> done_link_types_;
  std::uint64_t done_packets_ = 0;
};

}  // namespace lc::processor
