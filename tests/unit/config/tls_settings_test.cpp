#include "common/config/tls_settings.h"

#include <catch2/catch.hpp>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

Result<TlsSettings> tls(const std::string& file_text, std::vector<std::string> arguments = {}) {
  const ScratchFolder folder;
  const Loaded loaded =
      load(sample_program(), {.arguments = std::move(arguments), .files = {folder.write("f", file_text)}});
  CHECK(texts(loaded.faults) == std::vector<std::string>{});
  return tls_settings(loaded.settings);
}

std::string error(const std::string& file_text, std::vector<std::string> arguments = {}) {
  const Result<TlsSettings> result = tls(file_text, std::move(arguments));
  REQUIRE_FALSE(result.ok());
  return result.error().text;
}

bool ends_with(const std::string& text, const std::string& end) {
  CAPTURE(text);
  return text.ends_with(end);
}

}  // namespace

TEST_CASE("Certificate, key and CA come from options and from the section tls", "[config]") {
  const auto found = tls("tls:\n  cert_file: /c\n  key_file: /k\n  enabled: true\n", {"--tls-ca=/a"});
  REQUIRE(found.ok());
  CHECK(found->cert_file == "/c");
  CHECK(found->key_file == "/k");
  CHECK(found->ca_file == "/a");
  CHECK(found->has_tls());
  CHECK_FALSE(found->insecure);
  CHECK(tls("tls: {ca_file: /a}\n")->has_tls());
  CHECK_FALSE(tls("")->has_tls());
  CHECK(tls("", {"--insecure"})->insecure);
}

TEST_CASE("With tls.enabled false the files are ignored", "[config]") {
  const auto found = tls("tls: {enabled: false, cert_file: /c, key_file: /k, ca_file: /a, skip_verify: false}\n");
  REQUIRE(found.ok());
  CHECK_FALSE(found->has_tls());
}

TEST_CASE("With tls.enabled true there must be files, lest a typing error means plaintext", "[config]") {
  CHECK(ends_with(error("tls:\n  enabled: true\n"),
                  "/f:2: tls.enabled is true but there are no files; give --tls-ca, --tls-cert and --tls-key"));
}

TEST_CASE("Half of a certificate and key pair is refused", "[config]") {
  CHECK(ends_with(error("tls:\n  cert_file: /c\n"),
                  "/f:2: a certificate without its key; give --tls-key or tls.key_file too"));
  CHECK(error("", {"--tls-key=/k"}) == "option: a key without its certificate; give --tls-cert or tls.cert_file too");
}

TEST_CASE("Verification of certificates cannot be switched off", "[config]") {
  CHECK(ends_with(error("tls:\n  skip_verify: true\n"),
                  "/f:2: tls.skip_verify: the verification of certificates cannot be switched off; remove the line and "
                  "name the CA with tls.ca_file or --tls-ca"));
}

TEST_CASE("Plaintext needs loopback or --insecure, and production forbids the latter", "[config]") {
  const auto allowed = [](bool has_tls, bool loopback_only, bool insecure, bool production) {
    return check_transport(has_tls, loopback_only, insecure, production).ok();
  };
  CHECK(allowed(true, false, false, false));
  CHECK(allowed(true, false, false, true));
  CHECK(allowed(false, true, false, false));
  CHECK(allowed(false, true, false, true));
  CHECK(allowed(false, false, true, false));
  CHECK_FALSE(allowed(false, false, false, false));
  CHECK_FALSE(allowed(false, false, false, true));
  CHECK_FALSE(allowed(false, false, true, true));
  CHECK_FALSE(allowed(true, false, true, true));
  CHECK_FALSE(allowed(false, true, true, true));

  CHECK(check_transport(false, false, false, false).error().text ==
        "plaintext is allowed on loopback only; give --tls-ca, --tls-cert and --tls-key, or --insecure to send "
        "everything "
        "readable and changeable by others");
  CHECK(check_transport(false, false, false, true).error().text ==
        "plaintext is allowed on loopback only; give --tls-ca, --tls-cert and --tls-key");
  CHECK(check_transport(true, false, true, true).error().text ==
        "LIPPYCAT_PRODUCTION=true forbids --insecure (tls.insecure); remove it and give --tls-ca, --tls-cert and "
        "--tls-key");
}

}  // namespace lc::config
