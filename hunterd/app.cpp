// Ends in one of three ways: every capture file is read and acknowledged, a signal asks for it, or no processor can be
// reached in the attempts allowed.
#include "hunterd/app.h"

#include <csignal>
#include <random>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/wire/program.h"
#include "hunterd/own_connections.h"

namespace lc::hunter {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopLimit = 10s;
constexpr auto kNoLimit = std::chrono::milliseconds(std::int64_t{1} << 40);

std::uint64_t random_epoch() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;  // never 0, which means "knows no epochs"
}

fleet::HunterDescription describe(const HunterSettings& settings) {
  return {.id = settings.hunter_id,
          .hostname = wire::host_name(),
          .interfaces = settings.interfaces,
          .version = LC_VERSION,
          .capabilities = {.filter_types = {"bpf"},
                           .max_buffer_bytes = settings.uplink.window.window_bytes,
                           .gpu_acceleration = false,
                           .af_xdp = false},
          .epoch = random_epoch(),
          .features = {"resume"}};
}

ExitCode exit_code_of(const Error& error) {
  return error.code == Code::kPermissionDenied ? ExitCode::kNoPermission : ExitCode::kFailure;
}

}  // namespace

App::App(HunterSettings settings, Signals& signals)
    : settings_(std::move(settings)),
      signals_(signals),
      uplink_(settings_.uplink, describe(settings_),
              {.report = [this] { return report(); },
               .registered = [this](const fleet::RegistrationAnswer& answer, int port) { registered(answer, port); },
               .gave_up =
                   [this](const std::string& reason) {
                     gave_up_.with([&](std::string& text) { text = reason; });
                     no_processor_.request();
                   }}),
      pipeline_(open_sources(), uplink_, settings_.batch, [this] { sources_finished_.request(); }) {}

std::vector<std::unique_ptr<capture::PacketSource>> App::open_sources() {
  std::vector<std::unique_ptr<capture::PacketSource>> sources;
  for (const std::string& name : settings_.interfaces) {
    Result<std::unique_ptr<capture::PacketSource>> source = capture::open_source(name, settings_.source, time_);
    if (!source) throw StartError(exit_code_of(source.error()), source.error().text);
    if (auto* live = dynamic_cast<capture::LiveSource*>(source->get())) live_sources_.push_back(live);
    sources.push_back(std::move(*source));
  }
  return sources;
}

int App::run() {
  uplink_.start();
  // What is live is captured from now on, connected or not; a file can wait for the processor's filters.
  if (!live_sources_.empty() && !capture_started_.exchange(true)) pipeline_.start();
  log::info("hunter started", {{"hunter_id", settings_.hunter_id}, {"version", LC_VERSION}});
  switch (wait_readable({signals_.fd(), sources_finished_.fd(), no_processor_.fd()}, -1ms).value_or(0)) {
    case 1:
      return finish_files();
    case 2:
      log::error(gave_up_.with([](const std::string& reason) { return reason; }));
      pipeline_.stop();
      if (!uplink_.window().empty()) close(false);
      return static_cast<int>(ExitCode::kUnavailable);
    default:
      signals_.take();
      return stop_gracefully();
  }
}

int App::finish_files() {
  pipeline_.stop();
  const bool all =
      uplink_.finish(kNoLimit, [this] { return signals_.take().has_value() || no_processor_.requested(); });
  stopping_ = true;
  const int code = close(all);
  if (no_processor_.requested() && !all) return static_cast<int>(ExitCode::kUnavailable);
  return pipeline_.any_failed() ? static_cast<int>(ExitCode::kFailure) : code;
}

int App::stop_gracefully() {
  log::info("stopping: sending what was captured");
  stopping_ = true;
  pipeline_.stop();
  const bool all = uplink_.finish(kStopLimit, [this] {
    if (!signals_.take()) return false;
    log::warning("second signal: exiting at once");
    return true;
  });
  return close(all);
}

int App::close(bool all_acknowledged) {
  uplink_.stop();
  const packet::SendWindow::Usage usage = uplink_.window().usage();
  if (!all_acknowledged) {
    log::error("exiting with packets that no processor acknowledged", {{"dropped_queue", usage.packets}});
    return static_cast<int>(ExitCode::kFailure);
  }
  log::info("everything captured is acknowledged", {{"packets", usage.acknowledged_packets}});
  return 0;
}

void App::registered(const fleet::RegistrationAnswer& answer, int port) {
  if (!live_sources_.empty()) {
    const auto own = own_connections(port);
    for (capture::LiveSource* source : live_sources_) source->exclude(own);
  }
  apply_filters(answer.filters);
  if (!capture_started_.exchange(true)) pipeline_.start();
}

// Enabled filters are OR-ed, and the hunter's own filter is AND-ed before them.
void App::apply_filters(const std::vector<fleet::Filter>& filters) {
  std::string any;
  std::uint32_t active = 0;
  for (const fleet::Filter& filter : filters) {
    if (!filter.enabled || filter.type != fleet::kFilterTypeBpf) continue;
    any += (any.empty() ? "(" : " or (") + filter.pattern + ")";
    ++active;
  }
  std::string expression = settings_.source.live.filter;
  if (!any.empty()) expression = expression.empty() ? any : "(" + expression + ") and (" + any + ")";
  const Status status = pipeline_.set_filter(expression);
  filter_error_.with([&](std::string& text) { text = status ? "" : status.error().text; });
  if (status) {
    active_filters_ = active;
  } else {
    log::error("the processor's filter can't be put in force; the filter before stays",
               {{"reason", status.error().text}});
  }
}

Report App::report() {
  const capture::CapturePipeline::Totals totals = pipeline_.totals();
  const packet::SendWindow::Usage usage = uplink_.window().usage();
  fleet::HunterStats stats;
  stats.packets_captured = totals.captured;
  stats.packets_matched = totals.captured;
  stats.packets_forwarded = usage.acknowledged_packets;
  stats.packets_dropped = totals.kernel_dropped + totals.interface_dropped;
  stats.buffer_bytes = usage.bytes;
  stats.active_filters = active_filters_;
  stats.cpu_percent = cpu_.percent_since_last();
  stats.memory_rss_bytes = memory_rss_bytes();
  stats.memory_limit_bytes = memory_limit_bytes();
  stats.dropped_by_reason = {{std::string(name_of(DropReason::kKernel)), totals.kernel_dropped},
                             {std::string(name_of(DropReason::kInterface)), totals.interface_dropped}};
  const Health::Verdict verdict =
      health_.judge({.received = totals.captured + stats.packets_dropped,
                     .dropped = stats.packets_dropped,
                     .buffer_percent = uplink_.window().usage_percent(),
                     .no_source_captures = pipeline_.all_faulty(),
                     .some_source_down = !pipeline_.faults().empty(),
                     .filter_error = filter_error_.with([](const std::string& t) { return t; }),
                     .stopping = stopping_});
  return {verdict.status, std::move(stats)};
}

}  // namespace lc::hunter
