#include "lcwatch/remote/packet_taker.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "common/wire/byte_buffer.h"
#include "lcwatch/remote/packet_rows.h"
#include "lippycat/data.pb.h"

namespace lc::watch {
namespace {

namespace data = lippycat::data;
using google::protobuf::internal::WireFormatLite;

constexpr std::uint32_t tag_of(int field) {
  return WireFormatLite::MakeTag(field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED);
}

const Error kUnreadable{Code::kInternal, "a batch of packets can't be read"};

}  // namespace

void PacketTaker::begin() {
  skipped_before_ += std::exchange(skipped_, 0);
}

Result<bool> PacketTaker::take(const grpc::ByteBuffer& buffer) {
  if (queue_ != nullptr) return take_batch(buffer);
  const Clock::time_point now = time_.now();
  if (now - window_began_ >= kWindow) {
    window_began_ = now;
    rows_in_window_ = 0;
  }
  std::vector<PacketRow> rows;
  const Result<std::size_t> packets = rows_in_window_ < kMostRows ? take_rows(buffer, rows) : count(buffer);
  if (!packets) return packets.error();
  received_ += *packets;
  not_shown_ += *packets - rows.size();
  rows_in_window_ += rows.size();
  const std::uint64_t skipped = skipped_before_ + skipped_;
  inbox_.push(PacketsCame{server_, std::move(rows), received_ + skipped, not_shown_ + skipped});
  return true;
}

Result<std::size_t> PacketTaker::take_rows(const grpc::ByteBuffer& buffer, std::vector<PacketRow>& rows) {
  Result<packet::Region> region = wire::to_region(buffer, cutter_);
  if (!region) return region.error();
  const Result<packet::Batch> batch = packet::Batch::parse(std::move(*region));
  if (!batch) return batch.error();
  const std::size_t packets = batch->packets().size();
  const std::size_t shown = std::min(packets, kMostRows - rows_in_window_);
  rows.reserve(shown);
  for (std::size_t i = 0; i < shown; ++i) rows.push_back(packet_row(*batch, i, received_ + i + 1));
  skipped_ = batch->header().stats.dropped;
  return packets;
}

// Passes over the packets without looking into them.
Result<std::size_t> PacketTaker::count(const grpc::ByteBuffer& buffer) {
  grpc::ByteBuffer copy = buffer;  // of the references only
  grpc::ProtoBufferReader reader(&copy);
  google::protobuf::io::CodedInputStream in(&reader);
  std::size_t packets = 0;
  for (std::uint32_t tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
    if (tag == tag_of(data::PacketBatch::kStatsFieldNumber)) {
      data::BatchStats stats;
      if (!WireFormatLite::ReadMessage(&in, &stats)) return kUnreadable;
      skipped_ = stats.dropped();
      continue;
    }
    if (tag == tag_of(data::PacketBatch::kPacketsFieldNumber)) ++packets;
    if (!WireFormatLite::SkipField(&in, tag)) return kUnreadable;
  }
  return packets;
}

Result<bool> PacketTaker::take_batch(const grpc::ByteBuffer& buffer) {
  Result<packet::Region> region = wire::to_region(buffer, cutter_);
  if (!region) return region.error();
  Result<packet::Batch> batch = packet::Batch::parse(std::move(*region));
  if (!batch) return batch.error();
  skipped_ = batch->header().stats.dropped;
  const std::size_t packets = batch->packets().size();
  queue_->push(
      {server_, std::make_shared<const packet::Batch>(std::move(*batch)), received_ + 1, skipped_before_ + skipped_});
  received_ += packets;
  return queue_->room();
}

}  // namespace lc::watch
