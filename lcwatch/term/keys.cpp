// What ncurses reads, as keys.
#include <curses.h>

#include "lcwatch/term/terminal.h"

namespace lc::watch {
namespace {

constexpr wint_t control(char letter) {
  return static_cast<wint_t>(letter & 0x1f);
}

std::optional<Key> of_mouse() {
  MEVENT event;
  if (::getmouse(&event) != OK) return std::nullopt;
  if ((event.bstate & BUTTON4_PRESSED) != 0) return Key{KeyCode::kWheelUp};
  if ((event.bstate & BUTTON5_PRESSED) != 0) return Key{KeyCode::kWheelDown};
  if ((event.bstate & BUTTON1_PRESSED) != 0) return Key{KeyCode::kClick, 0, event.x, event.y};
  return std::nullopt;
}

std::optional<Key> of_code(wint_t code) {
  switch (code) {
    case KEY_UP:
      return Key{KeyCode::kUp};
    case KEY_DOWN:
      return Key{KeyCode::kDown};
    case KEY_LEFT:
      return Key{KeyCode::kLeft};
    case KEY_RIGHT:
      return Key{KeyCode::kRight};
    case KEY_PPAGE:
      return Key{KeyCode::kPageUp};
    case KEY_NPAGE:
      return Key{KeyCode::kPageDown};
    case KEY_HOME:
      return Key{KeyCode::kHome};
    case KEY_END:
      return Key{KeyCode::kEnd};
    case KEY_ENTER:
      return Key{KeyCode::kEnter};
    case KEY_BTAB:
      return Key{KeyCode::kBackTab};
    case KEY_BACKSPACE:
      return Key{KeyCode::kBackspace};
    case KEY_DC:
      return Key{KeyCode::kDelete};
    case KEY_MOUSE:
      return of_mouse();
    default:
      return std::nullopt;
  }
}

std::optional<Key> of_character(wint_t character) {
  switch (character) {
    case '\r':
    case '\n':
      return Key{KeyCode::kEnter};
    case '\t':
      return Key{KeyCode::kTab};
    case 0x1b:
      return Key{KeyCode::kEscape};
    case 0x7f:
    case '\b':
      return Key{KeyCode::kBackspace};
    case control('L'):
      return Key{KeyCode::kRedraw};
    case control('C'):
      return Key{KeyCode::kInterrupt};
    case control('Z'):
      return Key{KeyCode::kSuspend};
    default:
      if (character < 0x20) return std::nullopt;
      return Key{KeyCode::kCharacter, static_cast<char32_t>(character)};
  }
}

}  // namespace

std::optional<Key> Terminal::read_key() {
  wint_t read = 0;
  for (int kind = ::get_wch(&read); kind != ERR; kind = ::get_wch(&read)) {
    const std::optional<Key> key = kind == KEY_CODE_YES ? of_code(read) : of_character(read);
    if (key) return key;
  }
  return std::nullopt;
}

}  // namespace lc::watch
