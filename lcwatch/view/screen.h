// What every screen is, and what the console around it does for it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "lcwatch/model/model.h"
#include "lcwatch/model/remote.h"
#include "lcwatch/view/canvas.h"
#include "lcwatch/view/format.h"
#include "lcwatch/view/key.h"

namespace lc::watch {

struct ViewOptions {
  bool read_only = false;
  bool mouse = false;
  TimeFormat time = TimeFormat::kUtc;
  std::string theme = "dark";  // dark, light, mono
  /// Hunters whose packets are wanted, as PacketRow::hunter names them; of others: all. The Remote knows already.
  std::map<ServerIndex, std::set<std::string>> subscribed;
};

struct KeyHelp {
  std::string_view keys;
  std::string_view text;
  bool hint = false;  // short enough, and needed enough, for the last line of the screen
};

/// What can be written to a file as CSV or JSON.
struct Sheet {
  std::vector<std::string> titles;
  std::vector<std::vector<std::string>> rows;
};

/// Over the screen, until it is closed.
class Overlay {
 public:
  virtual ~Overlay() = default;
  virtual void draw(const Pane& pane) = 0;
  virtual bool key(const Key& key) = 0;  // false: it is done
  virtual void told(const Model::Outcome&) {}
  [[nodiscard]] virtual bool done() const { return false; }
  [[nodiscard]] virtual std::string_view hint() const = 0;
};

enum class ScreenNumber { kOverview, kPackets, kNodes, kCalls, kFilters, kEvents, kHelp };

/// The console around the screens.
class Desk {
 public:
  Desk(Model& the_model, Remote& the_remote, ViewOptions& the_options)
      : model(the_model), remote(the_remote), options(the_options) {}
  virtual ~Desk() = default;

  Model& model;
  Remote& remote;
  ViewOptions& options;
  Moment now;

  /// A line at the bottom; `then` is called with what was typed, `typing` with each letter.
  virtual void ask(std::string label, std::string text, std::function<void(const std::string&)> then,
                   std::function<void(const std::string&)> typing = {}) = 0;
  virtual void confirm(std::string question, std::function<void()> yes) = 0;
  virtual void open(std::unique_ptr<Overlay> overlay) = 0;
  virtual void say(Severity severity, std::string text) = 0;
  virtual void show(ScreenNumber screen) = 0;
  virtual void show_filters(const NodeKey& processor) = 0;
  [[nodiscard]] virtual bool read_only(ServerIndex server) const = 0;
};

class Screen {
 public:
  explicit Screen(Desk& desk) : desk_(desk) {}
  virtual ~Screen() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;
  virtual void draw(const Pane& pane) = 0;
  virtual bool key(const Key& key) = 0;  // false: it means nothing here
  [[nodiscard]] virtual std::vector<KeyHelp> keys() const = 0;
  virtual void came_to_front() {}
  virtual void each_second() {}  // while it is in front

  // `/`: only what has this text in it is shown.
  virtual void filter(const std::string&) {}
  [[nodiscard]] virtual std::string filter() const { return {}; }

  /// What is shown, for a file; nothing: there is no table.
  virtual std::optional<Sheet> sheet() { return std::nullopt; }
  /// The selected node's; nothing: all.
  [[nodiscard]] virtual std::optional<ServerIndex> server() const { return std::nullopt; }

 protected:
  Desk& desk_;
};

/// The hunter as the packets of this processor name it: "h1", or "east/edge/h1".
std::string packet_name(const NodeKey& hunter);

}  // namespace lc::watch
