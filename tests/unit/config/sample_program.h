// A small table with a row of every kind, and files that vanish with the test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/settings_loader.h"
#include "common/config/tls_settings.h"

namespace lc::config {

inline Program sample_program() {
  Program program{
      .name = "hunterd",
      .role = "hunter",
      .summary = "Captures packets.",
      .options = {
          Option{
              .name = "hunter-id", .letter = 'I', .yaml = "hunter.hunter_id", .value_name = "ID", .help = "Its name."},
          Option{.name = "processor", .yaml = "hunter.processor_addr", .value_name = "HOST:PORT", .help = "Where to."},
          Option{.name = "interface",
                 .letter = 'i',
                 .yaml = "hunter.interfaces",
                 .kind = Kind::kList,
                 .default_value = "any",
                 .value_name = "NAME",
                 .help = "Interfaces to capture on.",
                 .group = "Capture"},
          Option{.name = "batch-size",
                 .yaml = "hunter.batch_size",
                 .kind = Kind::kInteger,
                 .default_value = "64",
                 .value_name = "PACKETS",
                 .help = "Packets in a batch.",
                 .min = 1,
                 .max = 10000},
          Option{.name = "batch-timeout",
                 .yaml = "hunter.batch_timeout_ms",
                 .kind = Kind::kMilliseconds,
                 .default_value = "100",
                 .value_name = "MS",
                 .help = "Age at which a batch is sent.",
                 .max = 60'000},
          Option{.name = "kernel-buffer",
                 .yaml = "hunter.kernel_buffer",
                 .kind = Kind::kSize,
                 .default_value = "64M",
                 .value_name = "BYTES",
                 .help = "Size of the kernel's ring.",
                 .min = 1 << 20},
          Option{.name = "stats",
                 .letter = 's',
                 .yaml = "hunter.display_stats",
                 .kind = Kind::kBoolean,
                 .default_value = "true",
                 .help = "Show counters."},
          Option{.name = "log-format",
                 .yaml = "hunter.log_format",
                 .default_value = "text",
                 .value_name = "FORMAT",
                 .help = "How log lines look.",
                 .choices = {"text", "json"}},
      }};
  for (const auto& rows : {tls_options(), standard_options()}) {
    program.options.insert(program.options.end(), rows.begin(), rows.end());
  }
  return program;
}

inline Loaded load_arguments(std::vector<std::string> arguments) {
  return load(sample_program(), Sources{.arguments = std::move(arguments)});
}

inline std::vector<std::string> texts(const std::vector<Fault>& faults) {
  std::vector<std::string> out;
  for (const Fault& fault : faults) out.push_back(fault.text);
  return out;
}

/// A directory of its own, removed with its files.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lc_config_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::filesystem::path path(std::string_view name) const { return path_ / name; }
  std::filesystem::path write(std::string_view name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

}  // namespace lc::config
