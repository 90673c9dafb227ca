// processord's options: one table, and the values it gives.
#pragma once

#include <string>
#include <vector>

#include "common/config/settings_loader.h"
#include "common/config/tls_settings.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// The rows of --help, the configuration file (section `processor`) and the environment.
config::Program program();

struct ProcessorSettings {
  EngineSettings engine;
  std::string listen;
  config::TlsSettings tls;
  bool stats = true;
};

/// Checks what one option alone can't know (ids, addresses, transport security). Appends a line for each fault.
ProcessorSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults);

}  // namespace lc::processor
