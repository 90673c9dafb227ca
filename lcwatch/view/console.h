// The whole user interface, without a terminal: screens, what lies over them, and the lines around them.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lcwatch/view/calls_screen.h"
#include "lcwatch/view/events_screen.h"
#include "lcwatch/view/filters_screen.h"
#include "lcwatch/view/help_screen.h"
#include "lcwatch/view/line_edit.h"
#include "lcwatch/view/nodes_screen.h"
#include "lcwatch/view/overview_screen.h"
#include "lcwatch/view/packets_screen.h"
#include "lcwatch/view/screen.h"

namespace lc::watch {

/// One thread. The remote must outlive it.
class Console final : private Desk {
 public:
  static constexpr int kLeastWidth = 60;
  static constexpr int kLeastHeight = 15;

  Console(Remote& remote, ViewOptions options);

  void take(std::vector<Update> updates, Moment now);
  /// About once a second.
  void tick(Moment now);
  /// kRedraw and kSuspend are the terminal's business.
  void key(const Key& key, Moment now);
  void draw(Canvas& canvas, Moment now);

  [[nodiscard]] bool wants_to_quit() const { return quit_; }
  [[nodiscard]] const ViewOptions& view_options() const { return options_; }
  [[nodiscard]] const Model& model() const { return model_; }

 private:
  struct Prompt {
    std::string label;
    LineEdit line;
    std::function<void(const std::string&)> then;
    std::function<void(const std::string&)> typing;
    bool yes_or_no = false;
  };

  // Desk.
  void ask(std::string label, std::string text, std::function<void(const std::string&)> then,
           std::function<void(const std::string&)> typing) override;
  void confirm(std::string question, std::function<void()> yes) override;
  void open(std::unique_ptr<Overlay> overlay) override;
  void say(Severity severity, std::string text) override;
  void show(ScreenNumber screen) override;
  void show_filters(const NodeKey& processor) override;
  [[nodiscard]] bool read_only(ServerIndex server) const override;

  void after_updates();
  void prompt_key(const Key& key);
  void overlay_key(const Key& key);
  void global_key(const Key& key);
  void click(const Key& key);
  void begin_filter();
  void begin_export();
  void do_export(const std::string& path);
  void command(const std::string& line);
  void resync(std::optional<ServerIndex> server);

  void draw_title(const Pane& pane) const;
  void draw_tabs(const Pane& pane);
  [[nodiscard]] std::string banner() const;
  void draw_last_line(const Pane& pane);

  Screen& front() { return *screens_[static_cast<std::size_t>(front_)]; }

  Model model_;
  ViewOptions options_;
  OverviewScreen overview_{*this};
  PacketsScreen packets_{*this};
  NodesScreen nodes_{*this};
  CallsScreen calls_{*this};
  FiltersScreen filters_{*this};
  EventsScreen events_{*this};
  HelpScreen help_{*this};
  const std::array<Screen*, 7> screens_{&overview_, &packets_, &nodes_, &calls_, &filters_, &events_, &help_};
  ScreenNumber front_ = ScreenNumber::kOverview;
  ScreenNumber before_help_ = ScreenNumber::kOverview;
  std::vector<std::unique_ptr<Overlay>> overlays_;  // the last one is on top
  std::unique_ptr<Prompt> prompt_;
  Severity said_how_ = Severity::kInfo;
  std::string said_;
  Clock::time_point said_at_;
  std::vector<std::pair<int, ScreenNumber>> tabs_;  // where each begins, as drawn last
  bool quit_ = false;
};

}  // namespace lc::watch
