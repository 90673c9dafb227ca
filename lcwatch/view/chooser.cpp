#include "lcwatch/view/chooser.h"

#include <algorithm>
#include <utility>

#include "lcwatch/model/text.h"

namespace lc::watch {

Pane draw_box(const Pane& pane, int width, int height, std::string_view title) {
  width = std::min(width, pane.width());
  height = std::min(height, pane.height());
  const Pane box = pane.part((pane.width() - width) / 2, (pane.height() - height) / 2, width, height);
  for (int y = 0; y < box.height(); ++y) box.fill(0, y, box.width(), {});
  box.rule(0, {Style::kHeader});
  box.rule(box.height() - 1, {Style::kHeader});
  const int right = box.width() - 1;
  const int bottom = box.height() - 1;
  for (int y = 1; y < bottom; ++y) {
    box.put(0, y, Symbol::kVertical, {Style::kHeader});
    box.put(right, y, Symbol::kVertical, {Style::kHeader});
  }
  box.put(0, 0, Symbol::kTopLeft, {Style::kHeader});
  box.put(right, 0, Symbol::kTopRight, {Style::kHeader});
  box.put(0, bottom, Symbol::kBottomLeft, {Style::kHeader});
  box.put(right, bottom, Symbol::kBottomRight, {Style::kHeader});
  const std::string framed = " " + std::string(title) + " ";
  box.put(2, 0, framed, {Style::kHeader}, box.width() - 4);
  return box.part(2, 1, box.width() - 4, box.height() - 2);
}

Chooser::Chooser(std::string title, std::vector<Choice> choices, std::function<void(const std::vector<Choice>&)> then)
    : title_(std::move(title)), choices_(std::move(choices)), then_(std::move(then)) {}

void Chooser::draw(const Pane& pane) {
  std::size_t widest = std::max<std::size_t>(cells(title_), 24);
  for (const Choice& choice : choices_) widest = std::max(widest, cells(choice.text) + 6);
  const Pane box = draw_box(pane, static_cast<int>(std::min<std::size_t>(widest, 1'000)) + 6,
                            static_cast<int>(std::min<std::size_t>(choices_.size(), 1'000)) + 3, title_);
  std::vector<std::string> names;
  for (const Choice& choice : choices_) names.push_back("x" + choice.name);
  names.emplace_back("confirm");
  selection_.settle(std::move(names), box.height(), box.top());
  for (std::size_t i = selection_.top(); i < selection_.end(); ++i) {
    const int y = static_cast<int>(i - selection_.top());
    const bool here = i == selection_.at();
    if (here) box.fill(0, y, box.width(), {Style::kNormal, true});
    box.put(0, y, here ? "> " : "  ", {Style::kNormal, here});
    if (i == choices_.size()) {
      box.put(2, y, "[ confirm ]", {Style::kAccent, here});
    } else {
      const Choice& choice = choices_[i];
      const Pen pen{choice.chosen ? Style::kChosen : Style::kNormal, here};
      box.put(2, y, choice.chosen ? "[x] " : "[ ] ", pen);
      box.put(6, y, choice.text, pen, box.width() - 6);
    }
  }
}

bool Chooser::key(const Key& key) {
  if (key.code == KeyCode::kEscape || key.is('q')) return false;
  if (key.is('y')) {
    then_(choices_);
    return false;
  }
  if (key.is('a') || key.is('i')) {
    for (Choice& choice : choices_) choice.chosen = key.is('a') || !choice.chosen;
  } else if (key.code == KeyCode::kEnter || key.is(' ')) {
    if (selection_.empty()) return true;
    if (selection_.at() == choices_.size()) {
      then_(choices_);
      return false;
    }
    choices_[selection_.at()].chosen = !choices_[selection_.at()].chosen;
  } else {
    selection_.key(key);
  }
  return true;
}

std::unique_ptr<Overlay> column_chooser(Table& table) {
  std::vector<Chooser::Choice> choices;
  for (const Column& column : table.columns()) choices.push_back({column.title, column.title, !column.hidden});
  return std::make_unique<Chooser>("Columns", std::move(choices), [&table](const auto& chosen) {
    for (std::size_t i = 0; i < chosen.size(); ++i) table.hide(i, !chosen[i].chosen);
  });
}

}  // namespace lc::watch
