#include "lcwatch/remote/call_taker.h"

#include <memory>
#include <utility>

#include "common/wire/byte_buffer.h"
#include "common/wire/call_messages.h"

namespace lc::watch {
namespace {

namespace data = lippycat::data;

const Error kUnreadable{Code::kInternal, "an update of a call can't be read"};

}  // namespace

Result<bool> CallTaker::take_all(const grpc::ByteBuffer& buffer) {
  if (!wire::parse(buffer, all_)) return kUnreadable;
  switch (all_.update_type()) {
    case data::CALL_UPDATED: {
      // One that is shown comes with its messages, whoever tells of it.
      auto call =
          shown_.with([&](const Shown& shown) { return shown.id == all_.correlation_id() ? shown.last : nullptr; });
      if (!call) call = std::make_shared<const fleet::Call>(wire::from_proto(all_));
      inbox_.push(CallCame{server_, std::move(call)});
      break;
    }
    case data::CALL_REMOVED:
      shown_.with([&](Shown& shown) { shown.gone = shown.gone || shown.id == all_.correlation_id(); });
      inbox_.push(CallGone{server_, all_.correlation_id()});
      break;
    case data::CALL_SNAPSHOT_BEGIN:
      inbox_.push(CallsBegin{server_});
      break;
    case data::CALL_SNAPSHOT_END:
      inbox_.push(CallsComplete{server_});
      break;
    default:
      break;  // only newer versions know it
  }
  return true;
}

Result<bool> CallTaker::take_shown(const grpc::ByteBuffer& buffer) {
  if (!wire::parse(buffer, one_)) return kUnreadable;
  if (one_.update_type() != data::CALL_UPDATED) return true;
  const auto call = std::make_shared<const fleet::Call>(wire::from_proto(one_));
  const bool wanted = shown_.with([&](Shown& shown) {
    if (shown.id != call->id || shown.gone) return false;
    shown.last = call;
    return true;
  });
  if (wanted) inbox_.push(CallCame{server_, call});
  return true;
}

}  // namespace lc::watch
