#include "lcwatch/view/help_screen.h"

namespace lc::watch {
namespace {

constexpr KeyHelp kEverywhere[] = {
    {"1 ... 6", "Overview, Packets, Nodes, Calls, Filters, Events"},
    {"Tab Shift-Tab", "the next, the previous screen"},
    {"?", "this help; / searches it"},
    {"Esc", "back; never quits"},
    {"q Ctrl-C", "quit"},
    {"r", "resync: all streams of the selected node's processor anew"},
    {"Space", "pause the packets, and go on"},
    {"t", "time format: UTC, local, ago (on Nodes: tree or table)"},
    {"e E", "export: packets as pcapng, tables as CSV or JSON (on Filters: E)"},
    {"m", "mouse on or off; without it the terminal can select text"},
    {"Ctrl-L", "draw everything anew"},
    {"Ctrl-Z", "suspend"},
    {":q", "quit"},
    {":NAME", "the screen of this name, such as :calls"},
    {":export FILE", "as e"},
    {":packets on|off", "end the stream of packets, or begin it again"},
    {":theme NAME", "dark, light, mono"},
    {":resync", "as r, of all processors"},
};

}  // namespace

void HelpScreen::about(const Screen& screen) {
  about_ = screen.name();
  of_screen_ = screen.keys();
  filter({});
}

std::vector<Row> HelpScreen::rows(bool) {
  std::vector<Row> rows;
  const auto add = [&](const KeyHelp& one) {
    rows.push_back({std::to_string(rows.size()), {{std::string(one.keys), Style::kAccent}, {std::string(one.text)}}});
  };
  for (const KeyHelp& one : of_screen_) add(one);
  for (const KeyHelp& one : kEverywhere) add(one);
  return rows;
}

}  // namespace lc::watch
