// The SIP messages of a call's leg, for a ladder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/calls/call_sorter.h"
#include "common/fleet/call.h"
#include "common/sip/message.h"

namespace lc::processor {

/// The first ones; those behind them are counted. 32 bytes for each, and what they have in common once: addresses and
/// methods.
class CallSteps {
 public:
  static constexpr std::size_t kMost = 64;

  void note(const sip::Message& message, bool sdp, const calls::CallSorter::Context& context);

  /// In order of arrival, with the leg's Call-ID. `hunter_of`: a source's.
  void append_to(std::vector<fleet::CallMessage>& messages, const std::string& call_id,
                 const std::function<std::string(std::uint32_t source)>& hunter_of) const;
  /// How many came behind those.
  [[nodiscard]] std::uint32_t more() const { return more_; }

 private:
  struct Step {
    std::int64_t time_ns = 0;
    std::uint32_t source = 0;
    std::uint32_t cseq = 0;
    std::uint32_t transaction = 0;  // hash of what a repetition has in common with the first, beside the rest
    std::uint16_t status = 0;
    std::uint8_t from = 0, to = 0;  // of ends_
    std::uint8_t method = 0;        // of methods_
    bool sdp = false;
    bool retransmission = false;
  };
  static_assert(sizeof(Step) <= 32);

  [[nodiscard]] bool repeats(const Step& step, const Step& before) const;
  std::uint8_t end(const calls::Endpoint& endpoint);
  std::uint8_t method(std::string_view name);

  std::vector<Step> steps_;
  std::vector<calls::Endpoint> ends_;
  std::vector<std::string> methods_;
  std::uint32_t more_ = 0;
};

}  // namespace lc::processor
