#include "lcwatch/term/restore.h"

#include <curses.h>
// Defines short words as macros, so nothing of ours is included behind it.
#include <term.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstring>

namespace lc::watch {
namespace {

constexpr std::array kSignals = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGHUP, SIGINT, SIGQUIT, SIGTERM};

// Written before the handlers are there, and only read by them.
termios settings_before;
char sequences[512];
std::size_t sequences_size = 0;
alignas(16) char other_stack[16 * 1024];  // for a stack that has overflowed

void on_signal(int signal) {
  // Only what signal-safety(7) allows.
  ::tcsetattr(STDIN_FILENO, TCSANOW, &settings_before);
  static_cast<void>(!::write(STDOUT_FILENO, sequences, sequences_size));
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

/// Without the padding that terminfo(5) writes as $<...>.
void add(const char* text) {
  if (text == nullptr || text == reinterpret_cast<const char*>(-1)) return;
  for (const char* at = text; *at != '\0'; ++at) {
    if (at[0] == '$' && at[1] == '<') {
      const char* end = std::strchr(at, '>');
      if (end != nullptr) {
        at = end;
        continue;
      }
    }
    if (sequences_size < sizeof sequences) sequences[sequences_size++] = *at;
  }
}

void add_capability(const char* name) {
  char copy[16] = {};
  std::strncpy(copy, name, sizeof copy - 1);
  add(::tigetstr(copy));
}

}  // namespace

void restore_on_signals(const termios& settings) {
  settings_before = settings;
  sequences_size = 0;
  // Modes of xterm's mouse; terminals without it have no rmcup that clears them and would show them.
  char mouse[] = "kmous";
  const char* has_mouse = ::tigetstr(mouse);
  if (has_mouse != nullptr && has_mouse != reinterpret_cast<const char*>(-1)) add("\033[?1000l\033[?1006l");
  for (const char* name : {"sgr0", "op", "rmkx", "cnorm", "rmcup"}) add_capability(name);
  add("\r\n");

  stack_t stack{};
  stack.ss_sp = other_stack;
  stack.ss_size = sizeof other_stack;
  ::sigaltstack(&stack, nullptr);
  for (const int signal : kSignals) {
    struct sigaction before {};
    ::sigaction(signal, nullptr, &before);
    // Of faults the handlers of sanitizers give way too: they would write on our screen.
    const bool fault = signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
    if (!fault && before.sa_handler != SIG_DFL) continue;
    struct sigaction ours {};
    ours.sa_handler = on_signal;
    ours.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigemptyset(&ours.sa_mask);
    ::sigaction(signal, &ours, nullptr);
  }
}

void restore_no_more() {
  for (const int signal : kSignals) {
    struct sigaction now {};
    ::sigaction(signal, nullptr, &now);
    if (now.sa_handler == on_signal) ::signal(signal, SIG_DFL);
  }
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  ::sigaltstack(&none, nullptr);
}

}  // namespace lc::watch
