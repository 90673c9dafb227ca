// The trees of the processors, and the same as a table.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lcwatch/view/table_screen.h"

namespace lc::watch {

class NodesScreen final : public TableScreen {
 public:
  explicit NodesScreen(Desk& desk);

  [[nodiscard]] std::string_view name() const override { return "Nodes"; }
  bool key(const Key& key) override;
  [[nodiscard]] std::vector<KeyHelp> keys() const override;
  [[nodiscard]] std::optional<ServerIndex> server() const override;

 protected:
  std::vector<Row> rows(bool utf8) override;
  [[nodiscard]] std::string caption() const override;
  [[nodiscard]] std::string nothing() const override;
  [[nodiscard]] bool stale(const Row& row) const override;
  Table& table() override { return as_table_ ? flat_ : TableScreen::table(); }

 private:
  [[nodiscard]] const NodeKey* selected_node() const;
  void toggle(const NodeKey& key);
  void choose_hunters(const NodeKey& processor);
  void unsubscribe(const NodeKey& hunter);
  void want(ServerIndex server, const std::vector<std::string>& all, std::set<std::string> wanted);
  [[nodiscard]] bool subscribed(const NodeKey& hunter) const;

  std::vector<Cell> tree_cells(const NodeRow& row, bool utf8) const;
  std::vector<Cell> flat_cells(const NodeRow& row) const;

  Table flat_;
  bool as_table_ = false;
  std::set<NodeKey> collapsed_;
  std::vector<NodeRow> nodes_;  // as they were drawn last
};

/// The names, as packets have them, of all hunters of a processor and below.
std::vector<std::string> hunters_below(const Model& model, const NodeKey& processor);

}  // namespace lc::watch
