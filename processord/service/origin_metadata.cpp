#include "processord/service/origin_metadata.h"

#include <string_view>

#include "lippycat/link.pb.h"

namespace lc::processor {
namespace {

constexpr const char* kKey = "lippycat-origin-bin";

}  // namespace

void add_origin(grpc::ClientContext& context, const std::string& self_id, const Origin& origin) {
  lippycat::link::Origin message;
  message.add_path(self_id);
  std::string_view rest = origin.key;
  for (std::size_t slash = 0; (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1)) {
    message.add_path(std::string(rest.substr(0, slash)));
  }
  message.set_hunter_id(std::string(rest));
  message.set_epoch(origin.epoch);
  context.AddMetadata(kKey, message.SerializeAsString());
}

Result<std::optional<RelayedOrigin>> origin_of(const grpc::CallbackServerContext& context) {
  const auto found = context.client_metadata().find(kKey);
  if (found == context.client_metadata().end()) return std::optional<RelayedOrigin>();
  lippycat::link::Origin message;
  if (!message.ParseFromArray(found->second.data(), static_cast<int>(found->second.size()))) {
    return Error{Code::kInvalidArgument, std::string("the metadata ") + kKey + " is no lippycat.link.Origin"};
  }
  return std::optional(RelayedOrigin{.path = {message.path().begin(), message.path().end()},
                                     .hunter_id = message.hunter_id(),
                                     .epoch = message.epoch()});
}

}  // namespace lc::processor
