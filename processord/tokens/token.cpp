#include "processord/tokens/token.h"

namespace lc::processor {
namespace {

constexpr std::string_view kForm = "lippycat authorization token, canonical form 1\n";

void add_number(std::string& bytes, std::uint64_t number, int size) {
  for (int shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes += static_cast<char>((number >> shift) & 0xff);
}

void add_text(std::string& bytes, std::string_view text) {
  add_number(bytes, text.size(), 4);
  bytes += text;
}

}  // namespace

std::string canonical_bytes(const Token& token) {
  std::string bytes(kForm);
  add_text(bytes, token.algorithm);
  add_text(bytes, token.issuer_id);
  add_text(bytes, token.target_processor_id);
  add_text(bytes, token.subject);
  add_number(bytes, static_cast<std::uint64_t>(token.issued_at_ns), 8);
  add_number(bytes, static_cast<std::uint64_t>(token.expires_at_ns), 8);
  add_number(bytes, token.processor_chain.size(), 4);
  for (const std::string& id : token.processor_chain) add_text(bytes, id);
  add_text(bytes, token.nonce);
  add_text(bytes, token.issuer_certificates);
  return bytes;
}

Error invalid_token(std::string_view why) {
  return {Code::kUnauthenticated, "authorization token invalid: " + std::string(why)};
}

Error expired_token() {
  return {Code::kUnauthenticated, "token expired"};
}

}  // namespace lc::processor
