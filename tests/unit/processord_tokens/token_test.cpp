#include "processord/tokens/token.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace lc;
using namespace lc::processor;
using namespace std::string_literals;

TEST_CASE("The bytes that are signed are those that the header describes", "[tokens]") {
  Token token;
  token.signature = "not in it";
  token.algorithm = "ed25519";
  token.issuer_id = "root";
  token.target_processor_id = "leaf";
  token.subject = "alice";
  token.issued_at_ns = 0x0102'0304'0506'0708;
  token.expires_at_ns = -2;
  token.processor_chain = {"root", "leaf"};
  token.nonce = "\0\xff"s;
  token.issuer_certificates = std::string(0x0102, 'c');
  // Written by hand.
  CHECK(canonical_bytes(token) ==
        "lippycat authorization token, canonical form 1\n"
        "\0\0\0\7"
        "ed25519"
        "\0\0\0\4"
        "root"
        "\0\0\0\4"
        "leaf"
        "\0\0\0\5"
        "alice"
        "\1\2\3\4\5\6\7\x08"
        "\xff\xff\xff\xff\xff\xff\xff\xfe"
        "\0\0\0\2"
        "\0\0\0\4"
        "root"
        "\0\0\0\4"
        "leaf"
        "\0\0\0\2"
        "\0\xff"
        "\0\0\1\2"s +
            std::string(258, 'c'));
}

TEST_CASE("No text can be moved from one field to its neighbour without a change in what is signed", "[tokens]") {
  Token one;
  one.issuer_id = "a";
  one.processor_chain = {"a", "bc"};
  one.subject = "d";
  one.nonce = "e";
  const std::vector<void (*)(Token&)> moves = {
      [](Token& it) {
        it.processor_chain = {"ab", "c"};
      },
      [](Token& it) { it.processor_chain = {"abc"}; },
      [](Token& it) {
        it.processor_chain = {"a", "bc", ""};
      },
      [](Token& it) { std::swap(it.nonce, it.issuer_certificates); },
      [](Token& it) { std::swap(it.issuer_id, it.target_processor_id); },
      [](Token& it) { std::swap(it.issuer_id, it.algorithm); },
      [](Token& it) {
        it.issuer_id += it.subject;
        it.subject.clear();
      },
  };
  for (const auto move : moves) {
    Token other = one;
    move(other);
    CHECK(canonical_bytes(one) != canonical_bytes(other));
  }
}
