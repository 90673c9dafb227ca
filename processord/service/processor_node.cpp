#include "processord/service/processor_node.h"

#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/server_builder.h>
#include <netdb.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/base/exit_code.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/wire/endpoint.h"

namespace lc::processor {
namespace {

// Calls that do not end by themselves (heartbeats, consoles) are cancelled after this.
constexpr auto kShutdownLimit = std::chrono::milliseconds(300);

// gRPC only says that it could not bind; a socket of our own says why.
std::string bind_failure(const std::string& listen) {
  const Result<wire::Address> address = wire::parse_address(listen);
  if (!address) return address.error().text;
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const char* host = address->host.empty() ? nullptr : address->host.c_str();
  if (const int error = ::getaddrinfo(host, std::to_string(address->port).c_str(), &hints, &found); error != 0) {
    return ::gai_strerror(error);
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, ::freeaddrinfo);
  const UniqueFd fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int one = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (::bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(fd.get(), 1) != 0) {
    return errno == EADDRINUSE ? "the port is in use by another process; choose another --listen" : errno_text(errno);
  }
  return "gRPC could not bind it";
}

EngineSettings with_certificate(EngineSettings engine, const config::TlsSettings& tls) {
  engine.certificate_file = tls.cert_file;
  return engine;
}

}  // namespace

ProcessorNode::ProcessorNode(EngineSettings engine, const std::string& listen, const config::TlsSettings& tls,
                             const TimeSource& time, const UpstreamSettings& upstream)
    : engine_(with_certificate(std::move(engine), tls), time),
      tree_(engine_, upstream, tls, time),
      data_service_(engine_, tree_.hierarchy()),
      management_service_(engine_, tree_.hierarchy(), tree_.figures(), tree_.operations(),
                          Access(pki::role_named(tls.default_role), tls.has_tls())) {
  grpc::ServerBuilder builder;
  int port = 0;
  wire::prepare_server(builder, listen, tls, &port);
  builder.RegisterService(&data_service_);
  builder.RegisterService(&management_service_);
  builder.RegisterService(&tree_.service());
  server_ = builder.BuildAndStart();
  if (!server_ || port == 0) {
    throw StartError(ExitCode::kUnavailable, "cannot listen on " + listen + ": " + bind_failure(listen));
  }
  address_ = listen.substr(0, listen.rfind(':') + 1) + std::to_string(port);
  engine_.serves_at(address_);
  for (const char* service :
       {lippycat::management::ManagementService::service_full_name(), lippycat::data::DataService::service_full_name(),
        lippycat::link::LinkService::service_full_name()}) {
    server_->GetHealthCheckService()->SetServingStatus(service, true);
  }
  engine_.start();
  tree_.start();
  log::info("listening", {{"address", address_},
                          {"processor_id", engine_.settings().processor_id},
                          {"version", LC_VERSION},
                          {"transport", tls.cert_file.empty() ? "plaintext" : "tls"}});
}

ProcessorNode::~ProcessorNode() {
  server_->GetHealthCheckService()->Shutdown();
  tree_.stop();
  engine_.stop();
  server_->Shutdown(std::chrono::system_clock::now() + kShutdownLimit);
  server_->Wait();
}

}  // namespace lc::processor
