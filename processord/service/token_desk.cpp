#include "processord/service/token_desk.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "common/base/exit_code.h"
#include "common/wire/credentials.h"

namespace lc::processor {
namespace {

Result<TokenSigner> make_signer(const std::string& self_id, const config::TlsSettings& tls) {
  if (!tls.has_tls()) return TokenSigner::with_own_key(self_id);
  if (tls.cert_file.empty() || tls.ca_file.empty()) {
    return Error{Code::kFailedPrecondition,
                 "authorization tokens need --tls-cert, --tls-key and --tls-ca, or none of them"};
  }
  const wire::TlsFiles files = wire::read_tls_files(tls);
  return TokenSigner::with_certificates(self_id, files.certificate, files.key);
}

std::shared_ptr<const IssuerKeys> keys_of_ca(const config::TlsSettings& tls) {
  if (tls.ca_file.empty()) return nullptr;
  auto keys = certified_keys(wire::read_tls_files(tls).ca, pki::role_named(tls.default_role));
  if (!keys) throw StartError(ExitCode::kBadConfig, keys.error().text);
  return *keys;
}

// From the root of the tree down.
std::vector<std::string> line_of(const Chain& above, const std::string& self_id) {
  std::vector<std::string> line;
  for (auto one = above.rbegin(); one != above.rend(); ++one) line.push_back(one->id);
  line.push_back(self_id);
  return line;
}

// Down this line, and then by the way that the operation takes. The verifier knows only the first half.
bool leads(const std::vector<std::string>& chain, const std::vector<std::string>& line, const fleet::NodePath& below) {
  if (chain.size() <= below.size() || chain.size() > line.size() + below.size()) return false;
  const auto ours = static_cast<std::ptrdiff_t>(chain.size() - below.size());
  return std::equal(chain.begin(), chain.begin() + ours, line.end() - ours) &&
         std::equal(below.begin(), below.end(), chain.begin() + ours);
}

}  // namespace

TokenDesk::TokenDesk(std::string self_id, const config::TlsSettings& tls)
    : self_id_(std::move(self_id)),
      signer_(make_signer(self_id_, tls)),
      certified_(keys_of_ca(tls)),
      verifier_(issuers({})) {}

TokenVerifier::Issuers TokenDesk::issuers(const Chain& above) const {
  TokenVerifier::Issuers made{.line = line_of(above, self_id_), .keys = certified_};
  if (certified_) return made;
  // Where an id stands twice in the line, the upper one is meant, for the verifier too.
  std::vector<AnnouncedKey> keys;
  std::set<std::string> ids;
  const auto add = [&](const std::string& id, const std::string& key) {
    if (ids.insert(id).second && key.size() == kTokenKeyBytes) keys.push_back({.id = id, .public_key = key});
  };
  for (auto one = above.rbegin(); one != above.rend(); ++one) add(one->id, one->token_key);
  add(self_id_, public_key());
  Result<std::shared_ptr<const IssuerKeys>> announced = announced_keys(keys);
  made.keys = announced ? *announced : *announced_keys({});
  return made;
}

Result<Token> TokenDesk::issue(const fleet::NodePath& path, std::string subject, std::int64_t now_ns) const {
  if (!signer_) return signer_.error();
  std::vector<std::string> chain = {self_id_};
  chain.insert(chain.end(), path.begin(), path.end());
  return signer_->issue(std::move(chain), std::move(subject), now_ns);
}

Status TokenDesk::check(const Token& token, const Chain& above, const fleet::NodePath& below, std::int64_t now_ns) {
  known_.with([&](Chain& known) {
    if (known == above) return;
    known = above;
    verifier_.set_issuers(issuers(above));
  });
  const std::string& target = below.empty() ? self_id_ : below.back();
  if (token.target_processor_id == target && !leads(token.processor_chain, line_of(above, self_id_), below)) {
    return invalid_token("its chain does not lead to that processor by this one");
  }
  return verifier_.verify(token, target, now_ns);
}

}  // namespace lc::processor
