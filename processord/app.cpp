#include "processord/app.h"

#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>

#include "common/base/log.h"
#include "processord/engine/stats_line.h"

namespace lc::processor {
namespace {

constexpr auto kStatsInterval = std::chrono::seconds(5);

}  // namespace

App::App(const ProcessorSettings& settings, Signals& signals)
    : signals_(signals),
      stats_(settings.stats),
      node_(settings.engine, settings.listen, settings.tls, time_, settings.upstream) {}

int App::run() {
  StatsLine line;
  const auto print = [&] {
    std::cout << utc_text(wall_ns()) << ' ' << line.next(node_.engine(), Clock::now()) << std::endl;
  };
  for (auto next_line = Clock::now() + kStatsInterval;;) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_line - Clock::now());
    if (wait_readable({signals_.fd()}, std::max(wait, std::chrono::milliseconds(0)))) {
      const std::optional<int> signal = signals_.take();
      if (signal == SIGHUP) {
        node_.engine().filters().reload();
      } else if (signal == SIGUSR1) {
        node_.engine().rotate();
      } else {
        break;
      }
    } else {
      if (stats_) print();
      next_line += kStatsInterval;
    }
  }
  log::info("stopping: storing what was received");
  node_.engine().stop();
  if (stats_) print();
  return 0;
}

}  // namespace lc::processor
