#include "lcwatch/view/overview_screen.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "lcwatch/view/node_cells.h"

namespace lc::watch {
namespace {

constexpr int kLabel = 14;
constexpr int kWide = 150;  // from here on two columns, each with room for what stands below a bar
constexpr std::int64_t kCertificateSoon_days = 30;

void put_heading(const Pane& pane, int y, std::string_view text) {
  const int x = pane.put(0, y, text, {Style::kHeader}) + 1;
  pane.fill(x, y, pane.width() - x - 1, {Style::kDim}, text_of(Symbol::kHorizontal, pane.utf8()));
}

double last_of(const Series& series) {
  return series.values().empty() ? 0 : series.values().back();
}

}  // namespace

void OverviewScreen::draw(const Pane& pane) {
  rows_ = desk_.model.rows({});
  listed_ = pane.width() < kWide && pane.height() < 26 ? 2 : 3;
  // Two columns where there is room for them; of few lines the last parts are left out.
  const bool wide = pane.width() >= kWide;
  const int half = wide ? pane.width() / 2 : pane.width();
  int left = 0;
  int right = 0;
  const auto place = [&](int height, bool in_right) {
    int& y = wide && in_right ? right : left;
    const int at = y;
    y += height + (pane.height() >= 26 ? 1 : 0);
    return pane.part(wide && in_right ? half + 1 : 1, at, half - 2, height);
  };
  draw_traffic(place(4, false));
  draw_nodes(place(3, true));
  draw_balance(place(5, false));
  draw_spools(place(1 + listed_, true));
  draw_certificates(place(1 + listed_, true));
  const int below = std::max(left, right);
  draw_events(pane.part(1, below, pane.width() - 2, pane.height() - below));
}

void OverviewScreen::draw_traffic(const Pane& pane) const {
  put_heading(pane, 0, "Traffic");
  const auto line = [&](int y, std::string_view label, const std::string& figure, const Series& series) {
    pane.put(1, y, label, {}, kLabel);
    pane.put_right(kLabel + 9, y, figure, {Style::kAccent}, 9);
    put_sparkline(pane, kLabel + 11, y, std::min(pane.width() - kLabel - 12, 120), series, {Style::kGood});
  };
  const Model& model = desk_.model;
  line(1, "packets/s", count_text(static_cast<std::uint64_t>(std::llround(last_of(model.packets_per_s())))),
       model.packets_per_s());
  line(2, "Mbit/s", decimal_text(last_of(model.bits_per_s()) / 1e6, 1), model.bits_per_s());
  line(3, "calls", count_text(model.calls().active()), model.calls_active());
}

void OverviewScreen::draw_nodes(const Pane& pane) const {
  put_heading(pane, 0, "Nodes");
  constexpr std::array kStates = {NodeState::kHealthy, NodeState::kWarning, NodeState::kError, NodeState::kStopping,
                                  NodeState::kUnreachable};
  for (const bool hunters : {false, true}) {
    const int y = hunters ? 2 : 1;
    int x = pane.put(1, y, hunters ? "hunters" : "processors", {}, kLabel);
    x = kLabel - 1;
    std::size_t all = 0;
    for (const NodeState state : kStates) {
      const auto count = static_cast<std::size_t>(std::ranges::count_if(
          rows_, [&](const NodeRow& row) { return (row.hunter != nullptr) == hunters && row.state == state; }));
      all += count;
      if (count == 0) continue;
      x = pane.put(x, y, std::to_string(count) + " " + std::string(name_of(state)), {style_of(state)}) + 2;
    }
    if (all == 0) pane.put(x, y, "none", {Style::kDim});
  }
}

void OverviewScreen::draw_balance(const Pane& pane) const {
  put_heading(pane, 0, "Where packets are");
  std::vector<Share> hunters = {{"forwarded", 0, Style::kGood},
                                {"filtered", 0, Style::kDim},
                                {"in flight", 0, Style::kWarning},
                                {"dropped", 0, Style::kBad}};
  std::vector<Share> processors = {{"stored", 0, Style::kGood},
                                   {"live only", 0, Style::kDim},
                                   {"in flight", 0, Style::kWarning},
                                   {"dropped", 0, Style::kBad}};
  for (const NodeRow& row : rows_) {
    if (const HunterRecord* hunter = row.hunter ? desk_.model.figures().hunter(row.key) : nullptr) {
      const fleet::HunterStats& stats = hunter->figures.stats;
      hunters[0].packets += stats.packets_forwarded;
      hunters[1].packets += stats.packets_filtered;
      hunters[2].packets += stats.packets_in_flight;
      hunters[3].packets += stats.packets_dropped;
    }
    if (const ProcessorRecord* processor = row.hunter ? nullptr : desk_.model.figures().processor(row.key)) {
      const fleet::ProcessorStats& stats = processor->stats;
      processors[0].packets += stats.packets_stored;
      processors[1].packets += stats.packets_live_only;
      processors[2].packets += stats.packets_in_flight;
      for (const auto& [reason, count] : stats.dropped_by_reason) processors[3].packets += count;
    }
  }
  draw_shares(pane.part(0, 1, pane.width(), 2), "hunters", hunters);
  draw_shares(pane.part(0, 3, pane.width(), 2), "processors", processors);
}

void OverviewScreen::draw_shares(const Pane& pane, std::string_view title, const std::vector<Share>& shares) const {
  constexpr std::array kAscii = {"#", ".", "=", "!"};
  constexpr std::array kBlocks = {"█", "░", "▒", "▓"};
  double all = 0;
  for (const Share& share : shares) all += static_cast<double>(share.packets);
  pane.put(1, 0, title, {}, kLabel);
  const int from = kLabel - 1;
  const int width = std::max(std::min(pane.width() - from - 1, 60), 0);
  int x = from;
  double before = 0;
  int legend = 1;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    const auto packets = static_cast<double>(shares[i].packets);
    before += packets;
    // What there is, is seen: at least one cell of it, as long as there is one.
    int end = all > 0 ? from + static_cast<int>(std::lround(before / all * width)) : from;
    if (packets > 0) end = std::min(std::max(end, x + 1), from + width);
    if (i + 1 < shares.size() && shares.back().packets > 0) end = std::min(end, from + width - 1);
    for (; x < end; ++x) pane.put(x, 0, pane.utf8() ? kBlocks[i] : kAscii[i], {shares[i].style});
    const std::string share_text = shares[i].name + " " + percent_text(all > 0 ? 100 * packets / all : 0) + "%";
    legend = pane.put(legend, 1, pane.utf8() ? kBlocks[i] : kAscii[i], {shares[i].style}) + 1;
    legend = pane.put(legend, 1, share_text, {}, pane.width() - legend) + 2;
  }
  if (all == 0) pane.put(from, 0, "none yet", {Style::kDim});
}

void OverviewScreen::draw_spools(const Pane& pane) const {
  put_heading(pane, 0, "Spools filling");
  std::vector<std::pair<double, std::string>> spools;
  for (const NodeRow& row : rows_) {
    const Cell cell = NodeCells(desk_, row).spool();
    if (cell.number.value_or(0) <= 0) continue;
    NodeKey key = row.key;
    spools.emplace_back(*cell.number, row.hunter ? packet_name(key) : desk_.model.where(key.server, key.path));
  }
  std::ranges::stable_sort(spools, std::greater<>(), &std::pair<double, std::string>::first);
  if (spools.empty()) pane.put(1, 1, "none", {Style::kDim});
  for (int y = 0; y < listed_ && static_cast<std::size_t>(y) < spools.size(); ++y) {
    const auto& [percent, name] = spools[static_cast<std::size_t>(y)];
    const Style style = percent >= 80 ? Style::kBad : percent >= 50 ? Style::kWarning : Style::kGood;
    pane.put(1, y + 1, name, {}, 22);
    put_bar(pane, 25, y + 1, std::min(pane.width() - 32, 30), percent, {style});
    pane.put_right(pane.width() - 1, y + 1, percent_text(percent) + "%", {style}, 6);
  }
}

void OverviewScreen::draw_certificates(const Pane& pane) const {
  put_heading(pane, 0, "Certificates running out");
  std::vector<std::pair<Cell, std::string>> soon;
  for (const NodeRow& row : rows_) {
    Cell cell = NodeCells(desk_, row).certificate();
    if (*cell.number >= static_cast<double>(kCertificateSoon_days)) continue;
    soon.emplace_back(std::move(cell),
                      row.hunter ? packet_name(row.key) : desk_.model.where(row.key.server, row.key.path));
  }
  std::ranges::stable_sort(soon, [](const auto& a, const auto& b) { return *a.first.number < *b.first.number; });
  if (soon.empty()) pane.put(1, 1, "none within 30 days", {Style::kDim});
  for (int y = 0; y < listed_ && static_cast<std::size_t>(y) < soon.size(); ++y) {
    const auto& [cell, name] = soon[static_cast<std::size_t>(y)];
    pane.put(1, y + 1, name, {}, 22);
    pane.put(25, y + 1, cell.text == "over" ? "has run out" : "in " + cell.text + " days", {cell.style});
  }
}

void OverviewScreen::draw_events(const Pane& pane) const {
  if (pane.height() < 2) return;
  put_heading(pane, 0, "Last events");
  const auto& events = desk_.model.events().events();
  const std::size_t shown = std::min(events.size(), static_cast<std::size_t>(pane.height() - 1));
  if (shown == 0) pane.put(1, 1, "none", {Style::kDim});
  for (std::size_t i = 0; i < shown; ++i) {
    const Event& event = events[events.size() - shown + i];
    const int y = static_cast<int>(i) + 1;
    pane.put(1, y, time_text(event.time_ns, desk_.options.time, desk_.now), {Style::kDim}, 12);
    pane.put(15, y, name_of(event.severity), {style_of(event.severity)});
    pane.put(24, y, event.where + ": " + event.text, {}, pane.width() - 24);
  }
}

std::vector<KeyHelp> OverviewScreen::keys() const {
  return {{"1-6 Tab", "screens", true}, {"?", "help", true},    {"t", "time format", true},
          {"r", "resync", true},        {":", "command", true}, {"q", "quit", true}};
}

}  // namespace lc::watch
