// The console on a world that is made up, for tests of the terminal (tmux) that need no processors:
//
//   watch_demo [packets per second] [ascii] [abort-after-ms N]
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>

#include "common/base/stop_signal.h"
#include "lcwatch/ui_loop.h"
#include "tests/support/fake_remote.h"

using namespace lc;
using namespace lc::watch;

namespace {

constexpr auto kStep = std::chrono::milliseconds(20);

void live(Inbox& inbox, std::uint64_t packets_per_s, std::int64_t abort_after_ms, const std::stop_token& stop) {
  for (const StreamKind kind : kStreams) inbox.push(StreamChanged{.server = 0, .stream = kind, .up = true});
  inbox.push(TreeCame{.server = 0, .tree = test::some_tree()});
  inbox.push(test::some_filters());
  inbox.push(CallsBegin{});
  for (int i = 0; i < 30; ++i) {
    inbox.push(test::some_call("c" + std::to_string(i), i % 4 == 3 ? "ended" : "active", true,
                               "+4930123456" + std::to_string(i)));
  }
  inbox.push(CallsComplete{});
  const Clock::time_point began = Clock::now();
  std::uint64_t sent = 0;
  std::mutex mutex;
  std::condition_variable_any wake;
  for (std::uint64_t step = 0; !stop.stop_requested(); ++step) {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began).count();
    if (abort_after_ms > 0 && since > abort_after_ms) std::abort();
    if (step % 50 == 0) {
      const std::uint64_t second = step / 50;
      const std::uint64_t rate = 10'000 + second * 20;
      inbox.push(test::some_figures({}, {"h1", "h2"}, second, rate));
      inbox.push(test::some_figures({"east"}, {"h3"}, second, rate / 3));
      inbox.push(test::some_figures({"east", "edge"}, {"h4"}, second, rate / 5));
    }
    const std::uint64_t wanted = packets_per_s * static_cast<std::uint64_t>(since) / 1'000;
    if (wanted > sent) inbox.push(test::some_packets(sent + 1, wanted - sent));
    sent = std::max(sent, wanted);
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, kStep, [] { return false; });
  }
}

}  // namespace

int main(int argc, char** argv) try {
  TerminalOptions options;
  std::uint64_t packets_per_s = 50;
  std::int64_t abort_after_ms = 0;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "ascii") {
      options.ascii = true;
    } else if (argument == "abort-after-ms" && i + 1 < argc) {
      abort_after_ms = std::atoll(argv[++i]);
    } else {
      packets_per_s = std::strtoull(argv[i], nullptr, 10);
    }
  }
  test::FakeRemote remote;
  Inbox inbox;
  StopSignal stop;
  const std::jthread world([&](const std::stop_token& token) { live(inbox, packets_per_s, abort_after_ms, token); });
  run_console(options, {}, remote, inbox, stop.fd());
  return 0;
} catch (const std::exception& error) {
  std::cerr << "watch_demo: " << error.what() << "\n";
  return 1;
}
