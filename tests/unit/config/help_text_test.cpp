#include "common/config/help_text.h"

#include <yaml-cpp/yaml.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

Settings settings(const Sources& sources) {
  const Loaded loaded = load(sample_program(), sources);
  CHECK(texts(loaded.faults) == std::vector<std::string>{});
  return loaded.settings;
}

/// Without the comments, which tell different origins.
std::string without_origins(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) out += line.substr(0, line.find("  # from ")) + "\n";
  return out;
}

}  // namespace

TEST_CASE("Help shows every row with its default, variable and key, in 80 columns", "[config]") {
  const std::string help = help_text(sample_program());
  CHECK(help.starts_with("Usage: hunterd [OPTION]...\nCaptures packets.\n"));
  for (const Option& option : sample_program().options) {
    CAPTURE(option.name);
    if (option.where != Where::kFileOnly) CHECK(help.find("--" + option.name) != std::string::npos);
    if (option.where == Where::kEverywhere) CHECK(help.find(environment_name(option)) != std::string::npos);
    CHECK(help.find(option.yaml) != std::string::npos);
  }
  CHECK(help.find("\nCapture:\n"
                  "  -i, --interface NAME[,NAME...]\n"
                  "        Interfaces to capture on.\n"
                  "        (default: any; environment: LIPPYCAT_INTERFACE; file: hunter.interfaces)\n"
                  "      --batch-size PACKETS\n"
                  "        Packets in a batch.\n"
                  "        (a whole number from 1 to 10000; default: 64; environment:\n"
                  "        LIPPYCAT_BATCH_SIZE; file: hunter.batch_size)\n") != std::string::npos);
  CHECK(help.find("  -s, --stats[=true|false]\n") != std::string::npos);
  CHECK(help.find("  -h, --help\n        Print this help and exit.\n") != std::string::npos);
  CHECK(help.find("      tls.enabled (file only)\n") != std::string::npos);
  CHECK(help.find("/etc/lippycat/hunter.yaml") != std::string::npos);
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("Printed settings are grouped by section, and each line says where it is from", "[config]") {
  const ScratchFolder folder;
  const std::string file = folder.write("f", "hunter:\n  log_format: json\n").string();
  const std::string text =
      config_text(sample_program(), settings({.arguments = {"--interface=eth0,lo", "--kernel-buffer=1536K"},
                                              .environment = {{"LIPPYCAT_BATCH_TIMEOUT", "2s"}},
                                              .files = {file}}));
  CHECK(text ==
        "hunter:\n"
        "  hunter_id: \"\"  # from default\n"
        "  processor_addr: \"\"  # from default\n"
        "  interfaces: [\"eth0\", \"lo\"]  # from option\n"
        "  batch_size: 64  # from default\n"
        "  batch_timeout_ms: 2000  # from environment LIPPYCAT_BATCH_TIMEOUT\n"
        "  kernel_buffer: 1536K  # from option\n"
        "  display_stats: true  # from default\n"
        "  log_format: \"json\"  # from " +
            file +
            ":2\n"
            "tls:\n"
            "  cert_file: \"\"  # from default\n"
            "  key_file: \"\"  # from default\n"
            "  ca_file: \"\"  # from default\n"
            "  insecure: false  # from default\n");
}

TEST_CASE("Printed settings, read again, are the same settings", "[config]") {
  const ScratchFolder folder;
  const std::string awkward = "a \"b\" \\ # : {x}, 'y' \t\n\x01 \u00fc - !t &a *b %";
  const Settings before = settings(
      {.arguments = {"--hunter-id", awkward, "-i", "eth0,a b,#c", "--batch-size=7", "--batch-timeout=1s",
                     "--kernel-buffer=1048577", "--stats=false", "--log-format=json", "--insecure", "--processor=null"},
       .files = {folder.write("f", "tls: {enabled: false}\n")}});
  const std::string printed = config_text(sample_program(), before);
  const std::string file = folder.write("printed.yaml", printed).string();
  const Settings after = settings({.arguments = {"--config", file}});
  CHECK(after.text("hunter-id") == awkward);
  CHECK(after.text("processor") == "null");
  CHECK(after.list("interface") == before.list("interface"));
  CHECK(after.integer("batch-size") == 7);
  CHECK(after.milliseconds("batch-timeout") == std::chrono::seconds(1));
  CHECK(after.size("kernel-buffer") == 1048577);
  CHECK_FALSE(after.boolean("stats"));
  CHECK(after.boolean("insecure"));
  CHECK(after.is_set("tls-enabled"));
  CHECK_FALSE(after.is_set("tls-skip-verify"));
  CHECK(without_origins(config_text(sample_program(), after)) == without_origins(printed));

  const YAML::Node judged = YAML::Load(printed);
  CHECK(judged["hunter"]["hunter_id"].as<std::string>() == awkward);
  CHECK(judged["hunter"]["interfaces"].as<std::vector<std::string>>() == before.list("interface"));
  CHECK(judged["hunter"]["batch_size"].as<int>() == 7);
  CHECK_FALSE(judged["hunter"]["display_stats"].as<bool>());
  CHECK_FALSE(judged["tls"]["enabled"].as<bool>());
}

TEST_CASE("Printed defaults, read again, change nothing", "[config]") {
  const ScratchFolder folder;
  const std::string printed = config_text(sample_program(), settings({}));
  const std::string file = folder.write("printed.yaml", printed).string();
  const Settings after = settings({.arguments = {"--config", file}});
  CHECK(without_origins(config_text(sample_program(), after)) == without_origins(printed));
  CHECK(tls_settings(after).ok());
}

}  // namespace lc::config
