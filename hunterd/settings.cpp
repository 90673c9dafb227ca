#include "hunterd/settings.h"

#include "common/base/text.h"
#include "common/config/state_directory.h"
#include "common/wire/program.h"

namespace lc::hunter {
namespace {

using config::Kind;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

SpoolSettings spool_settings(const config::Settings& settings, const std::string& hunter_id) {
  const std::string& mode = settings.text("spool-mode");
  const std::string& directory = settings.text("spool-dir");
  return {.mode = mode == "off"      ? SpoolMode::kOff
                  : mode == "always" ? SpoolMode::kAlways
                                     : SpoolMode::kOverflow,
          .directory = directory.empty() ? config::state_directory("hunterd", hunter_id) : directory,
          .max_bytes = settings.size("spool-max"),
          .drop_newest = settings.text("spool-drop") == "newest"};
}

}  // namespace

config::Program program() {
  config::Program program{
      .name = "hunterd", .role = "hunter", .summary = "Captures packets and streams them to a processord."};
  program.options = {
      {.name = "processor",
       .yaml = "hunter.processor_addr",
       .kind = Kind::kList,
       .value_name = "HOST:PORT",
       .help = "Processor to stream to; several are tried in this order.",
       .group = "Connection"},
      {.name = "hunter-id",
       .letter = 'I',
       .yaml = "hunter.hunter_id",
       .value_name = "ID",
       .help = "Name of this hunter, unique at its processor; the host name by default."},
      {.name = "max-reconnect-attempts",
       .yaml = "hunter.max_reconnect_attempts",
       .kind = Kind::kInteger,
       .default_value = "0",
       .value_name = "N",
       .help = "Failed attempts in a row after which to give up with exit code 69; 0 tries for ever."},
      {.name = "window",
       .yaml = "hunter.window",
       .kind = Kind::kSize,
       .default_value = "64M",
       .value_name = "SIZE",
       .help = "Most that is kept in memory until the processor acknowledges it; beyond, the spool takes over.",
       .min = kMiB},
      {.name = "interface",
       .letter = 'i',
       .yaml = "hunter.interfaces",
       .kind = Kind::kList,
       .default_value = "any",
       .value_name = "NAME",
       .help = "Interfaces to capture from, or capture files to read once.",
       .group = "Capture"},
      {.name = "filter",
       .letter = 'f',
       .yaml = "hunter.bpf_filter",
       .value_name = "BPF",
       .help = "Capture only what this libpcap expression matches (see pcap-filter(7))."},
      {.name = "no-filter-policy",
       .yaml = "hunter.no_filter_policy",
       .default_value = "all",
       .value_name = "POLICY",
       .help = "What to forward while the processor has no enabled filter for this hunter: all or none.",
       .choices = {"all", "none"}},
      {.name = "snaplen",
       .yaml = "hunter.snaplen",
       .kind = Kind::kInteger,
       .default_value = "262144",
       .value_name = "BYTES",
       .help = "Bytes kept of each packet.",
       .min = 1,
       .max = packet::kMaxPacketBytes},
      {.name = "promisc",
       .yaml = "hunter.promiscuous",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Put the interfaces into promiscuous mode."},
      {.name = "kernel-buffer",
       .yaml = "hunter.kernel_buffer",
       .kind = Kind::kSize,
       .default_value = "64M",
       .value_name = "SIZE",
       .help = "The kernel's ring for each interface.",
       .min = kMiB,
       .max = 2047 * kMiB},
      {.name = "loop",
       .yaml = "hunter.loop",
       .kind = Kind::kInteger,
       .default_value = "1",
       .value_name = "N",
       .help = "Times to read a capture file; 0 reads it for ever.",
       .max = 0xffff'ffff},
      {.name = "pace",
       .yaml = "hunter.pace",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Read capture files at the speed at which they were recorded."},
      {.name = "batch-size",
       .yaml = "hunter.batch_size",
       .kind = Kind::kInteger,
       .default_value = "64",
       .value_name = "PACKETS",
       .help = "Packets in a batch; it grows to 512 while the connection is behind or 64 of them come in half a "
               "millisecond.",
       .min = 1,
       .max = 4096,
       .group = "Batching"},
      {.name = "batch-timeout",
       .yaml = "hunter.batch_timeout_ms",
       .kind = Kind::kMilliseconds,
       .default_value = "100",
       .value_name = "MS",
       .help = "Oldest age of a batch; with light traffic it is sent at once.",
       .min = 1,
       .max = 60'000},
      {.name = "buffer-size",
       .yaml = "hunter.buffer_size",
       .kind = Kind::kInteger,
       .default_value = "10000",
       .value_name = "PACKETS",
       .help = "Packets that may wait to be sent before capture files are read no further, and, without a spool, "
               "live packets wait in the kernel's ring.",
       .min = 1},
      {.name = "spool-mode",
       .yaml = "hunter.spool_mode",
       .default_value = "overflow",
       .value_name = "MODE",
       .help = "What goes to disk: overflow (what --window can't hold, and everything while no processor is reached), "
               "always (each batch, before it is sent), off.",
       .choices = {"overflow", "always", "off"},
       .group = "Spool"},
      {.name = "spool-dir",
       .yaml = "hunter.spool_dir",
       .value_name = "DIR",
       .help = "Where; by default hunterd-ID in $STATE_DIRECTORY, /var/lib/lippycat (root) or "
               "~/.local/state/lippycat."},
      {.name = "spool-max",
       .yaml = "hunter.spool_max",
       .kind = Kind::kSize,
       .default_value = "1G",
       .value_name = "SIZE",
       .help = "Most that is kept on disk.",
       .min = 8 * kMiB},
      {.name = "spool-drop",
       .yaml = "hunter.spool_drop",
       .default_value = "oldest",
       .value_name = "WHICH",
       .help = "Packets to drop when the spool is full: oldest or newest.",
       .choices = {"oldest", "newest"}},
      {.name = "stats",
       .yaml = "hunter.display_stats",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Print a line of statistics every 5 s, and at the end.",
       .group = "Information"},
      {.name = "list-interfaces",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Show what can be captured from, and exit.",
       .where = config::Where::kOptionOnly},
      {.name = "json",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "With --list-interfaces: as JSON.",
       .where = config::Where::kOptionOnly},
  };
  wire::complete_table(program);
  return program;
}

HunterSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults) {
  HunterSettings hunter;
  hunter.hunter_id = settings.text("hunter-id").empty() ? wire::host_name() : settings.text("hunter-id");
  if (const Status status = check_id("hunter id (--hunter-id)", hunter.hunter_id); !status) {
    faults.push_back(status.error().text);
  }
  hunter.interfaces = settings.list("interface");
  hunter.source = {.live = {.filter = settings.text("filter"),
                            .snaplen = static_cast<std::uint32_t>(settings.integer("snaplen")),
                            .promiscuous = settings.boolean("promisc"),
                            .kernel_buffer_bytes = settings.size("kernel-buffer")},
                   .file = {.loop = settings.integer("loop"), .pace = settings.boolean("pace")}};
  wire::check_filter(hunter.source.live.filter, faults);
  for (const std::string& name : hunter.interfaces) {
    if (!is_utf8(name))
      faults.push_back("interface or file name " + lc::quoted(name) + " is not UTF-8, as names on the wire are");
  }
  hunter.batch.packets = static_cast<std::uint32_t>(settings.integer("batch-size"));
  hunter.batch.age = settings.milliseconds("batch-timeout");
  hunter.uplink.processors = settings.list("processor");
  hunter.uplink.max_reconnect_attempts = settings.integer("max-reconnect-attempts");
  hunter.queue.window_bytes = settings.size("window");
  hunter.queue.queue_packets = static_cast<std::uint64_t>(settings.integer("buffer-size"));
  hunter.spool = spool_settings(settings, hunter.hunter_id);
  hunter.no_filter_policy =
      settings.text("no-filter-policy") == "none" ? calls::NoFilterPolicy::kNone : calls::NoFilterPolicy::kAll;
  hunter.stats = settings.boolean("stats");
  if (hunter.uplink.processors.empty()) faults.emplace_back("--processor HOST:PORT is required");
  hunter.uplink.tls = wire::read_transport(settings, hunter.uplink.processors, wire::End::kClient, faults);
  return hunter;
}

}  // namespace lc::hunter
