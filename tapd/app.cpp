// Ends in one of two ways: every capture file is read and stored, or a signal asks for it. Then the sources stop, what
// they gave is stored, and the streams of the other hunters are closed.
#include "tapd/app.h"

#include <csignal>
#include <future>
#include <iostream>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/capture/balance.h"
#include "common/capture/own_connections.h"
#include "common/wire/endpoint.h"
#include "common/wire/program.h"
#include "tapd/sip_users.h"

namespace lc::tap {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopLimit = 10s;
constexpr std::chrono::milliseconds kStatsInterval = 5s;
constexpr std::chrono::milliseconds kTick = 1s;
constexpr auto kNoLimit = std::chrono::milliseconds(std::int64_t{1} << 40);

packet::SendQueue::Limits queue_limits(const TapSettings& settings) {
  return {.queue_packets = settings.capture.queue_packets};
}

}  // namespace

App::App(TapSettings settings, Signals& signals)
    : settings_(std::move(settings)),
      signals_(signals),
      sources_(capture::open_sources(settings_.capture.interfaces, settings_.capture.source, time_)),
      node_(engine_settings(), settings_.processor.listen, settings_.processor.tls, time_, upstream_settings()),
      local_(processor::LocalHunter::open(node_.engine(), queue_limits(settings_))),
      selector_(settings_.capture.no_filter_policy),
      pipeline_(std::move(sources_.all), selector_, *local_, settings_.capture.batch,
                [this] { sources_finished_.request(); }),
      filters_(settings_.capture.source.live.filter, selector_, pipeline_),
      reporter_(local_->queue(), pipeline_, filters_, {}, settings_.processor.tls.cert_file),
      local_filters_(node_.engine(), settings_.hunter_id, filters_, [this] { local_->beat(reporter_.report()); }) {}

App::~App() {
  {
    const std::lock_guard lock(own_traffic_mutex_);
    sources_.live.clear();
  }
  pipeline_.stop();
  local_->stop();
  node_.engine().stop();  // its threads call the members behind it
}

processor::EngineSettings App::engine_settings() const {
  processor::EngineSettings engine = settings_.processor.engine;
  engine.local_hunter = capture::describe(settings_.hunter_id, wire::host_name(), settings_.capture.interfaces,
                                          settings_.capture.source.live.filter, queue_limits(settings_).window_bytes,
                                          capture::random_epoch());
  return engine;
}

processor::UpstreamSettings App::upstream_settings() {
  processor::UpstreamSettings upstream = settings_.processor.upstream;
  upstream.linked = [this] { leave_out_own_traffic(); };
  return upstream;
}

int App::run() {
  put_sip_users_in_force();
  local_filters_.start();
  leave_out_own_traffic();
  pipeline_.start();
  log::info("capturing", {{"hunter_id", settings_.hunter_id}});
  return wait_for_end() ? finish_files() : stop_gracefully();
}

void App::put_sip_users_in_force() {
  processor::FilterTable& table = node_.engine().filters();
  std::vector<std::future<Status>> answers;
  for (processor::FilterEdit& edit : sip_user_edits(settings_.sip_users, table.board().list(""))) {
    auto answer = std::make_shared<std::promise<Status>>();
    answers.push_back(answer->get_future());
    const auto done = [answer](const Result<processor::FilterChange>& change) {
      answer->set_value(change ? Status() : Status(change.error()));
    };
    if (edit.filter) {
      table.upsert(std::move(*edit.filter), done);
    } else {
      table.erase(edit.id, done);
    }
  }
  for (std::future<Status>& answer : answers) {
    if (const Status status = answer.get(); !status) throw start_error(status.error());
  }
}

// What goes to a console, or to the processor above, would be captured, go there, and so on without end.
void App::leave_out_own_traffic() {
  const std::lock_guard lock(own_traffic_mutex_);
  if (sources_.live.empty()) return;
  std::vector<capture::Connection> own;
  if (const Result<wire::Address> address = wire::parse_address(node_.address())) {
    own = capture::own_listener(address->host, static_cast<std::uint16_t>(address->port));
  }
  for (const std::string& upstream : settings_.processor.upstream.addresses) {
    const Result<wire::Address> address = wire::parse_address(upstream);
    if (!address) continue;
    const std::vector<capture::Connection> up = capture::own_connections(address->port);
    own.insert(own.end(), up.begin(), up.end());
  }
  if (own == own_traffic_) return;
  own_traffic_ = std::move(own);
  for (capture::LiveSource* source : sources_.live) source->exclude(own_traffic_);
}

// True: all sources have ended.
bool App::wait_for_end() {
  auto next_stats = Clock::now() + kStatsInterval;
  for (auto next_tick = Clock::now();;) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next_tick - Clock::now());
    const auto ready = wait_readable({signals_.fd(), sources_finished_.fd()}, std::max(wait, 0ms));
    if (ready == std::size_t{1}) return true;
    if (ready) {
      if (stop_is_asked()) return false;
      continue;
    }
    next_tick = Clock::now() + kTick;
    filters_.expire(wall_ns());
    leave_out_own_traffic();
    local_->beat(reporter_.report());
    if (settings_.processor.stats && Clock::now() >= next_stats) {
      print_stats();
      next_stats += kStatsInterval;
    }
  }
}

bool App::stop_is_asked() {
  const auto signal = signals_.take();
  if (signal == SIGHUP) {
    node_.engine().filters().reload();
  } else if (signal == SIGUSR1) {
    node_.engine().rotate();
  } else {
    return signal.has_value();
  }
  return false;
}

int App::finish_files() {
  pipeline_.stop();
  local_->finish(kNoLimit, [this] { return stop_is_asked(); });
  const int code = close();
  return pipeline_.any_failed() ? static_cast<int>(ExitCode::kFailure) : code;
}

int App::stop_gracefully() {
  log::info("stopping: storing what was captured and received");
  reporter_.stopping();
  pipeline_.stop();
  local_->finish(kStopLimit, [this] {
    const bool again = stop_is_asked();
    if (again) log::warning("second signal: exiting at once");
    return again;
  });
  return close();
}

int App::close() {
  reporter_.stopping();
  local_->stop();
  local_->beat(reporter_.report());  // what the files that are closed now say of drops
  node_.engine().stop();
  const packet::SendQueue::Usage usage = local_->queue().usage();
  local_->beat(reporter_.report(usage.packets));
  if (settings_.processor.stats) print_stats(usage.packets);
  if (usage.packets > 0) {
    log::error("exiting with packets that could not be stored or forwarded", {{"dropped_queue", usage.packets}});
    return static_cast<int>(ExitCode::kFailure);
  }
  log::info("everything captured is stored", {{"packets", usage.acknowledged_packets}});
  return 0;
}

void App::print_stats(std::uint64_t given_up) {
  const capture::Report now = reporter_.report(given_up);
  const std::string time = utc_text(wall_ns());
  std::cout << time << ' ' << capture::stats_line(now.stats, now.status, now.reason) << '\n'
            << time << ' ' << stats_line_.next(node_.engine(), Clock::now()) << std::endl;
}

}  // namespace lc::tap
