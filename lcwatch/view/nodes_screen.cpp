#include "lcwatch/view/nodes_screen.h"

#include <algorithm>
#include <utility>

#include "lcwatch/view/chooser.h"
#include "lcwatch/view/node_cells.h"

namespace lc::watch {
namespace {

std::vector<Column> tree_columns() {
  return {{.title = "NODE", .width = 20, .stretch = 3},
          {.title = "STATE", .width = 11},
          {.title = "PKT/S", .width = 7, .right = true, .weight = 2},
          {.title = "DROP %", .width = 6, .right = true, .weight = 3},
          {.title = "SPOOL %", .width = 7, .right = true, .weight = 5},
          {.title = "FILTERS", .width = 7, .right = true, .weight = 4},
          {.title = "SINCE, WHY", .width = 16, .stretch = 2, .weight = 6}};
}

std::vector<Column> flat_columns() {
  return {{.title = "STATE", .width = 11},
          {.title = "ID", .width = 12, .stretch = 2},
          {.title = "PATH", .width = 8, .stretch = 2, .weight = 6},
          {.title = "HOST", .width = 10, .stretch = 1, .weight = 9},
          {.title = "VERSION", .width = 7, .weight = 12},
          {.title = "UPTIME", .width = 6, .right = true, .weight = 8},
          {.title = "PKT/S", .width = 6, .right = true, .weight = 1},
          {.title = "DROP %", .width = 6, .right = true, .weight = 2},
          {.title = "SPOOL %", .width = 7, .right = true, .weight = 4},
          {.title = "FILTERS", .width = 7, .right = true, .weight = 3},
          {.title = "CPU %", .width = 5, .right = true, .weight = 5},
          {.title = "MEMORY", .width = 9, .right = true, .weight = 7},
          {.title = "CLOCK", .width = 8, .right = true, .weight = 10},
          {.title = "CERT D", .width = 6, .right = true, .weight = 11}};
}

std::string name_of(const NodeKey& key) {
  return std::to_string(key.server) + fleet::path_text(key.path) + (key.is_hunter() ? " " + key.hunter : "");
}

std::string hunters_text(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " hunter" : " hunters");
}

}  // namespace

std::vector<std::string> hunters_below(const Model& model, const NodeKey& processor) {
  std::vector<std::string> names;
  for (const NodeRow& row : model.rows({})) {
    const fleet::NodePath& path = row.key.path;
    if (!row.hunter || row.key.server != processor.server || path.size() < processor.path.size()) continue;
    if (std::equal(processor.path.begin(), processor.path.end(), path.begin())) names.push_back(packet_name(row.key));
  }
  return names;
}

NodesScreen::NodesScreen(Desk& desk) : TableScreen(desk, tree_columns()), flat_(flat_columns()) {}

std::vector<Row> NodesScreen::rows(bool utf8) {
  nodes_ = desk_.model.rows(as_table_ ? std::set<NodeKey>{} : collapsed_);
  std::vector<Row> rows;
  rows.reserve(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    rows.push_back({name_of(nodes_[i].key), as_table_ ? flat_cells(nodes_[i]) : tree_cells(nodes_[i], utf8), i});
  }
  return rows;
}

std::vector<Cell> NodesScreen::tree_cells(const NodeRow& row, bool utf8) const {
  std::string id;
  for (std::size_t i = 0; i + 1 < row.more.size(); ++i) {
    id += row.more[i] ? std::string(text_of(Symbol::kVertical, utf8)) + "  " : "   ";
  }
  if (!row.more.empty()) {
    id += text_of(row.more.back() ? Symbol::kTee : Symbol::kCorner, utf8);
    id += text_of(Symbol::kHorizontal, utf8);
    id += " ";
  }
  if (row.has_children) {
    id += text_of(collapsed_.contains(row.key) ? Symbol::kClosed : Symbol::kOpen, utf8);
    id += " ";
  }
  id += row.id();
  if (row.depth == 0 && !row.hunter) id += "  (" + desk_.model.servers()[row.key.server] + ")";
  const NodeCells cells{desk_, row};
  const Style style = row.hunter && subscribed(row.key) && desk_.options.subscribed.contains(row.key.server)
                          ? Style::kChosen
                          : (row.hunter ? Style::kNormal : Style::kHeader);
  return {{std::move(id), style}, cells.state(),   cells.rate(), cells.drops(),
          cells.spool(),          cells.filters(), cells.why()};
}

std::vector<Cell> NodesScreen::flat_cells(const NodeRow& row) const {
  const NodeCells cells{desk_, row};
  return {cells.state(),   {row.id()},         {desk_.model.place(row.key.server, row.key.path)},
          cells.host(),    cells.version(),    cells.uptime(),
          cells.rate(),    cells.drops(),      cells.spool(),
          cells.filters(), cells.cpu(),        cells.memory(),
          cells.clock(),   cells.certificate()};
}

std::string NodesScreen::caption() const {
  const auto hunters = std::ranges::count_if(nodes_, [](const NodeRow& row) { return row.hunter != nullptr; });
  const auto processors = nodes_.size() - static_cast<std::size_t>(hunters);
  std::string text = std::to_string(processors) + (processors == 1 ? " processor, " : " processors, ") +
                     hunters_text(static_cast<std::size_t>(hunters));
  for (const auto& [server, wanted] : desk_.options.subscribed) {
    text += "; packets of " + hunters_text(wanted.size()) + " of " + desk_.model.servers()[server];
  }
  return text;
}

std::string NodesScreen::nothing() const {
  return "no processor has told its topology yet";
}

bool NodesScreen::stale(const Row& row) const {
  return desk_.model.stream(nodes_[row.source].key.server, StreamKind::kTopology).at == StreamState::At::kDown;
}

const NodeKey* NodesScreen::selected_node() const {
  const Row* row = selected();
  return row == nullptr || row->source >= nodes_.size() ? nullptr : &nodes_[row->source].key;
}

std::optional<ServerIndex> NodesScreen::server() const {
  const NodeKey* key = selected_node();
  return key == nullptr ? std::nullopt : std::optional(key->server);
}

void NodesScreen::toggle(const NodeKey& key) {
  if (!collapsed_.erase(key)) collapsed_.insert(key);
}

bool NodesScreen::key(const Key& key) {
  if (key.is('t')) {
    as_table_ = !as_table_;
    return true;
  }
  const NodeKey* at = selected_node();
  if (at != nullptr) {
    const NodeKey node = *at;
    const bool closes = key.code == KeyCode::kLeft;
    if (key.is('x') || key.code == KeyCode::kEnter || closes || key.code == KeyCode::kRight) {
      // What a hunter is in is closed with it; Enter on a hunter shows its packets' screen.
      if (node.is_hunter() && key.code == KeyCode::kEnter) {
        desk_.show(ScreenNumber::kPackets);
        return true;
      }
      const NodeKey processor = node.processor();
      const bool is_closed = collapsed_.contains(processor);
      if ((closes && is_closed) || (key.code == KeyCode::kRight && !is_closed)) return true;
      if (!as_table_) toggle(processor);
      return true;
    }
    if (key.is('s')) {
      choose_hunters(node.processor());
      return true;
    }
    if (key.is('d')) {
      if (node.is_hunter()) {
        unsubscribe(node);
      } else {
        desk_.say(Severity::kWarning, "d is for hunters; s chooses those of this processor");
      }
      return true;
    }
    if (key.is('f')) {
      desk_.show_filters(node.processor());
      return true;
    }
  }
  return TableScreen::key(key);
}

bool NodesScreen::subscribed(const NodeKey& hunter) const {
  const auto wanted = desk_.options.subscribed.find(hunter.server);
  return wanted == desk_.options.subscribed.end() || wanted->second.contains(packet_name(hunter));
}

void NodesScreen::want(ServerIndex server, const std::vector<std::string>& all, std::set<std::string> wanted) {
  const bool every = std::ranges::all_of(all, [&](const std::string& name) { return wanted.contains(name); });
  if (every) {
    desk_.options.subscribed.erase(server);
    desk_.remote.choose_hunters(server, std::nullopt);
    desk_.say(Severity::kInfo, "packets of all hunters of " + desk_.model.servers()[server]);
    return;
  }
  desk_.say(Severity::kInfo, "packets of " + hunters_text(wanted.size()) + " of " + desk_.model.servers()[server]);
  desk_.options.subscribed[server] = wanted;
  desk_.remote.choose_hunters(server, std::move(wanted));
}

void NodesScreen::choose_hunters(const NodeKey& processor) {
  const ServerIndex server = processor.server;
  const std::vector<std::string> here = hunters_below(desk_.model, processor);
  if (here.empty()) {
    desk_.say(Severity::kWarning, "there are no hunters at this processor");
    return;
  }
  const auto known = desk_.options.subscribed.find(server);
  std::vector<Chooser::Choice> choices;
  for (const std::string& name : here) {
    choices.push_back({name, name, known == desk_.options.subscribed.end() || known->second.contains(name)});
  }
  desk_.open(std::make_unique<Chooser>(
      "Packets of the hunters of " + desk_.model.where(server, processor.path), std::move(choices),
      [this, server](const std::vector<Chooser::Choice>& chosen) {
        // Of hunters elsewhere in the tree nothing is changed.
        const std::vector<std::string> all = hunters_below(desk_.model, {server, {}, {}});
        const auto before = desk_.options.subscribed.find(server);
        std::set<std::string> wanted =
            before == desk_.options.subscribed.end() ? std::set<std::string>(all.begin(), all.end()) : before->second;
        for (const Chooser::Choice& choice : chosen) {
          if (choice.chosen) {
            wanted.insert(choice.name);
          } else {
            wanted.erase(choice.name);
          }
        }
        want(server, all, std::move(wanted));
      }));
}

void NodesScreen::unsubscribe(const NodeKey& hunter) {
  const std::vector<std::string> all = hunters_below(desk_.model, {hunter.server, {}, {}});
  const auto before = desk_.options.subscribed.find(hunter.server);
  std::set<std::string> wanted =
      before == desk_.options.subscribed.end() ? std::set<std::string>(all.begin(), all.end()) : before->second;
  if (wanted.erase(packet_name(hunter)) == 0) {
    desk_.say(Severity::kInfo, "the packets of " + packet_name(hunter) + " are not subscribed");
    return;
  }
  want(hunter.server, all, std::move(wanted));
}

std::vector<KeyHelp> NodesScreen::keys() const {
  std::vector<KeyHelp> keys = {{"Enter x", "expand", true}, {"t", as_table_ ? "tree" : "table", true},
                               {"s", "hunters", true},      {"d", "unsubscribe", true},
                               {"f", "filters", true},      {"r", "resync"}};
  for (const KeyHelp& one : table_keys()) keys.push_back(one);
  return keys;
}

}  // namespace lc::watch
