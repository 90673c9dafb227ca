#include "common/pki/certificate_file.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <string>

#include "tests/support/certificates.h"
#include "tests/support/temp_dir.h"

using namespace lc;

TEST_CASE("When the certificate in a file runs out is known, or that there is none", "[pki]") {
  constexpr std::int64_t kUntil = 2'000'000'000;
  const test::TempDir directory;
  const std::string path = directory.file("tls.crt");
  std::ofstream(path) << test::certify({.until_s = kUntil}, test::key(test::KeyKind::kEcdsa)).pem();
  CHECK(pki::CertificateFile(path).not_after_ns() == kUntil * 1'000'000'000);

  std::ofstream(directory.file("other")) << "no certificate";
  CHECK(pki::CertificateFile(directory.file("other")).not_after_ns() == 0);
  CHECK(pki::CertificateFile(directory.file("missing")).not_after_ns() == 0);
  CHECK(pki::CertificateFile("").not_after_ns() == 0);
}
