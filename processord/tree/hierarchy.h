// A processor's place in the tree: the link to its parent, the links to its children, and what passes through.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "processord/tree/chain.h"
#include "processord/tree/child_end.h"
#include "processord/tree/effects.h"
#include "processord/tree/figures_board.h"
#include "processord/tree/link_messages.h"
#include "processord/tree/parent_end.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// Any thread, but for construction. Has no streams and no threads: the service brings what came in on a stream
/// (received(), one message of a stream after the other), takes what is to be written (next()), and calls tick().
class Hierarchy {
 public:
  /// An operation has this long, and kTimePerLevel more for each link on its way.
  static constexpr std::chrono::milliseconds kOperationTime{5'000};
  static constexpr std::chrono::milliseconds kTimePerLevel{500};
  /// A child that was lost is forgotten after this.
  static constexpr std::chrono::hours kForgetAfter{24};

  /// Once; any thread, never under a lock.
  using Done = std::function<void(const OperationOutcome&)>;

  /// What is done here. Called on any thread, never under a lock.
  class Host {
   public:
    virtual ~Host() = default;
    /// Whether an operation may go on to the one at the end of `below` (ids from a child on) or, where that is empty,
    /// be done here for a processor above. Asked by every processor on its way, the first and the last included.
    virtual Status check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below) = 0;
    /// An operation for this processor. `done` at any time, while the Hierarchy lives; what comes later than `left` is
    /// of no use any more.
    virtual void operate(std::uint32_t kind, const std::string& payload, std::chrono::milliseconds left, Done done) = 0;
    /// Another processor's Media. Whether it is news here: only then is it passed on.
    virtual bool media(const std::string& payload) = 0;
    /// All that is known here, its own too, for a link that has just come to stand; in less than ParentEnd::kMostMedia
    /// and ChildEnd::kMostMedia messages.
    virtual std::vector<std::string> known_media() = 0;
  };

  Hierarchy(ProcessorIdentity self, Topology& topology, Host& host, const TimeSource& time);

  // A child's stream, at the server. The first message must be a Registration.
  std::shared_ptr<ParentEnd> child_opened(LinkPeer peer);
  void received(ParentEnd& end, FromChild message);
  /// The next message to write; one thread at a time. The stream ends behind a Refusal. After nothing, the peer's
  /// ready() tells when to come again.
  std::optional<FromParent> next(ParentEnd& end);
  [[nodiscard]] bool has_next(const ParentEnd& end) const;
  /// The stream is over; once for each, also after a Refusal or a Leave.
  void broken(ParentEnd& end, const std::string& reason);

  // The stream to the parent, at the client; at most one at a time. A new one is in place of the one before.
  std::shared_ptr<ChildEnd> parent_opened(LinkPeer peer);
  void received(ChildEnd& end, FromParent message);
  /// As above; the stream ends behind a Leave.
  std::optional<FromChild> next(ChildEnd& end);
  [[nodiscard]] bool has_next(const ChildEnd& end) const;
  void broken(ChildEnd& end, const std::string& reason);

  /// Leaves the parent, if there is one, so that it forgets this processor and all below it.
  void leave(const std::string& reason);
  /// At a stop: leaves the parent and sends the children away, who will try again.
  void close_all(const std::string& reason);

  struct Place {
    Chain above;                        // empty: a root, or without a parent now
    bool attached = false;              // to a parent
    std::optional<Error> not_attached;  // why the last link to a parent was refused, left or broken, until one stands
    std::string warning;                // depth_warning()
  };
  [[nodiscard]] Place place() const;
  /// A child with this id is attached.
  [[nodiscard]] bool has_child(std::string_view id) const;

  /// Finds the processor that is meant: by its id, wherever it is below, if only one of those that can be reached has
  /// it; or by its path, which has a slash in it ("/proc-b", "/east/proc-b"). Empty or the own id: this one.
  /// kNotFound; kFailedPrecondition, with the paths named, when there are several.
  [[nodiscard]] Result<fleet::NodePath> resolve(std::string_view target) const;
  /// Has the processor at the end of the path do something; who asks waits for `patience` at most. Fails with
  /// kNotFound, kUnavailable and kDeadlineExceeded where it could not be brought there, as Host::check() says where it
  /// may not go on (all these with chain_failure()), and as the one there says.
  void operate(fleet::NodePath path, std::uint32_t kind, std::string payload, std::chrono::milliseconds patience,
               Done done);

  /// Whether a processor that makes no link (RegisterProcessor) could be a child. `address`: of its connection.
  [[nodiscard]] Status may_attach(const Registration& registration, const std::string& address) const;

  /// What Host::known_media() now says too: to all other processors of the tree, once while no link moves, and at the
  /// latest when they are linked.
  void announce(std::string media);

  /// Of this processor, from its owner, and of those below that can be reached, as they come.
  FiguresBoard& figures() { return figures_; }

  /// Every 100 ms or so: ends what has waited too long.
  void tick();

 private:
  // With mutex_ held.
  void take(ParentEnd& end, Registration registration);
  void take(ParentEnd& end, const fleet::TopologyUpdate& update);
  void take(ParentEnd& end, OperationAnswer answer);
  void take(ParentEnd& end, Media media);
  void take(ParentEnd& end, fleet::FiguresAt figures);
  void take(ParentEnd& end, const Leave& leave);
  void take(ChildEnd& end, Welcome welcome);
  void take(ChildEnd& end, Refusal refusal);
  void take(ChildEnd& end, ChainChanged changed);
  void take(ChildEnd& end, Operation operation);
  void take(ChildEnd& end, Media media);

  [[nodiscard]] Status admit(const Registration& registration, const std::string& address) const;
  /// It must not be here: refused, and no longer in the tree.
  void send_away(ParentEnd& end, const Error& reason);
  /// The link can't go on: refused, and in the tree unreachable.
  void lose(ParentEnd& end, const Error& reason);
  /// It is not attached any more, and no longer in the tree.
  void remove(ParentEnd& end, const std::string& reason);
  /// Lost children, by id and since when.
  template <typename Condition>
  void forget_lost(Condition&& condition);
  void tell(const Topology::Notice& notice);
  /// Of processors that are gone or can't be reached.
  void forget_figures();

  [[nodiscard]] bool is_current(const ChildEnd& end) const { return &end == parent_.get(); }
  void part_from_parent(Error why);
  void leave_parent(const Error& why);
  void set_chain(Chain chain);

  /// Once the host has agreed.
  void pass(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply);
  void route(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply);
  void do_here(Operation operation, Clock::time_point deadline, ParentEnd::Reply reply);
  /// To everybody but the end that it came from.
  void spread(const Media& media, const void* from);
  template <typename End>
  void heard(End& end, Media media);
  template <typename End>
  void tell_known_media(End& end);

  template <typename Work>
  void locked(Work&& work) {
    std::vector<std::function<void()>> calls;
    {
      const std::lock_guard lock(mutex_);
      work();
      calls = effects_.take();
    }
    for (const auto& call : calls) call();
  }

  const ProcessorIdentity self_;
  Topology& topology_;
  Host& host_;
  const TimeSource& time_;
  FiguresBoard figures_;

  mutable std::mutex mutex_;
  Effects effects_;
  std::shared_ptr<ChildEnd> parent_;  // null: no stream
  Chain chain_;                       // above; empty unless parent_ is attached
  std::optional<Error> not_attached_;
  std::optional<Error> closed_;
  std::map<std::string, std::shared_ptr<ParentEnd>, std::less<>> children_;  // attached ones, by id
  std::map<std::string, Clock::time_point, std::less<>> lost_;               // children in the tree without a link
};

}  // namespace lc::processor
