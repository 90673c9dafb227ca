// A hunter's packets, and the calls that bring them to a processor.
#pragma once

#include <memory>
#include <string>

#include "tests/rpc/processor_client.h"
#include "tests/support/numbered_packets.h"

namespace lc::test {

/// Without a file nothing is stored.
inline processor::EngineSettings settings(const std::string& write_file = "") {
  processor::EngineSettings settings;
  settings.processor_id = "p1";
  settings.write_file = write_file;
  settings.state_dir = write_file + ".state";
  settings.sync = processor::SyncPolicy::kNever;
  return settings;
}

inline lippycat::data::PacketBatch batch(std::uint64_t sequence, int packets = 2, std::size_t size = 60,
                                         const std::string& id = "h1") {
  lippycat::data::PacketBatch batch;
  batch.set_hunter_id(id);
  batch.set_epoch(kEpoch);
  batch.set_sequence(sequence);
  for (int i = 0; i < packets; ++i) {
    const auto number =
        static_cast<std::uint32_t>(sequence - 1) * static_cast<std::uint32_t>(packets) + static_cast<std::uint32_t>(i);
    const auto bytes = numbered_bytes({1, number}, size);
    lippycat::data::CapturedPacket& packet = *batch.add_packets();
    packet.set_data(bytes.data(), bytes.size());
    packet.set_timestamp_ns(1'700'000'000'000'000'000 + number);
    packet.set_capture_length(static_cast<std::uint32_t>(size));
    packet.set_original_length(static_cast<std::uint32_t>(size));
    packet.set_link_type(1);
    packet.set_interface_name("eth0");
  }
  return batch;
}

/// A StreamPackets call.
class PacketCall {
 public:
  explicit PacketCall(Client& client) : stream_(client.packets->StreamPackets(&context_)) {}

  bool send(const lippycat::data::PacketBatch& message) { return stream_->Write(message); }
  /// Reads until `sequence` is acknowledged; false when the call ends before.
  bool wait_for_ack(std::uint64_t sequence) {
    while (last.ack_sequence() < sequence) {
      if (!stream_->Read(&last)) return false;
    }
    return true;
  }
  void half_close() { stream_->WritesDone(); }
  /// Reads what is left, and how the call ended.
  grpc::Status end() {
    for (lippycat::data::StreamControl control; stream_->Read(&control);) last = control;
    return stream_->Finish();
  }

  lippycat::data::StreamControl last;

 private:
  Context context_;
  std::unique_ptr<grpc::ClientReaderWriter<lippycat::data::PacketBatch, lippycat::data::StreamControl>> stream_;
};

}  // namespace lc::test
