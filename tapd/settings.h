// tapd's options: those of capture and of a processor in one table, and the values they give.
#pragma once

#include <string>
#include <vector>

#include "common/capture/capture_options.h"
#include "common/config/settings_loader.h"
#include "processord/service/settings.h"

namespace lc::tap {

/// The rows of --help, the configuration file (section `tap`) and the environment.
config::Program program();

struct TapSettings {
  std::string hunter_id;
  capture::CaptureSettings capture;
  std::vector<std::string> sip_users;
  processor::ProcessorSettings processor;
};

/// Checks what one option alone can't know. Appends a line for each fault.
TapSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults);

}  // namespace lc::tap
