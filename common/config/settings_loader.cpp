#include "common/config/settings_loader.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "common/config/command_line.h"
#include "common/config/reading.h"
#include "common/config/settings_file.h"

namespace lc::config {
namespace {

constexpr std::string_view kPrefix = "LIPPYCAT_";
const Option kProduction{.name = "production", .kind = Kind::kBoolean, .default_value = "false"};

Result<Value> parse_variable(const Option& option, const std::string& text) {
  const std::string origin = "environment " + environment_name(option);
  Result<Value> value = parse_value(option, text, origin);
  if (!value) return Error{value.error().code, origin + ": " + value.error().text};
  return value;
}

std::vector<std::string> unknown_variables(const Program& program, const Sources& sources) {
  const auto without_prefix = [](std::string_view name) { return std::string(name.substr(kPrefix.size())); };
  std::vector<std::string> known = {without_prefix(environment_name(kProduction))};
  for (const Option& option : program.options) {
    if (option.where == Where::kEverywhere) known.push_back(without_prefix(environment_name(option)));
  }
  std::vector<std::string> warnings;
  for (const auto& [name, text] : sources.environment) {
    if (!name.starts_with(kPrefix)) continue;
    const std::string rest = without_prefix(name);
    if (std::find(known.begin(), known.end(), rest) != known.end()) continue;
    const auto meant = nearest(rest, known);
    warnings.push_back("unknown environment variable " + name +
                       (meant ? "; did you mean " + std::string(kPrefix) + *meant + "?" : ""));
  }
  return warnings;
}

Reading read_environment(const Program& program, const Sources& sources) {
  Reading reading;
  for (const Option& option : program.options) {
    const auto variable = sources.environment.find(environment_name(option));
    if (option.where != Where::kEverywhere || variable == sources.environment.end()) continue;
    Result<Value> value = parse_variable(option, variable->second);
    if (value) {
      reading.values[option.name] = std::move(*value);
    } else {
      reading.faults.push_back({ExitCode::kBadConfig, value.error().text});
    }
  }
  return reading;
}

std::map<std::string, Value> defaults(const Program& program) {
  std::map<std::string, Value> values;
  for (const Option& option : program.options) {
    values[option.name] = parse_value(option, option.default_value, kDefaultOrigin).value();
  }
  return values;
}

bool is_true(const Reading& reading, const std::string& name) {
  const auto found = reading.values.find(name);
  return found != reading.values.end() && found->second.number != 0;
}

}  // namespace

Sources system_sources(int argc, const char* const* argv, std::string_view role) {
  Sources sources;
  for (int i = 1; i < argc; ++i) sources.arguments.emplace_back(argv[i]);
  std::string home;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t end = variable.find('=');
    if (end == std::string_view::npos) continue;
    const std::string_view name = variable.substr(0, end);
    if (name.starts_with(kPrefix)) sources.environment.emplace(name, variable.substr(end + 1));
    if (name == "HOME") home = variable.substr(end + 1);
  }
  sources.files.push_back("/etc/lippycat/" + std::string(role) + ".yaml");
  if (!home.empty()) {
    sources.files.push_back(home + "/.config/lippycat/config.yaml");
    sources.files.push_back(home + "/.config/lippycat.yaml");
  }
  return sources;
}

Loaded load(const Program& program, const Sources& sources) {
  check_table(program);
  std::map<std::string, Value> values = defaults(program);
  std::vector<Fault> faults;
  const auto override_with = [&](const Reading& reading) {
    for (const auto& [name, value] : reading.values) values[name] = value;
  };
  const auto collect = [&](const Reading& reading) {
    faults.insert(faults.end(), reading.faults.begin(), reading.faults.end());
  };

  const Reading command_line = read_command_line(program, sources.arguments);
  if (is_true(command_line, "help") || is_true(command_line, "version")) {
    override_with(command_line);
    return {Settings(std::move(values), false), {}, {}};
  }
  collect(command_line);

  const Reading environment = read_environment(program, sources);
  collect(environment);
  bool production = false;
  if (const auto variable = sources.environment.find(environment_name(kProduction));
      variable != sources.environment.end()) {
    const Result<Value> value = parse_variable(kProduction, variable->second);
    if (!value) faults.push_back({ExitCode::kBadConfig, value.error().text});
    production = value && value->number != 0;
  }

  override_with(environment);
  override_with(command_line);
  const auto config = values.find("config");
  const bool one_file = config != values.end() && config->second.origin != kDefaultOrigin;
  const std::vector<std::filesystem::path> files =
      one_file ? std::vector<std::filesystem::path>{config->second.texts.front()} : sources.files;
  for (const std::filesystem::path& path : files) {
    const Reading file = read_settings_file(program, path, one_file);
    collect(file);
    override_with(file);
  }
  override_with(environment);
  override_with(command_line);

  return {Settings(std::move(values), production), std::move(faults), unknown_variables(program, sources)};
}

ExitCode exit_code(std::span<const Fault> faults) {
  const bool usage =
      std::any_of(faults.begin(), faults.end(), [](const Fault& fault) { return fault.code == ExitCode::kUsage; });
  return usage ? ExitCode::kUsage : ExitCode::kBadConfig;
}

}  // namespace lc::config
