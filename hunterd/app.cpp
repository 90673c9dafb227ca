// Ends in one of three ways: every capture file is read and acknowledged, a signal asks for it, or no processor can be
// reached in the attempts allowed.
#include "hunterd/app.h"

#include <algorithm>
#include <csignal>
#include <iostream>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/capture/balance.h"
#include "common/capture/own_connections.h"
#include "common/wire/program.h"

namespace lc::hunter {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopLimit = 10s;
constexpr auto kSaveLimit = 10s;
constexpr std::chrono::milliseconds kStatsInterval = 5s;
constexpr std::chrono::milliseconds kTick = 1s;
constexpr std::chrono::milliseconds kFiltersLimit = 1s;
constexpr auto kNoLimit = std::chrono::milliseconds(std::int64_t{1} << 40);

}  // namespace

App::App(HunterSettings settings, Signals& signals)
    : settings_(std::move(settings)),
      signals_(signals),
      queue_(settings_.hunter_id, capture::random_epoch(), settings_.queue,
             spool::open_spool(spool_files_, settings_.spool, settings_.hunter_id),
             {.always = settings_.spool.mode == spool::SpoolMode::kAlways, .drop_newest = settings_.spool.drop_newest}),
      selector_(settings_.capture.no_filter_policy),
      uplink_(settings_.uplink,
              capture::describe(settings_.hunter_id, wire::host_name(), settings_.capture.interfaces,
                                settings_.capture.source.live.filter, settings_.queue.window_bytes, queue_.epoch()),
              queue_,
              {.report = [this] { return reporter_.report(); },
               .registered = [this](const fleet::RegistrationAnswer& answer, int port) { registered(answer, port); },
               .gave_up =
                   [this](const std::string& reason) {
                     gave_up_.with([&](std::string& text) { text = reason; });
                     no_processor_.request();
                   },
               .filters = {.filters_changed =
                               [this](std::vector<fleet::Filter> filters, std::uint64_t revision) {
                                 (void)filters_.apply(std::move(filters), revision, wall_ns());
                                 uplink_.beat_soon();
                               },
                           .endpoints_changed =
                               [this](std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew) {
                                 filters_.change_endpoints(std::move(added), std::move(removed), anew);
                               }}}),
      sources_(capture::open_sources(settings_.capture.interfaces, settings_.capture.source, time_)),
      pipeline_(std::move(sources_.all), selector_, uplink_, settings_.capture.batch,
                [this] { sources_finished_.request(); }),
      filters_(settings_.capture.source.live.filter, selector_, pipeline_),
      reporter_(queue_, pipeline_, filters_, settings_.spool, settings_.uplink.tls.cert_file) {}

App::~App() {
  uplink_.stop();  // its threads call the members behind it
}

int App::run() {
  uplink_.start();
  // What is live is captured from now on, connected or not, but for a moment in which the processor may say what it
  // wants; a file can wait for that.
  if (!sources_.live.empty()) {
    wait_readable({first_registration_.fd(), signals_.fd(), no_processor_.fd()}, kFiltersLimit);
    if (!capture_started_.exchange(true)) pipeline_.start();
  }
  log::info("hunter started", {{"hunter_id", settings_.hunter_id}, {"version", LC_VERSION}});
  if (const std::uint64_t recovered = queue_.usage().recovered_packets; recovered > 0) {
    log::info("packets of an earlier run are on disk and go first", {{"packets", recovered}});
  }
  switch (wait_for_end()) {
    case 1:
      return finish_files();
    case 2:
      log::error(gave_up_.with([](const std::string& reason) { return reason; }));
      pipeline_.stop();
      if (!queue_.empty()) close(false);
      return static_cast<int>(ExitCode::kUnavailable);
    default:
      signals_.take();
      return stop_gracefully();
  }
}

// Which of the three ends it is, in the order of App::run.
std::size_t App::wait_for_end() {
  auto next_stats = Clock::now() + kStatsInterval;
  for (;;) {
    const auto ready = wait_readable({signals_.fd(), sources_finished_.fd(), no_processor_.fd()}, kTick);
    if (ready) return *ready;
    filters_.expire(wall_ns());
    if (settings_.stats && Clock::now() >= next_stats) {
      print_stats();
      next_stats += kStatsInterval;
    }
  }
}

int App::finish_files() {
  pipeline_.stop();
  const bool all =
      uplink_.finish(kNoLimit, [this] { return signals_.take().has_value() || no_processor_.requested(); });
  reporter_.stopping();
  const int code = close(all);
  if (no_processor_.requested() && !all) return static_cast<int>(ExitCode::kUnavailable);
  return pipeline_.any_failed() ? static_cast<int>(ExitCode::kFailure) : code;
}

int App::stop_gracefully() {
  log::info("stopping: sending what was captured");
  reporter_.stopping();
  pipeline_.stop();
  const bool all = uplink_.finish(kStopLimit, [this] {
    if (queue_.spools() && !uplink_.connected()) return true;  // it can as well wait on disk
    if (!signals_.take()) return false;
    log::warning("second signal: exiting at once");
    return true;
  });
  return close(all);
}

int App::close(bool all_acknowledged) {
  uplink_.stop();
  const std::uint64_t left = all_acknowledged ? 0 : queue_.save(kSaveLimit);
  if (settings_.stats) print_stats(left);
  const packet::SendQueue::Usage usage = queue_.usage();
  if (left > 0) {
    log::error("exiting with packets that no processor acknowledged", {{"dropped_queue", left}});
    return static_cast<int>(ExitCode::kFailure);
  }
  if (usage.packets > 0) {
    log::warning("packets wait on disk for the next start",
                 {{"packets", usage.packets}, {"directory", settings_.spool.directory}});
  } else {
    log::info("everything captured is acknowledged", {{"packets", usage.acknowledged_packets}});
  }
  return 0;
}

void App::registered(const fleet::RegistrationAnswer& answer, int port) {
  if (!sources_.live.empty()) {
    const auto own = capture::own_connections(port);
    for (capture::LiveSource* source : sources_.live) source->exclude(own);
  }
  // On a reconnection they are in force already, with the revision of the subscription before.
  if (!capture_started_ || !filters_.are(answer.filters)) (void)filters_.apply(answer.filters, 0, wall_ns());
  if (!capture_started_.exchange(true)) pipeline_.start();
  first_registration_.request();
}

void App::print_stats(std::uint64_t given_up) {
  const capture::Report now = reporter_.report(given_up);
  std::cout << utc_text(wall_ns()) << ' ' << capture::stats_line(now.stats, now.status, now.reason) << std::endl;
}

}  // namespace lc::hunter
