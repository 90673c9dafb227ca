// What passes through a processor on its way to others: operations and media. The other half of Hierarchy.
#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "processord/tree/hierarchy.h"

namespace lc::processor {

Result<fleet::NodePath> Hierarchy::resolve(std::string_view target) const {
  if (target.empty() || target == self_.id) return fleet::NodePath{};
  const fleet::ProcessorTree tree = topology_.snapshot().tree;
  if (target.find('/') != std::string_view::npos) {
    fleet::NodePath path = split(target, '/');
    if (fleet::find(tree, path)) return path;
    return Error{Code::kNotFound, "there is no processor " + quoted(fleet::path_text(path))};
  }
  std::vector<fleet::Located> found = fleet::locate(tree, target);
  // One that has moved is known at its old place too.
  const bool any_reachable = std::ranges::any_of(found, &fleet::Located::reachable);
  if (any_reachable) std::erase_if(found, [](const fleet::Located& one) { return !one.reachable; });
  if (found.empty()) return Error{Code::kNotFound, "no processor below has the id " + quoted(target)};
  if (found.size() == 1) return std::move(found.front().path);
  std::string paths;
  for (const fleet::Located& one : found) paths += (paths.empty() ? "" : ", ") + fleet::path_text(one.path);
  return Error{Code::kFailedPrecondition, std::to_string(found.size()) + " processors have the id " + quoted(target) +
                                              ", one must be named by its path: " + paths};
}

void Hierarchy::operate(fleet::NodePath path, std::uint32_t kind, std::string payload, Done done) {
  locked([&] {
    const auto time = kOperationTime + kTimePerLevel * static_cast<int>(path.size());
    Operation operation{.id = 0, .path = std::move(path), .left = time, .kind = kind, .payload = std::move(payload)};
    route(std::move(operation), time_.now() + time, [this, done = std::move(done)](OperationOutcome outcome) {
      effects_.later([done, outcome = std::move(outcome)] { done(outcome); });
    });
  });
}

void Hierarchy::route(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply) {
  if (operation.path.empty()) {
    do_here(std::move(operation), deadline, std::move(reply));
    return;
  }
  const std::string id = std::move(operation.path.front());
  operation.path.erase(operation.path.begin());
  const auto child = children_.find(id);
  if (child == children_.end()) {
    const bool known = fleet::find(topology_.snapshot().tree, {id}) != nullptr;
    reply({.code = known ? Code::kUnavailable : Code::kNotFound,
           .text = "operation failed in chain: processor \"" + id + "\" " +
                   (known ? "unreachable" : "is not below \"" + self_.id + "\""),
           .answered = {id}});
    return;
  }
  child->second->operate(std::move(operation), deadline, [id, reply = std::move(reply)](OperationOutcome outcome) {
    outcome.answered.insert(outcome.answered.begin(), id);
    reply(std::move(outcome));
  });
}

void Hierarchy::do_here(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - time_.now());
  effects_.later([this, operation = std::move(operation), left, reply = std::move(reply)] {
    host_.operate(operation.kind, operation.payload, left,
                  [this, reply](const OperationOutcome& outcome) { locked([&] { reply(outcome); }); });
  });
}

void Hierarchy::announce(std::string media) {
  locked([&] {
    const Media message{.hops = 0, .payload = std::move(media)};
    if (parent_ && parent_->state_ == ChildEnd::State::kAttached) parent_->pass_on(message);
    for (const auto& [id, end] : children_) end->pass_on(message);
  });
}

void Hierarchy::spread(Media media, const ParentEnd* from) {
  // From one end of the tree to the other. Only in a cycle, before it is cut, could it go further.
  if (++media.hops > 2 * fleet::kMaxDepth) return;
  if (from != nullptr && parent_ && parent_->state_ == ChildEnd::State::kAttached) parent_->pass_on(media);
  for (const auto& [id, end] : children_) {
    if (end.get() != from) end->pass_on(media);
  }
  effects_.later([this, payload = std::move(media.payload)] { host_.media(payload); });
}

}  // namespace lc::processor
