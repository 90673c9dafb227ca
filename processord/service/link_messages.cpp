#include "processord/service/link_messages.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <variant>

#include "common/base/text.h"
#include "common/fleet/processor_tree.h"
#include "common/wire/figures_messages.h"
#include "common/wire/topology_messages.h"

namespace lc::processor {
namespace {

namespace pb = lippycat::link;

constexpr std::size_t kMostText = 1000;  // of an error

void write(const ProcessorIdentity& identity, pb::ProcessorIdentity& message) {
  message.set_id(identity.id);
  message.set_instance(identity.instance);
  message.set_token_key(identity.token_key);
}

ProcessorIdentity read(const pb::ProcessorIdentity& message) {
  return {.id = message.id(), .instance = message.instance(), .token_key = message.token_key()};
}

template <typename Message>
void write_chain(const Chain& chain, Message& message) {
  for (const ProcessorIdentity& one : chain) write(one, *message.add_chain());
}

template <typename Message>
Chain read_chain(const Message& message) {
  Chain chain;
  for (const pb::ProcessorIdentity& one : message.chain()) chain.push_back(read(one));
  return chain;
}

// A number that is none (a newer peer's) is an error all the same.
Code code_of(std::uint32_t code) {
  return code <= static_cast<std::uint32_t>(Code::kUnauthenticated) ? static_cast<Code>(code) : Code::kUnknown;
}

struct ChildWriter {
  pb::FromChild& message;
  const std::string& self_id;

  void operator()(const Registration& registration) const {
    pb::Registration& to = *message.mutable_registration();
    write(registration.self, *to.mutable_self());
    to.set_address(registration.address);
    to.set_height(registration.height);
  }
  void operator()(const fleet::TopologyUpdate& update) const {
    *message.mutable_topology() = wire::to_proto(update, wire::Teller{.id = self_id});
  }
  void operator()(const OperationAnswer& answer) const {
    pb::OperationAnswer& to = *message.mutable_answer();
    to.set_id(answer.id);
    to.set_code(static_cast<std::uint32_t>(answer.outcome.code));
    to.set_text(answer.outcome.text);
    to.mutable_answered()->Add(answer.outcome.answered.begin(), answer.outcome.answered.end());
    to.set_payload(answer.outcome.payload);
  }
  void operator()(const Media& media) const { message.mutable_media()->set_payload(media.payload); }
  void operator()(const fleet::FiguresAt& at) const {
    pb::Figures& to = *message.mutable_figures();
    to.mutable_path()->Add(at.path.begin(), at.path.end());
    *to.mutable_figures() = wire::to_proto(at.figures);
  }
  void operator()(const Leave& leave) const { message.mutable_leave()->set_reason(leave.reason); }
};

struct ParentWriter {
  pb::FromParent& message;

  void operator()(const Welcome& welcome) const { write_chain(welcome.chain, *message.mutable_welcome()); }
  void operator()(const Refusal& refusal) const {
    pb::Refusal& to = *message.mutable_refusal();
    to.set_code(static_cast<std::uint32_t>(refusal.error.code));
    to.set_text(refusal.error.text);
  }
  void operator()(const ChainChanged& changed) const { write_chain(changed.chain, *message.mutable_chain_changed()); }
  void operator()(const Operation& operation) const {
    pb::Operation& to = *message.mutable_operation();
    to.set_id(operation.id);
    to.mutable_path()->Add(operation.path.begin(), operation.path.end());
    to.set_left_ms(static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(operation.left.count(), 0, std::numeric_limits<std::uint32_t>::max())));
    to.set_kind(static_cast<pb::OperationKind>(operation.kind));
    to.set_payload(operation.payload);
  }
  void operator()(const Media& media) const { message.mutable_media()->set_payload(media.payload); }
};

}  // namespace

pb::FromChild to_proto(const FromChild& message, const std::string& self_id) {
  pb::FromChild made;
  std::visit(ChildWriter{made, self_id}, message);
  return made;
}

pb::FromParent to_proto(const FromParent& message) {
  pb::FromParent made;
  std::visit(ParentWriter{made}, message);
  return made;
}

Result<std::optional<FromChild>> from_proto(const pb::FromChild& message) {
  using Some = std::optional<FromChild>;
  switch (message.what_case()) {
    case pb::FromChild::kRegistration:
      return Some(Registration{.self = read(message.registration().self()),
                               .address = message.registration().address(),
                               .height = message.registration().height()});
    case pb::FromChild::kTopology: {
      Result<fleet::TopologyUpdate> update = wire::from_proto(message.topology());
      if (!update) return update.error();
      return Some(std::move(*update));
    }
    case pb::FromChild::kAnswer: {
      const pb::OperationAnswer& answer = message.answer();
      OperationAnswer made{.id = answer.id(), .outcome = {.code = code_of(answer.code())}};
      if (made.outcome.code == Code::kOk) made.outcome.payload = answer.payload();
      // It goes on to whoever asked, in the metadata of a call, and is shown there.
      made.outcome.text = terminal_safe(answer.text(), kMostText);
      const bool is_path = static_cast<std::size_t>(answer.answered_size()) <= fleet::kMaxDepth + 1 &&
                           std::ranges::all_of(answer.answered(), [](const auto& id) { return check_id("", id).ok(); });
      if (is_path) made.outcome.answered = {answer.answered().begin(), answer.answered().end()};
      return Some(std::move(made));
    }
    case pb::FromChild::kMedia:
      return Some(Media{message.media().payload()});
    case pb::FromChild::kFigures:
      return Some(fleet::FiguresAt{.path = {message.figures().path().begin(), message.figures().path().end()},
                                   .figures = wire::from_proto(message.figures().figures())});
    case pb::FromChild::kLeave:
      return Some(Leave{message.leave().reason()});
    default:
      return Some();
  }
}

Result<std::optional<FromParent>> from_proto(const pb::FromParent& message) {
  using Some = std::optional<FromParent>;
  switch (message.what_case()) {
    case pb::FromParent::kWelcome:
      return Some(Welcome{read_chain(message.welcome())});
    case pb::FromParent::kRefusal:
      return Some(Refusal{.error = {code_of(message.refusal().code()), message.refusal().text()}});
    case pb::FromParent::kChainChanged:
      return Some(ChainChanged{read_chain(message.chain_changed())});
    case pb::FromParent::kOperation: {
      const pb::Operation& operation = message.operation();
      return Some(Operation{.id = operation.id(),
                            .path = {operation.path().begin(), operation.path().end()},
                            .left = std::chrono::milliseconds(operation.left_ms()),
                            .kind = static_cast<std::uint32_t>(operation.kind()),
                            .payload = operation.payload()});
    }
    case pb::FromParent::kMedia:
      return Some(Media{message.media().payload()});
    default:
      return Some();
  }
}

}  // namespace lc::processor
