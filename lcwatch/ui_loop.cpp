#include "lcwatch/ui_loop.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace lc::watch {
namespace {

constexpr int kMostKeys = 64;  // between two frames; a paste may bring more

}  // namespace

void UiLoop::run() {
  Clock::time_point last_frame{};
  Clock::time_point next_second = Clock::now() + std::chrono::seconds(1);
  console_.tick(Moment::now());
  while (!ended_ && !console_.wants_to_quit()) {
    const Clock::time_point now = Clock::now();
    if (now >= next_second) {
      console_.tick(Moment::now());
      next_second = std::max(next_second + std::chrono::seconds(1), now);
      changed_ = true;
    }
    const Clock::time_point next_frame = last_frame + kFrame;
    if (answered_ || (changed_ && now >= next_frame)) {
      draw();
      last_frame = Clock::now();
      changed_ = answered_ = false;
      continue;
    }
    // Between frames nobody is woken by what could not be shown anyway; the inbox is bounded.
    const bool in_frame = now < next_frame;
    wait(in_frame ? std::min(next_frame, next_second) : next_second, !in_frame);
  }
}

void UiLoop::wait(Clock::time_point until, bool with_inbox) {
  std::array<pollfd, 4> waiting = {{{terminal_.key_fd(), POLLIN, 0},
                                    {stop_fd_, POLLIN, 0},
                                    {terminal_.signal_fd(), POLLIN, 0},
                                    {with_inbox ? inbox_.fd() : -1, POLLIN, 0}}};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  const int timeout_ms = static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000));
  if (::poll(waiting.data(), waiting.size(), timeout_ms) <= 0) return;
  const auto& [keys, stop, signals, inbox] = waiting;
  if (stop.revents != 0 || (keys.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
    ended_ = true;
    return;
  }
  if (signals.revents != 0) {
    terminal_.resized();
    answered_ = true;
  }
  if (keys.revents != 0) read_keys();
  if (inbox.revents != 0) {
    console_.take(inbox_.take(), Moment::now());
    changed_ = true;
  }
}

void UiLoop::read_keys() {
  std::optional<Key> next = terminal_.read_key();
  for (int i = 0; i < kMostKeys && next && !console_.wants_to_quit(); ++i) {
    const std::optional<Key> key = next;
    answered_ = true;
    if (key->code == KeyCode::kRedraw) {
      terminal_.redraw();
    } else if (key->code == KeyCode::kSuspend) {
      terminal_.suspend();
    } else {
      console_.key(*key, Moment::now());
    }
    if (i + 1 == kMostKeys) break;  // the next one is read after the frame
    next = terminal_.read_key();
    // What the next key is for is what would be seen now.
    if (next) console_.draw(terminal_, Moment::now());
  }
}

void UiLoop::draw() {
  terminal_.set_mouse(console_.view_options().mouse);
  terminal_.set_theme(console_.view_options().theme);
  console_.draw(terminal_, Moment::now());
  terminal_.flush();
}

void run_console(const TerminalOptions& options, ViewOptions view, Remote& remote, Inbox& inbox, int stop_fd) {
  view.theme = options.theme;
  Console console(remote, std::move(view));
  Terminal terminal(options);
  UiLoop(console, terminal, inbox, stop_fd).run();
}

}  // namespace lc::watch
