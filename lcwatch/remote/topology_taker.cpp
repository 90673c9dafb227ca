#include "lcwatch/remote/topology_taker.h"

#include <utility>

#include "common/wire/byte_buffer.h"
#include "common/wire/figures_messages.h"
#include "common/wire/topology_messages.h"

namespace lc::watch {

void TopologyTaker::begin() {
  has_snapshot_ = false;
  revision_ = 0;
}

Result<bool> TopologyTaker::take(const grpc::ByteBuffer& buffer) {
  if (!wire::parse(buffer, message_)) return Error{Code::kInternal, "an update of the tree can't be read"};
  if (std::optional<fleet::FiguresAt> figures = wire::figures_in(message_)) {
    inbox_.push(FiguresCame{server_, std::move(*figures)});
    return true;
  }
  Result<fleet::TopologyUpdate> update = wire::from_proto(message_);
  if (!update && update.error().code != Code::kInvalidArgument) return update.error();
  const bool follows = has_snapshot_ && message_.revision() == revision_ + 1;
  if (!follows && !(update && update->snapshot)) {
    return Error{Code::kDataLoss, "updates of the tree are missing; asking for all of it"};
  }
  revision_ = message_.revision();
  if (!update) return true;  // an event that only newer versions know
  if (const Status taken = take(*update); !taken) return taken.error();
  return true;
}

Status TopologyTaker::take(const fleet::TopologyUpdate& update) {
  fleet::ProcessorTree tree = update.snapshot;
  if (tree) {
    has_snapshot_ = true;
  } else {
    Result<fleet::ProcessorTree> changed = fleet::apply_change(this->tree(), *update.change);
    if (!changed) return changed.error();
    tree = std::move(*changed);
  }
  tree_.with([&](fleet::ProcessorTree& known) { known = tree; });
  inbox_.push(TreeCame{server_, std::move(tree), update.change});
  return {};
}

}  // namespace lc::watch
