#include "processord/service/access.h"

#include <grpc/grpc_security_constants.h>

#include <utility>

#include "common/base/text.h"
#include "common/pki/pem.h"
#include "processord/service/peer_address.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMostCharacters = 200;  // of a name: it is shown, logged and signed

std::string property(const grpc::AuthContext& peer, const char* name) {
  const auto values = peer.FindPropertyValues(name);
  return values.empty() ? std::string() : std::string(values.front().data(), values.front().size());
}

}  // namespace

Result<std::string> Access::may_change(const grpc::ServerContextBase& context) const {
  const std::string address = readable_peer(context.peer());
  const auto peer = context.auth_context();
  if (!has_tls_) return address;
  if (!peer || !peer->IsPeerAuthenticated()) return admit(address, std::nullopt);
  const auto certificates = pki::read_certificates(property(*peer, GRPC_X509_PEM_CERT_PROPERTY_NAME));
  if (certificates.empty()) return Error{Code::kPermissionDenied, "the client's certificate can't be read"};
  const Result<pki::Identity> identity = pki::identity_of(*certificates.front());
  if (!identity) return identity.error();
  std::string name = identity->names.empty() ? property(*peer, GRPC_X509_CN_PROPERTY_NAME) : identity->names.front();
  name = name.empty() ? address : terminal_safe(name, kMostCharacters);
  return admit(std::move(name), identity->role);
}

Result<std::string> Access::admit(std::string name, std::optional<pki::Role> role) const {
  if (!role) role = default_role_;
  if (role == pki::Role::kOperator || role == pki::Role::kAdmin) return name;
  return Error{Code::kPermissionDenied,
               "changes are for the roles operator and admin; " + quoted(name) + " has " +
                   (role ? "the role " + std::string(pki::name_of(*role)) : "none (see --default-role)")};
}

}  // namespace lc::processor
