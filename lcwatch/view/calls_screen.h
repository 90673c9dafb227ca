// The calls that are followed, and one of them as a ladder.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lcwatch/view/table_screen.h"

namespace lc::watch {

class CallsScreen final : public TableScreen {
 public:
  explicit CallsScreen(Desk& desk);

  [[nodiscard]] std::string_view name() const override { return "Calls"; }
  void draw(const Pane& pane) override;
  bool key(const Key& key) override;
  [[nodiscard]] std::vector<KeyHelp> keys() const override;
  [[nodiscard]] std::optional<ServerIndex> server() const override;
  std::optional<Sheet> sheet() override;

 protected:
  std::vector<Row> rows(bool utf8) override;
  [[nodiscard]] std::string caption() const override;
  [[nodiscard]] std::string nothing() const override;
  [[nodiscard]] bool stale(const Row& row) const override;

 private:
  [[nodiscard]] const CallKey* selected_call() const;
  void open(const CallKey& key);
  void close();
  bool ladder_key(const Key& key);

  std::vector<CallKey> keys_;  // of the rows
  std::optional<CallKey> opened_;
  CallTable::Pointer last_;  // of the opened one, the last that was known
  std::size_t top_ = 0;
  std::size_t lines_ = 0;
};

}  // namespace lc::watch
