#include "hunterd/settings.h"

#include "common/base/text.h"
#include "common/config/state_directory.h"
#include "common/packet/spool_options.h"
#include "common/wire/program.h"

namespace lc::hunter {
namespace {

using config::Kind;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

// The way to a processor; the rest is every capturing binary's.
std::vector<config::Option> connection_options() {
  return {
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
  };
}

std::vector<config::Option> spool_options() {
  return packet::spool_options(
      {.section = "hunter",
       .overflow = "what --window can't hold, and everything while no processor is reached",
       .has_always = true,
       .directory = "hunterd-ID in $STATE_DIRECTORY, /var/lib/lippycat (root) or ~/.local/state/lippycat"});
}

}  // namespace

config::Program program() {
  config::Program program{
      .name = "hunterd", .role = "hunter", .summary = "Captures packets and streams them to a processord."};
  config::append(program.options, connection_options());
  config::append(program.options, capture::capture_options());
  config::append(program.options, spool_options());
  config::append(program.options, {{.name = "stats",
                                    .yaml = "hunter.display_stats",
                                    .kind = Kind::kBoolean,
                                    .default_value = "false",
                                    .help = "Print a line of statistics every 5 s, and at the end.",
                                    .group = "Information"}});
  config::append(program.options, capture::listing_options());
  wire::complete_table(program);
  return program;
}

HunterSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults) {
  HunterSettings hunter;
  hunter.hunter_id = settings.text("hunter-id").empty() ? wire::host_name() : settings.text("hunter-id");
  if (const Status status = check_id("hunter id (--hunter-id)", hunter.hunter_id); !status) {
    faults.push_back(status.error().text);
  }
  hunter.capture = capture::capture_settings(settings, faults);
  hunter.uplink.processors = settings.list("processor");
  hunter.uplink.max_reconnect_attempts = settings.integer("max-reconnect-attempts");
  hunter.queue.window_bytes = settings.size("window");
  hunter.queue.queue_packets = hunter.capture.queue_packets;
  hunter.spool = packet::spool_settings(settings, config::state_directory("hunterd", hunter.hunter_id));
  hunter.stats = settings.boolean("stats");
  if (hunter.uplink.processors.empty()) faults.emplace_back("--processor HOST:PORT is required");
  hunter.uplink.tls = wire::read_transport(settings, hunter.uplink.processors, wire::End::kClient, faults);
  return hunter;
}

}  // namespace lc::hunter
