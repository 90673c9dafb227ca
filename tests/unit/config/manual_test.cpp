#include "common/config/manual.h"

#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

std::string uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);)
    out += std::regex_replace(line, std::regex("^( *)#(\\S)"), "$1$2") + "\n";
  return out;
}

}  // namespace

TEST_CASE("The example file sets nothing as it is, and with its keys uncommented sets every key to its default",
          "[config]") {
  const ScratchFolder folder;
  const std::string example = example_file(sample_program());
  const Loaded as_it_is = load(sample_program(), {.files = {folder.write("a", example)}});
  CHECK(texts(as_it_is.faults).empty());
  const Loaded all = load(sample_program(), {.files = {folder.write("b", uncommented(example))}});
  CHECK(texts(all.faults) == std::vector<std::string>{});
  for (const Option& option : sample_program().options) {
    CAPTURE(option.name);
    if (option.yaml.empty()) continue;
    CHECK_FALSE(as_it_is.settings.is_set(option.name));
    CHECK(all.settings.is_set(option.name));
  }
  std::istringstream lines(example);
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 120);
}

TEST_CASE("A man page names every option and variable, and a hyphen in it is one that can be typed", "[config]") {
  const std::string page = man_sections(sample_program());
  for (const Option& option : sample_program().options) {
    if (option.where == Where::kFileOnly) continue;
    CAPTURE(option.name);
    const std::string typed = std::regex_replace("--" + option.name, std::regex("-"), "\\-");
    CHECK(page.find(typed) != std::string::npos);
    if (option.where == Where::kEverywhere)
      CHECK(page.find(".B " + environment_name(option) + "\n") != std::string::npos);
  }
  CHECK_FALSE(std::regex_search(page, std::regex("[^\\\\]--")));
}

TEST_CASE("Completion offers the options, and values where they are a closed set", "[config]") {
  const std::string script = bash_completion(sample_program());
  CHECK(script.find("complete -F _hunterd hunterd") != std::string::npos);
  for (const Option& option : sample_program().options) {
    if (option.where != Where::kFileOnly) CHECK(script.find("--" + option.name) != std::string::npos);
    if (!option.choices.empty()) CHECK(script.find("compgen -W '" + option.choices[0]) != std::string::npos);
  }
}

}  // namespace lc::config
