// Where a processor may stand is judged by the chain above it, which every parent tells its children and tells again
// when it changes. Two links that close a cycle at once are both admitted, as neither parent can know better; then the
// chain comes round, and whoever first finds a processor above itself cuts a link. So a cycle, or an eleventh level,
// lasts as long as a message takes to pass it.
//
// Calls to others (streams, the host, those who wait for answers) are made behind the lock, see Effects.
#include "processord/tree/hierarchy.h"

#include <utility>
#include <vector>

#include "common/base/text.h"

namespace lc::processor {

Hierarchy::Hierarchy(ProcessorIdentity self, Topology& topology, Host& host, const TimeSource& time)
    : self_(std::move(self)), topology_(topology), host_(host), time_(time), figures_(time) {}

void Hierarchy::tell(const Topology::Notice& notice) {
  effects_.later([notice] { notice.tell(); });
}

void Hierarchy::forget_figures() {
  const fleet::ProcessorTree tree = topology_.snapshot().tree;
  figures_.keep([&](const fleet::NodePath& path) { return fleet::reaches(tree, path); });
}

// Children.

std::shared_ptr<ParentEnd> Hierarchy::child_opened(LinkPeer peer) {
  return std::make_shared<ParentEnd>(std::move(peer), effects_);
}

void Hierarchy::received(ParentEnd& end, FromChild message) {
  using State = ParentEnd::State;
  locked([&] {
    if (end.state_ == State::kOver) return;
    if (end.state_ == State::kOpened && !std::holds_alternative<Registration>(message)) {
      end.refuse({.error = {Code::kInvalidArgument, "a link begins with a registration"}});
      return;
    }
    std::visit([&](auto& what) { take(end, std::move(what)); }, message);
  });
}

Status Hierarchy::may_attach(const Registration& registration, const std::string& address) const {
  const std::lock_guard lock(mutex_);
  return admit(registration, address);
}

Status Hierarchy::admit(const Registration& registration, const std::string& address) const {
  if (closed_) return *closed_;
  if (const Status valid = check_id("processor id", registration.self.id); !valid) return valid;
  if (const Status fits = check_place(registration.self, chain_below(self_, chain_), registration.height); !fits) {
    return fits;
  }
  const auto found = children_.find(registration.self.id);
  if (found == children_.end()) return {};
  const ParentEnd& other = *found->second;
  // The same process again: its old link is dead, only nobody has noticed yet.
  if (registration.self.instance != 0 && registration.self == other.child_.self) return {};
  return Error{Code::kAlreadyExists, "processor id \"" + registration.self.id + "\" is in use: by " +
                                         other.child_.address + " (" + other.peer_.address +
                                         "), and can't be that of " + registration.address + " (" + address + ") too"};
}

void Hierarchy::take(ParentEnd& end, Registration registration) {
  if (end.state_ != ParentEnd::State::kOpened) {
    lose(end, {Code::kInvalidArgument, "a second registration on one link"});
    return;
  }
  if (const Status admitted = admit(registration, end.peer_.address); !admitted) {
    end.refuse({.error = admitted.error()});
    return;
  }
  const std::string id = registration.self.id;
  if (const auto old = children_.extract(id); !old.empty()) {
    old.mapped()->refuse({.error = {Code::kAborted, "another link of the same processor has taken over"}});
  }
  end.welcome(std::move(registration), chain_below(self_, chain_));
  children_.emplace(id, end.shared_from_this());
  tell_known_media(end);
}

void Hierarchy::take(ParentEnd& end, const fleet::TopologyUpdate& update) {
  const std::string& id = end.child_.self.id;
  if (!end.follows(update)) {
    lose(end, {Code::kInvalidArgument, "updates of the tree are missing"});
    return;
  }
  if (update.snapshot && update.snapshot->processor.id != id) {
    lose(end, {Code::kInvalidArgument, "the tree of another processor than \"" + id + "\""});
    return;
  }
  const Result<Topology::Notice> noted =
      update.snapshot ? topology_.child_told(update.snapshot, wall_ns()) : topology_.child_changed(id, *update.change);
  if (!noted) {
    if (noted.error().code == Code::kFailedPrecondition) {
      send_away(end, noted.error());  // too deep: what a cycle looks like, as long as it lasts
    } else {
      lose(end, noted.error());
    }
    return;
  }
  if (update.snapshot) lost_.erase(id);
  tell(*noted);
  if (update.snapshot || std::holds_alternative<fleet::ProcessorRemoved>(update.change->event) ||
      std::holds_alternative<fleet::ReachabilityChanged>(update.change->event)) {
    forget_figures();
  }
}

// Of a processor that is not known, or not any more, they are passed over: its figures come again.
void Hierarchy::take(ParentEnd& end, fleet::FiguresAt figures) {
  figures.path.insert(figures.path.begin(), end.child_.self.id);
  if (!fleet::reaches(topology_.snapshot().tree, figures.path)) return;
  effects_.later([notice = figures_.put(std::move(figures))] { notice.tell(); });
}

void Hierarchy::take(ParentEnd& end, const Leave& leave) {
  remove(end, leave.reason);
  end.gone();
}

std::optional<FromParent> Hierarchy::next(ParentEnd& end) {
  const std::lock_guard lock(mutex_);
  return end.next(time_.now());
}

bool Hierarchy::has_next(const ParentEnd& end) const {
  const std::lock_guard lock(mutex_);
  return end.has_next();
}

void Hierarchy::broken(ParentEnd& end, const std::string& reason) {
  locked([&] {
    if (end.state_ == ParentEnd::State::kAttached) lose(end, {Code::kUnavailable, reason});
    end.gone();
  });
}

void Hierarchy::lose(ParentEnd& end, const Error& reason) {
  const std::string& id = end.child_.self.id;
  children_.erase(id);
  lost_[id] = time_.now();
  tell(topology_.child_lost(id, reason.text, wall_ns()));
  forget_figures();
  end.refuse({.error = reason});
}

void Hierarchy::send_away(ParentEnd& end, const Error& reason) {
  remove(end, reason.text);
  end.refuse({.error = reason});
}

void Hierarchy::remove(ParentEnd& end, const std::string& reason) {
  const std::string& id = end.child_.self.id;
  children_.erase(id);
  lost_.erase(id);
  tell(topology_.child_removed(id, reason, wall_ns()));
  forget_figures();
}

// The parent.

std::shared_ptr<ChildEnd> Hierarchy::parent_opened(LinkPeer peer) {
  const Topology::Snapshot now = topology_.snapshot();
  const Registration registration{.self = self_,
                                  .address = now.tree->processor.address,
                                  .height = static_cast<std::uint32_t>(fleet::height(now.tree))};
  const auto end = std::make_shared<ChildEnd>(std::move(peer), effects_, topology_, figures_, registration);
  locked([&] {
    if (parent_) part_from_parent({Code::kAborted, "another link has taken over"});
    parent_ = end;
    if (closed_) leave_parent(*closed_);
  });
  return end;
}

void Hierarchy::received(ChildEnd& end, FromParent message) {
  using State = ChildEnd::State;
  locked([&] {
    if (!is_current(end)) return;
    const bool in_turn = std::holds_alternative<Refusal>(message) ||
                         (end.state_ == State::kOpened) == std::holds_alternative<Welcome>(message);
    if (!in_turn) {
      leave_parent({Code::kInvalidArgument, "the parent says what it can't say now"});
      return;
    }
    std::visit([&](auto& what) { take(end, std::move(what)); }, message);
  });
}

void Hierarchy::take(ChildEnd& end, Welcome welcome) {
  if (const Status fits = check_place(self_, welcome.chain, 0); !fits) {
    leave_parent(fits.error());
    return;
  }
  not_attached_.reset();
  end.welcomed();
  tell_known_media(end);
  set_chain(std::move(welcome.chain));
}

void Hierarchy::take(ChildEnd&, Refusal refusal) {
  part_from_parent(std::move(refusal.error));
}

void Hierarchy::take(ChildEnd&, ChainChanged changed) {
  if (const Status fits = check_place(self_, changed.chain, 0); !fits) {
    leave_parent(fits.error());
    return;
  }
  set_chain(std::move(changed.chain));
}

std::optional<FromChild> Hierarchy::next(ChildEnd& end) {
  const std::lock_guard lock(mutex_);
  return end.next();
}

bool Hierarchy::has_next(const ChildEnd& end) const {
  const std::lock_guard lock(mutex_);
  return end.has_next();
}

void Hierarchy::broken(ChildEnd& end, const std::string& reason) {
  locked([&] {
    if (is_current(end)) part_from_parent({Code::kUnavailable, reason});
    end.gone();
  });
}

void Hierarchy::part_from_parent(Error why) {
  std::exchange(parent_, nullptr)->gone();
  not_attached_ = std::move(why);
  set_chain({});
}

void Hierarchy::leave_parent(const Error& why) {
  std::exchange(parent_, nullptr)->leave(why.text);
  not_attached_ = why;
  set_chain({});
}

void Hierarchy::set_chain(Chain chain) {
  if (chain == chain_) return;
  chain_ = std::move(chain);
  const Chain below = chain_below(self_, chain_);
  const auto children = children_;
  for (const auto& [id, end] : children) {
    // Of a subtree that has become too deep, only the levels that are.
    if (const Status fits = check_place(end->child_.self, below, 0); !fits) {
      send_away(*end, fits.error());
    } else {
      end->chain_changed(below);
    }
  }
  forget_lost([&](const std::string& id, Clock::time_point) {
    const fleet::ProcessorTree child = fleet::find(topology_.snapshot().tree, {id});
    return child && below.size() + fleet::levels(child) > fleet::kMaxDepth;
  });
}

template <typename Condition>
void Hierarchy::forget_lost(Condition&& condition) {
  for (auto at = lost_.begin(); at != lost_.end();) {
    if (!condition(at->first, at->second)) {
      ++at;
      continue;
    }
    tell(topology_.child_removed(at->first, "has not come back", wall_ns()));
    at = lost_.erase(at);
  }
}

void Hierarchy::leave(const std::string& reason) {
  locked([&] {
    if (parent_) leave_parent({Code::kCancelled, reason});
  });
}

void Hierarchy::close_all(const std::string& reason) {
  locked([&] {
    closed_ = Error{Code::kUnavailable, reason};
    if (parent_) leave_parent(*closed_);
    const auto children = children_;
    for (const auto& [id, end] : children) lose(*end, *closed_);
  });
}

bool Hierarchy::has_child(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return children_.contains(id);
}

Hierarchy::Place Hierarchy::place() const {
  const std::lock_guard lock(mutex_);
  return {.above = chain_,
          .attached = parent_ && parent_->state_ == ChildEnd::State::kAttached,
          .not_attached = not_attached_,
          .warning = depth_warning(chain_.size())};
}

void Hierarchy::tick() {
  locked([&] {
    const Clock::time_point now = time_.now();
    for (const auto& [id, end] : children_) end->expire(now);
    forget_lost([&](const std::string&, Clock::time_point since) { return now - since >= kForgetAfter; });
    effects_.later([notice = figures_.tick()] { notice.tell(); });
  });
}

}  // namespace lc::processor
