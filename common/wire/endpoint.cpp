#include "common/wire/endpoint.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/wire/credentials.h"
#include "common/wire/log_sink.h"
#include "common/wire/tls_diagnosis.h"

namespace lc::wire {
namespace {

// gRPC's own buffers, all streams together: enough for full speed, and peaks above it were of no use (measured).
constexpr std::size_t kGrpcMemoryBytes = std::size_t{96} << 20;

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

Result<Address> parse_address(const std::string& text) {
  const auto refuse = [&] {
    return Error{Code::kInvalidArgument, "address must be HOST:PORT (IPv6 in brackets), not " + quoted(text)};
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon + 1 == text.size()) return refuse();
  Address address;
  const std::string port = text.substr(colon + 1);
  if (port.size() > 5 || !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return refuse();
  }
  address.port = std::stoi(port);
  if (address.port > 65535) return refuse();
  address.host = text.substr(0, colon);
  if (address.host.size() >= 2 && address.host.front() == '[' && address.host.back() == ']') {
    address.host = address.host.substr(1, address.host.size() - 2);
  } else if (address.host.find(':') != std::string::npos) {
    return refuse();
  }
  return address;
}

bool is_loopback(const Address& address) {
  return address.host == "localhost" || address.host == "::1" || address.host.starts_with("127.");
}

bool takes_connections(const std::string& address, std::chrono::milliseconds limit) {
  const Result<Address> parsed = parse_address(address);
  if (!parsed) return false;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(parsed->host.c_str(), std::to_string(parsed->port).c_str(), &hints, &found) != 0) return false;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, ::freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    const UniqueFd fd(::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS) continue;
    pollfd ready{fd.get(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    if (::poll(&ready, 1, static_cast<int>(limit.count())) == 1 &&
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
      return true;
    }
  }
  return false;
}

std::shared_ptr<grpc::Channel> make_channel(const std::string& address, const config::TlsSettings& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  // A connection of its own, so that an attempt means an attempt: a shared one would answer from its own backoff.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(address, client_credentials(tls), arguments);
}

void prepare_server(grpc::ServerBuilder& builder, const std::string& listen, const config::TlsSettings& tls,
                    int* bound_port) {
  log_refused_handshakes();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  const Result<Address> address = parse_address(listen);
  const std::string where = address.ok() && address->host.empty() ? "[::]:" + std::to_string(address->port) : listen;
  builder.AddListeningPort(where, server_credentials(tls), bound_port);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  // Two processors on one port would share the hunters between them at random.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetResourceQuota(grpc::ResourceQuota("server").Resize(kGrpcMemoryBytes));
}

std::string connect_failure(const std::string& address, const config::TlsSettings& tls, const std::string& grpc_text) {
  std::string reason = grpc_text;
  if (const std::size_t last = reason.find("last error: "); last != std::string::npos) reason.erase(0, last + 12);
  replace_all(reason, "UNKNOWN: ", "");
  replace_all(reason, "UNAVAILABLE: ", "");
  const Result<Address> parsed = parse_address(address);
  if (!tls.ca_file.empty() && parsed.ok() && reason.find("refused") == std::string::npos) {
    if (auto diagnosis = diagnose_tls(parsed->host, parsed->port, tls)) reason = *diagnosis;
  }
  if (reason.find("refused") != std::string::npos) reason = "connection refused";
  return "failed to connect to processor: " + reason;
}

}  // namespace lc::wire
