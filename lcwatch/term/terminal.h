// The terminal: ncurses, and nothing of it outside of this folder.
#pragma once

#include <optional>
#include <string>

#include "common/base/stop_signal.h"
#include "lcwatch/view/canvas.h"
#include "lcwatch/view/key.h"

namespace lc::watch {

struct TerminalOptions {
  enum class Colour { kAuto, kAlways, kNever };  // kAuto: what the terminal has, unless NO_COLOR is set (no-color.org)
  Colour colour = Colour::kAuto;
  bool ascii = false;  // even where the locale has UTF-8
  std::string theme = "dark";
};

/// From the constructor to the destructor the screen is ours; whatever ends the process in between, signals included,
/// gives it back as it was. One at a time, on one thread.
class Terminal final : public Canvas {
 public:
  /// Throws std::runtime_error when it can't be used. The process's locale is set (LC_CTYPE).
  explicit Terminal(const TerminalOptions& options);
  ~Terminal() override;
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Canvas.
  [[nodiscard]] Size size() const override;
  [[nodiscard]] bool utf8() const override { return utf8_; }
  void clear() override;
  void cell(int x, int y, std::string_view glyph, int width, Pen pen) override;
  void cursor(int x, int y) override;

  /// What was drawn since clear() is on the screen.
  void flush();
  /// Everything is drawn anew by the next flush().
  void redraw();

  /// The next key that is there, without waiting.
  std::optional<Key> read_key();
  [[nodiscard]] int key_fd() const { return 0; }

  /// Readable after the size has changed, or the process was continued: then resized() is to be called.
  [[nodiscard]] int signal_fd() const;
  void resized();

  void set_mouse(bool on);
  void set_theme(const std::string& theme);
  /// Gives the terminal back, stops the process group, and takes it again when that goes on.
  void suspend();

 private:
  void leave();
  void set_colours();
  [[nodiscard]] unsigned long attributes(Pen pen, short& pair) const;

  bool utf8_ = false;
  bool colours_ = false;
  bool mouse_ = false;
  std::string theme_;
  bool has_cursor_ = false;
  int cursor_x_ = 0, cursor_y_ = 0;
};

}  // namespace lc::watch
