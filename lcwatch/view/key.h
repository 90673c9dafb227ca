// What a user does, whatever terminal it comes from.
#pragma once

namespace lc::watch {

enum class KeyCode {
  kCharacter,
  kUp,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kEnter,
  kEscape,
  kTab,
  kBackTab,
  kBackspace,
  kDelete,
  kRedraw,     // Ctrl-L
  kInterrupt,  // Ctrl-C
  kSuspend,    // Ctrl-Z
  kClick,
  kWheelUp,
  kWheelDown,
};

struct Key {
  KeyCode code = KeyCode::kCharacter;
  char32_t character = 0;  // of kCharacter
  int x = 0, y = 0;        // of kClick

  [[nodiscard]] bool is(char32_t c) const { return code == KeyCode::kCharacter && character == c; }
};

}  // namespace lc::watch
