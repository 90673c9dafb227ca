// A long-lived bidirectional call, seen from the client: one write out at a time, and a way out that never hangs.
#pragma once

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <atomic>
#include <functional>
#include <memory>

namespace lc::wire {

/// What an owner is told when a stream's call is over: see ClientStream::ended.
using EndedFunction = std::function<void(const grpc::Status&, std::shared_ptr<void> self)>;

/// Keeps itself alive from start() until ended(). `busy_` is a token: who holds it may start an operation on the write
/// side, and gives it back when that operation is done. gRPC may run our reactions inside StartWrite, so no lock is
/// held there. Any thread may call pump(), half_close() and cancel().
template <typename Request, typename Response>
class ClientStream : public grpc::ClientBidiReactor<Request, Response>,
                     public std::enable_shared_from_this<ClientStream<Request, Response>> {
 public:
  grpc::ClientContext& context() { return context_; }

  /// After the call was prepared on this reactor.
  void start() {
    self_ = this->shared_from_this();
    this->AddHold();  // writes are started from outside reactions too
    this->StartRead(&response_);
    this->StartCall();
  }

  /// Writes what produce() has, if nothing is being written.
  void pump() { settle(); }

  /// After the last message: tells the peer that no more will come.
  void half_close() {
    Wish open = Wish::kOpen;
    wish_.compare_exchange_strong(open, Wish::kHalfClose);
    settle();
  }

  void cancel() { context_.TryCancel(); }

 protected:
  /// The next message, if there is one. One thread at a time.
  virtual bool produce(Request& request) = 0;
  [[nodiscard]] virtual bool has_more() const = 0;
  /// Nothing is being written, and produce() had nothing. Never after ended().
  virtual void idle() {}
  virtual void received(const Response& response) = 0;
  /// The call is over; the last call on this object. `self` must not be let go on this thread, which is gRPC's own:
  /// with the last reference to a channel gRPC (1.51) would wait there for that very thread, and abort.
  virtual void ended(const grpc::Status& status, std::shared_ptr<void> self) = 0;

 private:
  enum class Wish { kOpen, kHalfClose, kAbandon };

  void settle() {
    while (!busy_.exchange(true)) {
      const Wish wish = wish_.load();
      if (wish == Wish::kAbandon) {
        this->RemoveHold();  // and keep the token: nothing is started any more
        return;
      }
      if (!half_closed_ && produce(request_)) {
        this->StartWrite(&request_);
        return;
      }
      if (wish == Wish::kHalfClose && !half_closed_) {
        half_closed_ = true;
        this->StartWritesDone();
        return;
      }
      const bool finished = half_closed_;
      if (!finished) idle();
      busy_.store(false);
      // Somebody may have come by while we held the token.
      if (wish_.load() == wish && (finished || !has_more())) return;
    }
  }

  void OnWriteDone(bool ok) final {
    busy_.store(false);
    if (ok || wish_.load() == Wish::kAbandon) settle();  // after a failed write the read side ends too, and cleans up
  }
  void OnWritesDoneDone(bool) final {
    busy_.store(false);
    settle();
  }
  void OnReadDone(bool ok) final {
    if (ok) {
      received(response_);
      this->StartRead(&response_);
    } else {
      wish_.store(Wish::kAbandon);
      settle();
    }
  }
  void OnDone(const grpc::Status& status) final { ended(status, std::move(self_)); }

  grpc::ClientContext context_;
  Request request_;
  Response response_;
  std::atomic<bool> busy_{false};
  std::atomic<Wish> wish_{Wish::kOpen};
  bool half_closed_ = false;  // with the token
  std::shared_ptr<ClientStream> self_;
};

}  // namespace lc::wire
