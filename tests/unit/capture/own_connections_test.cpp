#include "common/capture/own_connections.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <tuple>
#include <vector>

#include "common/base/unique_fd.h"

using namespace lc;

namespace {

sockaddr_in6 name_of(int fd, int (*ask)(int, sockaddr*, socklen_t*)) {
  sockaddr_in6 name{};
  socklen_t size = sizeof name;
  REQUIRE(ask(fd, reinterpret_cast<sockaddr*>(&name), &size) == 0);
  return name;
}

/// A connection from this process to itself, and its ports.
struct Loop {
  explicit Loop(const char* to)
      : listener(::socket(AF_INET6, SOCK_STREAM, 0)), client(::socket(AF_INET6, SOCK_STREAM, 0)) {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    sockaddr_in6 target = name_of(listener.get(), ::getsockname);
    REQUIRE(::inet_pton(AF_INET6, to, &target.sin6_addr) == 1);
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
    remote_port = ntohs(target.sin6_port);
    local_port = ntohs(name_of(client.get(), ::getsockname).sin6_port);
  }
  UniqueFd listener;
  UniqueFd client;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
};

}  // namespace

TEST_CASE("A hunter finds its own connections to a port, IPv4 ones as such", "[own_connections]") {
  for (const auto& [to, text] : {std::pair{"::1", "::1"}, std::pair{"::ffff:127.0.0.1", "127.0.0.1"}}) {
    const Loop loop(to);
    const auto found = capture::own_connections(loop.remote_port);
    REQUIRE(found.size() == 1);
    CHECK(found[0].local == text);
    CHECK(found[0].remote == text);
    CHECK(found[0].local_port == loop.local_port);
    CHECK(found[0].remote_port == loop.remote_port);
  }
}

TEST_CASE("What a listener is reached by is its own address, or with none all that the host has", "[own_connections]") {
  using Connections = std::vector<capture::Connection>;
  CHECK(capture::own_listener("192.0.2.1", 5) == Connections{{"192.0.2.1", 5, "", 0}});
  CHECK(capture::own_listener("2001:db8::1", 5) == Connections{{"2001:db8::1", 5, "", 0}});
  for (const char* everything : {"", "0.0.0.0", "::", "localhost"}) {
    const Connections all = capture::own_listener(everything, 5);
    CHECK(std::count(all.begin(), all.end(), capture::Connection{"127.0.0.1", 5, "", 0}) == 1);
  }
}
