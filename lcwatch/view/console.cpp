#include "lcwatch/view/console.h"

#include <algorithm>
#include <utility>

#include "common/base/text.h"
#include "lcwatch/view/export.h"

namespace lc::watch {
namespace {

std::vector<std::string> names_of(const Remote& remote) {
  std::vector<std::string> names;
  for (const Remote::Server& server : remote.servers()) names.push_back(server.name);
  return names;
}

}  // namespace

Console::Console(Remote& the_remote, ViewOptions the_options)
    : Desk(model_, the_remote, options_), model_(names_of(the_remote)), options_(std::move(the_options)) {}

void Console::take(std::vector<Update> updates, Moment at) {
  now = at;
  for (Update& update : updates) model_.apply(std::move(update), at);
  after_updates();
}

void Console::after_updates() {
  for (const NodeKey& processor : model_.take_changed_filters()) filters_.filters_changed(processor);
  for (const Model::Outcome& outcome : model_.take_outcomes()) {
    say(outcome.well ? Severity::kGood : Severity::kError, outcome.text);
    for (const auto& overlay : overlays_) overlay->told(outcome);
  }
  std::erase_if(overlays_, [](const auto& overlay) { return overlay->done(); });
}

void Console::tick(Moment at) {
  now = at;
  model_.advance(at);
  front().each_second();
}

void Console::key(const Key& key, Moment at) {
  now = at;
  if (key.code == KeyCode::kInterrupt) {
    quit_ = true;
    return;
  }
  said_.clear();
  if (prompt_) {
    prompt_key(key);
  } else if (!overlays_.empty()) {
    overlay_key(key);
  } else if (key.code != KeyCode::kClick && front().key(key)) {
    return;
  } else {
    global_key(key);
  }
}

void Console::prompt_key(const Key& key) {
  Prompt& prompt = *prompt_;
  if (key.code == KeyCode::kEscape) {
    if (prompt.typing) prompt.typing({});
    prompt_.reset();
    return;
  }
  if (prompt.yes_or_no || key.code == KeyCode::kEnter) {
    // What it does may ask again.
    const std::unique_ptr<Prompt> asked = std::move(prompt_);
    const bool yes = key.is('y') || key.is('Y');
    if (!asked->yes_or_no || yes) asked->then(asked->line.text());
    return;
  }
  if (prompt.line.key(key) && prompt.typing) prompt.typing(prompt.line.text());
}

void Console::overlay_key(const Key& key) {
  Overlay* top = overlays_.back().get();
  if (top->key(key)) return;
  std::erase_if(overlays_, [top](const auto& overlay) { return overlay.get() == top; });
}

void Console::global_key(const Key& key) {
  const auto turn = [&](int by) {
    const int count = static_cast<int>(screens_.size()) - 1;  // help is asked for
    show(static_cast<ScreenNumber>((static_cast<int>(front_) % count + by + count) % count));
  };
  if (key.code == KeyCode::kTab) return turn(1);
  if (key.code == KeyCode::kBackTab) return turn(-1);
  if (key.code == KeyCode::kClick) return click(key);
  if (key.code == KeyCode::kEscape) {
    if (front_ == ScreenNumber::kHelp) show(before_help_);
    return;
  }
  if (key.code != KeyCode::kCharacter) return;
  if (key.character >= '1' && key.character <= '6') return show(static_cast<ScreenNumber>(key.character - '1'));
  switch (key.character) {
    case 'q':
      quit_ = true;
      break;
    case '?':
      show(ScreenNumber::kHelp);
      break;
    case '/':
      begin_filter();
      break;
    case ':':
      ask(":", {}, [this](const std::string& line) { command(line); }, {});
      break;
    case 'e':
    case 'E':
      begin_export();
      break;
    case 'r':
      resync(front().server());
      break;
    case 't':
      options_.time = static_cast<TimeFormat>((static_cast<int>(options_.time) + 1) % 3);
      say(Severity::kInfo, "times: " + std::string(name_of(options_.time)));
      break;
    case 'm':
      options_.mouse = !options_.mouse;
      say(Severity::kInfo, options_.mouse ? "mouse on" : "mouse off");
      break;
    case ' ':
      model_.packets().pause(!model_.packets().paused());
      say(Severity::kInfo, model_.packets().paused() ? "packets paused" : "packets go on");
      break;
    default:
      break;
  }
}

void Console::click(const Key& key) {
  if (key.y != 1) {
    front().key(key);
    return;
  }
  for (auto tab = tabs_.rbegin(); tab != tabs_.rend(); ++tab) {
    if (key.x >= tab->first) return show(tab->second);
  }
}

void Console::begin_filter() {
  Screen& screen = front();
  const auto set = [&screen](const std::string& text) { screen.filter(text); };
  ask("/", screen.filter(), set, set);
}

void Console::begin_export() {
  std::string name(front().name());
  std::ranges::transform(name, name.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  if (front_ == ScreenNumber::kOverview) return say(Severity::kWarning, "there is no table here to export");
  ask("export to: ",
      "lcwatch-" + name + "-" + utc_compact(now.wall_ns) + (front_ == ScreenNumber::kPackets ? ".pcapng" : ".csv"),
      [this](const std::string& path) { do_export(path); }, {});
}

void Console::do_export(const std::string& path) {
  if (path.empty()) return;
  const auto written = [&]() -> Result<std::string> {
    if (path.ends_with(".pcapng")) {
      if (front_ != ScreenNumber::kPackets) return Error{Code::kInvalidArgument, "pcapng is for the screen of packets"};
      return export_packets(path, model_.packets(), packets_.shown());
    }
    if (auto sheet = front().sheet()) return export_sheet(path, *sheet);
    return Error{Code::kInvalidArgument, "there is no table here to export"};
  }();
  say(written ? Severity::kGood : Severity::kError, written ? *written : written.error().text);
}

void Console::command(const std::string& line) {
  const std::vector<std::string> words = split(line, ' ');
  if (words.empty()) return;
  const std::string& word = words[0];
  const std::string argument = words.size() > 1 ? words[1] : "";
  if (word == "q" || word == "quit") {
    quit_ = true;
  } else if (word == "resync") {
    resync(std::nullopt);
  } else if (word == "export") {
    do_export(argument);
  } else if (word == "theme" && (argument == "dark" || argument == "light" || argument == "mono")) {
    options_.theme = argument;
  } else if (word == "packets" && (argument == "on" || argument == "off")) {
    for (ServerIndex server = 0; server < model_.servers().size(); ++server) {
      remote.want_packets(server, argument == "on");
    }
    say(Severity::kInfo, "stream of packets " + argument);
  } else {
    for (std::size_t i = 0; i < screens_.size(); ++i) {
      if (words.size() == 1 && screens_[i]->name().size() == word.size() &&
          std::ranges::equal(
              word, screens_[i]->name(), {}, [](char c) { return c | 0x20; }, [](char c) { return c | 0x20; })) {
        return show(static_cast<ScreenNumber>(i));
      }
    }
    say(Severity::kWarning, "no such command: " + line + "; ? lists them");
  }
}

void Console::resync(std::optional<ServerIndex> server) {
  for (ServerIndex i = 0; i < model_.servers().size(); ++i) {
    if (!server || *server == i) remote.resync(i);
  }
  say(Severity::kInfo, "resync of " + (server ? model_.servers()[*server] : "all processors"));
}

void Console::ask(std::string label, std::string text, std::function<void(const std::string&)> then,
                  std::function<void(const std::string&)> typing) {
  prompt_ =
      std::make_unique<Prompt>(Prompt{std::move(label), LineEdit(text), std::move(then), std::move(typing), false});
}

void Console::confirm(std::string question, std::function<void()> yes) {
  prompt_ = std::make_unique<Prompt>(Prompt{std::move(question) + "  y: yes, any other key: no",
                                            LineEdit(),
                                            [yes = std::move(yes)](const std::string&) { yes(); },
                                            {},
                                            true});
}

void Console::open(std::unique_ptr<Overlay> overlay) {
  overlays_.push_back(std::move(overlay));
}

void Console::say(Severity severity, std::string text) {
  said_how_ = severity;
  said_ = std::move(text);
  said_at_ = now.steady;
}

void Console::show(ScreenNumber screen) {
  if (screen == ScreenNumber::kHelp && front_ != ScreenNumber::kHelp) {
    before_help_ = front_;
    help_.about(front());
  }
  front_ = screen;
  front().came_to_front();
}

void Console::show_filters(const NodeKey& processor) {
  filters_.show(processor);
  front_ = ScreenNumber::kFilters;
}

bool Console::read_only(ServerIndex server) const {
  return options_.read_only || model_.refused(server);
}

}  // namespace lc::watch
