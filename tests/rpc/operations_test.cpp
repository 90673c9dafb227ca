// Operations from above: what each processor on the way makes of them, seen from a parent of generated classes alone.
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "processord/service/operation_messages.h"
#include "processord/tokens/token_signer.h"
#include "tests/rpc/fake_parent.h"
#include "tests/rpc/processor_client.h"
#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::test;
using processor::Token;
using processor::TokenSigner;
namespace pb = lippycat::management;
namespace links = lippycat::link;
using grpc::StatusCode;

namespace {

constexpr std::int64_t kMinute = 60'000'000'000;

TokenSigner signer() {
  Result<TokenSigner> made = TokenSigner::with_own_key("root");
  REQUIRE(made);
  return std::move(*made);
}

/// The processors mid and leaf, one below the other, below a root that is the test's.
struct Tree {
  TempDir directory;
  TokenSigner root = signer();
  FakeParent parent{root.public_key()};
  std::unique_ptr<processor::ProcessorNode> mid = serve_below("mid", parent.address);
  std::unique_ptr<processor::ProcessorNode> leaf = serve_below("leaf", mid->address());

  Tree() { REQUIRE(parent.wait_for_processor("leaf")); }

  std::unique_ptr<processor::ProcessorNode> serve_below(const std::string& id, const std::string& address,
                                                        const std::string& listen = "127.0.0.1:0") {
    processor::EngineSettings settings;
    settings.processor_id = id;
    settings.state_dir = directory.file(id);
    return std::make_unique<processor::ProcessorNode>(std::move(settings), listen, config::TlsSettings{}, kTime,
                                                      processor::UpstreamSettings{.addresses = {address}});
  }
  [[nodiscard]] Token token(const std::vector<std::string>& chain, std::int64_t issued_at_ns = wall_ns()) const {
    const Result<Token> made = root.issue(chain, "alice", issued_at_ns);
    REQUIRE(made);
    return *made;
  }
  static std::string update(const Token& token, const std::string& id = "f1") {
    pb::ProcessorFilterRequest request;
    request.mutable_filter()->set_id(id);
    request.mutable_filter()->set_pattern("alice");
    request.mutable_filter()->set_enabled(true);
    *request.mutable_auth_token() = to_proto(token);
    return request.SerializeAsString();
  }
  /// Code and text, or "done" and the ids of those who say so.
  std::string operate(const std::vector<std::string>& path, int kind, const std::string& payload) {
    const auto answer = parent.operate(path, kind, payload);
    REQUIRE(answer);
    std::string text = answer->code() == 0 ? "done" : std::to_string(answer->code()) + " " + answer->text();
    for (const std::string& id : answer->answered()) text += " /" + id;
    return text;
  }
  std::string update(const std::vector<std::string>& path, const Token& token) {
    return operate(path, links::OPERATION_UPDATE_FILTER, update(token));
  }
  static int filters(const processor::ProcessorNode& node) {
    Client client(node.address());
    Context context;
    pb::FilterResponse response;
    REQUIRE(client.control->GetFilters(&context, {}, &response).ok());
    return response.filters_size();
  }
};

std::string refused(const std::string& id, const std::string& why) {
  return "16 operation failed in chain: processor \"" + id + "\": " + why;
}

const std::string kInvalid = "authorization token invalid: ";

}  // namespace

TEST_CASE("A change from above is made once for each token, by the processor that it is for", "[operations]") {
  Tree tree;
  const Token token = tree.token({"root", "mid", "leaf"});
  CHECK(tree.update({"leaf"}, token) == "done /leaf");
  CHECK(tree.filters(*tree.leaf) == 1);
  CHECK(tree.filters(*tree.mid) == 0);
  CHECK(tree.update({"leaf"}, token) == refused("mid", kInvalid + "it was used before"));
  CHECK(tree.update({}, tree.token({"root", "mid"})) == "done");
  CHECK(tree.filters(*tree.mid) == 1);

  pb::ProcessorFilterDeleteRequest removal;
  removal.set_filter_id("f1");
  CHECK(tree.operate({"leaf"}, links::OPERATION_DELETE_FILTER, removal.SerializeAsString()) ==
        refused("mid", kInvalid + "there is none; RequestAuthToken gives one"));
  *removal.mutable_auth_token() = to_proto(tree.token({"root", "mid", "leaf"}));
  CHECK(tree.operate({"leaf"}, links::OPERATION_DELETE_FILTER, removal.SerializeAsString()) == "done /leaf");
  CHECK(tree.filters(*tree.leaf) == 0);
}

TEST_CASE("A token that is not good is refused by the first processor that it comes to, also by the target",
          "[operations]") {
  Tree tree;
  const std::int64_t now = wall_ns();
  for (const auto& [path, chain] : {std::pair{std::vector<std::string>{"leaf"}, std::vector{"root", "mid", "leaf"}},
                                    {std::vector<std::string>{}, {"root", "mid"}}}) {
    const std::vector<std::string> good(chain.begin(), chain.end());
    CHECK(tree.update(path, tree.token(good, now - 10 * kMinute)) == refused("mid", "token expired"));
    CHECK(tree.update(path, tree.token(good, now + 10 * kMinute)) ==
          refused("mid", kInvalid + "it was issued in the future; check the clocks"));
    Token forged = tree.token(good);
    forged.subject = "bob";
    CHECK(tree.update(path, forged) == refused("mid", kInvalid + "its signature is wrong"));
    const Result<Token> others = signer().issue(good, "alice", now);
    REQUIRE(others);
    CHECK(tree.update(path, *others) == refused("mid", kInvalid + "its signature is wrong"));
    CHECK(tree.update(path, tree.token({"root", "mid", "other"})) ==
          refused("mid", kInvalid + "it was issued for another processor"));
    CHECK(tree.update(path, {}) == refused("mid", kInvalid + "it was issued for another processor"));
  }
  // The right target, by another way than the operation takes.
  CHECK(tree.update({"leaf"}, tree.token({"root", "mid", "between", "leaf"})) ==
        refused("mid", kInvalid + "its chain does not lead to that processor by this one"));
  CHECK(tree.update({}, tree.token({"root", "mid", "between", "mid"})) ==
        refused("mid", kInvalid + "its chain does not lead to that processor by this one"));
  CHECK(tree.update({}, tree.token({"root", "beside", "mid"})) ==
        refused("mid", kInvalid + "its chain does not lead to that processor by this one"));
  CHECK(tree.filters(*tree.leaf) == 0);
  CHECK(tree.filters(*tree.mid) == 0);
}

TEST_CASE("Each processor on the way has its own memory of what was used", "[operations]") {
  Tree tree;
  const Token token = tree.token({"root", "mid", "leaf"});
  CHECK(tree.update({"leaf"}, token) == "done /leaf");
  // A new mid has forgotten it; the leaf has not.
  const std::string listen = tree.mid->address();
  tree.mid.reset();
  FakeParent again(tree.root.public_key());
  tree.mid = tree.serve_below("mid", again.address, listen);
  REQUIRE(again.wait_for_processor("leaf"));
  const auto answer = again.operate({"leaf"}, links::OPERATION_UPDATE_FILTER, Tree::update(token));
  REQUIRE(answer);
  CHECK(answer->text() ==
        "operation failed in chain: processor \"leaf\": authorization token invalid: it was used before");
  CHECK(answer->code() == StatusCode::UNAUTHENTICATED);
  CHECK(answer->answered_size() == 1);
}

TEST_CASE("Of two processors of one id in a line the upper one's tokens are good", "[operations]") {
  Tree tree;
  const auto low = tree.serve_below("root", tree.parent.address);
  REQUIRE(tree.parent.wait_for_link("root"));
  // It has a key of its own, which is nobody's but the upper one's below that name.
  CHECK(tree.update({}, tree.token({"root", "root"})) == "done");
  CHECK(tree.filters(*low) == 1);
  Client client(low->address());
  Context context;
  pb::AuthorizationToken own;
  const grpc::Status refusal = client.control->RequestAuthToken(&context, {}, &own);
  CHECK(refusal.error_code() == StatusCode::FAILED_PRECONDITION);
  CHECK_THAT(refusal.error_message(), Catch::Contains("a processor above this one has the same id"));
}

TEST_CASE("Reading needs no token, and what is not known or can't be read goes no further", "[operations]") {
  Tree tree;
  CHECK(tree.update({"leaf"}, tree.token({"root", "mid", "leaf"})) == "done /leaf");
  const auto answer = tree.parent.operate({"leaf"}, links::OPERATION_GET_FILTERS, "");
  REQUIRE(answer);
  pb::FilterResponse response;
  REQUIRE(response.ParseFromString(answer->payload()));
  REQUIRE(response.filters_size() == 1);
  CHECK(response.filters(0).pattern() == "alice");
  CHECK(tree.operate({"leaf"}, 99, "") ==
        "12 operation failed in chain: processor \"mid\": this version does not know the operation");
  CHECK(tree.operate({"leaf"}, links::OPERATION_NONE, "") ==
        "12 operation failed in chain: processor \"mid\": this version does not know the operation");
  CHECK(tree.operate({"leaf"}, links::OPERATION_DELETE_FILTER, "\xff") ==
        "3 operation failed in chain: processor \"mid\": the operation's request can't be read");
  CHECK(tree.operate({"leaf"}, links::OPERATION_GET_FILTERS, "\xff") ==
        "3 the operation's request can't be read /leaf");
}

TEST_CASE("An error of the target comes back as it is, with the way to it in the details", "[operations]") {
  Tree tree;
  Client client(tree.mid->address());
  pb::AuthorizationToken token;
  {
    Context context;
    pb::AuthTokenRequest request;
    request.set_target_processor_id("leaf");
    REQUIRE(client.control->RequestAuthToken(&context, request, &token).ok());
  }
  CHECK(token.issuer_id() == "mid");
  CHECK(token.target_processor_id() == "leaf");
  REQUIRE(token.processor_chain_size() == 2);
  CHECK(token.processor_chain(0) == "mid");
  CHECK(token.processor_chain(1) == "leaf");
  CHECK(token.expires_at_ns() - token.issued_at_ns() == 5 * kMinute);
  CHECK_THAT(token.subject(), Catch::StartsWith("127.0.0.1:"));
  Context context;
  pb::ProcessorFilterDeleteRequest removal;
  removal.set_processor_id("leaf");
  removal.set_filter_id("nothing");
  *removal.mutable_auth_token() = token;
  pb::FilterUpdateResult result;
  const grpc::Status status = client.control->DeleteFilterOnProcessor(&context, removal, &result);
  CHECK(status.error_code() == StatusCode::NOT_FOUND);
  CHECK_THAT(status.error_message(), Catch::Contains("nothing"));
  pb::ErrorDetails details;
  REQUIRE(details.ParseFromString(status.error_details()));
  CHECK(details.code() == 5);
  CHECK(details.message() == status.error_message());
  REQUIRE(details.details_size() == 1);
  pb::FailedAt failed_at;
  REQUIRE(details.details(0).UnpackTo(&failed_at));
  REQUIRE(failed_at.path_size() == 1);
  CHECK(failed_at.path(0) == "leaf");
}

TEST_CASE("A processor that knows no links is told whether it may be a child", "[operations]") {
  Tree tree;
  Client client(tree.mid->address());
  const auto ask = [&](const std::string& id, const std::vector<std::string>& chain = {}) {
    Context context;
    pb::ProcessorRegistration request;
    request.set_processor_id(id);
    request.set_listen_address("192.0.2.9:55555");
    request.mutable_upstream_chain()->Add(chain.begin(), chain.end());
    pb::ProcessorRegistrationResponse response;
    const grpc::Status status = client.control->RegisterProcessor(&context, request, &response);
    if (!status.ok()) return std::to_string(status.error_code());
    CHECK(response.upstream_processor_id() == "mid");
    CHECK(response.accepted() == response.error().empty());
    return response.error();
  };
  const std::string cycle = "processor cycle detected in upstream chain";
  CHECK(ask("new") == "");
  CHECK(ask("new", {"new", "other"}) == "");
  CHECK(ask("mid") == cycle);
  CHECK(ask("root") == cycle);
  CHECK(ask("new", {"other", "mid"}) == cycle);
  CHECK_THAT(ask("leaf"), Catch::StartsWith("processor id \"leaf\" is in use: by " + tree.leaf->address()));
  CHECK(ask("") == "3");
  CHECK(ask("no id") == "3");
}
