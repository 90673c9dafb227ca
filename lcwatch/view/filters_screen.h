// The filters of one processor.
#pragma once

#include <string>
#include <vector>

#include "lcwatch/view/table_screen.h"

namespace lc::watch {

class FiltersScreen final : public TableScreen {
 public:
  explicit FiltersScreen(Desk& desk);

  /// Whose filters are shown from now on.
  void show(const NodeKey& processor);

  [[nodiscard]] std::string_view name() const override { return "Filters"; }
  bool key(const Key& key) override;
  [[nodiscard]] std::vector<KeyHelp> keys() const override;
  [[nodiscard]] std::optional<ServerIndex> server() const override { return processor_.server; }
  void came_to_front() override { ask_for_list(); }
  /// What filters have hit is told only to who asks.
  void each_second() override;
  void filters_changed(const NodeKey& processor);

 protected:
  std::vector<Row> rows(bool utf8) override;
  [[nodiscard]] std::string caption() const override;
  [[nodiscard]] std::string nothing() const override;
  [[nodiscard]] bool stale(const Row& row) const override;

 private:
  void ask_for_list() { desk_.remote.list_filters(processor_.server, processor_.path); }
  void next_processor();
  void edit(const fleet::Filter& filter, bool is_new);
  void save(fleet::Filter filter, const std::string& what);
  void remove(const std::string& id);
  [[nodiscard]] const fleet::Filter* selected_filter() const;
  [[nodiscard]] bool may_change();

  NodeKey processor_;
  int seconds_ = 0;
};

std::string_view name_of(fleet::CaptureAction action);  // full, signalling, rtp headers
/// Without FILTER_, in small letters: "sip user".
std::string type_text(fleet::FilterType type);

}  // namespace lc::watch
