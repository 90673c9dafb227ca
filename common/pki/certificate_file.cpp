#include "common/pki/certificate_file.h"

#include <openssl/asn1.h>
#include <openssl/x509.h>

#include <chrono>
#include <ctime>
#include <fstream>
#include <sstream>
#include <vector>

#include "common/pki/pem.h"

namespace lc::pki {
namespace {

constexpr auto kReadAgainAfter = std::chrono::minutes(1);
constexpr std::int64_t kSecond = 1'000'000'000;

std::int64_t read_not_after_ns(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  if (!file || !(content << file.rdbuf())) return 0;
  const std::vector<Certificate> certificates = read_certificates(content.str());
  std::tm utc{};
  if (certificates.empty() || ASN1_TIME_to_tm(X509_get0_notAfter(certificates.front().get()), &utc) != 1) return 0;
  return std::int64_t{::timegm(&utc)} * kSecond;
}

}  // namespace

std::int64_t CertificateFile::not_after_ns() {
  if (path_.empty()) return 0;
  const std::lock_guard lock(mutex_);
  if (const auto now = Clock::now(); now >= read_again_at_) {
    not_after_ns_ = read_not_after_ns(path_);
    read_again_at_ = now + kReadAgainAfter;
  }
  return not_after_ns_;
}

}  // namespace lc::pki
