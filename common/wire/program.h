// How every binary starts: options, --help and its kind, logging, and the checks that all share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "common/config/settings_loader.h"
#include "common/config/tls_settings.h"

namespace lc::wire {

/// Puts the rows that all binaries share behind a program's own: TLS, logging, configuration, help.
void complete_table(config::Program& program);

struct Start {
  config::Settings settings;
  std::vector<std::string> faults;  // one line each; the binary's own checks add to them
  ExitCode fault_code = ExitCode::kBadConfig;
};

/// Reads the settings of a completed table and starts logging. Nothing when --help or --version has answered. Faults
/// end it as settle() says, unless --check-config asks for all of them. Before any thread.
std::optional<Start> start_program(int argc, char** argv, const config::Program& program);

/// After the binary's own checks. Faults: prints all but the last and throws StartError with that one, and exit code 2
/// if an option is among them, else 78. True when --check-config or --print-config has answered and the program is to
/// end.
bool settle(const config::Program& program, const Start& start);

enum class End { kClient, kServer };
/// The TLS settings, after checking the addresses, the files, and that plaintext is used only where it may be.
config::TlsSettings read_transport(const config::Settings& settings, const std::vector<std::string>& addresses, End end,
                                   std::vector<std::string>& faults);

/// gethostname(2), without a domain and with characters that ids can't have replaced by '-'.
std::string host_name();

}  // namespace lc::wire
