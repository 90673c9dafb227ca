#include "processord/tree/child_end.h"

#include <utility>

namespace lc::processor {

void ChildEnd::wake() {
  if (std::exchange(idle_, false)) effects_.later(peer_.ready);
}

void ChildEnd::unsubscribe() {
  if (subscription_) topology_.unsubscribe(std::exchange(subscription_, nullptr));
  if (wanted_figures_) figures_.unsubscribe(std::exchange(wanted_figures_, nullptr));
}

void ChildEnd::welcomed() {
  state_ = State::kAttached;
  auto subscription = topology_.subscribe({.console = false, .ready = peer_.ready, .closed = [](const Error&) {}});
  if (subscription) subscription_ = std::move(*subscription);
  wanted_figures_ = figures_.subscribe({.ready = peer_.ready});
  wake();
}

void ChildEnd::leave(std::string reason) {
  gone();
  first_ = Leave{std::move(reason)};
  wake();
}

void ChildEnd::gone() {
  state_ = State::kOver;
  first_.reset();
  answers_.clear();
  media_.clear();
  unsubscribe();
}

void ChildEnd::answer(OperationAnswer answer) {
  if (state_ != State::kAttached) return;
  answers_.push_back(std::move(answer));
  wake();
}

void ChildEnd::pass_on(Media media) {
  media_.push_back(std::move(media));
  if (media_.size() > kMostMedia) media_.pop_front();
  wake();
}

std::optional<FromChild> ChildEnd::next() {
  if (first_) return std::exchange(first_, std::nullopt);
  if (!answers_.empty()) {
    OperationAnswer answer = std::move(answers_.front());
    answers_.pop_front();
    return answer;
  }
  if (!media_.empty()) {
    Media media = std::move(media_.front());
    media_.pop_front();
    return media;
  }
  if (subscription_) {
    if (auto update = topology_.next(*subscription_)) return std::move(*update);
  }
  if (wanted_figures_) {
    if (const FiguresPointer figures = figures_.next(*wanted_figures_)) return *figures;
  }
  idle_ = true;
  return std::nullopt;
}

bool ChildEnd::has_next() const {
  return first_ || !answers_.empty() || !media_.empty() || (subscription_ && topology_.has_next(*subscription_)) ||
         (wanted_figures_ && figures_.has_next(*wanted_figures_));
}

}  // namespace lc::processor
