// The options of a processor, processord's or tapd's: one table, and the values it gives.
#pragma once

#include <string>
#include <vector>

#include "common/config/settings_loader.h"
#include "common/config/tls_settings.h"
#include "processord/engine/engine.h"
#include "processord/service/upstream_link.h"

namespace lc::processor {

/// The rows of --help, the environment and the configuration file (section `processor`). `program` is in the name of
/// the default state directory.
std::vector<config::Option> options(const std::string& program);

/// processord's table: these rows, and those of all binaries.
config::Program program();

struct ProcessorSettings {
  EngineSettings engine;
  std::string listen;
  config::TlsSettings tls;
  UpstreamSettings upstream;
  bool stats = true;
};

/// Of a table with those rows; `listen` is the address to listen on. Checks what one option alone can't know (ids,
/// addresses, transport security). Appends a line for each fault.
ProcessorSettings read_settings(const config::Settings& settings, const std::string& program, const std::string& listen,
                                std::vector<std::string>& faults);

}  // namespace lc::processor
