#include "common/packet/spool_options.h"

namespace lc::packet {

using config::Kind;

std::vector<config::Option> spool_options(const SpoolWords& words) {
  constexpr std::int64_t kLeast = std::int64_t{8} << 20;
  std::vector<std::string> modes = {"overflow", "off"};
  if (words.has_always) modes.insert(modes.begin() + 1, "always");
  const std::string always = words.has_always ? " always (each batch, before it is sent)," : "";
  return {
      {.name = "spool-mode",
       .yaml = words.section + ".spool_mode",
       .default_value = "overflow",
       .value_name = "MODE",
       .help = "What goes to disk: overflow (" + words.overflow + ")," + always + " off.",
       .choices = std::move(modes),
       .group = "Spool"},
      {.name = "spool-dir",
       .yaml = words.section + ".spool_dir",
       .value_name = "DIR",
       .help = "Where; by default " + words.directory + "."},
      {.name = "spool-max",
       .yaml = words.section + ".spool_max",
       .kind = Kind::kSize,
       .default_value = "1G",
       .value_name = "SIZE",
       .help = "Most that is kept on disk.",
       .min = kLeast},
      {.name = "spool-drop",
       .yaml = words.section + ".spool_drop",
       .default_value = "oldest",
       .value_name = "WHICH",
       .help = "Packets to drop when the spool is full: oldest or newest.",
       .choices = {"oldest", "newest"}},
  };
}

spool::SpoolSettings spool_settings(const config::Settings& settings, const std::string& default_directory) {
  using spool::SpoolMode;
  const std::string& mode = settings.text("spool-mode");
  const std::string& directory = settings.text("spool-dir");
  return {.mode = mode == "off"      ? SpoolMode::kOff
                  : mode == "always" ? SpoolMode::kAlways
                                     : SpoolMode::kOverflow,
          .directory = directory.empty() ? default_directory : directory,
          .max_bytes = settings.size("spool-max"),
          .drop_newest = settings.text("spool-drop") == "newest"};
}

}  // namespace lc::packet
