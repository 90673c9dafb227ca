// One SubscribeFilters call.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/support/byte_buffer.h>

#include <functional>
#include <memory>
#include <string>

#include "common/fleet/hunter.h"
#include "common/wire/client_stream.h"

namespace lc::hunter {

class FilterFeed final : public wire::ClientStream<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  using UpdateFunction = std::function<void(const fleet::FilterUpdate&)>;

  /// `updated` is called on gRPC's threads, one call at a time, in the order of the updates.
  static std::shared_ptr<FilterFeed> open(const std::shared_ptr<grpc::Channel>& channel, const std::string& hunter_id,
                                          UpdateFunction updated, wire::EndedFunction ended);

  FilterFeed(grpc::ByteBuffer request, UpdateFunction updated, wire::EndedFunction ended);

 private:
  bool produce(grpc::ByteBuffer& request) override;
  [[nodiscard]] bool has_more() const override { return !requested_; }
  void received(const grpc::ByteBuffer& response) override;
  void ended(const grpc::Status& status, std::shared_ptr<void> self) override;

  const UpdateFunction updated_;
  const wire::EndedFunction ended_;
  grpc::ByteBuffer asked_;
  std::atomic<bool> requested_{false};
};

}  // namespace lc::hunter
