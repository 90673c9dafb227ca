// Gives the terminal back when a signal ends the process.
#pragma once

#include <termios.h>

namespace lc::watch {

/// From now on, signals that end the process first restore what the terminal was: settings, screen, cursor, mouse. To
/// be called with ncurses running. Those that somebody else handles or ignores are left to them.
void restore_on_signals(const termios& settings);
/// No longer.
void restore_no_more();

}  // namespace lc::watch
