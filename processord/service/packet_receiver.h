// The server's end of one StreamPackets call.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "common/base/clock.h"
#include "common/base/guarded.h"
#include "common/packet/slab_pool.h"
#include "processord/engine/engine.h"

namespace lc::processor {

/// Reads batches into the engine and writes acknowledgements and flow control. An acknowledgement costs both ends as
/// much as a small batch does, so one stands for several batches, or for what has come in half a second: what the
/// sender must keep grows by no more than that. Keeps itself alive until OnDone. As in wire::ClientStream, `busy_` is
/// the token for the write side; `held_` is the one for the read side while no read is out.
class PacketReceiver final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                             public StreamPeer,
                             public std::enable_shared_from_this<PacketReceiver> {
 public:
  /// `origin`: whose batches a child forwards; nothing: it is a hunter's own stream.
  static PacketReceiver* start(Engine& engine, packet::SlabPool& pool, const std::optional<RelayedOrigin>& origin);

  PacketReceiver(Engine& engine, packet::SlabPool& pool) : engine_(engine), cutter_(pool) {}

  void control_changed() override { settle(); }
  void tick() override { settle(); }
  void resume_reading() override;
  void close(const Error& reason) override;

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  bool attach(const RelayedOrigin& origin);
  Status take(bool& go_on);
  void settle();
  [[nodiscard]] bool is_due(const Engine::Control& now, const std::optional<Engine::Control>& told) const;
  [[nodiscard]] bool all_acknowledged() const;
  [[nodiscard]] bool has_something_to_do() const;

  Engine& engine_;
  packet::RegionCutter cutter_;  // the reading thread's
  grpc::ByteBuffer incoming_;
  grpc::ByteBuffer outgoing_;

  std::atomic<bool> busy_{false};
  std::atomic<bool> held_{false};
  std::atomic<bool> peer_finished_{false};  // a clean half-close
  std::atomic<bool> closing_{false};
  std::atomic<bool> write_failed_{false};
  Guarded<grpc::Status> close_status_;
  // Set once, at the start or by the first batch, before any other thread can know us.
  std::optional<Ingest> ingest_;
  std::atomic<bool> attached_{false};
  std::atomic<std::uint64_t> last_sequence_{0};
  std::atomic<Clock::time_point> unsaid_since_{};  // the first batch came that is not acknowledged, or later
  Guarded<std::optional<Engine::Control>> told_{std::in_place, Engine::Control()};
  std::shared_ptr<PacketReceiver> self_;
};

}  // namespace lc::processor
