#include "common/pki/identity.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/certificates.h"

using namespace lc;
using namespace lc::pki;
using lc::test::KeyKind;

namespace {

Result<Identity> identity(const std::string& sans) {
  return identity_of(*test::certify({.sans = sans}, test::key(KeyKind::kEcdsa)).certificate);
}

}  // namespace

TEST_CASE("A node is who the DNS names of its certificate say, with the role of its URI", "[pki]") {
  const auto found =
      identity("DNS:proc-a,IP:127.0.0.1,DNS:proc_a.example,email:a@example,URI:urn:lippycat:role:processor");
  REQUIRE(found);
  CHECK(found->names == std::vector<std::string>{"proc-a", "proc_a.example"});
  CHECK(found->role == Role::kProcessor);
  CHECK(found->may_use("proc_a.example"));
}

TEST_CASE("A name is taken letter for letter and never from elsewhere in the certificate", "[pki]") {
  const auto found = identity("DNS:proc-a,DNS:*.example,IP:192.0.2.1,URI:https://proc-b");
  REQUIRE(found);
  for (const char* id : {"proc-A", "proc", "proc-a.", "proc-aa", "x.example", "192.0.2.1", "proc-b", "test", ""}) {
    CAPTURE(id);
    CHECK_FALSE(found->may_use(id));
  }
  CHECK_FALSE(found->role);
}

TEST_CASE("A zero within a name does not end it", "[pki]") {
  const test::Certified made = test::certify({}, test::key(KeyKind::kEcdsa));
  GENERAL_NAMES* const names = GENERAL_NAMES_new();
  GENERAL_NAME* const name = GENERAL_NAME_new();
  ASN1_IA5STRING* const text = ASN1_IA5STRING_new();
  REQUIRE(ASN1_STRING_set(text, "proc-a\0.evil.example", 20) == 1);
  GENERAL_NAME_set0_value(name, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, name);
  REQUIRE(X509_add1_ext_i2d(made.certificate.get(), NID_subject_alt_name, names, 0, X509V3_ADD_REPLACE) == 1);
  GENERAL_NAMES_free(names);
  const auto found = identity_of(*made.certificate);
  REQUIRE(found);
  CHECK_FALSE(found->may_use("proc-a"));
}

TEST_CASE("Each role has its name", "[pki]") {
  for (const char* name : {"hunter", "processor", "operator", "viewer", "admin"}) {
    const auto found = identity("URI:urn:lippycat:role:" + std::string(name));
    REQUIRE(found);
    REQUIRE(found->role);
    CHECK(name_of(*found->role) == name);
    CHECK(role_named(name) == found->role);
  }
  CHECK_FALSE(role_named("root"));
}

TEST_CASE("An unknown role, two roles and a damaged SAN are refused instead of being no role", "[pki]") {
  const auto unknown = identity("URI:urn:lippycat:role:procesor");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code == Code::kPermissionDenied);
  CHECK(unknown.error().text == "the certificate has the role \"procesor\", which there is not");
  const auto two = identity("URI:urn:lippycat:role:viewer,URI:urn:lippycat:role:admin");
  REQUIRE_FALSE(two);
  CHECK(two.error().text == "the certificate has more than one role");

  const test::Certified made = test::certify({}, test::key(KeyKind::kEcdsa));
  ASN1_OCTET_STRING* const junk = ASN1_OCTET_STRING_new();
  REQUIRE(ASN1_OCTET_STRING_set(junk, reinterpret_cast<const unsigned char*>("\x30\x7f\x01"), 3) == 1);
  X509_EXTENSION* const extension = X509_EXTENSION_create_by_NID(nullptr, NID_subject_alt_name, 0, junk);
  REQUIRE(X509_add_ext(made.certificate.get(), extension, -1) == 1);
  X509_EXTENSION_free(extension);
  ASN1_OCTET_STRING_free(junk);
  const auto damaged = identity_of(*made.certificate);
  REQUIRE_FALSE(damaged);
  CHECK(damaged.error().code == Code::kPermissionDenied);
  CHECK(ERR_peek_error() == 0);
}

TEST_CASE("A certificate without names is nobody", "[pki]") {
  const auto found = identity("");
  REQUIRE(found);
  CHECK(found->names.empty());
  CHECK_FALSE(found->role);
}
