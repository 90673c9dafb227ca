#include "common/config/help_text.h"

#include <algorithm>
#include <vector>

#include "common/base/text.h"

namespace lc::config {
namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kHelpIndent = 8;

std::string wrapped(const std::string& text, std::size_t indent) {
  std::string out;
  std::size_t column = 0;
  for (const std::string& word : split(text, ' ')) {
    if (column != 0 && column + 1 + word.size() > kColumns) {
      out += '\n';
      column = 0;
    }
    out += column == 0 ? std::string(indent, ' ') : " ";
    column += (column == 0 ? indent : 1) + word.size();
    out += word;
  }
  return out + "\n";
}

/// "  -i, --interface NAME" or, for what only a file can set, the key.
std::string heading(const Option& option) {
  if (option.where == Where::kFileOnly) return "      " + option.yaml + " (file only)\n";
  std::string out = option.letter == 0 ? "      " : std::string("  -") + option.letter + ", ";
  out += "--" + option.name;
  if (option.kind != Kind::kBoolean) {
    out += " " + option.value_name + (option.kind == Kind::kList ? "[," + option.value_name + "...]" : "");
  } else if (option.where == Where::kEverywhere) {
    out += "[=true|false]";
  }
  return out + "\n";
}

std::string properties(const Option& option) {
  std::string out;
  const auto add = [&](const std::string& text) { out += (out.empty() ? "" : "; ") + text; };
  const bool is_free = option.kind == Kind::kList || (option.kind == Kind::kText && option.choices.empty());
  if (!is_free && option.kind != Kind::kBoolean) add(allowed_values(option));
  add("default: " + (option.default_value.empty() ? "none" : option.default_value));
  if (option.where == Where::kEverywhere) add("environment: " + environment_name(option));
  if (!option.yaml.empty()) add("file: " + option.yaml);
  return "(" + out + ")";
}

std::string value_text(const Option& option, const Settings& settings) {
  switch (option.kind) {
    case Kind::kText:
      return lc::quoted(settings.text(option.name));
    case Kind::kInteger:
      return std::to_string(settings.integer(option.name));
    case Kind::kBoolean:
      return settings.boolean(option.name) ? "true" : "false";
    case Kind::kSize:
      return size_text(static_cast<std::int64_t>(settings.size(option.name)));
    case Kind::kMilliseconds:
      return std::to_string(settings.milliseconds(option.name).count());
    case Kind::kList:
      break;
  }
  std::string out;
  for (const std::string& item : settings.list(option.name)) out += (out.empty() ? "" : ", ") + lc::quoted(item);
  return "[" + out + "]";
}

}  // namespace

std::string help_text(const Program& program) {
  std::string out = "Usage: " + program.name + " [OPTION]...\n" + wrapped(program.summary, 0);
  for (const Option& option : program.options) {
    if (!option.group.empty()) out += "\n" + option.group + ":\n";
    out += heading(option) + wrapped(option.help, kHelpIndent);
    if (option.where != Where::kOptionOnly) out += wrapped(properties(option), kHelpIndent);
  }
  return out + "\n" +
         wrapped(
             "An option overrides its environment variable, that one the files, and those the default. Files, a later "
             "one overriding: /etc/lippycat/" +
                 program.role +
                 ".yaml, ~/.config/lippycat/config.yaml, ~/.config/lippycat.yaml; with --config only "
                 "the one it names.",
             0);
}

std::string config_text(const Program& program, const Settings& settings) {
  std::vector<std::string> sections;  // in the table's order
  std::vector<std::string> bodies;
  for (const Option& option : program.options) {
    if (option.yaml.empty() || (option.where == Where::kFileOnly && !settings.is_set(option.name))) continue;
    const std::size_t dot = option.yaml.find('.');
    const std::string section = option.yaml.substr(0, dot);
    const auto known = std::find(sections.begin(), sections.end(), section);
    const auto index = static_cast<std::size_t>(known - sections.begin());
    if (known == sections.end()) {
      sections.push_back(section);
      bodies.emplace_back();
    }
    bodies[index] += "  " + option.yaml.substr(dot + 1) + ": " + value_text(option, settings) + "  # from " +
                     settings.origin(option.name) + "\n";
  }
  std::string out;
  for (std::size_t i = 0; i < sections.size(); ++i) out += sections[i] + ":\n" + bodies[i];
  return out;
}

}  // namespace lc::config
