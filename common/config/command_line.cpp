// Boost.Program_options stops at the first fault, so it is shown one option at a time: a window of one argument, and of
// two where it says that the first one needs a value.
#include "common/config/command_line.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <memory>

#include "common/base/text.h"

namespace lc::config {
namespace {

namespace po = boost::program_options;

constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;

po::options_description describe(const std::vector<Option>& options) {
  po::options_description description;
  for (const Option& option : options) {
    if (option.where == Where::kFileOnly) continue;
    // Owned by the description once added. An implicit value is one that "--stats true" can't swallow.
    po::typed_value<std::string>* semantic = po::value<std::string>();
    if (option.kind == Kind::kBoolean) semantic->implicit_value("true");
    const std::string letter = option.letter == 0 ? "" : std::string(",") + option.letter;
    description.add_options()((option.name + letter).c_str(), semantic, "");
  }
  return description;
}

/// "--name" of "--name=value".
std::string name_of(const std::string& argument) {
  return argument.substr(0, argument.find('='));
}

class CommandLine {
 public:
  CommandLine(const Program& program, std::span<const std::string> arguments)
      : program_(program), arguments_(arguments), description_(describe(program.options)) {}

  Reading read() {
    while (next_ < arguments_.size()) {
      if (arguments_[next_] == "--") {
        while (++next_ < arguments_.size()) unexpected(arguments_[next_]);
        break;
      }
      read_one();
    }
    return std::move(reading_);
  }

 private:
  std::vector<po::option> parse(const std::vector<std::string>& window) const {
    return po::command_line_parser(window).options(description_).style(kStyle).allow_unregistered().run().options;
  }

  void read_one() {
    const std::string& argument = arguments_[next_++];
    const std::string name = name_of(argument);
    const Option* option = find(name);
    std::vector<std::string> window = {argument};
    if (option != nullptr && option->kind != Kind::kBoolean && argument == name) {
      if (next_ == arguments_.size() || find(name_of(arguments_[next_])) != nullptr) {
        return fault("option --" + option->name + " needs a value: --" + option->name + " " + option->value_name);
      }
      window.push_back(arguments_[next_++]);
    } else if (argument.starts_with("--") && argument.size() == name.size() + 1) {
      window = {name, ""};  // Boost refuses "--name=", the way to set a text to nothing; these two mean the same
    }
    try {
      take(parse(window), name);
    } catch (const po::error&) {
      fault("cannot read option " + shown(argument) + " (--help lists all)");
    }
  }

  void take(const std::vector<po::option>& parsed, const std::string& name) {
    for (const po::option& option : parsed) {
      if (option.unregistered) return unknown(name);
      if (option.position_key >= 0) {
        unexpected(option.value.front());
      } else {
        set(*find("--" + option.string_key), option.value.empty() ? "true" : option.value.front());
      }
    }
  }

  void set(const Option& option, const std::string& text) {
    previous_ = &option;
    Result<Value> value = parse_value(option, text, "option");
    if (!value) return fault("option --" + option.name + ": " + value.error().text);
    const auto [entry, is_new] = reading_.values.try_emplace(option.name, *value);
    if (is_new) return;
    if (option.kind == Kind::kList) {
      entry->second.texts.insert(entry->second.texts.end(), value->texts.begin(), value->texts.end());
    } else {
      entry->second = std::move(*value);
    }
  }

  void unknown(const std::string& name) {
    std::vector<std::string> known;
    for (const Option& option : program_.options) {
      if (option.where != Where::kFileOnly) known.push_back(option.name);
    }
    const bool is_long = name.starts_with("--") && name.size() <= 80;
    const auto meant = is_long ? nearest(std::string_view(name).substr(2), known) : std::nullopt;
    fault("unknown option " + shown(name) + (meant ? "; did you mean \"--" + *meant + "\"?" : "") +
          " (--help lists all)");
    // What follows is most likely its value, and a second fault about that would only distract.
    const bool has_value = arguments_[next_ - 1].size() > name.size();
    if (!has_value && next_ < arguments_.size() && !arguments_[next_].starts_with('-')) ++next_;
  }

  void unexpected(const std::string& argument) {
    const bool was_meant_as_value =
        previous_ != nullptr && previous_->kind == Kind::kBoolean && (argument == "true" || argument == "false");
    fault("unexpected argument " + shown(argument) +
          (was_meant_as_value ? "; write --" + previous_->name + "=" + argument : " (--help lists all options)"));
  }

  /// By "--name" or "-n"; nullptr if there is none.
  const Option* find(const std::string& name) const {
    const auto found = std::find_if(program_.options.begin(), program_.options.end(), [&](const Option& option) {
      return option.where != Where::kFileOnly &&
             (name == "--" + option.name || (option.letter != 0 && name == std::string("-") + option.letter));
    });
    return found == program_.options.end() ? nullptr : &*found;
  }

  void fault(std::string text) { reading_.faults.push_back({ExitCode::kUsage, std::move(text)}); }

  const Program& program_;
  std::span<const std::string> arguments_;
  po::options_description description_;
  std::size_t next_ = 0;
  const Option* previous_ = nullptr;
  Reading reading_;
};

}  // namespace

Reading read_command_line(const Program& program, std::span<const std::string> arguments) {
  return CommandLine(program, arguments).read();
}

}  // namespace lc::config
