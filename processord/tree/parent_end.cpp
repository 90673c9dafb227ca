#include "processord/tree/parent_end.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "processord/tree/chain.h"

namespace lc::processor {

std::chrono::milliseconds ParentEnd::time_kept_back(std::chrono::milliseconds left, std::size_t processors) {
  return std::min(kTimePerHop, left / static_cast<int>(processors + 1));
}

void ParentEnd::wake() {
  if (std::exchange(idle_, false)) effects_.later(peer_.ready);
}

OperationOutcome ParentEnd::unreachable() const {
  return {.code = Code::kUnavailable, .text = chain_failure(child_.self.id, " unreachable")};
}

void ParentEnd::welcome(Registration child, const Chain& chain) {
  state_ = State::kAttached;
  child_ = std::move(child);
  first_ = Welcome{chain};
  wake();
}

void ParentEnd::chain_changed(const Chain& chain) {
  chain_ = chain;
  wake();
}

void ParentEnd::refuse(Refusal refusal) {
  gone();
  first_ = std::move(refusal);
  wake();
}

void ParentEnd::gone() {
  state_ = State::kOver;
  first_.reset();
  chain_.reset();
  unsent_.clear();
  media_.clear();
  for (auto& [id, pending] : std::exchange(operations_, {})) pending.reply(unreachable());
}

bool ParentEnd::follows(const fleet::TopologyUpdate& update) {
  if (update.snapshot != nullptr) {
    revision_ = update.revision;
    return true;
  }
  return update.change != nullptr && revision_ && update.revision == ++*revision_;
}

void ParentEnd::operate(Operation operation, Clock::time_point deadline, Reply reply) {
  if (operations_.size() >= kMostOperations) {
    reply({.code = Code::kResourceExhausted, .text = chain_failure(child_.self.id, " has too many of them to do")});
    return;
  }
  const std::uint64_t id = operation.id = ++last_operation_;
  unsent_.push_back(id);
  operations_.emplace(id, Pending{std::move(operation), deadline, std::move(reply)});
  wake();
}

void ParentEnd::answered(OperationAnswer answer) {
  auto pending = operations_.extract(answer.id);
  if (!pending.empty()) pending.mapped().reply(std::move(answer.outcome));
}

void ParentEnd::expire(Clock::time_point now) {
  for (auto at = operations_.begin(); at != operations_.end();) {
    if (at->second.deadline > now) {
      ++at;
      continue;
    }
    const Reply reply = std::move(at->second.reply);
    at = operations_.erase(at);
    reply({.code = Code::kDeadlineExceeded, .text = chain_failure(child_.self.id, " did not answer in time")});
  }
}

void ParentEnd::pass_on(Media media) {
  media_.push_back(std::move(media));
  if (media_.size() > kMostMedia) media_.pop_front();
  wake();
}

std::optional<FromParent> ParentEnd::next(Clock::time_point now) {
  if (first_) return std::exchange(first_, std::nullopt);
  if (chain_) return ChainChanged{*std::exchange(chain_, std::nullopt)};
  while (!unsent_.empty()) {
    const auto found = operations_.find(unsent_.front());
    unsent_.pop_front();
    if (found == operations_.end()) continue;
    Pending& pending = found->second;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(pending.deadline - now);
    pending.operation.left = left - time_kept_back(left, pending.operation.path.size() + 1);
    if (pending.operation.left.count() > 0) return std::move(pending.operation);
  }
  if (!media_.empty()) {
    Media media = std::move(media_.front());
    media_.pop_front();
    return media;
  }
  idle_ = true;
  return std::nullopt;
}

bool ParentEnd::has_next() const {
  return first_ || chain_ || !unsent_.empty() || !media_.empty();
}

}  // namespace lc::processor
