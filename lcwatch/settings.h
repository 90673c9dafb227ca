// lcwatch's options: the tables of the console and of `lcwatch filter`, and the values they give.
#pragma once

#include <string>
#include <vector>

#include "common/config/settings_loader.h"
#include "lcwatch/batch/batch_view.h"
#include "lcwatch/batch/filter_command.h"
#include "lcwatch/batch/packet_dump.h"
#include "lcwatch/remote/watched.h"

namespace lc::watch {

enum class Colors { kAuto, kAlways, kNever };

/// How the console looks.
struct Appearance {
  Colors colors = Colors::kAuto;
  bool ascii = false;
  bool mouse = true;
  std::string theme;  // dark, light, mono
};

struct WatchSettings {
  std::vector<WatchedServer> servers;
  std::string packet_filter;
  std::string log_file;  // empty: none
  Appearance appearance;
  std::optional<BatchSettings> batch;
  std::optional<DumpSettings> dump;
};

/// The rows of --help, the configuration file (section `watch`) and the environment.
config::Program program();
/// Appends a line for each fault.
WatchSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults);

/// The words after `lcwatch filter`: what is to be done, and to which filters; the options follow.
struct FilterWords {
  FilterVerb verb = FilterVerb::kList;
  std::vector<std::string> ids;
};
/// Takes them out of the arguments. Throws StartError (2).
FilterWords take_filter_words(std::vector<std::string>& arguments);
config::Program filter_program(FilterVerb verb);

struct FilterSettings {
  WatchedServer server;
  FilterCommand command;
  std::string log_file;
};
FilterSettings read_filter_settings(const FilterWords& words, const config::Settings& settings,
                                    std::vector<std::string>& faults);

}  // namespace lc::watch
