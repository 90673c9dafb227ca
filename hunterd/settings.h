// hunterd's options: one table, and the values it gives.
#pragma once

#include <string>
#include <vector>

#include "common/capture/capture_options.h"
#include "common/config/settings_loader.h"
#include "common/config/tls_settings.h"
#include "common/spool/open_spool.h"
#include "hunterd/uplink.h"

namespace lc::hunter {

/// The rows of --help, the configuration file (section `hunter`) and the environment.
config::Program program();

struct HunterSettings {
  std::string hunter_id;
  capture::CaptureSettings capture;
  packet::SendQueue::Limits queue;
  spool::SpoolSettings spool;
  UplinkSettings uplink;
  bool stats = false;
};

/// Checks what one option alone can't know (ids, addresses, transport security). Appends a line for each fault.
HunterSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults);

}  // namespace lc::hunter
