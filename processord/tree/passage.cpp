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

void Hierarchy::operate(fleet::NodePath path, std::uint32_t kind, std::string payload,
                        std::chrono::milliseconds patience, Done done) {
  locked([&] {
    const auto time = std::min(kOperationTime + kTimePerLevel * static_cast<int>(path.size()),
                               patience - ParentEnd::time_kept_back(patience, path.size() + 1));
    const Clock::time_point deadline = time_.now() + time;
    ParentEnd::Reply reply = [this, done = std::move(done)](OperationOutcome outcome) {
      effects_.later([done, outcome = std::move(outcome)] { done(outcome); });
    };
    Operation operation{.id = 0, .path = std::move(path), .left = time, .kind = kind, .payload = std::move(payload)};
    if (operation.path.empty()) {
      do_here(std::move(operation), deadline, std::move(reply));
    } else {
      pass(std::move(operation), deadline, std::move(reply));
    }
  });
}

// Behind the lock: what the host looks at (signatures) takes its time.
void Hierarchy::pass(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply) {
  effects_.later([this, operation = std::move(operation), deadline, reply = std::move(reply)] {
    const Status allowed = host_.check(operation.kind, operation.payload, operation.path);
    locked([&] {
      if (allowed) {
        route(operation, deadline, reply);
      } else {
        reply({.code = allowed.error().code, .text = chain_failure(self_.id, ": " + allowed.error().text)});
      }
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
           .text = chain_failure(id, known ? " unreachable" : " is not below " + quoted(self_.id)),
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

void Hierarchy::take(ChildEnd& end, Operation operation) {
  // No parent has a reason to give more than a root has.
  constexpr std::chrono::milliseconds kMost = kOperationTime + kTimePerLevel * fleet::kMaxDepth;
  const Clock::time_point deadline = time_.now() + std::clamp(operation.left, std::chrono::milliseconds(0), kMost);
  const std::uint64_t id = operation.id;
  pass(std::move(operation), deadline, [weak = end.weak_from_this(), id](OperationOutcome outcome) {
    if (const auto alive = weak.lock()) alive->answer({.id = id, .outcome = std::move(outcome)});
  });
}

void Hierarchy::take(ParentEnd& end, OperationAnswer answer) {
  end.answered(std::move(answer));
}

void Hierarchy::announce(std::string media) {
  locked([&] { spread({.payload = std::move(media)}, nullptr); });
}

void Hierarchy::spread(const Media& media, const void* from) {
  if (parent_ && parent_.get() != from && parent_->state_ == ChildEnd::State::kAttached) parent_->pass_on(media);
  for (const auto& [id, end] : children_) {
    if (end.get() != from) end->pass_on(media);
  }
}

// Passed on only where it is news, so it comes to an end also in a cycle that has not been found yet, and what a new
// link brings goes no further than where it was missing.
template <typename End>
void Hierarchy::heard(End& end, Media media) {
  effects_.later([this, from = end.shared_from_this(), media = std::move(media)] {
    if (host_.media(media.payload)) locked([&] { spread(media, from.get()); });
  });
}

template <typename End>
void Hierarchy::tell_known_media(End& end) {
  effects_.later([this, to = end.shared_from_this()] {
    std::vector<std::string> known = host_.known_media();
    locked([&] {
      if (to->state_ != End::State::kAttached) return;
      for (std::string& payload : known) to->pass_on({.payload = std::move(payload)});
    });
  });
}

template void Hierarchy::tell_known_media(ParentEnd& end);
template void Hierarchy::tell_known_media(ChildEnd& end);

void Hierarchy::take(ParentEnd& end, Media media) {
  heard(end, std::move(media));
}

void Hierarchy::take(ChildEnd& end, Media media) {
  heard(end, std::move(media));
}

}  // namespace lc::processor
