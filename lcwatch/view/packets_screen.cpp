#include "lcwatch/view/packets_screen.h"

#include <algorithm>

#include "lcwatch/model/text.h"
#include "lcwatch/view/chooser.h"
#include "lcwatch/view/packet_details.h"

namespace lc::watch {
namespace {

Style style_of_protocol(const std::string& protocol) {
  if (protocol == "SIP" || protocol == "SDP") return Style::kAccent;
  return protocol == "RTP" || protocol == "RTCP" ? Style::kGood : Style::kNormal;
}

}  // namespace

PacketsScreen::PacketsScreen(Desk& desk)
    : Screen(desk),
      table_({{.title = "TIME", .width = 12},
              {.title = "NODE", .width = 8, .stretch = 1, .weight = 3},
              {.title = "IFACE", .width = 5, .weight = 5},
              {.title = "SOURCE", .width = 15, .stretch = 2, .weight = 1},
              {.title = "DESTINATION", .width = 15, .stretch = 2, .weight = 2},
              {.title = "PROTO", .width = 6},
              {.title = "LENGTH", .width = 6, .right = true, .weight = 6},
              {.title = "INFO", .width = 10, .stretch = 8}}),
      selection_(true) {}

std::vector<Cell> PacketsScreen::cells_of(const PacketRow& row) const {
  return {{time_text(row.time_ns, desk_.options.time, desk_.now)},
          {row.hunter},
          {row.interface},
          {row.source},
          {row.destination},
          {row.protocol, style_of_protocol(row.protocol)},
          {std::to_string(row.length)},
          {row.info}};
}

bool PacketsScreen::matches(const PacketRow& row) const {
  for (const std::string* text :
       {&row.hunter, &row.interface, &row.source, &row.destination, &row.protocol, &row.info, &row.call_id}) {
    if (contains(*text, filter_)) return true;
  }
  return false;
}

std::vector<std::uint64_t> PacketsScreen::shown() const {
  const PacketRing& packets = desk_.model.packets();
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = packets.first(); number < packets.end(); ++number) {
    if (filter_.empty() || matches(packets.find(number)->row)) numbers.push_back(number);
  }
  return numbers;
}

std::string PacketsScreen::caption() const {
  const PacketRing& packets = desk_.model.packets();
  std::string text = count_text(selection_.count()) + " of " + count_text(packets.offered());
  if (packets.skipped() > 0) text += ", skipped " + count_text(packets.skipped());
  if (packets.paused()) {
    text += "   PAUSED, " + count_text(packets.passed_while_paused()) + " passed by";
  } else {
    text += selection_.follows() ? "   following" : "   not following, G goes on";
  }
  text += "   " + std::string(name_of(desk_.options.time));
  if (!filter_.empty()) text += "   /" + filter_;
  return text;
}

void PacketsScreen::draw(const Pane& pane) {
  if (opened_) {
    const PacketDetails details(*opened_, desk_);
    lines_ = details.lines();
    top_ = std::min(top_, lines_ - std::min(lines_, static_cast<std::size_t>(pane.height())));
    details.draw(pane, top_);
    return;
  }
  table_.lay_out(pane.width());
  const Pane list = pane.part(0, 2, pane.width(), pane.height() - 2);
  selection_.settle(shown(), list.height(), list.top());
  const PacketRing& packets = desk_.model.packets();
  pane.put(0, 0, caption(), {packets.paused() ? Style::kWarning : Style::kDim}, pane.width());
  table_.draw_header(pane, 1);
  if (selection_.empty()) {
    list.put(2, 1, filter_.empty() ? "no packets yet" : "nothing matches /" + filter_, {Style::kDim});
    return;
  }
  for (std::size_t i = selection_.top(); i < selection_.end(); ++i) {
    const auto* entry = packets.find(selection_.name(i));
    if (entry == nullptr) continue;
    const bool old = desk_.model.stream(entry->server, StreamKind::kPackets).at == StreamState::At::kDown;
    table_.draw_row(list, static_cast<int>(i - selection_.top()), cells_of(entry->row), i == selection_.at(), old);
  }
}

void PacketsScreen::open_details() {
  const std::uint64_t* number = selection_.selected();
  const auto* entry = number == nullptr ? nullptr : desk_.model.packets().find(*number);
  if (entry == nullptr) return;
  opened_ = *entry;
  top_ = 0;
}

bool PacketsScreen::details_key(const Key& key) {
  const auto move = [&](std::size_t lines, bool down) {
    top_ = down ? std::min(top_ + lines, lines_) : top_ - std::min(lines, top_);
    return true;
  };
  const bool back = key.code == KeyCode::kLeft || key.is('N');
  if (key.code == KeyCode::kEscape || key.code == KeyCode::kEnter) {
    opened_.reset();
    return true;
  }
  if (back || key.code == KeyCode::kRight || key.is('n')) {
    selection_.step(!back);
    open_details();
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

bool PacketsScreen::key(const Key& key) {
  if (key.is(' ')) {
    PacketRing& packets = desk_.model.packets();
    packets.pause(!packets.paused());
    return true;
  }
  if (opened_) return details_key(key);
  if (selection_.key(key)) return true;
  if (key.code == KeyCode::kEnter) {
    selection_.follow(false);
    open_details();
    return true;
  }
  if (key.code == KeyCode::kEscape && !filter_.empty()) {
    filter_.clear();
    return true;
  }
  if (key.is('n') || key.is('N')) {
    selection_.step(key.is('n'));
    return true;
  }
  if (key.is('c')) {
    desk_.open(column_chooser(table_));
    return true;
  }
  return false;
}

std::optional<ServerIndex> PacketsScreen::server() const {
  const std::uint64_t* number = selection_.selected();
  const auto* entry = number == nullptr ? nullptr : desk_.model.packets().find(*number);
  return entry == nullptr ? std::nullopt : std::optional(entry->server);
}

std::optional<Sheet> PacketsScreen::sheet() {
  Sheet sheet;
  for (const Column& column : table_.columns()) sheet.titles.push_back(column.title);
  for (const std::uint64_t number : shown()) {
    auto& cells = sheet.rows.emplace_back();
    for (const Cell& cell : cells_of(desk_.model.packets().find(number)->row)) cells.push_back(cell.text);
  }
  return sheet;
}

std::vector<KeyHelp> PacketsScreen::keys() const {
  if (opened_) return {{"j k", "scroll", true}, {"n N", "next, previous packet", true}, {"Esc", "back", true}};
  return {{"Enter", "details, hex", true},
          {"Space", desk_.model.packets().paused() ? "go on" : "pause", true},
          {"G", "follow", true},
          {"/", "filter", true},
          {"t", "time format", true},
          {"e", "export", true},
          {"j k g G", "move; PgUp PgDn by pages; going up stops following"},
          {"n N", "next, previous packet"},
          {"c", "choose columns"}};
}

}  // namespace lc::watch
