// --write-file, --rotate-dir and --per-call-dir: where packets are stored, all under one journal.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/result.h"
#include "common/capture/capture_files.h"
#include "common/packet/batch.h"
#include "processord/engine/call_files.h"
#include "processord/engine/call_routes.h"
#include "processord/engine/journal.h"
#include "processord/engine/sync_policy.h"

namespace lc::processor {

/// Where packets go: into one file, or into one file after the other; and into those of their calls.
struct CaptureTarget {
  std::string path = {};  // the one file, which takes every packet
  std::string directory =
      {};  // otherwise: files named by the time of their first packet, for what is in no call's file
  capture::CaptureFormat format = capture::CaptureFormat::kPcapng;  // in `directory`
  // A file ends when it has this many bytes, is so old, or has had no packet for so long; 0: never for that reason.
  std::uint64_t size_bytes = 0;
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};
  CallTarget calls = {};
};

/// One pcapng file at a time; or one pcap file for the first link type, and beside it NAME-LINKTYPE.pcap for each other
/// one, since a pcap file has room for one. The journal knows of a file before it holds a packet, and of packets when
/// they are committed. One thread. Errors as capture::CaptureFile and Journal give them.
class CaptureOutput {
 public:
  /// What it tells others; none of them may block.
  struct Events {
    /// A file takes nothing more and has packets, by the name that it keeps; also those that a killed process left.
    std::function<void(const std::string& path)> closed;
    /// All files of a call that was given to end_call() are closed; they are in `directory` (absolute).
    std::function<void(const CallLabel& call, const std::string& directory)> call_ended = [](const CallLabel&,
                                                                                             const std::string&) {};
    InterfaceReports reports = nothing_reported;
  };

  /// Cuts back what the journal says is unfinished. The one file is created now, so that an unwritable path is known at
  /// the start, and what is there is set aside; in a directory what was left is finished. `journal` must outlive it.
  static Result<std::unique_ptr<CaptureOutput>> open(CaptureTarget target, Journal& journal, SyncPolicy policy,
                                                     Events events);

  /// Packets of a batch, each once however many files it is in; those with a link type that no file can hold are in
  /// neither number.
  struct Written {
    std::uint64_t stored = 0;
    std::uint64_t kept_nowhere = 0;  // of no call, and no other file was asked for
  };
  /// After an Error the next write() must be of the same batch: what has reached one of several files is not written
  /// again. `routes`: which packets belong to calls; null: none.
  Result<Written> write(const packet::Batch& batch, const CallRoutes* routes = nullptr);
  /// What was written is where readers see it, but for calls: their files are written when they are committed.
  Status flush();
  /// What was written stays, as the policy says, and after a crash it and `positions` are known together. May be
  /// repeated after an Error other than kDataLoss.
  Status commit(std::vector<StoredPosition> positions);
  /// Ends the files in order, but for those of calls, before the next write() or for good. One with packets that could
  /// not be committed is left to be cut back by the next open(). May be repeated after an Error.
  Status close();
  /// Likewise those of calls, for good; which of them had not ended is what interrupted_calls() gives after the next
  /// open().
  Status close_calls();

  /// Nothing more comes for the call; see finish_ended_calls().
  void end_call(std::shared_ptr<const CallLabel> call);
  [[nodiscard]] bool any_ended_calls() const { return calls_ && calls_->any_ended(); }
  /// Closes the files of those calls. To be called when everything is committed; may be repeated after an Error.
  Status finish_ended_calls();
  /// Files, closed by now, of calls that had not ended when an earlier process was stopped or killed.
  [[nodiscard]] std::vector<std::string> interrupted_calls() const { return journal_.interrupted(); }
  /// These of them need not be given to the next process.
  Status forget_interrupted(std::vector<std::string> paths);
  /// Files of calls that the next commit() has to write.
  [[nodiscard]] std::size_t dirty_call_files() const { return calls_ ? calls_->dirty_files() : 0; }

  /// When the files are to be closed, of which there are several; nothing: not before something else happens. Files at
  /// one path never are.
  [[nodiscard]] std::optional<Clock::time_point> rotation_at() const;
  [[nodiscard]] bool rotates() const { return target_.path.empty() && !target_.directory.empty(); }

  /// Gives up files that take nothing more (kDataLoss), with what is committed in them, and opens new ones as open()
  /// does. May be repeated after an Error.
  Status start_anew();

 private:
  struct Output {
    std::unique_ptr<capture::CaptureFile> file;
    capture::CommittedFile committed;
    bool in_journal = false;
    bool closed = false;
    FileInterfaces interfaces = {};
  };

  CaptureOutput(CaptureTarget target, Journal& journal, SyncPolicy policy, Events events)
      : target_(std::move(target)), journal_(journal), policy_(policy), events_(std::move(events)) {}

  [[nodiscard]] bool has_calls_only() const { return target_.path.empty() && target_.directory.empty(); }
  Status open_calls();

  Status cut_back_unfinished();
  Status set_aside_unfinished();
  Result<Output*> create_first();
  Result<Output*> create_beside(const std::string& link_type);
  Result<Output*> output_for(std::uint32_t link_type);
  Result<Output*> create(const std::string& path);
  Result<Output*> add(Result<capture::NewCaptureFile> created);
  Status finish(Output& output);
  Status enter_in_journal(Output& output);
  Status write_to_outputs(const packet::Batch& batch);
  Status choose_ids(const packet::Batch& batch, Output& output, std::uint32_t link_type);
  void choose_rest(const packet::Batch& batch, const CallRoutes& routes);

  const CaptureTarget target_;
  Journal& journal_;
  const SyncPolicy policy_;
  const Events events_;
  RealFileSystem call_system_{"capture"};
  std::unique_ptr<CallFiles> calls_;    // null unless they are asked for
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
  std::optional<std::uint64_t> in_calls_;  // packets, once they are in the calls' files
  bool only_rest_ = false;                 // what is in no call's file goes into these
  std::vector<std::uint32_t> rest_;        // these packets
  std::vector<std::uint32_t> rest_of_type_;
};

}  // namespace lc::processor
