#include "common/config/option.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <stdexcept>

#include "common/config/value.h"

namespace lc::config {
namespace {

std::string range_text(const Option& option, std::string (*text)(std::int64_t)) {
  if (option.max == std::numeric_limits<std::int64_t>::max()) return "of at least " + text(option.min);
  return "from " + text(option.min) + " to " + text(option.max);
}

std::string number_text(std::int64_t number) {
  return std::to_string(number);
}

void must_be_new(std::set<std::string>& seen, const std::string& entry) {
  if (!entry.empty() && !seen.insert(entry).second)
    throw std::logic_error("option table: " + entry + " is there twice");
}

}  // namespace

void append(std::vector<Option>& rows, std::vector<Option> more) {
  std::move(more.begin(), more.end(), std::back_inserter(rows));
}

std::vector<Option> in_section(std::vector<Option> rows, std::string_view from, std::string_view to) {
  for (Option& row : rows) {
    const std::string_view key = row.yaml;
    if (key.starts_with(from) && key.substr(from.size()).starts_with('.')) row.yaml.replace(0, from.size(), to);
  }
  return rows;
}

std::string environment_name(const Option& option) {
  std::string name = "LIPPYCAT_";
  for (const char c : option.name) {
    name += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

std::string allowed_values(const Option& option) {
  switch (option.kind) {
    case Kind::kInteger:
      return "a whole number " + range_text(option, number_text);
    case Kind::kBoolean:
      return "true or false";
    case Kind::kSize:
      return "a size " + range_text(option, size_text) + " in bytes or as 512K, 64M, 1G";
    case Kind::kMilliseconds:
      return "a time " + range_text(option, number_text) + " in milliseconds or as 100ms, 2s, 5m, 1h, 7d";
    case Kind::kText:
    case Kind::kList:
      break;
  }
  if (option.choices.empty()) return "text";
  std::string text = "one of ";
  for (const std::string& choice : option.choices) text += (&choice == &option.choices.front() ? "" : ", ") + choice;
  return text;
}

std::vector<Option> standard_options() {
  const auto action = [](std::string name, char letter, std::string help) {
    return Option{.name = std::move(name),
                  .letter = letter,
                  .kind = Kind::kBoolean,
                  .default_value = "false",
                  .help = std::move(help),
                  .where = Where::kOptionOnly};
  };
  std::vector<Option> options = {
      Option{.name = "config",
             .value_name = "FILE",
             .help = "Read this file, and none of the usual ones.",
             .group = "General"},
      action("check-config", 0, "Check all settings, report every fault, and exit."),
      action("print-config", 0, "Print the settings in force and where each comes from, and exit."),
      action("version", 0, "Print the version and exit."),
      action("help", 'h', "Print this help and exit."),
  };
  return options;
}

void check_table(const Program& program) {
  std::set<std::string> seen;
  for (const Option& option : program.options) {
    must_be_new(seen, "--" + option.name);
    must_be_new(seen, option.letter == 0 ? "" : std::string("-") + option.letter);
    must_be_new(seen, option.yaml);
    if (!option.yaml.empty() && std::count(option.yaml.begin(), option.yaml.end(), '.') != 1) {
      throw std::logic_error("option table: key " + option.yaml + " is not of the form section.key");
    }
    if (const auto value = parse_value(option, option.default_value, kDefaultOrigin); !value) {
      throw std::logic_error("option table: default of --" + option.name + ": " + value.error().text);
    }
  }
}

}  // namespace lc::config
