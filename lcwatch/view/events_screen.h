// What has happened.
#pragma once

#include <string>
#include <vector>

#include "lcwatch/view/table_screen.h"

namespace lc::watch {

class EventsScreen final : public TableScreen {
 public:
  explicit EventsScreen(Desk& desk)
      : TableScreen(desk,
                    {{.title = "TIME", .width = 19},
                     {.title = "SEVERITY", .width = 8},
                     {.title = "WHERE", .width = 10, .stretch = 1},
                     {.title = "EVENT", .width = 20, .stretch = 5}},
                    true) {}

  [[nodiscard]] std::string_view name() const override { return "Events"; }
  [[nodiscard]] std::vector<KeyHelp> keys() const override {
    std::vector<KeyHelp> keys = {{"G", "follow", true}, {"t", "time format", true}, {"e", "export", true}};
    for (const KeyHelp& one : table_keys()) keys.push_back(one);
    return keys;
  }

 protected:
  std::vector<Row> rows(bool) override {
    std::vector<Row> rows;
    for (const Event& event : desk_.model.events().events()) {
      const Style style = style_of(event.severity);
      rows.push_back({std::to_string(event.number),
                      {{date_text(event.time_ns, desk_.options.time, desk_.now), Style::kNormal,
                        static_cast<double>(event.time_ns)},
                       {std::string(lc::watch::name_of(event.severity)), style, static_cast<double>(event.severity)},
                       {event.where},
                       {event.text}}});
    }
    return rows;
  }
  [[nodiscard]] std::string caption() const override {
    return count_text(desk_.model.events().events().size()) + " events   " +
           std::string(lc::watch::name_of(desk_.options.time));
  }
  [[nodiscard]] std::string nothing() const override { return "nothing has happened yet"; }
};

}  // namespace lc::watch
