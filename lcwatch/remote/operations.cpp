#include "lcwatch/remote/operations.h"

#include <chrono>
#include <memory>
#include <utility>

#include "common/base/text.h"
#include "common/fleet/processor_tree.h"
#include "common/wire/convert.h"
#include "common/wire/endpoint.h"
#include "common/wire/status.h"

namespace lc::watch {
namespace {

using namespace std::chrono_literals;
namespace pb = lippycat::management;

// The processor's own limit is 10 s, ten levels down; it knows better why it came to nothing.
constexpr auto kPatience = 12s;

/// Where it came to its end, if that was below the processor that was asked.
fleet::NodePath failed_at(const grpc::Status& status) {
  pb::ErrorDetails details;
  pb::FailedAt at;
  if (!details.ParseFromString(status.error_details()) || details.details().empty()) return {};
  if (!details.details(0).UnpackTo(&at)) return {};
  return {at.path().begin(), at.path().end()};
}

Error error_of(const grpc::Status& status, const Connection& connection) {
  Error error = wire::from_grpc(status);
  if (const fleet::NodePath path = failed_at(status); !path.empty()) {
    error.text += " (at " + fleet::path_text(path) + ")";
  } else if (error.code == Code::kUnavailable) {
    error.text = wire::connect_failure(connection.address(), {}, error.text);
  } else if (error.code == Code::kDeadlineExceeded) {
    error.text = "no answer in " + std::to_string(std::chrono::seconds(kPatience).count()) + " s";
  }
  return error;
}

std::string hunters(std::uint32_t count) {
  return std::to_string(count) + (count == 1 ? " hunter" : " hunters");
}

std::string line_of(const std::string& what, const std::string& id, const pb::FilterUpdateResult& outcome) {
  std::string line = "filter " + quoted(outcome.filter_id().empty() ? id : outcome.filter_id()) + " " + what +
                     ", in force at " + hunters(outcome.hunters_updated());
  if (outcome.hunters_pending() > 0) line += ", " + std::to_string(outcome.hunters_pending()) + " pending";
  return line;
}

}  // namespace

Operations::Operations(Worker& worker, Connection& connection, std::function<void()> over)
    : worker_(worker), connection_(connection), over_(std::move(over)) {}

template <typename Request, typename Response>
void Operations::call(Method<Request, Response> method, Request request, Answer<Response> answer) {
  struct Call {
    grpc::ClientContext context;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<pb::ManagementService::Stub> stub;
    Request request;
    Response response;
  };
  if (ending_) return answer(Error{Code::kCancelled, "the console ends"});
  Result<std::shared_ptr<grpc::Channel>> channel = connection_.begin_call();
  if (!channel) return answer(channel.error());
  auto made = std::make_shared<Call>();
  made->channel = std::move(*channel);
  made->stub = pb::ManagementService::NewStub(made->channel);
  made->request = std::move(request);
  made->context.set_deadline(std::chrono::system_clock::now() + kPatience);
  under_way_.insert(&made->context);
  const auto ended = [this, made, answer = std::move(answer)](const grpc::Status& status) {
    under_way_.erase(&made->context);
    connection_.end_call();
    answer(status.ok() ? Result<const Response*>(&made->response)
                       : Result<const Response*>(error_of(status, connection_)));
    over_();
  };
  // The channel must not be let go by gRPC's thread (see wire::ClientStream).
  Call& begun = *made;
  made.reset();
  (begun.stub->async()->*method)(
      &begun.context, &begun.request, &begun.response,
      [this, ended = std::make_shared<decltype(ended)>(ended)](const grpc::Status& status) mutable {
        worker_.post([ended = std::move(ended), status] { (*ended)(status); });
      });
}

void Operations::list(const std::string& target, std::function<void(Result<std::vector<FilterRow>>)> done) {
  const Answer<pb::FilterResponse> answer = [done =
                                                 std::move(done)](const Result<const pb::FilterResponse*>& response) {
    if (!response) return done(response.error());
    std::vector<FilterRow> rows;
    for (const pb::Filter& filter : (*response)->filters()) {
      rows.push_back({wire::from_proto(filter), filter.packets_hit(), filter.last_hit_ns()});
    }
    done(std::move(rows));
  };
  if (target.empty()) return call(&Stub::GetFilters, pb::FilterRequest(), answer);
  pb::ProcessorFilterQuery query;
  query.set_processor_id(target);
  call(&Stub::GetFiltersFromProcessor, query, answer);
}

void Operations::change_below(const std::string& target, std::function<void(const Token&, Answer<Outcome>)> attempt,
                              Answer<Outcome> done, bool again) {
  pb::AuthTokenRequest request;
  request.set_target_processor_id(target);
  call(&Stub::RequestAuthToken, request,
       Answer<Token>([this, target, attempt = std::move(attempt), done = std::move(done),
                      again](const Result<const Token*>& token) {
         if (!token) return done(token.error());
         attempt(**token, [this, target, attempt, done, again](const Result<const Outcome*>& outcome) {
           const bool refused = !outcome && outcome.error().code == Code::kUnauthenticated;
           if (refused && again) return change_below(target, attempt, done, false);
           done(outcome);
         });
       }));
}

void Operations::save(const std::string& target, const fleet::Filter& filter, Changed done) {
  const Answer<Outcome> answer = [id = filter.id, done = std::move(done)](const Result<const Outcome*>& outcome) {
    if (!outcome) return done(outcome.error());
    if (!(*outcome)->success()) return done(Error{Code::kFailedPrecondition, (*outcome)->error()});
    done(line_of("saved", id, **outcome));
  };
  if (target.empty()) return call(&Stub::UpdateFilter, wire::to_proto(filter), answer);
  pb::ProcessorFilterRequest request;
  request.set_processor_id(target);
  *request.mutable_filter() = wire::to_proto(filter);
  change_below(
      target,
      [this, request](const Token& token, Answer<Outcome> outcome) {
        pb::ProcessorFilterRequest with_token = request;
        *with_token.mutable_auth_token() = token;
        call(&Stub::UpdateFilterOnProcessor, std::move(with_token), std::move(outcome));
      },
      answer);
}

void Operations::remove(const std::string& target, const std::string& id, Changed done) {
  const Answer<Outcome> answer = [id, done = std::move(done)](const Result<const Outcome*>& outcome) {
    if (!outcome) return done(outcome.error());
    if (!(*outcome)->success()) return done(Error{Code::kFailedPrecondition, (*outcome)->error()});
    done(line_of("removed", id, **outcome));
  };
  if (target.empty()) {
    pb::FilterDeleteRequest request;
    request.set_filter_id(id);
    return call(&Stub::DeleteFilter, request, answer);
  }
  pb::ProcessorFilterDeleteRequest request;
  request.set_processor_id(target);
  request.set_filter_id(id);
  change_below(
      target,
      [this, request](const Token& token, Answer<Outcome> outcome) {
        pb::ProcessorFilterDeleteRequest with_token = request;
        *with_token.mutable_auth_token() = token;
        call(&Stub::DeleteFilterOnProcessor, std::move(with_token), std::move(outcome));
      },
      answer);
}

// A token for a processor that can't exist, so that none is made: who may change nothing is refused before that is
// noticed.
void Operations::ask_access(std::function<void(Result<bool>)> done) {
  pb::AuthTokenRequest request;
  request.set_target_processor_id("?");
  call(&Stub::RequestAuthToken, request, Answer<Token>([done = std::move(done)](const Result<const Token*>& token) {
    if (token) return done(true);
    switch (token.error().code) {
      case Code::kPermissionDenied:
      case Code::kUnauthenticated:
        return done(false);
      case Code::kCancelled:
      case Code::kUnavailable:
      case Code::kDeadlineExceeded:
        return done(token.error());
      default:
        return done(true);
    }
  }));
}

void Operations::cancel() {
  ending_ = true;
  for (grpc::ClientContext* context : under_way_) context->TryCancel();
}

}  // namespace lc::watch
