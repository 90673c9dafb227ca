#include "lcwatch/settings.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/wire/program.h"
#include "lcwatch/batch/filter_words.h"
#include "lcwatch/nodes_file.h"

namespace lc::watch {
namespace {

using config::Kind;
using config::Option;
using config::Where;

constexpr const char* kName = "lcwatch";
constexpr const char* kRole = "watch";

std::vector<Option> connection_options() {
  return {
      {.name = "addr",
       .yaml = "watch.addr",
       .default_value = "localhost:55555",
       .value_name = "HOST:PORT",
       .help = "Processor to watch.",
       .group = "Connection"},
      {.name = "nodes-file",
       .yaml = "watch.nodes_file",
       .value_name = "FILE",
       .help = "Processors to watch, each with its own TLS files and subscribed hunters; without --addr, "
               "~/.config/lippycat/nodes.yaml if it is there."},
      {.name = "hunters",
       .yaml = "watch.hunters",
       .kind = Kind::kList,
       .value_name = "ID",
       .help = "Packets of these hunters only, in place of what the nodes file says."},
      {.name = "bpf",
       .yaml = "watch.bpf",
       .value_name = "EXPRESSION",
       .help = "Packets that this libpcap expression matches; the processor applies it."},
  };
}

std::vector<Option> console_options() {
  return {
      {.name = "color",
       .yaml = "watch.color",
       .default_value = "auto",
       .value_name = "WHEN",
       .help = "Colours; auto: unless NO_COLOR is set or the terminal has none.",
       .choices = {"auto", "always", "never"},
       .group = "Console"},
      {.name = "theme",
       .yaml = "watch.theme",
       .default_value = "dark",
       .value_name = "NAME",
       .help = "Colours for a dark or a light background, or none.",
       .choices = {"dark", "light", "mono"}},
      {.name = "ascii",
       .yaml = "watch.ascii",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Lines and bars of ASCII characters, whatever the locale says."},
      {.name = "mouse",
       .yaml = "watch.mouse",
       .kind = Kind::kBoolean,
       .default_value = "true",
       .help = "Take the mouse; with the key m the terminal has it back."},
  };
}

std::vector<Option> script_options() {
  return {
      {.name = "batch",
       .value_name = "WHAT",
       .help = "Write to standard output instead: what there is, once; events and packets as they come.",
       .choices = {"nodes", "topology", "filters", "calls", "events", "packets"},
       .group = "Scripts",
       .where = Where::kOptionOnly},
      {.name = "follow",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Go on with what changes, until a signal.",
       .where = Where::kOptionOnly},
      {.name = "dump",
       .value_name = "FILE",
       .help = "Write every packet to a pcapng file instead; -: to standard output.",
       .where = Where::kOptionOnly},
      {.name = "count",
       .kind = Kind::kInteger,
       .default_value = "0",
       .value_name = "N",
       .help = "End after so many packets or events; 0: never.",
       .where = Where::kOptionOnly},
  };
}

std::vector<Option> place_options() {
  return {
      {.name = "on",
       .value_name = "PROCESSOR",
       .help = "Filters of this processor below, by its id or its path (/east/proc-b).",
       .where = Where::kOptionOnly},
      {.name = "json",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "JSON instead of text; with --follow an object in each line.",
       .where = Where::kOptionOnly},
  };
}

std::vector<Option> filter_options() {
  return {
      {.name = "type",
       .value_name = "TYPE",
       .help = "How the pattern is read.",
       .choices = type_words(),
       .group = "Filter",
       .where = Where::kOptionOnly},
      {.name = "pattern",
       .value_name = "PATTERN",
       .help = "What matches; its form depends on the type.",
       .where = Where::kOptionOnly},
      {.name = "target",
       .kind = Kind::kList,
       .value_name = "HUNTER",
       .help = "Hunters that it is for; without it, all.",
       .where = Where::kOptionOnly},
      {.name = "action",
       .default_value = "full",
       .value_name = "ACTION",
       .help = "How much of a matching packet is forwarded: signalling without media, rtp-headers without voice.",
       .choices = action_words(),
       .where = Where::kOptionOnly},
      {.name = "description", .value_name = "TEXT", .help = "For people.", .where = Where::kOptionOnly},
      {.name = "expires",
       .kind = Kind::kMilliseconds,
       .default_value = "0",
       .value_name = "TIME",
       .help = "Removed by itself after so long (90s, 12h, 7d); 0: never.",
       .where = Where::kOptionOnly},
      {.name = "disabled",
       .kind = Kind::kBoolean,
       .default_value = "false",
       .help = "Kept, but not in force.",
       .where = Where::kOptionOnly},
  };
}

std::vector<Option> log_options() {
  return {{.name = "log-file",
           .yaml = "watch.log_file",
           .value_name = "FILE",
           .help = "Where log lines go; the console itself writes none to the terminal."}};
}

void complete(config::Program& program) {
  wire::complete_table(program);
  // With the other rows of logging.
  const auto at = std::find_if(program.options.begin(), program.options.end(),
                               [](const Option& row) { return row.name == "log-format"; });
  std::vector<Option> rows = log_options();
  program.options.insert(std::next(at), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
}

std::vector<WatchedServer> read_servers(const config::Settings& settings, std::vector<std::string>& faults) {
  std::string file = settings.text("nodes-file");
  if (file.empty() && !settings.is_set("addr")) {
    std::error_code error;
    if (const std::string usual = default_nodes_file(); std::filesystem::exists(usual, error)) file = usual;
  }
  std::vector<WatchedServer> servers;
  if (file.empty() || settings.origin("addr") == "option") {
    const std::string& address = settings.text("addr");
    servers.push_back({.name = address,
                       .address = address,
                       .tls = wire::read_transport(settings, {address}, wire::End::kClient, faults),
                       .hunters = {}});
  } else {
    const Result<config::TlsSettings> tls = config::tls_settings(settings);
    if (!tls) faults.push_back(tls.error().text);
    servers = read_nodes_file(file, tls ? *tls : config::TlsSettings{}, settings.production(), faults);
  }
  if (settings.is_set("hunters")) {
    const std::vector<std::string>& ids = settings.list("hunters");
    for (WatchedServer& server : servers) server.hunters = std::set<std::string>(ids.begin(), ids.end());
  }
  return servers;
}

BatchWhat what_of(const std::string& word) {
  static const std::map<std::string, BatchWhat> kWords = {
      {"nodes", BatchWhat::kNodes}, {"topology", BatchWhat::kTopology}, {"filters", BatchWhat::kFilters},
      {"calls", BatchWhat::kCalls}, {"events", BatchWhat::kEvents},     {"packets", BatchWhat::kPackets}};
  return kWords.at(word);
}

[[noreturn]] void refuse(const std::string& text) {
  throw StartError(ExitCode::kUsage, text);
}

/// Options that mean nothing without another one.
void check_scripts(const config::Settings& settings) {
  const bool batch = settings.is_set("batch");
  const bool dump = settings.is_set("dump");
  if (batch && dump) refuse("--batch and --dump exclude each other");
  for (const char* name : {"json", "follow", "on"}) {
    if (settings.is_set(name) && !batch) refuse(std::string("--") + name + " needs --batch");
  }
  if (settings.is_set("on") && settings.text("batch") != "filters") refuse("--on needs --batch filters");
  if (settings.is_set("count") && !batch && !dump) refuse("--count needs --batch or --dump");
  if (dump && settings.text("dump").empty()) refuse("--dump needs a file, or -");
}

}  // namespace

config::Program program() {
  config::Program program{
      .name = kName,
      .role = kRole,
      .summary =
          "Shows what processors, hunters and calls do: a console, and for scripts. `lcwatch filter --help`: "
          "filters by command."};
  config::append(program.options, connection_options());
  config::append(program.options, console_options());
  config::append(program.options, script_options());
  config::append(program.options, place_options());
  complete(program);
  return program;
}

WatchSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults) {
  WatchSettings watch;
  watch.servers = read_servers(settings, faults);
  watch.packet_filter = settings.text("bpf");
  watch.log_file = settings.text("log-file");
  const std::string& color = settings.text("color");
  watch.appearance = {.colors = color == "always"  ? Colors::kAlways
                                : color == "never" ? Colors::kNever
                                                   : Colors::kAuto,
                      .ascii = settings.boolean("ascii"),
                      .mouse = settings.boolean("mouse"),
                      .theme = settings.text("theme")};
  check_scripts(settings);
  const auto count = static_cast<std::uint64_t>(settings.integer("count"));
  if (settings.is_set("batch")) {
    watch.batch = {.what = what_of(settings.text("batch")),
                   .json = settings.boolean("json"),
                   .follow = settings.boolean("follow"),
                   .on = settings.text("on"),
                   .count = count};
  }
  if (settings.is_set("dump")) watch.dump = {.file = settings.text("dump"), .count = count};
  return watch;
}

FilterWords take_filter_words(std::vector<std::string>& arguments) {
  static const std::map<std::string, FilterVerb> kVerbs = {{"add", FilterVerb::kAdd},
                                                           {"rm", FilterVerb::kRemove},
                                                           {"enable", FilterVerb::kEnable},
                                                           {"disable", FilterVerb::kDisable},
                                                           {"list", FilterVerb::kList}};
  FilterWords words;
  const auto is_option = [](const std::string& argument) { return argument.starts_with('-'); };
  if (arguments.empty() || is_option(arguments.front())) {
    const bool asks = std::ranges::any_of(arguments, [](const auto& a) { return a == "--help" || a == "-h"; });
    if (asks) return {.verb = FilterVerb::kAdd, .ids = {}};  // whose options are all there are
    refuse("filter needs one of add, rm, enable, disable, list (filter --help)");
  }
  const auto verb = kVerbs.find(arguments.front());
  if (verb == kVerbs.end()) {
    refuse("unknown command " + lc::quoted("filter " + arguments.front()) +
           "; there are add, rm, enable, disable, list");
  }
  words.verb = verb->second;
  const auto end = std::find_if(std::next(arguments.begin()), arguments.end(), is_option);
  words.ids.assign(std::next(arguments.begin()), end);
  arguments.erase(arguments.begin(), end);
  return words;
}

config::Program filter_program(FilterVerb verb) {
  config::Program program{.name = kName,
                          .role = kRole,
                          .summary =
                              "lcwatch filter add [ID] --type TYPE --pattern PATTERN, lcwatch filter rm ID..., "
                              "enable ID..., disable ID..., list: filters of a processor, or of one below it."};
  config::append(program.options, connection_options());
  if (verb == FilterVerb::kAdd) config::append(program.options, filter_options());
  config::append(program.options, place_options());
  complete(program);
  return program;
}

FilterSettings read_filter_settings(const FilterWords& words, const config::Settings& settings,
                                    std::vector<std::string>& faults) {
  FilterSettings made;
  std::vector<WatchedServer> servers = read_servers(settings, faults);
  if (servers.size() > 1) refuse("the nodes file has several processors: say with --addr which one");
  if (!servers.empty()) made.server = std::move(servers.front());
  made.log_file = settings.text("log-file");
  FilterCommand& command = made.command;
  command.verb = words.verb;
  command.ids = words.ids;
  command.on = settings.text("on");
  command.json = settings.boolean("json");
  const bool needs_ids = words.verb != FilterVerb::kAdd && words.verb != FilterVerb::kList;
  if (needs_ids && words.ids.empty()) refuse("the ids of filters are missing, right after the command");
  if (words.verb == FilterVerb::kList && !words.ids.empty()) refuse("filter list takes no ids");
  if (words.verb != FilterVerb::kAdd) return made;

  if (words.ids.size() > 1) refuse("filter add takes one id");
  if (!settings.is_set("type")) refuse("--type is missing");
  if (!settings.is_set("pattern")) refuse("--pattern is missing");
  command.ids.clear();
  command.filter.id = words.ids.empty() ? "" : words.ids.front();
  command.filter.type = type_of(settings.text("type")).value_or(fleet::FilterType::kSipUser);
  command.filter.pattern = settings.text("pattern");
  command.filter.target_hunters = settings.list("target");
  command.filter.action = action_of(settings.text("action")).value_or(fleet::CaptureAction::kFull);
  command.filter.description = settings.text("description");
  command.filter.enabled = !settings.boolean("disabled");
  const auto lifetime = settings.milliseconds("expires");
  if (lifetime.count() > 0) {
    command.filter.expires_at_ns = wall_ns() + std::chrono::nanoseconds(lifetime).count();
  }
  for (const std::string* text : {&command.filter.id, &command.filter.pattern, &command.filter.description}) {
    if (!is_utf8(*text)) refuse(lc::quoted(*text) + " is not UTF-8");
  }
  return made;
}

}  // namespace lc::watch
