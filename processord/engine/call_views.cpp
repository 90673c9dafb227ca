// What consoles see of calls: the other half of CallTracker.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "processord/engine/call_id.h"
#include "processord/engine/call_tracker.h"

namespace lc::processor {
namespace {

/// A call is where the furthest of its legs is; one that is over ended as its first leg did.
int rank(std::string_view state) {
  return state == "active" ? 3 : state == "ringing" ? 2 : state == "trying" ? 1 : 0;
}

}  // namespace

std::shared_ptr<const fleet::Call> CallTracker::view_of(calls::GroupId group) const {
  auto view = std::make_shared<fleet::Call>();
  view->id = id_of(group);
  std::vector<const Record*> legs;
  for (const calls::CallIndex call : groups_.legs(group)) legs.push_back(&records_[call]);
  std::sort(legs.begin(), legs.end(),
            [](const Record* a, const Record* b) { return a->leg.start_ns < b->leg.start_ns; });
  const Record& first = *legs.front();
  view->tag_pair = {first.from_tag, first.to_tag};
  view->from_user = first.from_user;
  view->to_user = first.to_user;
  view->start_ns = first.leg.start_ns;
  view->state = first.leg.state;
  for (const Record* leg : legs) {
    view->legs.push_back(leg->leg);
    if (leg->answered_ns != 0 && (view->answered_ns == 0 || leg->answered_ns < view->answered_ns)) {
      view->answered_ns = leg->answered_ns;
    }
    view->ended_ns = std::max(view->ended_ns, leg->ended_ns);
    view->last_ns = std::max(view->last_ns, leg->leg.last_ns);
    if (rank(leg->leg.state) > rank(view->state)) view->state = leg->leg.state;
    for (const StreamIndex index : leg->streams) {
      const Stream& stream = streams_[index];
      view->streams.push_back(view_of(stream, *leg));
      view->last_ns = std::max(view->last_ns, stream.last_ns);
    }
  }
  if (std::ranges::any_of(legs, [](const Record* leg) { return leg->ended_ns == 0; })) view->ended_ns = 0;
  if (board_.wants_messages(view->id)) add_messages(*view, legs);
  return view;
}

// Each leg has its first ones, so the first ones of all are among them.
void CallTracker::add_messages(fleet::Call& view, std::span<const Record* const> legs) const {
  const auto hunter_of = [&](std::uint32_t source) { return sources_[source].hunter_id; };
  for (const Record* leg : legs) {
    leg->steps.append_to(view.messages, leg->leg.call_id, hunter_of);
    view.more_messages += leg->steps.more();
  }
  std::ranges::stable_sort(view.messages, {}, &fleet::CallMessage::time_ns);
  if (view.messages.size() <= CallSteps::kMost) return;
  view.more_messages += static_cast<std::uint32_t>(view.messages.size() - CallSteps::kMost);
  view.messages.resize(CallSteps::kMost);
}

fleet::CallStream CallTracker::view_of(const Stream& stream, const Record& leg) const {
  const calls::RtpQuality::Report report = stream.quality.report();
  return {.call_id = leg.leg.call_id,
          .hunter_id = sources_[stream.source].hunter_id,
          .source = calls::text_of(stream.from),
          .destination = calls::text_of(stream.to),
          .ssrc = stream.ssrc,
          .payload_type = stream.payload_type,
          .codec = stream.codec,
          .clock_rate = stream.clock_rate,
          .media = stream.media,
          .packets = report.packets,
          .lost = report.lost,
          .reordered = report.reordered,
          .duplicates = report.duplicates,
          .jitter_ms = report.jitter_ms,
          .max_jitter_ms = report.max_jitter_ms,
          .mean_jitter_ms = report.mean_jitter_ms,
          .mos = calls::mos_estimate(stream.codec, report),
          .gaps_in_capture = stream.has_gaps,
          .first_ns = stream.first_ns,
          .last_ns = stream.last_ns};
}

void CallTracker::publish() {
  std::vector<calls::GroupId> groups;
  const auto add = [&](calls::CallIndex call) {
    if (records_[call].number != 0) groups.push_back(groups_.of(call));
  };
  const CallBoard::Asked asked = board_.take_asked();
  const bool everything = asked.everything;
  if (everything) {
    for (calls::CallIndex call = 0; call < records_.size(); ++call) add(call);
  } else if (board_.wanted()) {
    for (const calls::CallIndex call : changed_) add(call);
    for (const std::string& id : asked.with_messages) {
      const auto legs = groups_.legs(group_named(id));
      if (!legs.empty()) add(legs.front());
    }
  }
  changed_.clear();
  ++publishing_;

  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  if (everything) {
    std::vector<CallPointer> views;
    for (const calls::GroupId group : groups) views.push_back(view_of(group));
    board_.publish_all(std::move(views));
  } else {
    for (const calls::GroupId group : groups) board_.publish(view_of(group));
    board_.answered();
  }
}

}  // namespace lc::processor
