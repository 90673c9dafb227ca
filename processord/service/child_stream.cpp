#include "processord/service/child_stream.h"

#include <optional>
#include <utility>
#include <variant>

#include "common/wire/status.h"
#include "processord/service/link_messages.h"

namespace lc::processor {

std::shared_ptr<ChildStream> ChildStream::start(Hierarchy& hierarchy, const std::string& address) {
  const auto stream = std::make_shared<ChildStream>(hierarchy);
  stream->self_ = stream;
  stream->end_ = hierarchy.child_opened({.address = address, .ready = [weak = std::weak_ptr(stream)] {
                                           if (const auto alive = weak.lock()) alive->settle();
                                         }});
  stream->StartRead(&stream->incoming_);
  return stream;
}

void ChildStream::tick(Clock::time_point now) {
  if (now - heard_at_.load() >= kLinkSilence) {
    close({Code::kDeadlineExceeded, "it has been silent for " + std::to_string(kLinkSilence.count()) + " s"});
  } else if (now - beat_at_ >= kLinkBeat) {
    beat_at_ = now;
    beat_due_ = true;
    settle();
  }
}

void ChildStream::OnReadDone(bool ok) {
  if (!ok) {
    close({Code::kUnavailable, "its connection broke"});
    return;
  }
  heard_at_ = Clock::now();
  Result<std::optional<FromChild>> message = from_proto(incoming_);
  if (!message) {
    close(message.error());
    return;
  }
  if (*message) hierarchy_.received(*end_, std::move(**message));
  StartRead(&incoming_);
  settle();
}

bool ChildStream::has_something_to_do() const {
  return closing_ || beat_due_ || hierarchy_.has_next(*end_);
}

bool ChildStream::produce() {
  if (std::optional<FromParent> message = hierarchy_.next(*end_)) {
    last_ = std::holds_alternative<Refusal>(*message);
    outgoing_ = to_proto(*message);
    beat_due_ = false;
    return true;
  }
  if (!beat_due_.exchange(false)) return false;
  outgoing_.Clear();
  return true;
}

void ChildStream::settle() {
  while (!busy_.exchange(true)) {
    if (closing_) {
      const Error reason = reason_.with([](const Error& error) { return error; });
      const bool in_order = reason.code == Code::kOk || reason.code == Code::kUnavailable;
      Finish(in_order ? grpc::Status::OK : wire::to_grpc(reason));
      return;  // and the token stays taken
    }
    if (produce()) {
      StartWrite(&outgoing_);
      return;
    }
    busy_ = false;
    if (!has_something_to_do()) return;
  }
}

void ChildStream::close(const Error& reason) {
  reason_.with([&](Error& error) {
    if (error.text.empty()) error = reason;
  });
  closing_ = true;
  settle();
}

void ChildStream::OnWriteDone(bool ok) {
  const bool last = last_;
  busy_ = false;
  if (last || !ok) {
    close(last ? Error{Code::kOk, "it was sent away"} : Error{Code::kUnavailable, "its connection broke"});
  } else {
    settle();
  }
}

void ChildStream::OnCancel() {
  close({Code::kUnavailable, "its connection broke"});
}

void ChildStream::OnDone() {
  const auto keep = std::move(self_);
  hierarchy_.broken(*end_, reason_.with([](const Error& error) { return error.text; }));
}

}  // namespace lc::processor
