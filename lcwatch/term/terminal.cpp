#include "lcwatch/term/terminal.h"

#include <curses.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <cwchar>
#include <stdexcept>

#include "lcwatch/term/restore.h"

namespace lc::watch {
namespace {

constexpr int kStyles = static_cast<int>(Style::kInput) + 1;
constexpr int kEscapeDelay_ms = 25;

// Handlers are per process, as the terminal is. Its wake() only writes to a descriptor.
WakeUp* woken_by_signals = nullptr;

void on_size_or_continue(int) {
  const int before = errno;
  if (woken_by_signals != nullptr) woken_by_signals->wake();
  errno = before;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

struct Look {
  short foreground;  // -1: the terminal's own
  short background;
  attr_t attributes;
};

/// With colours. Grey is the bright black of 16 colours, and dim where there are 8.
Look look_of(Style style, bool light) {
  const bool many = COLORS >= 16;
  const short grey = many ? 8 : -1;
  const attr_t dim = many ? A_NORMAL : A_DIM;
  const auto yellow = static_cast<short>(light ? COLOR_MAGENTA : COLOR_YELLOW);  // can't be read on white
  switch (style) {
    case Style::kNormal:
      return {-1, -1, A_NORMAL};
    case Style::kDim:
    case Style::kStale:
    case Style::kStopping:
      return {grey, -1, dim};
    case Style::kTitle:
      return {COLOR_WHITE, COLOR_BLUE, A_BOLD};
    case Style::kHeader:
      return {static_cast<short>(light ? COLOR_BLUE : COLOR_CYAN), -1, A_NORMAL};
    case Style::kGood:
      return {COLOR_GREEN, -1, A_NORMAL};
    case Style::kWarning:
      return {yellow, -1, A_NORMAL};
    case Style::kBad:
      return {COLOR_RED, -1, A_BOLD};
    case Style::kChosen:
      return {COLOR_CYAN, -1, A_BOLD};
    case Style::kAccent:
      return {-1, -1, A_BOLD};
    case Style::kBanner:
      return {COLOR_WHITE, COLOR_RED, A_BOLD};
    case Style::kInput:
      return {-1, -1, A_UNDERLINE};
  }
  return {-1, -1, A_NORMAL};
}

attr_t attributes_without_colour(Style style) {
  switch (style) {
    case Style::kDim:
    case Style::kStale:
    case Style::kStopping:
      return A_DIM;
    case Style::kTitle:
      return A_REVERSE;
    case Style::kBanner:
      return A_REVERSE | A_BOLD;
    case Style::kHeader:
    case Style::kInput:
      return A_UNDERLINE;
    case Style::kWarning:
    case Style::kBad:
    case Style::kChosen:
    case Style::kAccent:
      return A_BOLD;
    case Style::kNormal:
    case Style::kGood:
      break;
  }
  return A_NORMAL;
}

bool wants_colour(TerminalOptions::Colour colour) {
  if (colour != TerminalOptions::Colour::kAuto) return colour == TerminalOptions::Colour::kAlways;
  const char* no = std::getenv("NO_COLOR");
  return no == nullptr || *no == '\0';
}

termios settings_now() {
  termios settings{};
  if (::tcgetattr(STDIN_FILENO, &settings) != 0) throw std::runtime_error("standard input is not a terminal");
  return settings;
}

/// As many wide characters as a cell takes. False: the C library counts it otherwise, and the rest of the line would
/// move.
bool to_wide(std::string_view glyph, int width, wchar_t (&wide)[CCHARW_MAX + 1]) {
  std::mbstate_t state{};
  std::size_t count = 0;
  while (!glyph.empty() && count < CCHARW_MAX) {
    const std::size_t used = std::mbrtowc(&wide[count], glyph.data(), glyph.size(), &state);
    if (used == 0 || used > glyph.size()) return false;
    const int columns = ::wcwidth(wide[count]);
    if (count == 0 ? columns != width : columns != 0) return false;
    glyph.remove_prefix(used);
    ++count;
  }
  wide[count] = L'\0';
  return count > 0;
}

}  // namespace

Terminal::Terminal(const TerminalOptions& options) : theme_(options.theme) {
  std::setlocale(LC_CTYPE, "");
  utf8_ = !options.ascii && std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0;
  const termios before = settings_now();
  static WakeUp wake_up;
  woken_by_signals = &wake_up;
  handle(SIGWINCH, on_size_or_continue);  // ncurses leaves a handler that is there in place
  handle(SIGCONT, on_size_or_continue);
  // Its own would run on whichever thread is hit, beside ours.
  std::array<struct sigaction, 3> kept{};
  constexpr std::array kNotTheirs = {SIGINT, SIGTERM, SIGTSTP};
  for (std::size_t i = 0; i < kept.size(); ++i) ::sigaction(kNotTheirs[i], nullptr, &kept[i]);
  if (::newterm(nullptr, stdout, stdin) == nullptr) {
    const char* type = std::getenv("TERM");
    throw std::runtime_error("cannot use a terminal of type \"" + std::string(type == nullptr ? "" : type) +
                             "\"; set TERM to one that terminfo(5) knows");
  }
  for (std::size_t i = 0; i < kept.size(); ++i) ::sigaction(kNotTheirs[i], &kept[i], nullptr);
  restore_on_signals(before);
  ::raw();
  ::noecho();
  ::nonl();
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::leaveok(stdscr, FALSE);
  ::set_escdelay(kEscapeDelay_ms);
  ::curs_set(0);
  ::mouseinterval(0);
  if (wants_colour(options.colour) && ::has_colors()) {
    colours_ = ::start_color() != ERR && COLORS >= 8;
    ::use_default_colors();
  }
  set_colours();
}

Terminal::~Terminal() {
  set_mouse(false);
  leave();
  restore_no_more();
  handle(SIGWINCH, SIG_DFL);
  handle(SIGCONT, SIG_DFL);
  woken_by_signals = nullptr;
}

/// Terminals with one screen keep what was on it: what comes next has a line of its own.
void Terminal::leave() {
  ::move(LINES - 1, 0);
  ::clrtoeol();
  ::refresh();
  ::endwin();
}

void Terminal::set_colours() {
  if (!colours_) return;
  for (int i = 0; i < kStyles; ++i) {
    const Look look = look_of(static_cast<Style>(i), theme_ == "light");
    ::init_pair(static_cast<short>(i + 1), look.foreground, look.background);
  }
}

void Terminal::set_theme(const std::string& theme) {
  if (theme == theme_) return;
  theme_ = theme;
  set_colours();
  redraw();
}

unsigned long Terminal::attributes(Pen pen, short& pair) const {
  attr_t attributes = A_NORMAL;
  pair = 0;
  if (colours_ && theme_ != "mono") {
    attributes = look_of(pen.style, theme_ == "light").attributes;
    pair = static_cast<short>(static_cast<int>(pen.style) + 1);
  } else {
    attributes = attributes_without_colour(pen.style);
  }
  if (pen.selected) {
    // One bar from side to side: reversed, each colour would be a patch of its own.
    attributes = (attributes & A_BOLD) | A_REVERSE;
    pair = 0;
  }
  return attributes;
}

Size Terminal::size() const {
  return {COLS, LINES};
}

void Terminal::clear() {
  ::erase();
  has_cursor_ = false;
}

void Terminal::cell(int x, int y, std::string_view glyph, int width, Pen pen) {
  short pair = 0;
  const auto look = static_cast<attr_t>(attributes(pen, pair));
  cchar_t made;
  wchar_t wide[CCHARW_MAX + 1];
  if (to_wide(glyph, width, wide)) {
    ::setcchar(&made, wide, look, pair, nullptr);
    ::mvadd_wch(y, x, &made);
    return;
  }
  for (int i = 0; i < width; ++i) {
    ::setcchar(&made, L"?", look, pair, nullptr);
    ::mvadd_wch(y, x + i, &made);
  }
}

void Terminal::cursor(int x, int y) {
  has_cursor_ = true;
  cursor_x_ = x;
  cursor_y_ = y;
}

void Terminal::flush() {
  ::curs_set(has_cursor_ ? 1 : 0);
  if (has_cursor_) ::move(cursor_y_, cursor_x_);
  ::refresh();
}

void Terminal::redraw() {
  ::clearok(stdscr, TRUE);
}

int Terminal::signal_fd() const {
  return woken_by_signals->fd();
}

void Terminal::resized() {
  woken_by_signals->drain();
  // Also after `fg`, where somebody else has had the terminal: its modes first.
  ::reset_prog_mode();
  winsize now{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &now) == 0 && now.ws_row > 0 && now.ws_col > 0) {
    ::resizeterm(now.ws_row, now.ws_col);
  }
  redraw();
}

void Terminal::set_mouse(bool on) {
  if (on == mouse_) return;
  mouse_ = on;
  ::mousemask(on ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, nullptr);
}

void Terminal::suspend() {
  const bool mouse = mouse_;
  set_mouse(false);
  leave();
  ::kill(0, SIGTSTP);  // the whole job, as the terminal itself would
  set_mouse(mouse);
  resized();
}

}  // namespace lc::watch
