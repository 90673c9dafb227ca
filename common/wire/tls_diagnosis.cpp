#include "common/wire/tls_diagnosis.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <memory>

#include "common/pki/openssl.h"

namespace lc::wire {
namespace {

constexpr auto kLimit = std::chrono::seconds(5);

using Context = std::unique_ptr<SSL_CTX, pki::Deleter<SSL_CTX_free>>;

// What the peer had against us. gRPC's servers close the connection without an alert.
std::string refusal(bool shaken, const config::TlsSettings& tls) {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(code);
  const bool closed = code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING;
  if (!shaken) return std::string("TLS handshake failed: ") + (closed ? "connection closed" : reason);
  const std::string why = closed ? "" : std::string(" (") + reason + ")";
  return tls.cert_file.empty()
             ? "the processor wants a certificate and this hunter has none: give --tls-cert and --tls-key" + why
             : "the processor does not accept the certificate " + tls.cert_file + ": expired, or not of its CA" + why;
}

}  // namespace

std::optional<std::string> diagnose_tls(const std::string& host, int port, const config::TlsSettings& tls) {
  ERR_clear_error();
  const Context context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_load_verify_locations(context.get(), tls.ca_file.c_str(), nullptr);
  if (!tls.cert_file.empty()) {
    SSL_CTX_use_certificate_chain_file(context.get(), tls.cert_file.c_str());
    SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM);
  }
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);

  const pki::Bio bio(BIO_new_ssl_connect(context.get()));
  SSL* ssl = nullptr;
  BIO_get_ssl(bio.get(), &ssl);
  static constexpr std::array<unsigned char, 3> kAlpn = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, kAlpn.data(), kAlpn.size());
  const std::string shown = host.find(':') == std::string::npos ? host : "[" + host + "]";
  BIO_set_conn_hostname(bio.get(), (shown + ":" + std::to_string(port)).c_str());
  BIO_set_nbio(bio.get(), 1);
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) != 1) {
    ERR_clear_error();
    SSL_set_tlsext_host_name(ssl, host.c_str());
    SSL_set1_host(ssl, host.c_str());
  }

  // In TLS 1.3 the peer judges our certificate after our side of the handshake is complete: its verdict comes with the
  // first read.
  const auto end = std::chrono::steady_clock::now() + kLimit;
  bool shaken = false;
  while (std::chrono::steady_clock::now() < end) {
    char byte = 0;
    const int done = shaken ? BIO_read(bio.get(), &byte, 1) : static_cast<int>(BIO_do_connect(bio.get()));
    if (done > 0 && shaken) return std::nullopt;  // the peer speaks: the certificates are not the reason
    if (done > 0) {
      shaken = true;
    } else if (BIO_should_retry(bio.get())) {
      int fd = -1;
      BIO_get_fd(bio.get(), &fd);
      pollfd entry = {fd, static_cast<short>(BIO_should_write(bio.get()) ? POLLOUT : POLLIN), 0};
      if (::poll(&entry, 1, 100) < 0) break;
    } else {
      const long verdict = SSL_get_verify_result(ssl);
      if (verdict != X509_V_OK) {
        return std::string("the processor's certificate is not accepted: ") + X509_verify_cert_error_string(verdict);
      }
      return refusal(shaken, tls);
    }
  }
  return std::nullopt;
}

}  // namespace lc::wire
