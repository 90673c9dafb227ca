// How a connection is protected, and when it may do without.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/config/option.h"
#include "common/config/settings.h"

namespace lc::config {

struct TlsSettings {
  std::string cert_file;  // PEM; always together with key_file
  std::string key_file;
  std::string ca_file;            // PEM; what peers' certificates must lead to
  bool insecure = false;          // plaintext beyond loopback was asked for
  std::string default_role = {};  // of peers' certificates that name no role, at a server; empty: none

  [[nodiscard]] bool has_tls() const { return !cert_file.empty() || !ca_file.empty(); }
};

/// Rows for a binary's table: tls-cert, tls-key, tls-ca, insecure, and the keys tls.enabled and tls.skip_verify.
std::vector<Option> tls_options();

/// From the settings of a table with tls_options(). With tls.enabled false the files are left out. Errors: half of a
/// pair, tls.enabled true without files, tls.skip_verify true.
Result<TlsSettings> tls_settings(const Settings& settings);

/// Plaintext is for loopback, or for who asked with --insecure; in production not even then. The error names the
/// remedy.
Status check_transport(bool has_tls, bool loopback_only, bool insecure, bool production);

}  // namespace lc::config
