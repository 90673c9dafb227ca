#include "common/config/settings_loader.h"

#include <catch2/catch.hpp>
#include <stdexcept>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

using Texts = std::vector<std::string>;

/// Each kind's value as text, to compare them alike.
std::string as_text(const Settings& settings, const std::string& name) {
  if (name == "hunter-id" || name == "log-format") return settings.text(name);
  if (name == "batch-size") return std::to_string(settings.integer(name));
  if (name == "batch-timeout") return std::to_string(settings.milliseconds(name).count());
  if (name == "kernel-buffer") return std::to_string(settings.size(name));
  if (name == "stats") return settings.boolean(name) ? "true" : "false";
  std::string joined;
  for (const std::string& item : settings.list(name)) joined += item + ";";
  return joined;
}

struct Row {
  std::string name, yaml, variable;
  std::string by_default, in_file, in_environment, as_option;  // as typed
  std::string default_text, file_text, environment_text, option_text;
};

}  // namespace

TEST_CASE("For every kind an option beats the environment, that the file, and that the default", "[config]") {
  const auto row =
      GENERATE(Row{"hunter-id", "hunter_id", "LIPPYCAT_HUNTER_ID", "", "f", "e", "o", "", "f", "e", "o"},
               Row{"interface", "interfaces", "LIPPYCAT_INTERFACE", "any", "[f0, f1]", "e0,e1", "o0", "any;", "f0;f1;",
                   "e0;e1;", "o0;"},
               Row{"batch-size", "batch_size", "LIPPYCAT_BATCH_SIZE", "64", "1", "2", "3", "64", "1", "2", "3"},
               Row{"batch-timeout", "batch_timeout_ms", "LIPPYCAT_BATCH_TIMEOUT", "100", "1s", "200ms", "7", "100",
                   "1000", "200", "7"},
               Row{"kernel-buffer", "kernel_buffer", "LIPPYCAT_KERNEL_BUFFER", "64M", "1M", "2M", "1G", "67108864",
                   "1048576", "2097152", "1073741824"},
               Row{"stats", "display_stats", "LIPPYCAT_STATS", "true", "false", "true", "false", "true", "false",
                   "true", "false"},
               Row{"log-format", "log_format", "LIPPYCAT_LOG_FORMAT", "text", "json", "text", "json", "text", "json",
                   "text", "json"});
  const ScratchFolder folder;
  Sources sources;
  const auto check = [&](const std::string& text, const std::string& origin, bool is_set) {
    const Loaded loaded = load(sample_program(), sources);
    CHECK(texts(loaded.faults) == Texts{});
    CHECK(as_text(loaded.settings, row.name) == text);
    CHECK(loaded.settings.origin(row.name) == origin);
    CHECK(loaded.settings.is_set(row.name) == is_set);
  };
  check(row.default_text, "default", false);
  sources.files = {folder.write("a.yaml", "# first\nhunter:\n  " + row.yaml + ": " + row.in_file + "\n")};
  check(row.file_text, folder.path("a.yaml").string() + ":3", true);
  sources.environment[row.variable] = row.in_environment;
  check(row.environment_text, "environment " + row.variable, true);
  sources.arguments = {"--" + row.name + "=" + row.as_option};
  check(row.option_text, "option", true);
}

TEST_CASE("A later file overrides an earlier one key by key, a list as a whole", "[config]") {
  const ScratchFolder folder;
  const Loaded loaded =
      load(sample_program(),
           Sources{.files = {folder.write("1", "hunter:\n  hunter_id: one\n  interfaces: [a, b]\n  batch_size: 5\n"),
                             folder.path("missing"), folder.write("2", "hunter:\n  interfaces: c\n"),
                             folder.write("3", "")}});
  CHECK(loaded.settings.text("hunter-id") == "one");
  CHECK(loaded.settings.integer("batch-size") == 5);
  CHECK(loaded.settings.list("interface") == Texts{"c"});
}

TEST_CASE("The file of --config or LIPPYCAT_CONFIG is the only one read", "[config]") {
  const ScratchFolder folder;
  Sources sources{.files = {folder.write("usual", "hunter:\n  hunter_id: usual\n  nonsense: 1\n")}};
  const std::string own = folder.write("own", "hunter:\n  batch_size: 5\n").string();
  SECTION("by option") {
    sources.arguments = {"--config", own};
  }
  SECTION("by environment") {
    sources.environment["LIPPYCAT_CONFIG"] = own;
  }
  const Loaded loaded = load(sample_program(), sources);
  CHECK(loaded.settings.text("hunter-id").empty());
  CHECK(loaded.settings.integer("batch-size") == 5);
}

TEST_CASE("The file of --config must be there and readable", "[config]") {
  const ScratchFolder folder;
  const std::string missing = folder.path("none.yaml").string();
  const Loaded no_file = load_arguments({"--config=" + missing});
  CHECK(texts(no_file.faults) == Texts{"cannot read " + missing + ": No such file or directory"});
  CHECK(exit_code(no_file.faults) == ExitCode::kBadConfig);
  const std::string directory = folder.path("").string();
  CHECK(texts(load_arguments({"--config", directory}).faults) ==
        Texts{"cannot read " + directory + ": Is a directory"});
  CHECK(texts(load_arguments({"--config="}).faults) == Texts{"cannot read : No such file or directory"});
}

TEST_CASE("Faults of options, environment and all files are reported together", "[config]") {
  const ScratchFolder folder;
  const std::string first = folder.write("1", "hunter:\n  batch_size: 0\n").string();
  const std::string second = folder.write("2", "huntr:\n").string();
  const Loaded loaded = load(sample_program(), Sources{.arguments = {"--bogus-thing", "--stats=2"},
                                                       .environment = {{"LIPPYCAT_KERNEL_BUFFER", "big"}},
                                                       .files = {first, second}});
  CHECK(texts(loaded.faults) ==
        Texts{"unknown option \"--bogus-thing\" (--help lists all)", "option --stats: \"2\" is not true or false",
              "environment LIPPYCAT_KERNEL_BUFFER: \"big\" is not a size of at least 1M in bytes or as 512K, 64M, 1G",
              first + ":2: hunter.batch_size: \"0\" is not a whole number from 1 to 10000",
              second + ":1: unknown section \"huntr\"; did you mean \"hunter\"?"});
  CHECK(exit_code(loaded.faults) == ExitCode::kUsage);
}

TEST_CASE("A wrong value is a fault even where a better source overrides it", "[config]") {
  const Loaded loaded = load(
      sample_program(), Sources{.arguments = {"--batch-size=5"}, .environment = {{"LIPPYCAT_BATCH_SIZE", "many"}}});
  CHECK(texts(loaded.faults) ==
        Texts{"environment LIPPYCAT_BATCH_SIZE: \"many\" is not a whole number from 1 to 10000"});
  CHECK(exit_code(loaded.faults) == ExitCode::kBadConfig);
}

TEST_CASE("An unknown LIPPYCAT_ variable is a warning, since several programs share an environment", "[config]") {
  const Loaded loaded = load(sample_program(), Sources{.environment = {{"LIPPYCAT_BACH_SIZE", "5"},
                                                                       {"LIPPYCAT_HELP", "true"},
                                                                       {"LIPPYCAT_PRODUCTION", "false"},
                                                                       {"LIPPYCAT_SOMETHING_ELSE", "1"},
                                                                       {"LIPPYCATS", "9"}}});
  CHECK(loaded.warnings == Texts{"unknown environment variable LIPPYCAT_BACH_SIZE; did you mean LIPPYCAT_BATCH_SIZE?",
                                 "unknown environment variable LIPPYCAT_HELP",
                                 "unknown environment variable LIPPYCAT_SOMETHING_ELSE"});
}

TEST_CASE("Production is on by LIPPYCAT_PRODUCTION=true alone, and a misspelt value is not taken as off", "[config]") {
  const auto with = [](std::map<std::string, std::string> environment) {
    return load(sample_program(), Sources{.environment = std::move(environment)});
  };
  CHECK_FALSE(with({}).settings.production());
  CHECK_FALSE(with({{"LIPPYCAT_PRODUCTION", "false"}}).settings.production());
  CHECK(with({{"LIPPYCAT_PRODUCTION", "true"}}).settings.production());
  CHECK(texts(with({{"LIPPYCAT_PRODUCTION", "ture"}}).faults) ==
        Texts{"environment LIPPYCAT_PRODUCTION: \"ture\" is not true or false"});
}

TEST_CASE("The usual places are the role's system file and two in the home directory", "[config]") {
  const char* const argv[] = {"hunterd", "--stats", "x"};
  const Sources sources = system_sources(3, argv, "hunter");
  CHECK(sources.arguments == Texts{"--stats", "x"});
  REQUIRE_FALSE(sources.files.empty());
  CHECK(sources.files.front() == "/etc/lippycat/hunter.yaml");
  if (const char* home = ::getenv("HOME"); home != nullptr && *home != '\0') {
    REQUIRE(sources.files.size() == 3);
    CHECK(sources.files[1] == std::string(home) + "/.config/lippycat/config.yaml");
    CHECK(sources.files[2] == std::string(home) + "/.config/lippycat.yaml");
  }
}

TEST_CASE("A table that contradicts itself is refused", "[config]") {
  const auto refused = [](const Option& extra) {
    Program program = sample_program();
    program.options.push_back(extra);
    CHECK_THROWS_AS(load(program, {}), std::logic_error);
  };
  refused({.name = "stats"});
  refused({.name = "other", .letter = 'i'});
  refused({.name = "other", .yaml = "hunter.batch_size"});
  refused({.name = "other", .yaml = "batch_size"});
  refused({.name = "other", .kind = Kind::kInteger});
  refused({.name = "other", .kind = Kind::kInteger, .default_value = "0", .min = 1});
}

}  // namespace lc::config
