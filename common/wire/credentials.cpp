// gRPC 1.51 offers no setting for the lowest TLS version. What it does offer is the list of TLS 1.2 cipher suites: with
// only one that needs a pre-shared key, which nobody has, no TLS 1.2 handshake can succeed, and TLS 1.3's own suites
// are not touched by that list.
#include "common/wire/credentials.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <sstream>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/text.h"
#include "common/pki/pem.h"

namespace lc::wire {
namespace {

void require_tls_1_3() {
  static std::once_flag once;
  std::call_once(once, [] { ::setenv("GRPC_SSL_CIPHER_SUITES", "PSK-AES256-GCM-SHA384", 1); });
}

Result<std::string> read_file(const char* what, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) {
    return Error{Code::kInvalidArgument,
                 std::string("cannot read ") + what + " " + quoted(path) + ": " + errno_text(errno)};
  }
  return content.str();
}

std::string time_text(const ASN1_TIME* time) {
  const pki::Bio bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Error unusable(const char* what, const std::string& path, const std::string& why) {
  return {Code::kInvalidArgument, std::string(what) + " " + quoted(path) + " " + why};
}

Status check_certificate(const std::string& path, const std::string& pem, const std::string& key_path,
                         const std::string& key_pem) {
  const std::vector<pki::Certificate> certificates = pki::read_certificates(pem);
  if (certificates.empty()) return unusable("TLS certificate", path, "is not a PEM certificate");
  const pki::Certificate& certificate = certificates.front();
  const pki::Key key = pki::read_private_key(key_pem);
  if (!key) return unusable("TLS key", key_path, "is not an unencrypted PEM private key");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) {
    return unusable("TLS key", key_path, "does not belong to certificate " + quoted(path));
  }
  if (X509_cmp_current_time(X509_get0_notAfter(certificate.get())) < 0) {
    return unusable("TLS certificate", path, "expired on " + time_text(X509_get0_notAfter(certificate.get())));
  }
  if (X509_cmp_current_time(X509_get0_notBefore(certificate.get())) > 0) {
    return unusable("TLS certificate", path,
                    "is not valid before " + time_text(X509_get0_notBefore(certificate.get())));
  }
  return {};
}

Result<TlsFiles> load(const config::TlsSettings& tls) {
  TlsFiles files;
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    return Error{Code::kInvalidArgument, "--tls-cert and --tls-key belong together: give both or none"};
  }
  if (!tls.cert_file.empty()) {
    Result<std::string> certificate = read_file("TLS certificate", tls.cert_file);
    if (!certificate) return certificate.error();
    Result<std::string> key = read_file("TLS key", tls.key_file);
    if (!key) return key.error();
    if (Status status = check_certificate(tls.cert_file, *certificate, tls.key_file, *key); !status) {
      return status.error();
    }
    files.certificate = std::move(*certificate);
    files.key = std::move(*key);
  }
  if (!tls.ca_file.empty()) {
    Result<std::string> ca = read_file("TLS CA", tls.ca_file);
    if (!ca) return ca.error();
    if (pki::read_certificates(*ca).empty()) return unusable("TLS CA", tls.ca_file, "is not a PEM certificate");
    files.ca = std::move(*ca);
  }
  return files;
}

}  // namespace

TlsFiles read_tls_files(const config::TlsSettings& tls) {
  Result<TlsFiles> files = load(tls);
  if (!files) throw StartError(ExitCode::kBadConfig, files.error().text);
  return std::move(*files);
}

Status check_tls_files(const config::TlsSettings& tls) {
  require_tls_1_3();
  const Result<TlsFiles> files = load(tls);
  return files ? Status() : Status(files.error());
}

std::shared_ptr<grpc::ChannelCredentials> client_credentials(const config::TlsSettings& tls) {
  require_tls_1_3();
  if (tls.ca_file.empty() && tls.cert_file.empty()) return grpc::InsecureChannelCredentials();
  TlsFiles files = read_tls_files(tls);
  return grpc::SslCredentials({std::move(files.ca), std::move(files.key), std::move(files.certificate)});
}

std::shared_ptr<grpc::ServerCredentials> server_credentials(const config::TlsSettings& tls) {
  require_tls_1_3();
  if (tls.cert_file.empty()) return grpc::InsecureServerCredentials();
  TlsFiles files = read_tls_files(tls);
  grpc::SslServerCredentialsOptions options(files.ca.empty()
                                                ? GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE
                                                : GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = std::move(files.ca);
  options.pem_key_cert_pairs.push_back({std::move(files.key), std::move(files.certificate)});
  return grpc::SslServerCredentials(options);
}

}  // namespace lc::wire
