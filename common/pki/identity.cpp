#include "common/pki/identity.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "common/base/text.h"
#include "common/pki/openssl.h"

namespace lc::pki {
namespace {

constexpr std::string_view kRolePrefix = "urn:lippycat:role:";
constexpr std::array<std::pair<std::string_view, Role>, 5> kRoles = {{{"hunter", Role::kHunter},
                                                                      {"processor", Role::kProcessor},
                                                                      {"operator", Role::kOperator},
                                                                      {"viewer", Role::kViewer},
                                                                      {"admin", Role::kAdmin}}};

using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

Error denied(std::string text) {
  return {Code::kPermissionDenied, std::move(text)};
}

// By its length: a zero inside is a character like any other, and no end.
std::string_view text_of(const ASN1_IA5STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

}  // namespace

std::string_view name_of(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& known) { return known.second == role; })->first;
}

std::optional<Role> role_named(std::string_view name) {
  const auto* const found =
      std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& known) { return known.first == name; });
  return found == kRoles.end() ? std::nullopt : std::optional(found->second);
}

bool Identity::may_use(std::string_view id) const {
  return std::find(names.begin(), names.end(), id) != names.end();
}

Result<Identity> identity_of(const X509& certificate) {
  const ErrorScope errors;
  int state = 0;  // X509_get_ext_d2i(3): -1 when there is no such extension
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&certificate, NID_subject_alt_name, &state, nullptr)));
  if (!names && state != -1) return denied("the certificate's subjectAltName can't be read");
  Identity identity;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    int type = 0;
    const void* const value = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names.get(), i), &type);
    if (type != GEN_DNS && type != GEN_URI) continue;
    const std::string_view text = text_of(static_cast<const ASN1_IA5STRING*>(value));
    if (type == GEN_DNS) {
      identity.names.emplace_back(text);
    } else if (text.starts_with(kRolePrefix)) {
      const std::string_view name = text.substr(kRolePrefix.size());
      const std::optional<Role> role = role_named(name);
      if (!role) return denied("the certificate has the role " + quoted(name) + ", which there is not");
      if (identity.role) return denied("the certificate has more than one role");
      identity.role = role;
    }
  }
  return identity;
}

}  // namespace lc::pki
