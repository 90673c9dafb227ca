// Waits for keys and for what the processors bring, and draws.
#pragma once

#include "common/base/clock.h"
#include "lcwatch/model/inbox.h"
#include "lcwatch/term/terminal.h"
#include "lcwatch/view/console.h"

namespace lc::watch {

/// Everything it is given must outlive it. One thread.
class UiLoop {
 public:
  /// Not more often than that is something drawn that nobody asked for with a key.
  static constexpr std::chrono::milliseconds kFrame{100};

  /// `stop_fd`: readable when it shall end (StopSignal::fd()).
  UiLoop(Console& console, Terminal& terminal, Inbox& inbox, int stop_fd)
      : console_(console), terminal_(terminal), inbox_(inbox), stop_fd_(stop_fd) {}

  /// Until the user quits, stop_fd is readable, or the terminal is gone.
  void run();

 private:
  void wait(Clock::time_point until, bool with_inbox);
  void read_keys();
  void draw();

  Console& console_;
  Terminal& terminal_;
  Inbox& inbox_;
  const int stop_fd_;
  bool ended_ = false;
  bool changed_ = true;   // something has
  bool answered_ = true;  // draw at once
};

/// All of it: a terminal, a console on the remote, and the loop. Throws as Terminal's constructor.
void run_console(const TerminalOptions& terminal, ViewOptions view, Remote& remote, Inbox& inbox, int stop_fd);

}  // namespace lc::watch
