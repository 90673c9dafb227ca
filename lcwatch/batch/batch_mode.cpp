#include "lcwatch/batch/batch_mode.h"

#include <unistd.h>

#include <iostream>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "lcwatch/batch/json.h"
#include "lcwatch/batch/output.h"
#include "lcwatch/model/text.h"
#include "lcwatch/remote/packet_rows.h"

namespace lc::watch {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds kTick = 200ms;  // for what is complete by time alone
constexpr auto kPatience = 20s;                     // for one server to say all there is

WatchedStreams streams_of(const BatchSettings& settings, const std::string& packet_filter) {
  const BatchWhat what = settings.what;
  const bool packets = what == BatchWhat::kPackets;
  const bool calls = what == BatchWhat::kCalls;
  return {.topology = !packets && !calls,
          .figures = what == BatchWhat::kNodes,
          .calls = calls,
          .packets = packets,
          .packet_filter = packet_filter,
          .access = false};
}

std::unique_ptr<BatchView> view_of(const BatchSettings& settings, Session& session) {
  switch (settings.what) {
    case BatchWhat::kNodes:
      return nodes_view(settings, session);
    case BatchWhat::kTopology:
      return topology_view(settings, session);
    case BatchWhat::kFilters:
      return filters_view(settings, session);
    case BatchWhat::kCalls:
      return calls_view(settings, session);
    case BatchWhat::kEvents:
      return events_view(settings, session);
    case BatchWhat::kPackets:
      break;
  }
  return nullptr;
}

std::string packet_line(const Model& model, const PacketQueue::Delivery& delivery, std::size_t i, bool json) {
  const PacketRow row = packet_row(*delivery.batch, i, delivery.first_number + i);
  if (json) return text_of(json_of(model.servers()[delivery.server], row)) + "\n";
  return shown(utc_text(row.time_ns) + " " + row.hunter + " " + row.interface + " " + row.source + " > " +
               row.destination + " " + row.protocol + " " + std::to_string(row.length) + " " + row.info) +
         "\n";
}

class Batch {
 public:
  Batch(const BatchSettings& settings, const std::vector<WatchedServer>& servers, const std::string& packet_filter,
        Signals& signals)
      : settings_(settings),
        live_(settings.follow || settings.what == BatchWhat::kEvents || settings.what == BatchWhat::kPackets),
        output_(STDOUT_FILENO, signals),
        session_(servers, streams_of(settings, packet_filter), signals,
                 settings.what == BatchWhat::kPackets ? &packets_ : nullptr),
        view_(view_of(settings, session_)) {}

  int run() {
    const Clock::time_point give_up = Clock::now() + kPatience;
    while (!output_.over()) {
      if (finished()) break;
      if (!live_ && Clock::now() >= give_up) return too_late();
      const Session::Wait wait = session_.wait(live_ ? -1ms : kTick, {packets_.fd(), output_.gone_fd()});
      if (wait == Session::Wait::kSignal) break;
      session_.take([this](const Update& update) {
        if (view_) output_.write(view_->took(update));
      });
      if (!write_packets()) break;
      if (live_) session_.report_failures();
      if (live_ && session_.hopeless()) return static_cast<int>(session_.code());
      if (wait == Session::Wait::kOther && output_.gone()) break;
    }
    return end();
  }

 private:
  /// Each server has told all, or can't be reached; what is followed has no end.
  bool finished() {
    if (settings_.follow && settings_.what != BatchWhat::kEvents) return false;
    for (ServerIndex i = 0; i < session_.servers(); ++i) {
      if (!(view_ && view_->complete(i)) && (live_ || !session_.failure(i))) return false;
    }
    return true;
  }

  bool write_packets() {
    while (const auto delivery = packets_.next()) {
      std::string lines;
      for (std::size_t i = 0; i < delivery->batch->packets().size() && !enough(); ++i) {
        lines += packet_line(session_.model(), *delivery, i, settings_.json);
        ++written_;
      }
      if (!output_.write(lines) || enough()) return false;
    }
    return true;
  }
  [[nodiscard]] bool enough() const { return settings_.count > 0 && written_ == settings_.count; }

  int too_late() {
    std::cerr << "lcwatch: no answer in " << std::chrono::seconds(kPatience).count() << " s\n";
    return static_cast<int>(ExitCode::kUnavailable);
  }

  int end() {
    if (output_.error() != 0) {
      std::cerr << "lcwatch: cannot write to standard output: " << errno_text(output_.error()) << '\n';
      return static_cast<int>(ExitCode::kFailure);
    }
    if (live_) return static_cast<int>(ExitCode::kOk);
    session_.report_failures();
    if (!session_.hopeless()) output_.write(view_->all());
    return static_cast<int>(session_.code());
  }

  const BatchSettings settings_;
  const bool live_;
  Output output_;
  PacketQueue packets_;
  Session session_;
  std::unique_ptr<BatchView> view_;  // null: packets
  std::uint64_t written_ = 0;
};

}  // namespace

int run_batch(const BatchSettings& settings, const std::vector<WatchedServer>& servers,
              const std::string& packet_filter, Signals& signals) {
  return Batch(settings, servers, packet_filter, signals).run();
}

}  // namespace lc::watch
