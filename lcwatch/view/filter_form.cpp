#include "lcwatch/view/filter_form.h"

#include <algorithm>
#include <utility>

#include "common/filter/filter_set.h"
#include "common/filter/pattern.h"
#include "lcwatch/view/chooser.h"
#include "lcwatch/view/filters_screen.h"

namespace lc::watch {
namespace {

constexpr std::string_view kNames[] = {"Id", "Type", "Pattern", "Action", "Targets", "Enabled", "Description"};

/// Those that a user makes: media endpoints are announced by processors.
std::vector<fleet::FilterType> types() {
  std::vector<fleet::FilterType> all = fleet::all_filter_types();
  std::erase(all, fleet::FilterType::kMediaEndpoint);
  return all;
}

template <typename Value>
Value neighbour(const std::vector<Value>& all, Value value, bool forward) {
  const auto found = std::ranges::find(all, value);
  if (found == all.end()) return all.front();
  const auto at = static_cast<std::size_t>(found - all.begin());
  return all[(at + (forward ? 1 : all.size() - 1)) % all.size()];
}

void put_wrapped(const Pane& pane, std::string_view text, Pen pen) {
  int y = 0;
  for (const std::string_view line :
       wrapped(text, pane.width(), static_cast<std::size_t>(std::max(pane.height(), 0)))) {
    pane.put(0, y++, line, pen, pane.width());
  }
}

}  // namespace

FilterForm::FilterForm(Desk& desk, NodeKey processor, const fleet::Filter& filter, bool is_new,
                       std::vector<std::string> hunters)
    : desk_(desk),
      processor_(std::move(processor)),
      filter_(filter),
      is_new_(is_new),
      hunters_(std::move(hunters)),
      id_(filter.id),
      pattern_(filter.pattern),
      description_(filter.description),
      at_(is_new ? kId : kPattern) {
  check();
}

LineEdit* FilterForm::edited() {
  // The id names it: with another one it would be another filter.
  if (at_ == kId) return is_new_ ? &id_ : nullptr;
  if (at_ == kPattern) return &pattern_;
  return at_ == kDescription ? &description_ : nullptr;
}

fleet::Filter FilterForm::filter() const {
  fleet::Filter filter = filter_;
  filter.id = id_.text();
  filter.pattern = pattern_.text();
  filter.description = description_.text();
  return filter;
}

void FilterForm::check() {
  const fleet::Filter now = filter();
  wrong_.reset();
  // The pattern's own words first: they begin with the position.
  if (const Status pattern = filter::check_pattern(now.type, now.pattern); !pattern) {
    wrong_ = "pattern: " + pattern.error().text;
  } else if (const Status all = filter::check(now); !all) {
    wrong_ = all.error().text;
  }
}

std::string FilterForm::value(Field field) const {
  switch (field) {
    case kType:
      return type_text(filter_.type);
    case kAction:
      return std::string(name_of(filter_.action));
    case kTargets: {
      std::string text;
      for (const std::string& target : filter_.target_hunters) text += (text.empty() ? "" : ", ") + target;
      return text.empty() ? "all hunters" : text;
    }
    case kEnabled:
      return filter_.enabled ? "yes" : "no";
    default:
      return id_.text();
  }
}

void FilterForm::draw(const Pane& pane) {
  const Pane box =
      draw_box(pane, 76, 13,
               (is_new_ ? "New filter of " : "Filter of ") + desk_.model.where(processor_.server, processor_.path));
  constexpr int kValue = 16;
  for (int i = 0; i < kFields; ++i) {
    const auto field = static_cast<Field>(i);
    const bool here = field == at_;
    box.put(0, i, here ? "> " : "  ", {Style::kAccent});
    box.put(2, i, kNames[i], {here ? Style::kAccent : Style::kHeader});
    const LineEdit* line = field == kPattern         ? &pattern_
                           : field == kDescription   ? &description_
                           : field == kId && is_new_ ? &id_
                                                     : nullptr;
    if (line != nullptr) {
      line->draw(box, kValue, i, box.width() - kValue, here);
    } else {
      const std::string text = field == kId ? value(field) : "< " + value(field) + " >";
      box.put(kValue, i, text, {here ? Style::kInput : Style::kNormal}, box.width() - kValue);
    }
  }
  const Pane below = box.part(2, kFields + 1, box.width() - 2, box.height() - kFields - 1);
  if (operation_) {
    below.put(0, 0, "saving", {Style::kDim});
  } else if (answer_) {
    put_wrapped(below, *answer_, {Style::kBad});
  } else if (wrong_) {
    put_wrapped(below, *wrong_, {Style::kWarning});
  } else {
    below.put(0, 0, "can be evaluated; Enter saves it", {Style::kGood}, below.width());
  }
}

void FilterForm::change(bool forward) {
  if (at_ == kType) filter_.type = neighbour(types(), filter_.type, forward);
  if (at_ == kEnabled) filter_.enabled = !filter_.enabled;
  if (at_ == kAction) {
    filter_.action =
        neighbour({fleet::CaptureAction::kFull, fleet::CaptureAction::kSignalling, fleet::CaptureAction::kRtpHeaders},
                  filter_.action, forward);
  }
  if (at_ == kTargets) choose_targets();
}

void FilterForm::choose_targets() {
  std::vector<std::string> all = hunters_;
  // Some may be away now.
  for (const std::string& target : filter_.target_hunters) {
    if (std::ranges::find(all, target) == all.end()) all.push_back(target);
  }
  std::vector<Chooser::Choice> choices;
  for (const std::string& hunter : all) {
    choices.push_back(
        {hunter, hunter, std::ranges::find(filter_.target_hunters, hunter) != filter_.target_hunters.end()});
  }
  desk_.open(std::make_unique<Chooser>("Targets; none: all hunters", std::move(choices), [this](const auto& chosen) {
    filter_.target_hunters.clear();
    for (const Chooser::Choice& one : chosen) {
      if (one.chosen) filter_.target_hunters.push_back(one.name);
    }
    check();
  }));
}

void FilterForm::save() {
  check();
  if (wrong_ || operation_) return;
  answer_.reset();
  fleet::Filter filter = this->filter();
  const std::string text = (is_new_ ? "add filter " : "change filter ") + filter.id;
  operation_ = desk_.remote.save_filter(processor_.server, processor_.path, std::move(filter));
  desk_.model.began(*operation_, processor_, text);
}

bool FilterForm::key(const Key& key) {
  if (key.code == KeyCode::kEscape) return false;
  if (operation_)
    return true;  // what is being saved stays as it is, and nothing lies over a form that closes by itself
  const auto go = [&](int by) { at_ = static_cast<Field>((static_cast<int>(at_) + by + kFields) % kFields); };
  if (key.code == KeyCode::kTab || key.code == KeyCode::kDown) {
    go(1);
  } else if (key.code == KeyCode::kBackTab || key.code == KeyCode::kUp) {
    go(-1);
  } else if (key.code == KeyCode::kEnter) {
    save();
  } else if (LineEdit* line = edited()) {
    if (line->key(key)) {
      answer_.reset();
      check();
    }
  } else if (key.code == KeyCode::kLeft || key.code == KeyCode::kRight || key.is(' ')) {
    change(key.code != KeyCode::kLeft);
    answer_.reset();
    check();
  }
  return true;
}

void FilterForm::told(const Model::Outcome& outcome) {
  if (outcome.operation != operation_) return;
  operation_.reset();
  done_ = outcome.well;
  if (!outcome.well) answer_ = outcome.text;
}

}  // namespace lc::watch
