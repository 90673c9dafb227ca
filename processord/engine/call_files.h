// --per-call-dir: a capture file for each call, or one for its signalling and one for its media.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/capture/capture_files.h"
#include "common/capture/file_pool.h"
#include "common/packet/batch.h"
#include "processord/engine/call_file_name.h"
#include "processord/engine/call_routes.h"
#include "processord/engine/file_interfaces.h"
#include "processord/engine/journal.h"
#include "processord/engine/sync_policy.h"

namespace lc::processor {

struct CallTarget {
  std::string directory = {};  // "": calls get no files
  CallFileName name = {};
  bool split = false;  // NAME_sip and NAME_rtp
  capture::CaptureFormat format = capture::CaptureFormat::kPcapng;
  std::size_t max_open = 2048;
};

/// The files of all calls, of which there may be tens of thousands. Packets wait in memory for save(), which is called
/// before there are too many of them. A part of a commit: what CaptureOutput does with its files, it does with these,
/// under the same journal. One thread.
class CallFiles {
 public:
  struct Events {
    std::function<void(const std::string& path)> closed;  // a file that takes nothing more, by the name that it keeps
    // All files of the call, in this directory (absolute), are closed.
    std::function<void(const CallLabel& call, const std::string& directory)> ended;
    InterfaceReports reports = nothing_reported;
  };

  /// Takes the directory for itself; finishes what is left in it. `journal` and `files` must outlive it. Errors as
  /// file_error() says, and kFailedPrecondition when another process has the directory.
  static Result<std::unique_ptr<CallFiles>> open(CallTarget target, Journal& journal, FileSystem& files,
                                                 SyncPolicy policy, Events events);

  /// Takes the packets that belong to calls; how many those are, each counted once, without those of a link type that
  /// no file can hold. After an Error the next write() must be of the same batch.
  Result<std::uint64_t> write(const packet::Batch& batch, const CallRoutes& routes);
  /// Nothing more comes for the call; finish_ended() closes its files.
  void end(std::shared_ptr<const CallLabel> call);

  /// Brings everything taken to the disk, as the policy says, and notes in `entry` how long the files are. May be
  /// repeated after an Error other than kDataLoss.
  Status save(JournalEntry& entry);
  /// That entry is in the journal.
  void saved();

  /// Closes the files of calls that have ended; to be called when everything is committed. May be repeated after an
  /// Error.
  Status finish_ended();
  /// Likewise the files of all calls, whose names the journal keeps as interrupted. What could not be committed is left
  /// for the next start to cut off.
  Status stop();
  /// After kDataLoss: gives up all files, with what is committed in them. Calls that go on get new ones.
  Status start_anew();

  [[nodiscard]] std::size_t dirty_files() const { return dirty_.size(); }
  [[nodiscard]] bool any_ended() const { return !ended_.empty(); }

 private:
  struct Output {
    std::unique_ptr<capture::CaptureFile> file;  // null when it has its name
    capture::CommittedFile committed;
    std::uint32_t link_type = 0;  // pcap only
    CallPart part = CallPart::kSignalling;
    bool in_journal = false;
    bool is_dirty = false;
    FileInterfaces interfaces;
  };
  struct Call {
    std::shared_ptr<const CallLabel> label;
    std::vector<std::unique_ptr<Output>> outputs;
  };
  /// Where one packet goes; those that go into the same file are together.
  struct Place {
    std::uint32_t call = 0;  // in CallRoutes::calls
    CallPart part = CallPart::kSignalling;
    std::uint32_t link_type = 0;
    std::uint32_t packet = 0;
    auto operator<=>(const Place&) const = default;
  };

  CallFiles(CallTarget target, Journal& journal, FileSystem& files, SyncPolicy policy, Events events);

  void choose_places(const packet::Batch& batch, const CallRoutes& routes);
  Status write(const packet::Batch& batch, std::span<const Place> places, Call& call);
  Result<Output*> output_for(Call& call, CallPart part, std::uint32_t link_type);
  Status enter_in_journal();
  Status sync();
  void end_of_file(Output& output);
  Status finish(std::span<Call> calls, bool interrupted);

  const CallTarget target_;
  Journal& journal_;
  FileSystem& files_;
  const SyncPolicy policy_;
  const Events events_;
  std::unique_ptr<FileSystem::Lock> lock_;
  std::unique_ptr<FileSystem::Volume> volume_;
  capture::FilePool pool_;
  std::unordered_map<std::uint64_t, Call> calls_;  // by CallLabel::number
  std::vector<Call> ended_;
  std::vector<Output*> dirty_;         // have packets that are not committed
  bool name_is_new_ = false;           // of one of them
  std::uint64_t evictions_saved_ = 0;  // of pool_, at the last commit

  // Of the batch being written:
  std::vector<Place> places_;
  std::size_t done_places_ = 0;
  std::uint64_t chosen_packets_ = 0;
  std::vector<std::uint32_t> ids_;  // for CaptureFile::write
  std::vector<std::uint32_t> numbers_;
};

}  // namespace lc::processor
