#include "common/config/manual.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

/// Each line of a key or section without the sign in front of it; comments have a blank behind theirs.
std::string uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line);) {
    const std::size_t sign = line.find('#');
    if (sign != std::string::npos && sign + 1 < line.size() && line[sign + 1] != ' ') line.erase(sign, 1);
    out += line + "\n";
  }
  return out;
}

/// As man(7) wants hyphens that can be typed.
std::string typed(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? "\\-" : std::string(1, c);
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
    CHECK(page.find(typed("--" + option.name)) != std::string::npos);
    if (option.where == Where::kEverywhere)
      CHECK(page.find(".B " + environment_name(option) + "\n") != std::string::npos);
  }
  CHECK(page.find("--") == std::string::npos);
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
