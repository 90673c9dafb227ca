// The way to the processor: keeps what was captured until it is acknowledged, over as many connections as that takes.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/capture/filter_inbox.h"
#include "common/capture/reporter.h"
#include "common/config/tls_settings.h"
#include "common/fleet/hunter.h"
#include "common/packet/send_queue.h"
#include "hunterd/filter_feed.h"
#include "hunterd/heartbeat.h"
#include "hunterd/liveness.h"
#include "hunterd/packet_stream.h"

namespace lc::hunter {

struct UplinkSettings {
  std::vector<std::string> processors;  // HOST:PORT, in order of preference
  config::TlsSettings tls;
  std::int64_t max_reconnect_attempts = 0;  // in a row; 0 = for ever
};

/// A BatchSink over the network. One supervising thread connects, registers, keeps the streams and beats; the streams
/// themselves run on gRPC's threads. submit(), signal() and beat_soon() may be called from any thread.
class Uplink final : public packet::BatchSink {
 public:
  struct Events {
    std::function<capture::Report()> report;                                     // on the supervising thread
    std::function<void(const fleet::RegistrationAnswer&, int port)> registered;  // likewise, before streams open
    std::function<void(const std::string& reason)> gave_up;                      // likewise: no attempt is left
    // On a thread "filters" of their own, never while `registered` runs: what came after the answer to the
    // registration. A processor without SubscribeFilters says nothing.
    capture::FilterInbox::Events filters;
  };

  /// The queue must outlive it, and be its alone; its epoch goes into the description.
  Uplink(UplinkSettings settings, fleet::HunterDescription description, packet::SendQueue& queue, Events events);
  ~Uplink() override;

  void start();

  /// After the last submit(): waits until everything is acknowledged, `limit` has passed, or cancelled() says so.
  /// True when all was acknowledged.
  bool finish(std::chrono::milliseconds limit, const std::function<bool()>& cancelled);

  /// Closes the streams (in order, if everything was acknowledged) and ends the supervising thread.
  void stop();

  /// The next heartbeat is due now: what it says has changed.
  void beat_soon();

  /// Streams are open.
  [[nodiscard]] bool connected() const;

  void submit(packet::BatchBuilder& batch, const packet::BatchStats& stats) override;
  [[nodiscard]] packet::FlowSignal signal() const override { return queue_.signal(); }
  void add_listener(packet::SinkListener& listener) override;
  void remove_listener(packet::SinkListener& listener) override;

 private:
  enum class Outcome { kNoConnection, kWasConnected };

  void supervise();
  Outcome serve(const std::string& address);
  bool register_at(const std::string& address, const std::shared_ptr<grpc::Channel>& channel);
  void run_streams(const std::string& address, const std::shared_ptr<grpc::Channel>& channel);
  void beat(Heartbeat& heartbeat);
  void mind_flow();
  void answered(const lippycat::management::ProcessorHeartbeat& answer);
  void heard_of_packets();
  void pump();
  void feed_ended(const grpc::Status& status, std::shared_ptr<void> feed);
  void stream_ended(const char* which, const grpc::Status& status, std::shared_ptr<void> stream);
  void notify_listeners();
  [[nodiscard]] bool stopping() const;
  [[nodiscard]] std::string dead(bool waits);  // with mutex_ held

  const UplinkSettings settings_;
  const fleet::HunterDescription description_;
  const Events events_;
  packet::SendQueue& queue_;
  Backoff backoff_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stop_ = false;
  bool beat_due_ = false;
  bool graceful_ = false;  // everything acknowledged: close the streams in order
  int open_streams_ = 0;
  std::vector<std::shared_ptr<void>> ended_streams_;  // for the supervisor to let go
  std::string broken_;                                // why the connection ended; empty while it stands
  grpc::ClientContext* registering_ = nullptr;
  std::shared_ptr<PacketStream> stream_;  // the current one, for submit()
  Clock::time_point heard_at_;            // an acknowledgement or flow control
  Liveness liveness_{Clock::now()};
  bool processor_in_error_ = false;  // as its last answer to a heartbeat said

  capture::FilterInbox inbox_;

  std::mutex listeners_mutex_;
  std::vector<packet::SinkListener*> listeners_;

  std::jthread supervisor_;
};

}  // namespace lc::hunter
