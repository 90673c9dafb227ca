// A console without a terminal: keys go in, and what would be on the screen comes out.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "lcwatch/view/console.h"
#include "tests/support/fake_remote.h"
#include "tests/support/memory_canvas.h"

namespace lc::test {

struct Watched {
  explicit Watched(int width = 80, int height = 24, bool utf8 = true, std::vector<std::string> servers = {"noc"},
                   watch::ViewOptions options = {})
      : remote(std::move(servers)), console(remote, std::move(options)), canvas(width, height, utf8) {}

  /// With everything in it that there can be.
  void fill() {
    for (const watch::StreamKind kind : watch::kStreams) take(watch::StreamChanged{.stream = kind, .up = true});
    take(watch::TreeCame{.server = 0, .tree = some_tree()});
    for (std::uint64_t second = 1; second <= 3; ++second) {
      take(some_figures({}, {"h1", "h2"}, second));
      take(some_figures({"east"}, {"h3"}, second));
      take(some_figures({"east", "edge"}, {"h4"}, second));
      pass(std::chrono::seconds(1));
    }
    take(some_packets(1, 100));
    take(watch::CallsBegin{});
    take(some_call("c1"));
    take(some_call("c2", "ended", false, "carol"));
    take(watch::CallsComplete{});
    take(some_filters());
    draw();
  }
  void take(watch::Update update) {
    std::vector<watch::Update> updates;
    updates.push_back(std::move(update));
    console.take(std::move(updates), now);
  }
  void pass(std::chrono::seconds time) {
    now.steady += time;
    now.wall_ns += std::chrono::nanoseconds(time).count();
    console.tick(now);
  }
  void draw() { console.draw(canvas, now); }
  void press(watch::KeyCode code) {
    console.key({code}, now);
    draw();
  }
  void press(std::string_view characters) {
    for (const char c : characters) {
      console.key({watch::KeyCode::kCharacter, static_cast<char32_t>(c)}, now);
      draw();
    }
  }

  FakeRemote remote;
  watch::Console console;
  MemoryCanvas canvas;
  watch::Moment now{watch::Moment::now().steady, kSomeTime_ns};
};

}  // namespace lc::test
