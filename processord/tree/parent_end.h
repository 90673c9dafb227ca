// The parent's end of the link to one child: what the child may say when, and what waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "processord/tree/effects.h"
#include "processord/tree/link_messages.h"
#include "processord/tree/link_peer.h"

namespace lc::processor {

/// Hierarchy keeps the state, under its lock; others hold it only to name the link.
class ParentEnd : public std::enable_shared_from_this<ParentEnd> {
 public:
  /// What waits for a child that does not read: operations, and messages of media (the oldest go).
  static constexpr std::size_t kMostOperations = 1'000;
  static constexpr std::size_t kMostMedia = 1'000;
  /// Kept back of an operation's time at each hop, for the way up: so the hop next to the one that is silent is the
  /// first to say so. Less where there is not that much for each.
  static constexpr std::chrono::milliseconds kTimePerHop{500};
  /// Of `left`, when `processors` are still to come.
  static std::chrono::milliseconds time_kept_back(std::chrono::milliseconds left, std::size_t processors);

  using Reply = std::function<void(OperationOutcome)>;

  ParentEnd(LinkPeer peer, Effects& effects) : peer_(std::move(peer)), effects_(effects) {}

 private:
  friend class Hierarchy;
  enum class State { kOpened, kAttached, kOver };
  struct Pending {
    Operation operation;
    Clock::time_point deadline;
    Reply reply;
  };

  void welcome(Registration child, const Chain& chain);
  /// Only the newest is sent.
  void chain_changed(const Chain& chain);
  /// Ends the link, from this side; what waits for the child fails.
  void refuse(Refusal refusal);
  /// It is over, whoever ended it.
  void gone();
  /// Whether this can be the child's next update.
  bool follows(const fleet::TopologyUpdate& update);
  void operate(Operation operation, Clock::time_point deadline, Reply reply);
  /// Answers that nobody waits for any more are passed over.
  void answered(OperationAnswer answer);
  void expire(Clock::time_point now);
  void pass_on(Media media);

  std::optional<FromParent> next(Clock::time_point now);
  [[nodiscard]] bool has_next() const;

  void wake();
  [[nodiscard]] OperationOutcome unreachable() const;

  const LinkPeer peer_;
  Effects& effects_;
  State state_ = State::kOpened;
  Registration child_;
  std::optional<std::uint64_t> revision_;  // of the child's last update
  std::optional<FromParent> first_;        // Welcome or Refusal, to be sent before anything else
  std::optional<Chain> chain_;             // to be sent
  std::uint64_t last_operation_ = 0;
  std::map<std::uint64_t, Pending> operations_;  // without an answer, by id
  std::deque<std::uint64_t> unsent_;             // of these
  std::deque<Media> media_;
  bool idle_ = false;  // and wants to hear when there is something to send
};

}  // namespace lc::processor
