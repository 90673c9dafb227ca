#include "common/wire/program.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <iostream>

#include "common/base/exit_code.h"
#include "common/base/text.h"
#include "common/config/help_text.h"
#include "common/wire/credentials.h"
#include "common/wire/endpoint.h"
#include "common/wire/log_sink.h"

namespace lc::wire {
namespace {

std::vector<config::Option> logging_options() {
  return {{.name = "log-level",
           .yaml = "log.level",
           .default_value = "info",
           .value_name = "LEVEL",
           .help = "Least important lines to log.",
           .choices = {"debug", "info", "warning", "error"},
           .group = "Logging"},
          {.name = "log-format",
           .yaml = "log.format",
           .default_value = "text",
           .value_name = "FORMAT",
           .help = "Lines on standard error as text or as JSON objects.",
           .choices = {"text", "json"}}};
}

// main prints the last.
void refuse(const config::Program& program, const Start& start) {
  if (start.faults.empty()) return;
  for (std::size_t i = 0; i + 1 < start.faults.size(); ++i)
    std::cerr << program.name << ": " << start.faults[i] << '\n';
  throw StartError(start.fault_code, start.faults.back());
}

// gRPC allocates each message's buffers on one thread and frees them on another. With glibc's defaults that memory goes
// back to the system at every lull and returns as page faults (a third of processord's time in the kernel, measured),
// and an arena for every thread keeps its own reserve. mallopt(3).
void keep_memory() {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

}  // namespace

void complete_table(config::Program& program) {
  config::append(program.options, config::tls_options());
  config::append(program.options, logging_options());
  config::append(program.options, config::standard_options());
}

std::optional<Start> start_program(int argc, char** argv, const config::Program& program) {
  keep_memory();
  // A broken pipe or a file size limit is an error of the call that meets it, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  config::Loaded loaded = config::load(program, config::system_sources(argc, argv, program.role));
  if (loaded.settings.boolean("help")) {
    std::cout << config::help_text(program);
    return std::nullopt;
  }
  if (loaded.settings.boolean("version")) {
    std::cout << program.name << ' ' << LC_VERSION << '\n';
    return std::nullopt;
  }
  start_logging(*log::parse_level(loaded.settings.text("log-level")),
                loaded.settings.text("log-format") == "json" ? LogFormat::kJson : LogFormat::kText);
  for (const std::string& warning : loaded.warnings) log::warning(warning);
  Start start{std::move(loaded.settings), {}, config::exit_code(loaded.faults)};
  for (const config::Fault& fault : loaded.faults) start.faults.push_back(fault.text);
  // What the binary itself would find is worth a line only to who asked for all: it may be wrong in consequence.
  if (!start.settings.boolean("check-config")) refuse(program, start);
  return start;
}

bool settle(const config::Program& program, const Start& start) {
  refuse(program, start);
  if (start.settings.boolean("print-config")) {
    std::cout << config::config_text(program, start.settings);
    return true;
  }
  if (start.settings.boolean("check-config")) {
    std::cout << "configuration is valid\n";
    return true;
  }
  return false;
}

config::TlsSettings read_transport(const config::Settings& settings, const std::vector<std::string>& addresses, End end,
                                   std::vector<std::string>& faults) {
  bool loopback_only = true;
  for (const std::string& text : addresses) {
    const Result<Address> address = parse_address(text);
    if (!address) faults.push_back(address.error().text);
    loopback_only = loopback_only && address && is_loopback(*address);
  }
  const Result<config::TlsSettings> tls = config::tls_settings(settings);
  if (!tls) {
    faults.push_back(tls.error().text);
    return {};
  }
  if (end == End::kServer && tls->has_tls() && tls->cert_file.empty()) {
    faults.emplace_back("a server with TLS needs --tls-cert and --tls-key");
  }
  if (end == End::kClient && tls->has_tls() && tls->ca_file.empty()) {
    faults.emplace_back("a client with TLS needs --tls-ca, to know the processor by");
  }
  if (const Status status = check_tls_files(*tls); !status) faults.push_back(status.error().text);
  if (const Status status =
          config::check_transport(tls->has_tls(), loopback_only, tls->insecure, settings.production());
      !status) {
    faults.push_back(status.error().text);
  } else if (!tls->has_tls() && !loopback_only) {
    log::warning("connections are NOT encrypted or authenticated (--insecure)");
  }
  return *tls;
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::string id = name.data();
  id = id.substr(0, id.find('.'));
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !check_id("", std::string_view(&c, 1)).ok(); }, '-');
  return id.substr(0, 64);
}

}  // namespace lc::wire
