#include "processord/service/operations.h"

#include <algorithm>
#include <utility>

#include "common/wire/convert.h"
#include "common/wire/endpoint.h"
#include "processord/service/filter_messages.h"
#include "processord/service/operation_messages.h"

namespace lc::processor {
namespace {

namespace pb = lippycat::management;
namespace links = lippycat::link;

// A message beyond gRPC's limit would end the link.
constexpr std::size_t kMostBytes = wire::kMaxMessageBytes - (std::size_t{64} << 10);

OperationOutcome failure(const Error& error) {
  return {.code = error.code, .text = error.text};
}

OperationOutcome answer(const google::protobuf::MessageLite& response) {
  if (response.ByteSizeLong() > kMostBytes) {
    return failure({Code::kResourceExhausted, "the answer is too large to be passed on; ask for less"});
  }
  return {.payload = response.SerializeAsString()};
}

Engine::FilterDone answer_to(const Hierarchy::Done& done) {
  return [done](const Result<FilterOutcome>& outcome) {
    done(outcome ? answer(to_proto(*outcome)) : failure(outcome.error()));
  };
}

Error unreadable() {
  return {Code::kInvalidArgument, "the operation's request can't be read"};
}

Error unknown_kind() {
  return {Code::kUnimplemented, "this version does not know the operation"};
}

template <typename Request>
Result<Token> token_of(const std::string& payload) {
  Request request;
  if (!request.ParseFromString(payload)) return unreadable();
  if (!request.has_auth_token()) return invalid_token("there is none; RequestAuthToken gives one");
  return from_proto(request.auth_token());
}

}  // namespace

void Operations::operate(const std::string& target, links::OperationKind kind,
                         const google::protobuf::MessageLite& request, std::chrono::milliseconds patience,
                         Hierarchy::Done done) {
  Result<fleet::NodePath> path = hierarchy_.resolve(target);
  if (!path) {
    done(failure(path.error()));
  } else if (request.ByteSizeLong() > kMostBytes) {
    done(failure({Code::kInvalidArgument, "the request is too large to be passed on"}));
  } else {
    hierarchy_.operate(std::move(*path), kind, request.SerializeAsString(), patience, std::move(done));
  }
}

Result<Token> Operations::issue_token(const std::string& target, std::string subject) const {
  const Result<fleet::NodePath> path = hierarchy_.resolve(target);
  if (!path) return path.error();
  const Chain above = hierarchy_.place().above;
  if (std::ranges::any_of(above, [&](const auto& one) { return one.id == engine_.settings().processor_id; })) {
    return Error{
        Code::kFailedPrecondition,
        "a processor above this one has the same id, so nobody would know a token of this one's; give it another "
        "--processor-id, or ask above"};
  }
  return tokens_.issue(*path, std::move(subject), wall_ns());
}

Status Operations::check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below) {
  Result<Token> token = unknown_kind();
  switch (kind) {
    case links::OPERATION_UPDATE_FILTER:
      token = token_of<pb::ProcessorFilterRequest>(payload);
      break;
    case links::OPERATION_DELETE_FILTER:
      token = token_of<pb::ProcessorFilterDeleteRequest>(payload);
      break;
    case links::OPERATION_GET_FILTERS:
      return {};
    default:
      break;
  }
  if (!token) return token.error();
  return tokens_.check(*token, hierarchy_.place().above, below, wall_ns());
}

void Operations::carry_out(std::uint32_t kind, const std::string& payload, const Hierarchy::Done& done) {
  switch (kind) {
    case links::OPERATION_UPDATE_FILTER: {
      pb::ProcessorFilterRequest request;
      if (!request.ParseFromString(payload)) return done(failure(unreadable()));
      return engine_.update_filter(wire::from_proto(request.filter()), answer_to(done));
    }
    case links::OPERATION_DELETE_FILTER: {
      pb::ProcessorFilterDeleteRequest request;
      if (!request.ParseFromString(payload)) return done(failure(unreadable()));
      return engine_.delete_filter(request.filter_id(), answer_to(done));
    }
    case links::OPERATION_GET_FILTERS: {
      pb::ProcessorFilterQuery request;
      if (!request.ParseFromString(payload)) return done(failure(unreadable()));
      pb::FilterResponse response;
      add_listed(engine_.filters().board().list(request.hunter_id()), *response.mutable_filters());
      return done(answer(response));
    }
    default:
      return done(failure(unknown_kind()));
  }
}

}  // namespace lc::processor
