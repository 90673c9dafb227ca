#include "processord/engine/stats_line.h"

#include <numeric>
#include <sstream>

#include "common/base/text.h"

namespace lc::processor {

std::string StatsLine::next(const Engine& engine, Clock::time_point now) {
  const Engine::Statistics s = engine.statistics();
  const auto [status, reason] = engine.status();
  const auto elapsed_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now - at_).count();
  // What was lost before it was stored has been taken out of `received`.
  const std::uint64_t arrived = s.received > received_before_ ? s.received - received_before_ : 0;
  const std::uint64_t rate = elapsed_ms > 0 ? arrived * 1000 / static_cast<std::uint64_t>(elapsed_ms) : 0;
  received_before_ = s.received;
  at_ = now;

  std::ostringstream line;
  line << "hunters=" << s.hunters << " received=" << s.received << " pps=" << rate << " stored=" << s.stored
       << " live_only=" << s.live_only << " in_flight=" << s.in_flight << " duplicates=" << s.duplicates
       << " dropped=" << std::accumulate(s.dropped.begin(), s.dropped.end(), std::uint64_t{0});
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (s.dropped[i] > 0) line << " dropped_" << name_of(static_cast<DropReason>(i)) << '=' << s.dropped[i];
  }
  if (s.forward) {
    line << " forwarded=" << s.forward->acknowledged << " forwarding=" << s.forward->in_flight
         << " spool_bytes=" << s.forward->spool_bytes;
    if (s.forward->dropped_full > 0) line << " forward_dropped_spool_full=" << s.forward->dropped_full;
    if (s.forward->dropped_damaged > 0) line << " forward_dropped_spool_damaged=" << s.forward->dropped_damaged;
  }
  if (engine.settings().keep.any()) line << " removed_files=" << engine.retention().removed();
  const Hooks::Counters& hooks = engine.hooks().counters();
  if (engine.settings().pcap_command || engine.settings().voip_command) {
    line << " commands=" << hooks.succeeded << " commands_failed=" << hooks.failed + hooks.timed_out
         << " commands_dropped=" << hooks.dropped;
  }
  if (s.virtual_interface) {
    const auto& lost = s.virtual_interface->not_injected;
    line << " vif_injected=" << s.virtual_interface->injected
         << " vif_dropped=" << std::accumulate(lost.begin(), lost.end(), std::uint64_t{0});
    for (std::size_t i = 0; i < lost.size(); ++i) {
      if (lost[i] > 0) line << " vif_dropped_" << name_of(static_cast<NotInjected>(i)) << '=' << lost[i];
    }
  }
  constexpr std::array<const char*, 3> kNames = {"HEALTHY", "WARNING", "ERROR"};
  line << " queue_bytes=" << s.queued_bytes << " status=" << kNames[static_cast<std::size_t>(status)];
  if (!reason.empty()) line << " reason=" << quoted(reason);
  return line.str();
}

}  // namespace lc::processor
