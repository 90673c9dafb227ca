#include "hunterd/filter_feed.h"

#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "common/base/log.h"
#include "common/wire/byte_buffer.h"
#include "common/wire/convert.h"

namespace lc::hunter {
namespace {

constexpr const char* kMethod = "/lippycat.management.ManagementService/SubscribeFilters";

}  // namespace

std::shared_ptr<FilterFeed> FilterFeed::open(const std::shared_ptr<grpc::Channel>& channel,
                                             const std::string& hunter_id, UpdateFunction updated,
                                             wire::EndedFunction ended) {
  lippycat::management::FilterRequest request;
  request.set_hunter_id(hunter_id);
  auto feed = std::make_shared<FilterFeed>(wire::serialize(request), std::move(updated), std::move(ended));
  // On the wire a call with one request is a stream of one.
  grpc::GenericStub(channel).PrepareBidiStreamingCall(&feed->context(), kMethod, {}, feed.get());
  feed->start();
  feed->half_close();
  return feed;
}

FilterFeed::FilterFeed(grpc::ByteBuffer request, UpdateFunction updated, wire::EndedFunction ended)
    : updated_(std::move(updated)), ended_(std::move(ended)), asked_(std::move(request)) {}

bool FilterFeed::produce(grpc::ByteBuffer& request) {
  if (requested_.exchange(true)) return false;
  request.Swap(&asked_);
  return true;
}

void FilterFeed::received(const grpc::ByteBuffer& response) {
  lippycat::management::FilterUpdate update;
  if (wire::parse(response, update)) {
    updated_(wire::from_proto(update));
  } else {
    log::error("an update of the filters can't be read; asking for all of them again");
    cancel();
  }
}

void FilterFeed::ended(const grpc::Status& status, std::shared_ptr<void> self) {
  const wire::EndedFunction report = ended_;  // ours may go while it runs
  report(status, std::move(self));
}

}  // namespace lc::hunter
