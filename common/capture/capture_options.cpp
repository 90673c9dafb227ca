#include "common/capture/capture_options.h"

#include "common/base/text.h"
#include "common/filter/bpf.h"

namespace lc::capture {
namespace {

using config::Kind;

constexpr std::int64_t kMiB = std::int64_t{1} << 20;

void check_expression(const std::string& expression, std::vector<std::string>& faults) {
  if (expression.empty()) return;
  const auto on = [&](std::uint32_t link_type) { return filter::BpfFilter::compile(expression, link_type); };
  const auto ethernet = on(packet::kEthernet);
  // `inbound`, say, needs what only the cooked link type of `any` carries.
  if (!ethernet && !on(packet::kLinuxSll2)) faults.push_back(ethernet.error().text);
}

}  // namespace

std::vector<config::Option> capture_options() {
  return {
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
  };
}

std::vector<config::Option> listing_options() {
  return {
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
}

CaptureSettings capture_settings(const config::Settings& settings, std::vector<std::string>& faults) {
  CaptureSettings capture;
  capture.interfaces = settings.list("interface");
  capture.source = {.live = {.filter = settings.text("filter"),
                             .snaplen = static_cast<std::uint32_t>(settings.integer("snaplen")),
                             .promiscuous = settings.boolean("promisc"),
                             .kernel_buffer_bytes = settings.size("kernel-buffer")},
                    .file = {.loop = settings.integer("loop"), .pace = settings.boolean("pace")}};
  check_expression(capture.source.live.filter, faults);
  for (const std::string& name : capture.interfaces) {
    if (!is_utf8(name))
      faults.push_back("interface or file name " + lc::quoted(name) + " is not UTF-8, as names on the wire are");
  }
  capture.batch.packets = static_cast<std::uint32_t>(settings.integer("batch-size"));
  capture.batch.age = settings.milliseconds("batch-timeout");
  capture.queue_packets = static_cast<std::uint64_t>(settings.integer("buffer-size"));
  capture.no_filter_policy =
      settings.text("no-filter-policy") == "none" ? calls::NoFilterPolicy::kNone : calls::NoFilterPolicy::kAll;
  return capture;
}

}  // namespace lc::capture
