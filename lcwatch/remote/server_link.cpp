#include "lcwatch/remote/server_link.h"

#include <utility>

#include "common/wire/byte_buffer.h"
#include "common/wire/endpoint.h"
#include "lippycat/data.pb.h"

namespace lc::watch {
namespace {

namespace pb = lippycat::management;
namespace data = lippycat::data;

constexpr const char* kTopologyMethod = "/lippycat.management.ManagementService/SubscribeTopology";
constexpr const char* kPacketsMethod = "/lippycat.data.DataService/SubscribePackets";
constexpr const char* kCallsMethod = "/lippycat.data.DataService/SubscribeCorrelatedCalls";
constexpr const char* kClientId = "lcwatch";
constexpr std::uint32_t kFiguresInterval_ms = 1000;

/// Whether certificates may be the reason that no connection came about.
bool may_be_certificates(const std::string& text) {
  for (const char* other : {"refused", "timed out", "Timeout", "resolution", "unreachable"}) {
    if (text.find(other) != std::string::npos) return false;
  }
  return true;
}

}  // namespace

ServerLink::ServerLink(ServerIndex index, const WatchedServer& server, const WatchedStreams& streams,
                       const Parts& parts)
    : index_(index),
      streams_(streams),
      worker_(parts.worker),
      inquirer_(parts.inquirer),
      inbox_(parts.inbox),
      hunters_(server.hunters),
      connection_(server.address, server.tls),
      topology_taker_(index, parts.inbox),
      packet_taker_(index, parts.inbox, parts.packets, parts.time),
      call_taker_(index, parts.inbox),
      topology_(parts.worker, connection_, topology_subscription()),
      packets_(parts.worker, connection_, packet_subscription()),
      calls_(parts.worker, connection_, call_subscription()),
      shown_(parts.worker, connection_, shown_subscription()),
      operations_(parts.worker, connection_, [this] { look_idle(); }) {}

void ServerLink::start() {
  topology_.want(streams_.topology);
  packets_.want(streams_.packets);
  calls_.want(streams_.calls);
}

void ServerLink::close(std::function<void()> done) {
  closed_ = std::move(done);
  operations_.cancel();
  for (Feed* feed : {&topology_, &packets_, &calls_, &shown_}) feed->want(false);
  look_idle();
}

void ServerLink::look_idle() {
  if (closed_ && connection_.calls() == 0) std::exchange(closed_, nullptr)();
}

Feed::Subscription ServerLink::topology_subscription() {
  return {.method = kTopologyMethod,
          .request =
              [this] {
                topology_taker_.begin();
                pb::TopologySubscribeRequest request;
                request.set_include_downstream(true);
                request.set_client_id(kClientId);
                request.set_figures_interval_ms(streams_.figures ? kFiguresInterval_ms : 0);
                return wire::serialize(request);
              },
          .stands = [this] { announce_up(StreamKind::kTopology); },
          .received = [this](const grpc::ByteBuffer& buffer) { return topology_taker_.take(buffer); },
          .began =
              [this] {
                got_through();
                if (streams_.access) ask_access();
              },
          .lost = [this](const Error& error, bool stood,
                         Clock::time_point retry_at) { announce_down(StreamKind::kTopology, error, stood, retry_at); },
          .over = [this] { look_idle(); }};
}

Feed::Subscription ServerLink::packet_subscription() {
  return {.method = kPacketsMethod,
          .request =
              [this] {
                packet_taker_.begin();
                data::SubscribeRequest request;
                request.set_client_id(kClientId);
                request.set_bpf_filter(streams_.packet_filter);
                request.set_has_hunter_filter(hunters_.has_value());
                if (hunters_) request.mutable_hunter_ids()->Add(hunters_->begin(), hunters_->end());
                return wire::serialize(request);
              },
          .stands = [this] { announce_up(StreamKind::kPackets); },
          .received = [this](const grpc::ByteBuffer& buffer) { return packet_taker_.take(buffer); },
          .room = [this] { return packet_taker_.room(); },
          .began = [this] { got_through(); },
          .lost = [this](const Error& error, bool stood,
                         Clock::time_point retry_at) { announce_down(StreamKind::kPackets, error, stood, retry_at); },
          .over = [this] { look_idle(); }};
}

Feed::Subscription ServerLink::call_subscription() {
  return {.method = kCallsMethod,
          .request =
              [] {
                data::SubscribeRequest request;
                request.set_client_id(kClientId);
                request.set_with_removals(true);
                return wire::serialize(request);
              },
          .stands = [this] { announce_up(StreamKind::kCalls); },
          .received = [this](const grpc::ByteBuffer& buffer) { return call_taker_.take_all(buffer); },
          .began = [this] { got_through(); },
          .lost = [this](const Error& error, bool stood,
                         Clock::time_point retry_at) { announce_down(StreamKind::kCalls, error, stood, retry_at); },
          .over = [this] { look_idle(); }};
}

// Comes and goes with what is looked at, so nothing is said of it.
Feed::Subscription ServerLink::shown_subscription() {
  return {.method = kCallsMethod,
          .request =
              [this] {
                data::SubscribeRequest request;
                request.set_client_id(kClientId);
                request.add_call_ids(call_taker_.shown());
                request.set_with_messages(true);
                return wire::serialize(request);
              },
          .stands = [] {},
          .received = [this](const grpc::ByteBuffer& buffer) { return call_taker_.take_shown(buffer); },
          .lost = [this](const Error&, bool, Clock::time_point) { call_taker_.lost_shown(); },
          .over = [this] { look_idle(); }};
}

void ServerLink::announce_up(StreamKind kind) {
  const std::lock_guard lock(mutex_);
  down_[static_cast<std::size_t>(kind)].reset();
  inbox_.push(StreamChanged{index_, kind, true});
}

void ServerLink::announce_down(StreamKind kind, Error error, bool stood, Clock::time_point retry_at) {
  const bool unreached = error.code == Code::kUnavailable && !stood;
  const bool inquires = unreached && connection_.tls().has_tls() && may_be_certificates(error.text);
  const std::string text = error.text;
  if (error.code == Code::kUnavailable) {
    error.text = stood ? "connection lost: " + text : wire::connect_failure(connection_.address(), {}, text);
  }
  {
    const std::lock_guard lock(mutex_);
    std::optional<Down>& down = down_[static_cast<std::size_t>(kind)];
    down = {std::move(error), retry_at};
    if (!inquires) push_down(kind, *down);
  }
  if (inquires) inquire(text);
}

// The handshake is made once more to see what is wrong with it; until then nothing is said of the subscriptions.
void ServerLink::inquire(const std::string& text) {
  if (std::exchange(inquiring_, true)) return;
  inquirer_.post([this, text] {
    const std::string reason = wire::connect_failure(connection_.address(), connection_.tls(), text);
    worker_.post([this, reason] {
      inquiring_ = false;
      const std::lock_guard lock(mutex_);
      for (const StreamKind kind : {StreamKind::kTopology, StreamKind::kPackets, StreamKind::kCalls}) {
        std::optional<Down>& down = down_[static_cast<std::size_t>(kind)];
        if (!down || down->error.code != Code::kUnavailable) continue;
        down->error.text = reason;
        push_down(kind, *down);
      }
    });
  });
}

void ServerLink::push_down(StreamKind kind, const Down& down) {
  inbox_.push(StreamChanged{.server = index_,
                            .stream = kind,
                            .up = false,
                            .reason = down.error.text,
                            .retry_at = down.retry_at,
                            .code = down.error.code});
}

void ServerLink::got_through() {
  const auto unreached = [this](StreamKind kind) {
    const std::lock_guard lock(mutex_);
    const std::optional<Down>& down = down_[static_cast<std::size_t>(kind)];
    return down && down->error.code == Code::kUnavailable;
  };
  if (unreached(StreamKind::kTopology)) topology_.hurry();
  if (unreached(StreamKind::kPackets)) packets_.hurry();
  if (unreached(StreamKind::kCalls)) calls_.hurry();
}

void ServerLink::ask_access() {
  operations_.ask_access([this](const Result<bool>& may_change) {
    if (may_change) inbox_.push(AccessKnown{index_, *may_change});
  });
}

void ServerLink::choose_hunters(std::optional<std::set<std::string>> hunters) {
  hunters_ = std::move(hunters);
  packets_.renew();
}

void ServerLink::show_call(const std::string& id) {
  if (call_taker_.shown() == id) return;
  call_taker_.show(id);
  if (id.empty()) {
    shown_.want(false);
  } else if (shown_.wanted()) {
    shown_.renew();
  } else {
    shown_.want(true);
  }
}

void ServerLink::resync() {
  for (Feed* feed : {&topology_, &packets_, &calls_, &shown_}) feed->renew();
}

std::string ServerLink::target_of(const fleet::NodePath& path) const {
  if (path.empty()) return {};
  const fleet::ProcessorTree tree = topology_taker_.tree();
  const bool unique = tree && fleet::locate(tree, path.back()).size() == 1;
  return unique ? path.back() : fleet::path_text(path);
}

void ServerLink::list_filters(const fleet::NodePath& path) {
  operations_.list(target_of(path), [this, path](Result<std::vector<FilterRow>> filters) {
    inbox_.push(FiltersCame{index_, path, std::move(filters)});
  });
}

void ServerLink::save_filter(std::uint64_t operation, const fleet::NodePath& path, const fleet::Filter& filter) {
  operations_.save(target_of(path), filter,
                   [this, operation](Result<std::string> outcome) { finish(operation, std::move(outcome)); });
}

void ServerLink::delete_filter(std::uint64_t operation, const fleet::NodePath& path, const std::string& id) {
  operations_.remove(target_of(path), id,
                     [this, operation](Result<std::string> outcome) { finish(operation, std::move(outcome)); });
}

void ServerLink::finish(std::uint64_t operation, Result<std::string> outcome) {
  inbox_.push(OperationDone{.operation = operation,
                            .status = outcome ? Status() : Status(outcome.error()),
                            .done = outcome ? std::move(*outcome) : std::string()});
}

}  // namespace lc::watch
