// Checks authorization tokens; every processor on the way to the target does, the issuer too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/guarded.h"
#include "common/base/result.h"
#include "processord/tokens/issuer_keys.h"
#include "processord/tokens/replay_memory.h"
#include "processord/tokens/token.h"

namespace lc::processor {

/// Any thread.
class TokenVerifier {
 public:
  /// Whose tokens are accepted.
  struct Issuers {
    std::vector<std::string> line;  // ids from the root of the tree down to this processor, which is the last
    std::shared_ptr<const IssuerKeys> keys;
  };

  /// `remembered`: how many tokens of the last minutes are known as used; some 250 bytes each.
  explicit TokenVerifier(Issuers issuers, std::size_t remembered = 10'000);

  /// When the line above has changed, or a key or the CA. What was used stays known.
  void set_issuers(Issuers issuers);

  /// Accepts a token once, for a change on `target`, at `now_ns`, the nanoseconds since 1970.
  /// kUnauthenticated: invalid_token() or expired_token(). kPermissionDenied: the issuer is no processor.
  /// kResourceExhausted: more tokens than can be remembered.
  Status verify(const Token& token, std::string_view target, std::int64_t now_ns);

 private:
  Guarded<Issuers> issuers_;
  Guarded<ReplayMemory> used_;
};

}  // namespace lc::processor
