#include "processord/service/settings.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/text.h"
#include "common/config/state_directory.h"
#include "common/packet/spool_options.h"
#include "common/wire/program.h"

namespace lc::processor {

using config::Kind;

std::vector<config::Option> options(const std::string& program) {
  std::vector<config::Option> rows = {
      {.name = "listen",
       .yaml = "processor.listen_addr",
       .default_value = ":55555",
       .value_name = "HOST:PORT",
       .help = "Address to listen on; without a host, every interface; port 0 takes a free one.",
       .group = "Connection"},
      {.name = "processor-id",
       .letter = 'I',
       .yaml = "processor.processor_id",
       .value_name = "ID",
       .help = "Name of this processor; the host name by default."},
      {.name = "upstream",
       .yaml = "processor.upstream_addr",
       .kind = Kind::kList,
       .value_name = "HOST:PORT",
       .help =
           "Processor above this one, which is sent every packet and shown all that happens here; several are tried "
           "in this order. With TLS, --tls-cert must be good for a client too."},
      {.name = "max-reconnect-attempts",
       .yaml = "processor.max_reconnect_attempts",
       .kind = Kind::kInteger,
       .default_value = "0",
       .value_name = "N",
       .help = "Failed attempts in a row after which --upstream is given up until the next start; 0 tries for ever."},
      {.name = "max-hunters",
       .yaml = "processor.max_hunters",
       .kind = Kind::kInteger,
       .default_value = "100",
       .value_name = "N",
       .help = "Hunters connected at a time.",
       .min = 1,
       .max = 1'000'000},
      {.name = "max-subscribers",
       .yaml = "processor.max_subscribers",
       .kind = Kind::kInteger,
       .default_value = "100",
       .value_name = "N",
       .help = "Consoles that see packets live at a time, consoles that see calls, and those that see the topology.",
       .min = 1,
       .max = 1'000'000},
      {.name = "default-role",
       .yaml = "processor.default_role",
       .value_name = "ROLE",
       .help =
           "With --tls-ca: the role of certificates that name none (in a URI urn:lippycat:role:ROLE). Only operator "
           "and admin may change filters; authorization tokens are a processor's to give.",
       .choices = {"hunter", "processor", "operator", "viewer", "admin"}},
      {.name = "write-file",
       .letter = 'w',
       .yaml = "processor.write_file",
       .value_name = "PATH",
       .help =
           "Capture file that takes every packet: .pcap or .pcapng. One of an earlier run is kept under another name.",
       .group = "Storage"},
      {.name = "rotate-dir",
       .yaml = "processor.rotate_dir",
       .value_name = "DIR",
       .help =
           "Folder for capture files, one after the other, each named by the time of its first packet, and with .part "
           "behind that until it is closed. SIGUSR1 closes the open one now."},
      {.name = "rotate-format",
       .yaml = "processor.rotate_format",
       .default_value = "pcapng",
       .value_name = "FORMAT",
       .help = "Of the files in --rotate-dir.",
       .choices = {"pcapng", "pcap"}},
      {.name = "rotate-size",
       .yaml = "processor.rotate_size",
       .kind = Kind::kSize,
       .default_value = "100M",
       .value_name = "SIZE",
       .help = "Close the file when it has this many bytes; 0: whatever its size."},
      {.name = "rotate-interval",
       .yaml = "processor.rotate_interval",
       .kind = Kind::kMilliseconds,
       .default_value = "1h",
       .value_name = "TIME",
       .help = "Close the file when it is this old; 0: however old it is."},
      {.name = "rotate-idle",
       .yaml = "processor.rotate_idle",
       .kind = Kind::kMilliseconds,
       .default_value = "30s",
       .value_name = "TIME",
       .help = "Close the file when no packet has come for this long; 0: however long that is."},
      {.name = "per-call-dir",
       .yaml = "processor.per_call_dir",
       .value_name = "DIR",
       .help =
           "Folder for capture files of calls, a file for each with its SIP, RTP and RTCP, and with .part behind its "
           "name until the call has ended. --rotate-dir then takes what is in no call, --write-file everything as "
           "before."},
      {.name = "per-call-pattern",
       .yaml = "processor.per_call_pattern",
       .default_value = std::string(CallFileName::kDefault),
       .value_name = "PATTERN",
       .help = "Names of these files: text with {callid}, {from}, {to} and {timestamp} (the call's start, UTC). What "
               "is unsafe in a name becomes _; _2, _3 follow when it is taken."},
      {.name = "per-call-split",
       .yaml = "processor.per_call_split",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Two files for each call: NAME_sip and NAME_rtp."},
      {.name = "per-call-format",
       .yaml = "processor.per_call_format",
       .default_value = "pcapng",
       .value_name = "FORMAT",
       .help = "Of the files in --per-call-dir.",
       .choices = {"pcapng", "pcap"}},
      {.name = "max-open-files",
       .yaml = "processor.max_open_files",
       .kind = Kind::kInteger,
       .default_value = "2048",
       .value_name = "N",
       .help = "Files of calls that are open at a time; the others are opened again when packets come for them.",
       .min = 1,
       .max = 1'000'000},
      {.name = "keep-bytes",
       .yaml = "processor.keep_bytes",
       .kind = Kind::kSize,
       .default_value = "0",
       .value_name = "SIZE",
       .help =
           "Remove the oldest closed files of --rotate-dir and --per-call-dir when all together take more than this on "
           "disk; 0: never."},
      {.name = "keep-age",
       .yaml = "processor.keep_age",
       .kind = Kind::kMilliseconds,
       .default_value = "0",
       .value_name = "TIME",
       .help = "Remove closed files of --rotate-dir and --per-call-dir when they are older than this; 0: never."},
      {.name = "keep-free",
       .yaml = "processor.keep_free",
       .kind = Kind::kSize,
       .default_value = "0",
       .value_name = "SIZE",
       .help = "Remove the oldest closed files of --rotate-dir and --per-call-dir when less than this is free on their "
               "filesystem; 0: never."},
      {.name = "sync",
       .yaml = "processor.sync",
       .default_value = "interval",
       .value_name = "POLICY",
       .help = "When packets are acknowledged: interval (on disk, grouped within 100 ms, or 1 s with very many calls), "
               "always (on disk, at once), "
               "never (written, not forced to disk).",
       .choices = {"interval", "always", "never"}},
      {.name = "pcap-command",
       .yaml = "processor.pcap_command",
       .value_name = "COMMAND",
       .help = "Run on each closed capture file, without a shell: %pcap% is its path (HOOK_PCAP in its environment). "
               "At most 10 at a time, 30 s each."},
      {.name = "voip-command",
       .yaml = "processor.voip_command",
       .value_name = "COMMAND",
       .help = "Run on each call that has ended, when its files are closed: %callid%, %dirname% (--per-call-dir), "
               "%caller%, %called%, %calldate% (its start, UTC); also as HOOK_CALLID and so on. Otherwise as "
               "--pcap-command."},
      {.name = "call-id-suffix",
       .yaml = "processor.call_id_suffix",
       .kind = Kind::kList,
       .value_name = "SUFFIX",
       .help = "What a back-to-back user agent appends to the Call-ID of its other leg, such as _b2b-1: calls whose "
               "Call-IDs are the same without it are shown as one."},
      {.name = "state-dir",
       .yaml = "processor.state_dir",
       .value_name = "DIR",
       .help = "Folder of the journal, by which a restart knows what is stored, and of the filters; one for each " +
               program + ". By default " + program + "-ID in /var/lib/lippycat (root) or ~/.local/state/lippycat."},
      {.name = "filter-file",
       .yaml = "processor.filter_file",
       .value_name = "PATH",
       .help =
           "File of the filters, read at the start and on SIGHUP, and written with each change; filters.json in the "
           "state directory by default."},
      {.name = "virtual-interface",
       .yaml = "processor.virtual_interface",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help =
           "Put every packet, as it passes, into a network interface of this host that is made for it, for tcpdump, "
           "Wireshark, Snort, Zeek. Needs CAP_NET_ADMIN. A hunterd on this host must not capture on it, nor on any.",
       .group = "Virtual interface"},
      {.name = "vif-name",
       .yaml = "processor.vif_name",
       .default_value = "lc0",
       .value_name = "NAME",
       .help = "Its name, which must be free; up to 15 characters."},
      {.name = "vif-type",
       .yaml = "processor.vif_type",
       .default_value = "tap",
       .value_name = "TYPE",
       .help =
           "tap: Ethernet frames, with a made-up header where packets have another link type; tun: IP packets alone.",
       .choices = {"tap", "tun"}},
  };
  config::append(rows, packet::spool_options(
                           {.section = "processor",
                            .overflow = "what --upstream has not acknowledged and memory can't hold, and all of it "
                                        "while no processor is reached there",
                            .directory = "the folder spool in --state-dir"}));
  config::append(rows, {
                           {.name = "stats",
                            .yaml = "processor.display_stats",
                            .kind = Kind::kBoolean,
                            .default_value = "true",
                            .help = "Print a line of statistics every 5 s.",
                            .group = "Information"},
                       });
  return rows;
}

namespace {

capture::CaptureFormat format_named(const std::string& text) {
  return text == "pcap" ? capture::CaptureFormat::kPcap : capture::CaptureFormat::kPcapng;
}

bool same_directory(const std::string& a, const std::string& b) {
  std::error_code none;
  const auto normal = [&](const std::string& path) {
    return std::filesystem::weakly_canonical(std::filesystem::path(path) / "", none);
  };
  return normal(a) == normal(b);
}

// Call after rotation is read.
void read_calls(const config::Settings& settings, EngineSettings& engine, std::vector<std::string>& faults) {
  CallTarget& calls = engine.calls;
  const bool rotates = !engine.rotation.directory.empty();
  calls.directory = settings.text("per-call-dir");
  calls.split = settings.boolean("per-call-split");
  calls.format = format_named(settings.text("per-call-format"));
  calls.max_open = static_cast<std::size_t>(settings.integer("max-open-files"));
  if (const Result<CallFileName> name = CallFileName::parse(settings.text("per-call-pattern"))) {
    calls.name = *name;
  } else {
    faults.push_back("--per-call-pattern " + name.error().text);
  }
  const bool keeps = engine.keep.any();
  if (calls.directory.empty()) {
    for (const char* const name : {"per-call-pattern", "per-call-split", "per-call-format", "max-open-files"}) {
      if (settings.is_set(name)) faults.push_back(std::string("--") + name + " needs --per-call-dir");
    }
    for (const char* const name : {"keep-bytes", "keep-age", "keep-free"}) {
      if (settings.is_set(name) && !rotates) {
        faults.push_back(std::string("--") + name + " needs --rotate-dir or --per-call-dir");
      }
    }
    return;
  }
  if (rotates && same_directory(calls.directory, engine.rotation.directory)) {
    faults.emplace_back("--rotate-dir and --per-call-dir are the same folder; give each its own");
  }
  if (keeps && !calls.name.has_time()) {
    faults.emplace_back(
        "--keep-bytes, --keep-age and --keep-free know the files in --per-call-dir by their {timestamp}; put it into "
        "--per-call-pattern");
  }
}

std::shared_ptr<const CommandLine> command_of(const std::string& option, const std::string& text,
                                              const std::vector<std::string_view>& known, bool possible,
                                              const std::string& needed, std::vector<std::string>& faults) {
  if (text.empty()) return nullptr;
  Result<CommandLine> parsed = CommandLine::parse(text, known);
  if (!parsed) {
    faults.push_back(option + " " + parsed.error().text);
  } else if (!possible) {
    faults.push_back(option + " needs " + needed);
  } else {
    return std::make_shared<const CommandLine>(std::move(*parsed));
  }
  return nullptr;
}

void read_commands(const config::Settings& settings, EngineSettings& engine, std::vector<std::string>& faults) {
  engine.pcap_command = command_of("--pcap-command", settings.text("pcap-command"), {kPcapPlaceholder}, engine.stores(),
                                   "capture files: give --write-file, --rotate-dir or --per-call-dir too", faults);
  engine.voip_command =
      command_of("--voip-command", settings.text("voip-command"), {kVoipPlaceholders.begin(), kVoipPlaceholders.end()},
                 !engine.calls.directory.empty(), "files of calls: give --per-call-dir too", faults);
}

}  // namespace

config::Program program() {
  config::Program program{
      .name = "processord", .role = "processor", .summary = "Gathers packets from hunterds and stores them."};
  program.options = options(program.name);
  wire::complete_table(program);
  return program;
}

ProcessorSettings read_settings(const config::Settings& settings, const std::string& program, const std::string& listen,
                                std::vector<std::string>& faults) {
  ProcessorSettings processor;
  processor.listen = listen;
  EngineSettings& engine = processor.engine;
  engine.processor_id = settings.text("processor-id").empty() ? wire::host_name() : settings.text("processor-id");
  if (const Status status = check_id("processor id (--processor-id)", engine.processor_id); !status) {
    faults.push_back(status.error().text);
  }
  engine.max_hunters = static_cast<std::size_t>(settings.integer("max-hunters"));
  engine.max_subscribers = static_cast<std::size_t>(settings.integer("max-subscribers"));
  engine.write_file = settings.text("write-file");
  if (!engine.write_file.empty()) {
    if (const auto format = capture::capture_format(engine.write_file); !format) faults.push_back(format.error().text);
  }
  CaptureTarget& rotation = engine.rotation;
  rotation.directory = settings.text("rotate-dir");
  rotation.format = format_named(settings.text("rotate-format"));
  rotation.size_bytes = settings.size("rotate-size");
  rotation.age = settings.milliseconds("rotate-interval");
  rotation.idle = settings.milliseconds("rotate-idle");
  engine.keep = {.bytes = settings.size("keep-bytes"),
                 .age = settings.milliseconds("keep-age"),
                 .free_bytes = settings.size("keep-free")};
  if (!rotation.directory.empty() && !engine.write_file.empty()) {
    faults.push_back("--write-file and --rotate-dir are two ways to store the same packets; choose one");
  }
  if (rotation.directory.empty()) {
    for (const char* const name : {"rotate-size", "rotate-interval", "rotate-idle", "rotate-format"}) {
      if (settings.is_set(name)) faults.push_back(std::string("--") + name + " needs --rotate-dir");
    }
  }
  read_calls(settings, engine, faults);
  read_commands(settings, engine, faults);
  engine.call_id_suffixes = settings.list("call-id-suffix");
  engine.state_dir = settings.text("state-dir");
  if (engine.state_dir.empty()) engine.state_dir = config::state_directory(program, engine.processor_id);
  engine.filter_file = settings.text("filter-file");
  const std::string& sync = settings.text("sync");
  engine.sync = sync == "always" ? SyncPolicy::kAlways : sync == "never" ? SyncPolicy::kNever : SyncPolicy::kInterval;
  if (settings.boolean("virtual-interface")) {
    const bool tun = settings.text("vif-type") == "tun";
    engine.virtual_interface = {.name = settings.text("vif-name"),
                                .type = tun ? VirtualInterfaceType::kTun : VirtualInterfaceType::kTap};
    if (const Status status = check_interface_name(engine.virtual_interface->name); !status) {
      faults.push_back(status.error().text);
    }
  }
  processor.stats = settings.boolean("stats");
  processor.upstream = {.addresses = settings.list("upstream"),
                        .max_reconnect_attempts = settings.integer("max-reconnect-attempts")};
  std::vector<std::string> addresses = processor.upstream.addresses;
  addresses.push_back(listen);
  processor.tls = wire::read_transport(settings, addresses, wire::End::kServer, faults);
  processor.tls.default_role = settings.text("default-role");
  if (!processor.tls.default_role.empty() && processor.tls.ca_file.empty()) {
    faults.emplace_back("--default-role needs --tls-ca: only certificates have roles");
  }
  if (!processor.upstream.addresses.empty()) {
    if (processor.tls.has_tls() && processor.tls.ca_file.empty()) {
      faults.emplace_back("--upstream with TLS needs --tls-ca, to know that processor by");
    }
    engine.forward = ForwardSettings{.spool = packet::spool_settings(settings, engine.state_dir + "/spool"),
                                     .sync = engine.sync != SyncPolicy::kNever};
  } else {
    for (const char* const name : {"max-reconnect-attempts", "spool-mode", "spool-dir", "spool-max", "spool-drop"}) {
      if (settings.is_set(name)) faults.push_back(std::string("--") + name + " needs --upstream");
    }
  }
  return processor;
}

}  // namespace lc::processor
