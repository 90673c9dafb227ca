// The connection to one processor that its calls share.
#pragma once

#include <grpcpp/channel.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/tls_settings.h"

namespace lc::watch {

/// One thread.
class Connection {
 public:
  Connection(std::string address, config::TlsSettings tls) : address_(std::move(address)), tls_(std::move(tls)) {}

  /// For one call more: the channel that other calls are on, or that works, else a new one, so that an attempt is one,
  /// with the TLS files as they are now. Error: these can't be used.
  Result<std::shared_ptr<grpc::Channel>> begin_call();
  void end_call();
  [[nodiscard]] std::size_t calls() const { return calls_; }

  [[nodiscard]] const std::string& address() const { return address_; }
  [[nodiscard]] const config::TlsSettings& tls() const { return tls_; }

 private:
  const std::string address_;
  const config::TlsSettings tls_;
  std::shared_ptr<grpc::Channel> channel_;
  std::size_t calls_ = 0;
};

}  // namespace lc::watch
