#include "lcwatch/view/calls_screen.h"

#include <algorithm>
#include <set>

#include "lcwatch/view/call_ladder.h"

namespace lc::watch {
namespace {

Style style_of_state(const std::string& state) {
  if (state == "active") return Style::kGood;
  if (state == "failed") return Style::kBad;
  if (state == "ended" || state == "cancelled") return Style::kStopping;
  return Style::kWarning;  // on its way
}

/// Of all streams: the worst of what each of them says.
struct Quality {
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  double jitter_ms = 0;
  double mos = 0;
  bool doubtful = false;
};

Quality quality_of(const fleet::Call& call) {
  Quality quality;
  for (const fleet::CallStream& stream : call.streams) {
    quality.packets += stream.packets;
    quality.lost += stream.lost;
    quality.jitter_ms = std::max(quality.jitter_ms, stream.jitter_ms);
    if (stream.mos > 0) quality.mos = quality.mos > 0 ? std::min(quality.mos, stream.mos) : stream.mos;
    quality.doubtful = quality.doubtful || stream.gaps_in_capture;
  }
  return quality;
}

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

}  // namespace

CallsScreen::CallsScreen(Desk& desk)
    : TableScreen(desk, {{.title = "STATE", .width = 9},
                         {.title = "FROM", .width = 12, .stretch = 3},
                         {.title = "TO", .width = 12, .stretch = 3},
                         {.title = "START", .width = 12, .weight = 3},
                         {.title = "LENGTH", .width = 7, .right = true},
                         {.title = "LEGS", .width = 4, .right = true, .weight = 6},
                         {.title = "NODE", .width = 8, .stretch = 2, .weight = 5},
                         {.title = "CODEC", .width = 6, .stretch = 1, .weight = 4},
                         {.title = "LOSS %", .width = 6, .right = true, .weight = 2},
                         {.title = "JITTER", .width = 6, .right = true, .weight = 7},
                         {.title = "MOS", .width = 4, .right = true, .weight = 1}}) {}

std::vector<Row> CallsScreen::rows(bool) {
  std::vector<Row> rows;
  keys_.clear();
  desk_.model.calls().each([&](const CallKey& key, const CallTable::Pointer& call) {
    const Quality quality = quality_of(*call);
    const double all = static_cast<double>(quality.packets + quality.lost);
    const double loss = all > 0 ? 100 * static_cast<double>(quality.lost) / all : 0;
    std::set<std::string> nodes;
    for (const fleet::CallLeg& leg : call->legs) nodes.insert(leg.hunter_id);
    std::set<std::string> codecs;
    for (const fleet::CallStream& stream : call->streams) {
      if (!stream.codec.empty()) codecs.insert(stream.codec);
    }
    const std::int64_t end = call->ended_ns != 0 ? call->ended_ns : std::max(desk_.now.wall_ns, call->last_ns);
    const std::int64_t length = call->answered_ns != 0 ? end - call->answered_ns : end - call->start_ns;
    const bool media = quality.packets > 0;
    rows.push_back({std::to_string(key.server) + "/" + key.id,
                    {{call->state, style_of_state(call->state)},
                     {call->from_user},
                     {call->to_user},
                     {time_text(call->start_ns, desk_.options.time, desk_.now), Style::kNormal,
                      static_cast<double>(call->start_ns)},
                     {span_text(length), Style::kNormal, static_cast<double>(length)},
                     {std::to_string(call->legs.size()), Style::kNormal, static_cast<double>(call->legs.size())},
                     {joined(nodes)},
                     {joined(codecs)},
                     {media ? percent_text(loss) + (quality.doubtful ? "?" : "") : "-",
                      loss >= 5   ? Style::kBad
                      : loss >= 1 ? Style::kWarning
                                  : Style::kNormal,
                      loss},
                     {media ? decimal_text(quality.jitter_ms, 1) : "-",
                      quality.jitter_ms >= 50 ? Style::kWarning : Style::kNormal, quality.jitter_ms},
                     {quality.mos > 0 ? decimal_text(quality.mos, 1) : "-",
                      quality.mos > 0 && quality.mos < 3     ? Style::kBad
                      : quality.mos > 0 && quality.mos < 3.6 ? Style::kWarning
                                                             : Style::kNormal,
                      quality.mos}},
                    keys_.size()});
    keys_.push_back(key);
  });
  // Unless sorted otherwise: those that began last are at the top.
  std::ranges::stable_sort(rows, [](const Row& a, const Row& b) { return *a.cells[3].number > *b.cells[3].number; });
  return rows;
}

std::string CallsScreen::caption() const {
  const CallTable& calls = desk_.model.calls();
  return count_text(calls.size()) + " calls, " + count_text(calls.active()) + " of them going on   " +
         std::string(lc::watch::name_of(desk_.options.time));
}

std::string CallsScreen::nothing() const {
  return "no calls";
}

bool CallsScreen::stale(const Row& row) const {
  return desk_.model.stream(keys_[row.source].server, StreamKind::kCalls).at == StreamState::At::kDown;
}

const CallKey* CallsScreen::selected_call() const {
  const Row* row = selected();
  return row == nullptr || row->source >= keys_.size() ? nullptr : &keys_[row->source];
}

std::optional<ServerIndex> CallsScreen::server() const {
  const CallKey* key = selected_call();
  return key == nullptr ? std::nullopt : std::optional(key->server);
}

void CallsScreen::open(const CallKey& key) {
  if (opened_ && opened_->server != key.server) desk_.remote.show_call(opened_->server, {});
  opened_ = key;
  last_ = desk_.model.calls().find(key);
  top_ = 0;
  desk_.remote.show_call(key.server, key.id);
}

void CallsScreen::close() {
  desk_.remote.show_call(opened_->server, {});
  opened_.reset();
  last_.reset();
}

void CallsScreen::draw(const Pane& pane) {
  if (!opened_) return TableScreen::draw(pane);
  const CallTable::Pointer now = desk_.model.calls().find(*opened_);
  if (now) last_ = now;
  const CallLadder ladder(*last_, desk_, now == nullptr);
  lines_ = ladder.lines();
  const auto height = static_cast<std::size_t>(std::max(CallLadder::height_for(pane), 1));
  top_ = std::min(top_, lines_ - std::min(lines_, height));
  ladder.draw(pane, top_);
}

bool CallsScreen::ladder_key(const Key& key) {
  const auto move = [&](std::size_t lines, bool down) {
    top_ = down ? std::min(top_ + lines, lines_) : top_ - std::min(lines, top_);
    return true;
  };
  if (key.code == KeyCode::kEscape || key.code == KeyCode::kEnter) {
    close();
    return true;
  }
  const bool back = key.code == KeyCode::kLeft || key.is('N');
  if (back || key.code == KeyCode::kRight || key.is('n')) {
    selection().step(!back);
    if (const std::string* name = selection().selected()) {
      const auto found = std::ranges::find_if(
          keys_, [&](const CallKey& one) { return std::to_string(one.server) + "/" + one.id == *name; });
      if (found != keys_.end() && desk_.model.calls().find(*found)) open(CallKey(*found));
    }
    return true;
  }
  if (key.code == KeyCode::kDown || key.code == KeyCode::kWheelDown || key.is('j')) return move(1, true);
  if (key.code == KeyCode::kUp || key.code == KeyCode::kWheelUp || key.is('k')) return move(1, false);
  if (key.code == KeyCode::kPageDown) return move(10, true);
  if (key.code == KeyCode::kPageUp) return move(10, false);
  if (key.code == KeyCode::kHome || key.is('g')) return move(lines_, false);
  if (key.code == KeyCode::kEnd || key.is('G')) return move(lines_, true);
  return false;
}

bool CallsScreen::key(const Key& key) {
  if (opened_) return ladder_key(key);
  if (key.code == KeyCode::kEnter) {
    const CallKey* call = selected_call();
    if (call != nullptr && desk_.model.calls().find(*call)) open(CallKey(*call));
    return true;
  }
  return TableScreen::key(key);
}

std::optional<Sheet> CallsScreen::sheet() {
  if (opened_) return CallLadder(*last_, desk_, false).sheet();
  return TableScreen::sheet();
}

std::vector<KeyHelp> CallsScreen::keys() const {
  if (opened_) return {{"j k", "scroll", true}, {"n N", "next, previous call", true}, {"Esc", "back", true}};
  std::vector<KeyHelp> keys = {{"Enter", "call flow", true}, {"t", "time format", true}, {"e", "export", true}};
  for (const KeyHelp& one : table_keys()) keys.push_back(one);
  return keys;
}

}  // namespace lc::watch
