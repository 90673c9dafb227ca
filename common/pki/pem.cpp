#include "common/pki/pem.h"

#include <openssl/pem.h>

#include <limits>

namespace lc::pki {
namespace {

// OpenSSL's own would ask whoever sits at the terminal.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

Bio memory(std::string_view text) {
  if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return nullptr;
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool is_end() {
  const unsigned long error = ERR_peek_last_error();
  return ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
}

}  // namespace

std::vector<Certificate> read_certificates(std::string_view pem) {
  const ErrorScope errors;
  std::vector<Certificate> certificates;
  const Bio bio = memory(pem);
  if (!bio) return certificates;
  while (X509* const certificate = PEM_read_bio_X509(bio.get(), nullptr, no_pass_phrase, nullptr)) {
    certificates.emplace_back(certificate);
  }
  if (!is_end()) certificates.clear();
  return certificates;
}

std::string write_certificates(std::span<const Certificate> certificates) {
  const ErrorScope errors;
  const Bio bio(BIO_new(BIO_s_mem()));
  for (const Certificate& certificate : certificates) PEM_write_bio_X509(bio.get(), certificate.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Key read_private_key(std::string_view pem) {
  const ErrorScope errors;
  const Bio bio = memory(pem);
  return Key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr) : nullptr);
}

}  // namespace lc::pki
