#include "common/pki/pem.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "tests/support/certificates.h"

using namespace lc;
using namespace lc::pki;
using lc::test::KeyKind;

namespace {

const test::Certified& one() {
  static const test::Certified made = test::certify({.name = "one"}, test::key(KeyKind::kEcdsa));
  return made;
}
const test::Certified& two() {
  static const test::Certified made = test::certify({.name = "two"}, test::key(KeyKind::kEd25519));
  return made;
}

/// Standard input, from which OpenSSL takes a pass phrase where there is no terminal.
class PassPhraseAtHand {
 public:
  explicit PassPhraseAtHand(const std::string& text) : size_(text.size()), before_(::dup(STDIN_FILENO)) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
  }
  ~PassPhraseAtHand() {
    ::dup2(before_, STDIN_FILENO);
    ::close(before_);
  }
  PassPhraseAtHand(const PassPhraseAtHand&) = delete;
  PassPhraseAtHand& operator=(const PassPhraseAtHand&) = delete;

  [[nodiscard]] bool is_untouched() const {
    int left = 0;
    return ::ioctl(STDIN_FILENO, FIONREAD, &left) == 0 && left == static_cast<int>(size_);
  }

 private:
  const std::size_t size_;
  const int before_;
};

}  // namespace

TEST_CASE("Certificates are read in their order, with what else is in the text passed over", "[pki]") {
  const auto found = read_certificates("subject=one\n" + one().pem() + one().key_pem() + two().pem() + "the end\n");
  REQUIRE(found.size() == 2);
  CHECK(X509_cmp(found[0].get(), one().certificate.get()) == 0);
  CHECK(X509_cmp(found[1].get(), two().certificate.get()) == 0);
  CHECK(write_certificates(found) == one().pem() + two().pem());
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("A certificate that is damaged or cut off spoils the text it is in", "[pki]") {
  const std::string pem = one().pem();
  CHECK(read_certificates("").empty());
  CHECK(read_certificates({}).empty());
  CHECK(read_certificates("no certificate\n").empty());
  CHECK(read_certificates(one().key_pem()).empty());
  for (std::size_t size = 30; size + 1 < pem.size(); size += 7) {
    CAPTURE(size);
    CHECK(read_certificates(two().pem() + pem.substr(0, size)).empty());
  }
  std::string changed = pem;
  changed[100] = '*';
  CHECK(read_certificates(two().pem() + changed).empty());
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("A private key is read", "[pki]") {
  const Key found = read_private_key(two().pem() + two().key_pem());
  REQUIRE(found);
  CHECK(EVP_PKEY_eq(found.get(), two().key.get()) == 1);
  CHECK_FALSE(read_private_key(two().pem()));
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("Nobody is asked for the pass phrase of an encrypted key, or of a peer's encrypted block", "[pki]") {
  const PassPhraseAtHand asked("secret\n");
  CHECK_FALSE(read_private_key(test::private_pem(two().key.get(), "secret")));
  std::string pem = one().pem();
  pem.insert(pem.find('\n') + 1, "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n");
  CHECK(read_certificates(pem).empty());
  CHECK(asked.is_untouched());
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("Errors that were there before stay, and none is added", "[pki]") {
  ERR_clear_error();
  ERR_raise(ERR_LIB_USER, 7);
  CHECK(read_certificates("nothing").empty());
  CHECK_FALSE(read_private_key("nothing"));
  CHECK(ERR_GET_REASON(ERR_get_error()) == 7);
  CHECK(ERR_get_error() == 0);
}
