// A processor's role: takes hunters' batches, stores them, shows them to subscribers, and says how everybody does.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/file.h"
#include "common/base/guarded.h"
#include "common/base/process_usage.h"
#include "common/base/stop_signal.h"
#include "common/fleet/figures.h"
#include "common/fleet/hunter.h"
#include "common/pki/certificate_file.h"
#include "processord/engine/call_board.h"
#include "processord/engine/call_stage.h"
#include "processord/engine/capture_writer.h"
#include "processord/engine/filter_rollout.h"
#include "processord/engine/filter_table.h"
#include "processord/engine/followed_calls.h"
#include "processord/engine/forwarder.h"
#include "processord/engine/hooks.h"
#include "processord/engine/hunter_registry.h"
#include "processord/engine/journal.h"
#include "processord/engine/media_directory.h"
#include "processord/engine/packet_hub.h"
#include "processord/engine/retention.h"
#include "processord/engine/topology_feed.h"
#include "processord/engine/virtual_device.h"
#include "processord/engine/virtual_interface.h"

namespace lc::processor {

struct EngineSettings {
  std::string processor_id;
  std::size_t max_hunters = 100;
  std::size_t max_subscribers = 100;  // of packets, and as many of calls and of the topology
  std::string write_file;             // "" = none
  CaptureTarget rotation = {};        // its directory "" = none; used without write_file only
  CallTarget calls = {};              // its directory "" = none
  Retention::Limits keep = {};        // of the files in both
  std::string state_dir;              // where the journal is, which is asked for with files only, and filters.json
  std::string filter_file;            // "" = filters.json in state_dir
  SyncPolicy sync = SyncPolicy::kInterval;
  /// Whether anything is stored.
  [[nodiscard]] bool stores() const {
    return !write_file.empty() || !rotation.directory.empty() || !calls.directory.empty();
  }
  std::shared_ptr<const CommandLine> pcap_command = nullptr;  // run on each closed capture file; null = none
  std::shared_ptr<const CommandLine> voip_command = nullptr;  // run on each ended call; null = none
  std::optional<VirtualDeviceSettings> virtual_interface = std::nullopt;
  std::vector<std::string> call_id_suffixes = {};  // as calls::CallGroups takes them
  /// What this process captures by itself is a hunter too. It is registered before any other, cannot time out, and
  /// keeps its place and id.
  std::optional<fleet::HunterDescription> local_hunter = std::nullopt;
  /// There is a parent: what is taken goes there too, and custody of it is the parent's or the spool's.
  std::optional<ForwardSettings> forward = std::nullopt;
  std::string certificate_file = {};  // of this process, for its figures; "" = no TLS
};
/// Placeholders of EngineSettings::pcap_command.
inline constexpr std::string_view kPcapPlaceholder = "pcap";
/// Of EngineSettings::voip_command: Call-ID, folder of the call's files, user parts of From and To, start of the call.
inline constexpr std::array<std::string_view, 5> kVoipPlaceholders = {"callid", "dirname", "caller", "called",
                                                                      "calldate"};

/// lippycat.data.FlowControl, less RESUME, which means the same as CONTINUE to a sender.
enum class FlowLevel { kContinue = 0, kSlow = 1, kPause = 2 };

/// One hunter's open StreamPackets.
struct Ingest {
  std::shared_ptr<Hunter> hunter;
  std::uint64_t epoch = 0;
  std::uint64_t incarnation = 0;
  const StreamPeer* peer = nullptr;  // to tell it from the hunter's other streams
};

/// Why a child's stream is not taken.
Error not_attached(const std::string& child);

/// Any thread, but for construction, start() and stop().
class Engine {
 public:
  /// Reads the journal, cuts back what was not acknowledged, opens the capture file and reads the filters; throws
  /// StartError when one of them can't be written or is damaged, another process has the state directory, or the
  /// virtual interface can't be had.
  Engine(EngineSettings settings, const TimeSource& time);
  ~Engine();

  void start();
  /// Takes nothing more, stores and acknowledges what was taken, closes the files, and then the streams; the virtual
  /// interface gets what it has not had yet.
  void stop();

  Result<fleet::RegistrationAnswer> register_hunter(const fleet::HunterDescription& description,
                                                    const std::string& remote_address);

  /// A stream's first batch names its hunter. kFailedPrecondition when that one has not registered with this epoch,
  /// kUnavailable when the engine stops.
  Result<Ingest> attach(const packet::BatchHeader& header, const std::shared_ptr<StreamPeer>& peer);
  /// A child, which must be attached, forwards a hunter's batches on this stream. kInvalidArgument when they can't be
  /// from there.
  Result<Ingest> attach_relayed(const RelayedOrigin& origin, const std::shared_ptr<StreamPeer>& peer);
  void detach(const Ingest& ingest, const StreamPeer* peer);
  /// Ends such streams of children that are not attached any more: they come back over new connections.
  void close_relayed(const std::function<bool(const std::string&)>& is_attached);
  /// StreamPeer::tick() of all streams, some times in a second.
  void tick_peers();

  enum class Verdict {
    kGoOn,
    kHold,  // read no more until StreamPeer::resume_reading()
  };
  /// Takes a batch; what came before is passed over and acknowledged again. An Error must end the stream.
  Result<Verdict> accept(const Ingest& ingest, packet::Batch batch);

  /// What the stream's sender should be told.
  struct Control {
    std::uint64_t acknowledged = 0;
    FlowLevel flow = FlowLevel::kContinue;
    bool operator==(const Control&) const = default;
  };
  [[nodiscard]] Control control(const Ingest& ingest) const;

  /// A Heartbeat call's first beat; the hunter to give to heartbeat_closed(). kNotFound when it is not registered.
  Result<std::shared_ptr<Hunter>> heartbeat_opened(const std::string& hunter_id);
  void heartbeat_closed(Hunter& hunter);
  /// What the hunter says of itself has come. `clock_offset_ns`: its clock less ours, when it came.
  void heard_beat(Hunter& hunter, fleet::HunterStatus status, fleet::HunterStats stats,
                  std::int64_t clock_offset_ns = 0);

  // Filters. `done` is called once, on any thread, when the connected hunters have confirmed or a second has passed;
  // the errors are those of FilterTable::upsert().
  using FilterDone = std::function<void(const Result<FilterOutcome>&)>;
  void update_filter(fleet::Filter filter, FilterDone done);
  void delete_filter(const std::string& id, FilterDone done);
  FilterTable& filters() { return filters_; }
  [[nodiscard]] const FilterTable& filters() const { return filters_; }
  MediaDirectory& media() { return media_; }

  /// A hunter's SubscribeFilters, to be given to close_filters() when it is over. kNotFound when it is not registered.
  Result<std::shared_ptr<FilterSubscription>> open_filters(const std::string& hunter_id, std::function<void()> ready,
                                                           std::function<void(const Error&)> closed);
  void close_filters(const std::shared_ptr<FilterSubscription>& subscription);
  /// What FilterBoard::next() gave has been written.
  void filters_written(FilterSubscription& subscription);
  /// Ends the capture files of the directory as soon as what they hold is committed.
  void rotate();

  struct Statistics {
    std::uint64_t received =
        0;  // packets taken, once each; what is lost before it is stored counts when it comes again
    std::uint64_t duplicates = 0;  // packets that came again, and were passed over
    std::uint64_t stored = 0;
    std::uint64_t live_only = 0;  // no file was asked for
    std::uint64_t in_flight = 0;
    std::array<std::uint64_t, kDropReasons> dropped{};
    std::size_t queued_bytes = 0;
    std::optional<VirtualInterface::Counts> virtual_interface = std::nullopt;
    std::optional<ForwardQueue::Usage> forward = std::nullopt;  // there is a parent
    std::uint32_t hunters = 0;                                  // connected, by status
    std::uint32_t healthy = 0, warning = 0, error = 0;
  };
  [[nodiscard]] Statistics statistics() const;
  /// `statistics`: of now.
  [[nodiscard]] fleet::ProcessorStats processor_stats(const Statistics& statistics) const;
  /// Of this processor and its hunters that are connected.
  [[nodiscard]] fleet::NodeFigures figures() const;
  /// With the reason when it is not healthy.
  [[nodiscard]] std::pair<fleet::ProcessorStatus, std::string> status() const;

  [[nodiscard]] const HunterRegistry& hunters() const { return registry_; }
  [[nodiscard]] const Hooks& hooks() const { return hooks_; }
  [[nodiscard]] const Retention& retention() const { return retention_; }
  PacketHub& hub() { return hub_; }
  CallBoard& calls() { return calls_; }
  Topology& topology() { return feed_.topology(); }
  [[nodiscard]] const Topology& topology() const { return feed_.topology(); }
  /// For the topology: host:port where this processor serves.
  void serves_at(const std::string& address) { feed_.set_address(address); }
  /// Likewise the processor above it, and what is wrong with the link there; empty: nothing.
  void upstream_is(const std::string& address, const std::string& fault);
  /// Null: there is no parent.
  [[nodiscard]] Forwarder* forwarder() { return forwarder_.get(); }
  [[nodiscard]] const EngineSettings& settings() const { return settings_; }

 private:
  void run_timer();
  FilterTable::Done follow(FilterDone done);
  void update_flow();
  void release_held();
  void retry_forwarding();
  void custody_grew(Hunter& hunter);
  [[nodiscard]] std::vector<std::shared_ptr<Hunter>> senders() const;
  [[nodiscard]] Verdict verdict(const Ingest& ingest);
  [[nodiscard]] bool has_room(const Hunter& hunter) const;
  [[nodiscard]] bool is_local(const Hunter& hunter) const;
  void store(const Ingest& ingest, const std::shared_ptr<const packet::Batch>& batch);
  void disconnected(const Hunter& hunter);
  void judge_silence();

  [[nodiscard]] std::size_t queued_bytes() const;
  [[nodiscard]] CallStage::Sink call_sink();

  const EngineSettings settings_;
  HunterRegistry registry_;
  PacketHub hub_;
  CallBoard calls_;
  TopologyFeed feed_;
  Guarded<std::string> upstream_fault_;
  const std::unique_ptr<VirtualInterface> virtual_interface_;  // null unless one is asked for
  std::atomic<FlowLevel> flow_{FlowLevel::kContinue};
  std::atomic<bool> any_held_{false};
  std::atomic<std::uint64_t> received_{0};
  std::atomic<std::uint64_t> received_bytes_{0};  // as captured; what is lost before it is stored counts again
  std::atomic<std::uint64_t> duplicates_{0};
  RealFileSystem journal_files_{"journal"};
  Hooks hooks_;
  Retention retention_;
  const std::unique_ptr<Journal> journal_;  // the writer's, once it has started; null without a file
  CaptureWriter writer_;
  const std::unique_ptr<Forwarder> forwarder_;  // null: there is no parent
  RealFileSystem filter_files_{"filters"};
  FilterTable filters_;
  FilterRollout rollout_;
  MediaDirectory media_;
  FollowedCalls followed_calls_;
  CallTracker call_tracker_;
  CallStage call_stage_;
  const TimeSource& time_;
  const std::int64_t started_ns_ = wall_ns();
  mutable pki::CertificateFile certificate_;
  CpuMeter cpu_;                       // the timer's
  std::atomic<float> cpu_percent_{0};  // of the last second
  std::atomic<bool> stopping_{false};
  StopSignal stop_;
  std::jthread timer_;
};

}  // namespace lc::processor
