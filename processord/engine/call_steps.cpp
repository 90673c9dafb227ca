#include "processord/engine/call_steps.h"

#include <absl/hash/hash.h>

#include <algorithm>

namespace lc::processor {
namespace {

constexpr std::size_t kMaxMethod = 32;

static_assert(2 * CallSteps::kMost <= 256);  // ends are numbered by a byte

}  // namespace

std::uint8_t CallSteps::end(const calls::Endpoint& endpoint) {
  const auto found = std::find(ends_.begin(), ends_.end(), endpoint);
  const auto number = static_cast<std::uint8_t>(found - ends_.begin());
  if (found == ends_.end()) ends_.push_back(endpoint);
  return number;
}

std::uint8_t CallSteps::method(std::string_view name) {
  name = name.substr(0, kMaxMethod);
  const auto found = std::find(methods_.begin(), methods_.end(), name);
  const auto number = static_cast<std::uint8_t>(found - methods_.begin());
  if (found == methods_.end()) methods_.emplace_back(name);
  return number;
}

// The same hunter has seen it from there to there: what two hunters see of one message is none. Answers of several
// callees differ in their tags, what is sent anew in its branch.
bool CallSteps::repeats(const Step& step, const Step& before) const {
  return step.transaction == before.transaction && step.cseq == before.cseq && step.status == before.status &&
         step.method == before.method && step.from == before.from && step.to == before.to &&
         step.source == before.source;
}

void CallSteps::note(const sip::Message& message, bool sdp, const calls::CallSorter::Context& context) {
  if (steps_.size() == kMost) {
    ++more_;
    return;
  }
  Step step{.time_ns = context.time_ns,
            .source = context.source,
            .cseq = message.cseq,
            .transaction = static_cast<std::uint32_t>(absl::HashOf(message.branch, message.to_tag)),
            .status = message.status,
            .from = end(context.from),
            .to = end(context.to),
            .method = method(message.method),
            .sdp = sdp};
  step.retransmission = std::ranges::any_of(steps_, [&](const Step& before) { return repeats(step, before); });
  steps_.push_back(step);
}

void CallSteps::append_to(std::vector<fleet::CallMessage>& messages, const std::string& call_id,
                          const std::function<std::string(std::uint32_t source)>& hunter_of) const {
  for (const Step& step : steps_) {
    messages.push_back({.time_ns = step.time_ns,
                        .call_id = call_id,
                        .hunter_id = hunter_of(step.source),
                        .source = calls::text_of(ends_[step.from]),
                        .destination = calls::text_of(ends_[step.to]),
                        .method = methods_[step.method],
                        .response_code = step.status,
                        .cseq = step.cseq,
                        .sdp = step.sdp,
                        .retransmission = step.retransmission});
  }
}

}  // namespace lc::processor
