#include "common/config/tls_settings.h"

namespace lc::config {
namespace {

constexpr const char* kRemedy = "give --tls-ca, --tls-cert and --tls-key";

Error refused(const Settings& settings, const std::string& name, const std::string& text) {
  return {Code::kInvalidArgument, settings.origin(name) + ": " + text};
}

}  // namespace

std::vector<Option> tls_options() {
  return {
      Option{.name = "tls-cert",
             .yaml = "tls.cert_file",
             .value_name = "FILE",
             .help = "Certificate of this node, PEM, with the chain up to the CA.",
             .group = "Transport security"},
      Option{.name = "tls-key", .yaml = "tls.key_file", .value_name = "FILE", .help = "Its private key, PEM."},
      Option{.name = "tls-ca",
             .yaml = "tls.ca_file",
             .value_name = "FILE",
             .help = "CA that the peers' certificates must lead to, PEM."},
      Option{.name = "insecure",
             .yaml = "tls.insecure",
             .kind = Kind::kBoolean,
             .default_value = "false",
             .help = "Allow plaintext beyond loopback. Refused where LIPPYCAT_PRODUCTION=true."},
      Option{.name = "tls-enabled",
             .yaml = "tls.enabled",
             .kind = Kind::kBoolean,
             .default_value = "true",
             .help = "With false the three files are ignored; with true they must be there.",
             .where = Where::kFileOnly},
      Option{.name = "tls-skip-verify",
             .yaml = "tls.skip_verify",
             .kind = Kind::kBoolean,
             .default_value = "false",
             .help = "Must be false: certificates are always verified.",
             .where = Where::kFileOnly},
  };
}

Result<TlsSettings> tls_settings(const Settings& settings) {
  if (settings.boolean("tls-skip-verify")) {
    return refused(settings, "tls-skip-verify",
                   "tls.skip_verify: the verification of certificates cannot be switched off; remove the line and name "
                   "the CA with tls.ca_file or --tls-ca");
  }
  TlsSettings tls;
  tls.insecure = settings.boolean("insecure");
  if (!settings.boolean("tls-enabled")) return tls;
  tls.cert_file = settings.text("tls-cert");
  tls.key_file = settings.text("tls-key");
  tls.ca_file = settings.text("tls-ca");
  if (tls.cert_file.empty() != tls.key_file.empty()) {
    const bool has_cert = !tls.cert_file.empty();
    return refused(settings, has_cert ? "tls-cert" : "tls-key",
                   has_cert ? "a certificate without its key; give --tls-key or tls.key_file too"
                            : "a key without its certificate; give --tls-cert or tls.cert_file too");
  }
  if (settings.is_set("tls-enabled") && !tls.has_tls()) {
    return refused(settings, "tls-enabled", std::string("tls.enabled is true but there are no files; ") + kRemedy);
  }
  return tls;
}

Status check_transport(bool has_tls, bool loopback_only, bool insecure, bool production) {
  if (production && insecure) {
    return Error{Code::kFailedPrecondition,
                 std::string("LIPPYCAT_PRODUCTION=true forbids --insecure (tls.insecure); remove it and ") + kRemedy};
  }
  if (has_tls || loopback_only || insecure) return {};
  return Error{Code::kFailedPrecondition,
               std::string("plaintext is allowed on loopback only; ") + kRemedy +
                   (production ? "" : ", or --insecure to send everything readable and changeable by others")};
}

}  // namespace lc::config
