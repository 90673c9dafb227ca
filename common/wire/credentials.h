// TLS credentials from files, checked so that a bad one is named before gRPC sees it.
#pragma once

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/config/tls_settings.h"

namespace lc::wire {

/// What is in the files; empty where none is given.
struct TlsFiles {
  std::string certificate, key, ca;  // PEM
};
/// Throws StartError (78), with check_tls_files's text.
TlsFiles read_tls_files(const config::TlsSettings& tls);

/// Everything that can be said of the files without a peer: readable, PEM, key belongs to the certificate, not expired.
Status check_tls_files(const config::TlsSettings& tls);

/// Insecure credentials without TLS files. Throws StartError (78), with check_tls_files's text.
std::shared_ptr<grpc::ChannelCredentials> client_credentials(const config::TlsSettings& tls);

/// Mutual TLS when tls.ca_file is given: every client must then show a certificate of that CA.
std::shared_ptr<grpc::ServerCredentials> server_credentials(const config::TlsSettings& tls);

}  // namespace lc::wire
