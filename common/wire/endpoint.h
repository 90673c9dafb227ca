// Both ends of a connection, with the limits and keepalive that wire peers agree on.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/config/tls_settings.h"

namespace lc::wire {

inline constexpr int kMaxMessageBytes = 16 << 20;

/// HOST:PORT, [IPV6]:PORT or :PORT; the port is required.
struct Address {
  std::string host;  // "" = every interface; IPv6 without brackets
  int port = 0;
};
Result<Address> parse_address(const std::string& text);
bool is_loopback(const Address& address);

/// A channel of its own connection: pings every 30 s, 20 s time-out. The TLS files are read at every call, so that a
/// new connection uses what lies there now. Throws StartError (78) when a file can't be used.
std::shared_ptr<grpc::Channel> make_channel(const std::string& address, const config::TlsSettings& tls);

/// Whether somebody takes TCP connections there, asked with one that is closed again. Blocks for `limit`, and for as
/// long as a name takes to be looked up.
bool takes_connections(const std::string& address, std::chrono::milliseconds limit);

/// Listening options shared by every server: credentials, limits, keepalive, reflection, health service.
/// `bound_port` is set by BuildAndStart. Throws StartError as above.
void prepare_server(grpc::ServerBuilder& builder, const std::string& listen, const config::TlsSettings& tls,
                    int* bound_port);

/// The words for a failed attempt to reach `address`: what gRPC says, less its decoration, and for TLS what the
/// handshake's certificates say.
std::string connect_failure(const std::string& address, const config::TlsSettings& tls, const std::string& grpc_text);

}  // namespace lc::wire
