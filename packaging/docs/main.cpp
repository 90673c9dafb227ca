// lc-docs: prints what a package ships beside a program, from the same table of options as the program's --help.
#include <algorithm>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/manual.h"
#include "hunterd/settings.h"
#include "processord/service/settings.h"
#include "tapd/settings.h"

namespace {

using lc::config::Option;
using lc::config::Program;

constexpr std::string_view kUsage =
    "Usage: lc-docs man PROGRAM TEMPLATE     the program's man page\n"
    "       lc-docs keys TEMPLATE            the man page of the configuration file\n"
    "       lc-docs completion PROGRAM       bash completion\n"
    "       lc-docs example PROGRAM          a configuration file in which all is commented out\n";

/// One row for each program that is documented.
std::vector<Program> programs() {
  return {lc::hunter::program(), lc::processor::program(), lc::tap::program()};
}

Program named(std::string_view name) {
  const std::vector<Program> all = programs();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Program& each) { return each.name == name; });
  if (found == all.end()) throw std::runtime_error("no program is called " + std::string(name));
  return *found;
}

/// The template with `generated` in place of its line `mark`, and the version in place of each @VERSION@.
std::string filled(const std::string& path, const std::string& mark, const std::string& generated) {
  std::ifstream file(path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error("cannot read " + path);
  const std::size_t at = text.find("\n" + mark + "\n");
  if (at == std::string::npos) throw std::runtime_error(path + " has no line " + mark);
  text.replace(at + 1, mark.size() + 1, generated);
  constexpr std::string_view kVersion = "@VERSION@";
  for (std::size_t next = 0; (next = text.find(kVersion, next)) != std::string::npos;)
    text.replace(next, kVersion.size(), LC_VERSION);
  return text;
}

/// Every section of the file once: each program has one of its own, and some that all share.
std::string keys_of_all() {
  std::vector<std::string> seen;
  std::string out;
  for (const Program& program : programs()) {
    for (const Option& option : program.options) {
      if (option.yaml.empty()) continue;
      const std::string section = option.yaml.substr(0, option.yaml.find('.') + 1);
      if (std::find(seen.begin(), seen.end(), section) != seen.end()) continue;
      seen.push_back(section);
      Program part = program;
      std::erase_if(part.options, [&](const Option& each) { return each.yaml.rfind(section, 0) != 0; });
      const std::string name = section.substr(0, section.size() - 1);
      const std::string reader = name == program.role ? program.name : "all programs";
      out += ".SS Section " + name + ", of " + reader + "\n" + lc::config::man_keys(part);
    }
  }
  return out;
}

std::string document(const std::vector<std::string>& words) {
  const std::string& kind = words.at(0);
  if (kind == "man") return filled(words.at(2), "@SECTIONS@", lc::config::man_sections(named(words.at(1))));
  if (kind == "keys") return filled(words.at(1), "@KEYS@", keys_of_all());
  if (kind == "completion") return lc::config::bash_completion(named(words.at(1)));
  if (kind == "example") return lc::config::example_file(named(words.at(1)));
  throw std::out_of_range(kind);
}

}  // namespace

int main(int argc, char** argv) try {
  std::cout << document({argv + 1, argv + argc}) << std::flush;
  return std::cout ? 0 : 1;
} catch (const std::out_of_range&) {
  std::cerr << kUsage;
  return 2;
} catch (const std::exception& error) {
  std::cerr << "lc-docs: " << error.what() << '\n';
  return 1;
}
