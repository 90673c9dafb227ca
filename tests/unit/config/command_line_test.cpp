#include <catch2/catch.hpp>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

using Texts = std::vector<std::string>;

Texts faults(std::vector<std::string> arguments) {
  const Loaded loaded = load_arguments(std::move(arguments));
  if (!loaded.faults.empty()) CHECK(exit_code(loaded.faults) == ExitCode::kUsage);
  return texts(loaded.faults);
}

Settings settings(std::vector<std::string> arguments) {
  const Loaded loaded = load_arguments(std::move(arguments));
  CHECK(texts(loaded.faults) == Texts{});
  return loaded.settings;
}

}  // namespace

TEST_CASE("An option's value is taken in every GNU spelling", "[config]") {
  const auto arguments =
      GENERATE(Texts{"--hunter-id", "edge"}, Texts{"--hunter-id=edge"}, Texts{"-I", "edge"}, Texts{"-Iedge"});
  const Settings found = settings(arguments);
  CHECK(found.text("hunter-id") == "edge");
  CHECK(found.origin("hunter-id") == "option");
  CHECK(found.is_set("hunter-id"));
}

TEST_CASE("A value may hold equals signs, look like an option, or be empty", "[config]") {
  CHECK(settings({"--hunter-id=a=b"}).text("hunter-id") == "a=b");
  CHECK(settings({"--hunter-id=a="}).text("hunter-id") == "a=");
  CHECK(settings({"--hunter-id", "-x"}).text("hunter-id") == "-x");
  CHECK(settings({"--hunter-id="}).text("hunter-id").empty());
  CHECK(settings({"--hunter-id", ""}).text("hunter-id").empty());
  CHECK(settings({"--hunter-id="}).is_set("hunter-id"));
  CHECK(settings({"--interface="}).list("interface").empty());
}

TEST_CASE("A switch stands alone or takes its value after an equals sign", "[config]") {
  CHECK(settings({"--stats"}).boolean("stats"));
  CHECK(settings({"-s", "--hunter-id", "x"}).text("hunter-id") == "x");
  CHECK(settings({"--stats=true"}).boolean("stats"));
  CHECK_FALSE(settings({"--stats=false"}).boolean("stats"));
}

TEST_CASE("A switch does not swallow the word after it", "[config]") {
  CHECK(faults({"--stats", "false"}) == Texts{"unexpected argument \"false\"; write --stats=false"});
  CHECK(faults({"-s", "true"}) == Texts{"unexpected argument \"true\"; write --stats=true"});
  CHECK(faults({"--stats", "x"}) == Texts{"unexpected argument \"x\" (--help lists all options)"});
}

TEST_CASE("The last of several values counts, those of a list are joined", "[config]") {
  CHECK(settings({"--batch-size=1", "--batch-size=2"}).integer("batch-size") == 2);
  CHECK(settings({"-i", "eth0,eth1", "--interface=lo"}).list("interface") == Texts{"eth0", "eth1", "lo"});
}

TEST_CASE("An unknown option is refused with the nearest known one", "[config]") {
  CHECK(faults({"--bach-size", "5"}) ==
        Texts{"unknown option \"--bach-size\"; did you mean \"--batch-size\"? (--help lists all)"});
  CHECK(faults({"--bach-size=5"}) ==
        Texts{"unknown option \"--bach-size\"; did you mean \"--batch-size\"? (--help lists all)"});
  CHECK(faults({"--completely-else"}) == Texts{"unknown option \"--completely-else\" (--help lists all)"});
  CHECK(faults({"-x"}) == Texts{"unknown option \"-x\" (--help lists all)"});
  CHECK(faults({"--completely-else="}) == Texts{"unknown option \"--completely-else\" (--help lists all)"});
}

TEST_CASE("An abbreviated option is not guessed", "[config]") {
  CHECK(faults({"--batch-siz=5"}) ==
        Texts{"unknown option \"--batch-siz\"; did you mean \"--batch-size\"? (--help lists all)"});
  CHECK(faults({"--process", "a:1"}).size() == 1);
}

TEST_CASE("What only a file can set is no option", "[config]") {
  CHECK(faults({"--tls-skip-verify"}) == Texts{"unknown option \"--tls-skip-verify\" (--help lists all)"});
}

TEST_CASE("A missing value is a fault, also before another option", "[config]") {
  CHECK(faults({"--batch-size"}) == Texts{"option --batch-size needs a value: --batch-size PACKETS"});
  CHECK(faults({"-i"}) == Texts{"option --interface needs a value: --interface NAME"});
  CHECK(faults({"--batch-size", "--stats"}) == Texts{"option --batch-size needs a value: --batch-size PACKETS"});
}

TEST_CASE("There are no positional arguments", "[config]") {
  CHECK(faults({"eth0"}) == Texts{"unexpected argument \"eth0\" (--help lists all options)"});
  CHECK(faults({"-"}) == Texts{"unexpected argument \"-\" (--help lists all options)"});
  CHECK(faults({""}) == Texts{"unexpected argument \"\" (--help lists all options)"});
  CHECK(faults({"--", "--stats"}) == Texts{"unexpected argument \"--stats\" (--help lists all options)"});
  CHECK(settings({"--"}).boolean("stats"));
}

TEST_CASE("A wrong value names its option and what is allowed", "[config]") {
  CHECK(faults({"--batch-size=0"}) == Texts{"option --batch-size: \"0\" is not a whole number from 1 to 10000"});
  CHECK(faults({"--stats=maybe"}) == Texts{"option --stats: \"maybe\" is not true or false"});
  CHECK(faults({"--log-format", "xml"}) == Texts{"option --log-format: \"xml\" is not one of text, json"});
  CHECK(faults({"--batch-size="}) == Texts{"option --batch-size: \"\" is not a whole number from 1 to 10000"});
}

TEST_CASE("Every fault of a command line is reported, in its order", "[config]") {
  CHECK(faults({"--bach-size=5", "--batch-size=x", "eth0", "--kernel-buffer=1K", "--hunter-id"}) ==
        Texts{"unknown option \"--bach-size\"; did you mean \"--batch-size\"? (--help lists all)",
              "option --batch-size: \"x\" is not a whole number from 1 to 10000",
              "unexpected argument \"eth0\" (--help lists all options)",
              "option --kernel-buffer: \"1K\" is not a size of at least 1M in bytes or as 512K, 64M, 1G",
              "option --hunter-id needs a value: --hunter-id ID"});
}

TEST_CASE("Odd arguments are faults, not crashes", "[config]") {
  const auto argument = GENERATE("---", "--=x", "-=", "--=", "-\xff", "--\n", "---stats", "--stats==");
  const Texts found = faults({argument});
  REQUIRE(found.size() == 1);
  CHECK(found.front().find('\n') == std::string::npos);
}

TEST_CASE("Help and version are served whatever else is wrong", "[config]") {
  const auto argument = GENERATE("--help", "-h", "--version");
  const Loaded loaded = load(sample_program(), Sources{.arguments = {"--nonsense", argument, "--config=/nonexistent"},
                                                       .environment = {{"LIPPYCAT_BATCH_SIZE", "many"}}});
  CHECK(loaded.settings.boolean("help") == (std::string(argument) != "--version"));
  CHECK(loaded.settings.boolean("version") == (std::string(argument) == "--version"));
}

}  // namespace lc::config
