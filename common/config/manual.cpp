#include "common/config/manual.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "common/base/text.h"

namespace lc::config {
namespace {

constexpr std::size_t kColumns = 100;

/// Text for man(7): nothing in it is a request or an escape, and a hyphen is what one types.
std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) {
      out += std::string("\\&") + c;
    } else {
      out += c;
    }
  }
  return out;
}

std::string value_of(const Option& option) {
  if (option.kind == Kind::kBoolean) return option.where == Where::kEverywhere ? "[=true|false]" : "";
  return " " + option.value_name + (option.kind == Kind::kList ? "[," + option.value_name + "...]" : "");
}

bool is_free(const Option& option) {
  return option.kind == Kind::kList || (option.kind == Kind::kText && option.choices.empty());
}

std::string default_of(const Option& option) {
  return "Default: " + (option.default_value.empty() ? std::string("none") : option.default_value) + ".";
}

/// What may stand there, as a sentence of its own; nothing where anything may.
std::string allowed_of(const Option& option) {
  if (is_free(option) || option.kind == Kind::kBoolean) return "";
  std::string text = allowed_values(option);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text + ". ";
}

/// A paragraph of comment lines, each behind `indent`.
std::string commented(const std::string& text, const std::string& indent) {
  std::string out;
  std::string line;
  for (const std::string& word : split(text, ' ')) {
    if (!line.empty() && indent.size() + 2 + line.size() + 1 + word.size() > kColumns) {
      out += indent + "# " + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + indent + "# " + line + "\n";
}

std::string yaml_default(const Option& option) {
  if (option.kind == Kind::kList) return "[" + option.default_value + "]";
  return option.kind == Kind::kText && option.choices.empty() ? quoted(option.default_value) : option.default_value;
}

bool names_directory(const Option& option) {
  return option.value_name == "DIR";
}
bool names_file(const Option& option) {
  return option.value_name == "FILE" || option.value_name == "PATH";
}

/// In single quotes for the shell.
std::string shell_words(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return "'" + out + "'";
}

/// How bash completes the value, as the body of a case.
std::string completed_by(const Option& option) {
  if (!option.choices.empty())
    return "mapfile -t COMPREPLY < <(compgen -W " + shell_words(option.choices) + " -- \"$cur\")";
  if (option.kind == Kind::kBoolean) return "mapfile -t COMPREPLY < <(compgen -W 'true false' -- \"$cur\")";
  if (names_directory(option)) return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\")";
  if (names_file(option)) return "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";
  return ":";
}

}  // namespace

std::string man_sections(const Program& program) {
  std::string out = ".SH OPTIONS\n";
  std::string environment;
  for (const Option& option : program.options) {
    if (!option.group.empty()) out += ".SS " + roff(option.group) + "\n";
    if (option.where == Where::kFileOnly) continue;
    out += ".TP\n.B ";
    if (option.letter != 0) out += std::string("\\-") + option.letter + ", ";
    out += roff("--" + option.name + value_of(option)) + "\n" + roff(option.help) + "\n";
    if (option.where != Where::kEverywhere) continue;
    out += ".br\n" + roff(allowed_of(option) + default_of(option));
    if (!option.yaml.empty()) out += roff(" File: ") + "\\fI" + roff(option.yaml) + "\\fR.";
    out += "\n";
    environment += ".TP\n.B " + environment_name(option) + "\n" + roff("As --" + option.name + ".") + "\n";
  }
  out += ".SH ENVIRONMENT\nAn option overrides its variable, the variable the files, and those the default.\n" +
         environment;
  return out + ".SH FILES\n.TP\n.I /etc/lippycat/" + program.role +
         ".yaml\nThe settings of this host; see\n.BR lippycat.yaml (5).\n.TP\n.I ~/.config/lippycat/config.yaml\n.TQ\n"
         ".I ~/.config/lippycat.yaml\nThose of a user; each overrides the files before it.\n";
}

std::string man_keys(const Program& program) {
  std::string out;
  for (const Option& option : program.options) {
    if (option.yaml.empty()) continue;
    out += ".TP\n.B " + roff(option.yaml) + "\n" + roff(option.help) + "\n.br\n" +
           roff(allowed_of(option) + default_of(option)) + "\n";
  }
  return out;
}

std::string bash_completion(const Program& program) {
  std::vector<std::string> names;
  std::string cases;
  for (const Option& option : program.options) {
    if (option.where == Where::kFileOnly) continue;
    names.push_back("--" + option.name);
    if (option.kind == Kind::kBoolean && option.where == Where::kOptionOnly) continue;
    std::string pattern = "--" + option.name;
    if (option.letter != 0) pattern += std::string(" | -") + option.letter;
    // A bare flag means true; what follows it is the next option.
    if (option.kind == Kind::kBoolean) continue;
    cases += "    " + pattern + ")\n      " + completed_by(option) + "\n      return\n      ;;\n";
  }
  const std::string function = "_" + program.name;
  return "# bash completion for " + program.name + "(8); made from its table of options\n" + function +
         "() {\n  local cur prev\n  cur=${COMP_WORDS[COMP_CWORD]}\n  prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
         "  # bash takes --name=value apart at the sign.\n"
         "  if [[ $cur == = ]]; then\n    cur=\n  elif [[ $prev == = ]]; then\n    prev=${COMP_WORDS[COMP_CWORD - "
         "2]}\n  fi\n"
         "  case $prev in\n" +
         cases + "  esac\n  mapfile -t COMPREPLY < <(compgen -W " + shell_words(names) +
         " -- \"$cur\")\n}\ncomplete -F " + function + " " + program.name + "\n";
}

std::string example_file(const Program& program) {
  std::vector<std::string> sections;
  std::vector<std::string> bodies;
  for (const Option& option : program.options) {
    if (option.yaml.empty()) continue;
    const std::size_t dot = option.yaml.find('.');
    const std::string section = option.yaml.substr(0, dot);
    const auto known = std::find(sections.begin(), sections.end(), section);
    const auto index = static_cast<std::size_t>(known - sections.begin());
    if (known == sections.end()) {
      sections.push_back(section);
      bodies.emplace_back();
    }
    bodies[index] += "\n" + commented(option.help + " " + allowed_of(option), "  ") + "  #" +
                     option.yaml.substr(dot + 1) + ": " + yaml_default(option) + "\n";
  }
  std::string out = commented("Settings of " + program.name +
                                  ", see lippycat.yaml(5). Each key is here with its default, commented "
                                  "out. To set one, take the # away from its line and from that of its section.",
                              "");
  for (std::size_t i = 0; i < sections.size(); ++i) out += "\n#" + sections[i] + ":\n" + bodies[i];
  return out;
}

}  // namespace lc::config
