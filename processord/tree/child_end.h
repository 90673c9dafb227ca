// The child's end of the link to its parent: what the parent may say when, and what waits for it.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "processord/tree/effects.h"
#include "processord/tree/figures_board.h"
#include "processord/tree/link_messages.h"
#include "processord/tree/link_peer.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// Hierarchy keeps the state, under its lock; others hold it only to name the link.
class ChildEnd : public std::enable_shared_from_this<ChildEnd> {
 public:
  /// What waits for a parent that does not read: messages of media; the oldest go. Answers are as many as it asked for.
  static constexpr std::size_t kMostMedia = 1'000;

  ChildEnd(LinkPeer peer, Effects& effects, Topology& topology, FiguresBoard& figures, Registration self)
      : peer_(std::move(peer)), effects_(effects), topology_(topology), figures_(figures), first_(std::move(self)) {}

 private:
  friend class Hierarchy;
  enum class State { kOpened, kAttached, kOver };

  /// From here on the parent is told of the tree, and of figures.
  void welcomed();
  /// Ends the link, from this side.
  void leave(std::string reason);
  /// It is over, whoever ended it.
  void gone();
  void answer(OperationAnswer answer);
  void pass_on(Media media);

  std::optional<FromChild> next();
  [[nodiscard]] bool has_next() const;

  void wake();
  void unsubscribe();

  const LinkPeer peer_;
  Effects& effects_;
  Topology& topology_;
  FiguresBoard& figures_;
  State state_ = State::kOpened;
  std::optional<FromChild> first_;  // Registration or Leave, to be sent before anything else
  std::deque<OperationAnswer> answers_;
  std::deque<Media> media_;
  std::shared_ptr<TopologySubscription> subscription_;   // while it is attached
  std::shared_ptr<FiguresSubscription> wanted_figures_;  // likewise
  bool idle_ = false;                                    // and wants to hear when there is something to send
};

}  // namespace lc::processor
