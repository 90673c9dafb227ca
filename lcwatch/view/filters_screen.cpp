#include "lcwatch/view/filters_screen.h"

#include <algorithm>
#include <utility>

#include "lcwatch/view/filter_form.h"

namespace lc::watch {
namespace {

constexpr int kSecondsBetweenLists = 5;

}  // namespace

std::string_view name_of(fleet::CaptureAction action) {
  switch (action) {
    case fleet::CaptureAction::kFull:
      return "full";
    case fleet::CaptureAction::kSignalling:
      return "signalling";
    case fleet::CaptureAction::kRtpHeaders:
      return "rtp headers";
  }
  return "unknown";
}

std::string type_text(fleet::FilterType type) {
  std::string text(fleet::name_of(type));
  if (text.empty()) return "type " + std::to_string(static_cast<int>(type));
  text.erase(0, std::string_view("FILTER_").size());
  for (char& c : text) c = c == '_' ? ' ' : static_cast<char>(c - 'A' + 'a');
  return text;
}

FiltersScreen::FiltersScreen(Desk& desk)
    : TableScreen(desk, {{.title = "ID", .width = 10, .stretch = 2},
                         {.title = "TYPE", .width = 12, .weight = 1},
                         {.title = "PATTERN", .width = 12, .stretch = 4},
                         {.title = "ACTION", .width = 11, .weight = 5},
                         {.title = "STATE", .width = 8},
                         {.title = "TARGETS", .width = 8, .stretch = 2, .weight = 4},
                         {.title = "APPLIED", .width = 7, .right = true},
                         {.title = "HITS", .width = 8, .right = true, .weight = 2},
                         {.title = "LAST HIT", .width = 12, .weight = 3}}) {}

void FiltersScreen::show(const NodeKey& processor) {
  processor_ = processor;
  ask_for_list();
}

void FiltersScreen::each_second() {
  if (++seconds_ % kSecondsBetweenLists == 0) ask_for_list();
}

void FiltersScreen::filters_changed(const NodeKey& processor) {
  if (processor == processor_) ask_for_list();
}

std::vector<Row> FiltersScreen::rows(bool) {
  std::vector<Row> rows;
  const FilterList* list = desk_.model.filters(processor_);
  if (list == nullptr) return rows;
  for (std::size_t i = 0; i < list->rows.size(); ++i) {
    const FilterRow& row = list->rows[i];
    const fleet::Filter& filter = row.filter;
    std::string targets;
    for (const std::string& target : filter.target_hunters) targets += (targets.empty() ? "" : ",") + target;
    const FigureTable::Applied applied = desk_.model.figures().applied(processor_, filter.target_hunters);
    const bool over = filter.expires_at_ns != 0 && filter.expires_at_ns <= desk_.now.wall_ns;
    const Style style = filter.enabled && !over ? Style::kNormal : Style::kDim;
    const bool missing = filter.enabled && applied.have < applied.targeted;
    rows.push_back(
        {filter.id,
         {{filter.id, style},
          {type_text(filter.type), style},
          {filter.pattern, style},
          {std::string(lc::watch::name_of(filter.action)), style},
          {over             ? "EXPIRED"
           : filter.enabled ? "ENABLED"
                            : "DISABLED",
           filter.enabled && !over ? Style::kGood : Style::kStopping},
          {targets.empty() ? "all" : targets, style},
          {filter.enabled ? std::to_string(applied.have) + "/" + std::to_string(applied.targeted) : "-",
           missing ? Style::kWarning : style, static_cast<double>(applied.have)},
          {count_text(row.packets_hit), style, static_cast<double>(row.packets_hit)},
          {time_text(row.last_hit_ns, desk_.options.time, desk_.now), style, static_cast<double>(row.last_hit_ns)}},
         i});
  }
  return rows;
}

std::string FiltersScreen::caption() const {
  std::string text = "Filters of " + desk_.model.where(processor_.server, processor_.path);
  const FilterList* list = desk_.model.filters(processor_);
  if (list == nullptr) return text;
  text += ": " + std::to_string(list->rows.size());
  if (list->error) text += "   not up to date: " + *list->error;
  return text;
}

std::string FiltersScreen::nothing() const {
  const FilterList* list = desk_.model.filters(processor_);
  if (list == nullptr) return "asking for them";
  return list->error ? *list->error : "no filters: hunters forward everything; a adds one";
}

bool FiltersScreen::stale(const Row&) const {
  const FilterList* list = desk_.model.filters(processor_);
  return list != nullptr && list->error.has_value();
}

const fleet::Filter* FiltersScreen::selected_filter() const {
  const Row* row = selected();
  const FilterList* list = desk_.model.filters(processor_);
  if (row == nullptr || list == nullptr) return nullptr;
  const auto found = std::ranges::find_if(list->rows, [&](const FilterRow& one) { return one.filter.id == row->name; });
  return found == list->rows.end() ? nullptr : &found->filter;
}

bool FiltersScreen::may_change() {
  if (!desk_.read_only(processor_.server)) return true;
  desk_.say(Severity::kWarning, "read-only: this console may not change filters here");
  return false;
}

void FiltersScreen::next_processor() {
  std::vector<NodeKey> processors;
  for (const NodeRow& row : desk_.model.rows({})) {
    if (!row.hunter) processors.push_back(row.key);
  }
  if (processors.empty()) return;
  const auto at = std::ranges::find(processors, processor_);
  show(at == processors.end() || at + 1 == processors.end() ? processors.front() : *(at + 1));
}

void FiltersScreen::save(fleet::Filter filter, const std::string& what) {
  const std::string text = what + " filter " + filter.id;
  desk_.model.began(desk_.remote.save_filter(processor_.server, processor_.path, std::move(filter)), processor_, text);
  desk_.say(Severity::kInfo, text + ": under way");
}

void FiltersScreen::remove(const std::string& id) {
  const std::string text = "delete filter " + id;
  desk_.model.began(desk_.remote.delete_filter(processor_.server, processor_.path, id), processor_, text);
  desk_.say(Severity::kInfo, text + ": under way");
}

void FiltersScreen::edit(const fleet::Filter& filter, bool is_new) {
  std::vector<std::string> hunters;
  for (const NodeRow& row : desk_.model.rows({})) {
    if (row.hunter && row.key.processor() == processor_) hunters.push_back(row.hunter->description.id);
  }
  desk_.open(std::make_unique<FilterForm>(desk_, processor_, filter, is_new, std::move(hunters)));
}

bool FiltersScreen::key(const Key& key) {
  if (key.is('f')) {
    next_processor();
    return true;
  }
  if (key.is('a')) {
    fleet::Filter fresh;
    fresh.enabled = true;
    if (may_change()) edit(fresh, true);
    return true;
  }
  const bool edits = key.is('e') || key.code == KeyCode::kEnter;
  if (edits || key.is('d') || key.is('D')) {
    const fleet::Filter* filter = selected_filter();
    if (filter == nullptr || !may_change()) return true;
    if (edits) {
      edit(fleet::Filter(*filter), false);
    } else if (key.is('d')) {
      fleet::Filter other = *filter;
      other.enabled = !other.enabled;
      save(other, other.enabled ? "enable" : "disable");
    } else {
      desk_.confirm(
          "Delete filter " + filter->id + " of " + desk_.model.where(processor_.server, processor_.path) + "?",
          [this, id = filter->id] { remove(id); });
    }
    return true;
  }
  return TableScreen::key(key);
}

std::vector<KeyHelp> FiltersScreen::keys() const {
  std::vector<KeyHelp> keys = {{"a", "add", true},    {"e", "edit", true},           {"d", "disable, enable", true},
                               {"D", "delete", true}, {"f", "next processor", true}, {"E", "export"},
                               {"t", "time format"}};
  for (const KeyHelp& one : table_keys()) keys.push_back(one);
  return keys;
}

}  // namespace lc::watch
