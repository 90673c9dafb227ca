// A filter that is made or changed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lcwatch/view/line_edit.h"
#include "lcwatch/view/screen.h"

namespace lc::watch {

/// Says while one types whether hunters could evaluate it; the processor has the last word.
class FilterForm final : public Overlay {
 public:
  FilterForm(Desk& desk, NodeKey processor, const fleet::Filter& filter, bool is_new, std::vector<std::string> hunters);

  void draw(const Pane& pane) override;
  bool key(const Key& key) override;
  void told(const Model::Outcome& outcome) override;
  [[nodiscard]] bool done() const override { return done_; }
  [[nodiscard]] std::string_view hint() const override {
    return "Tab next field   Left Right change   Space choose   Enter save   Esc leave";
  }

 private:
  enum Field { kId, kType, kPattern, kAction, kTargets, kEnabled, kDescription, kFields };

  [[nodiscard]] LineEdit* edited();
  void change(bool forward);
  void choose_targets();
  void check();
  void save();
  [[nodiscard]] fleet::Filter filter() const;
  [[nodiscard]] std::string value(Field field) const;

  Desk& desk_;
  const NodeKey processor_;
  fleet::Filter filter_;  // all but what is typed
  const bool is_new_;
  const std::vector<std::string> hunters_;
  LineEdit id_, pattern_, description_;
  Field at_ = kId;
  std::optional<std::string> wrong_;   // what is wrong with it
  std::optional<std::string> answer_;  // what the processor said
  std::optional<std::uint64_t> operation_;
  bool done_ = false;
};

}  // namespace lc::watch
