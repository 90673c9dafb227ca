#include "common/filter/stream_protocols.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/unit/filter/filters.h"

using namespace lc;
using namespace lc::filter;
using namespace lc::filter::test;
using namespace std::string_literals;
using Kind = packet::Framing::Kind;

namespace {

/// Every shorter text wants more, the whole one is a message, and so it is with something behind it.
void check_framing(const packet::StreamProtocol& protocol, const std::string& text, const std::string& next) {
  CHECK(protocol.begins(bytes_of(text)));
  for (std::size_t size = 1; size < text.size(); ++size) {
    INFO(size);
    const auto framing = protocol.frame(bytes_of(std::string_view(text).substr(0, size)));
    CHECK(framing.kind == Kind::kMore);
  }
  const std::string all = text + next;
  const auto framing = protocol.frame(bytes_of(all));
  CHECK(framing.kind == Kind::kMessage);
  CHECK(framing.size == text.size());
}

}  // namespace

TEST_CASE("A hello is framed with its records, however it is split over them", "[stream_protocols]") {
  const std::string hello =
      "\x01\x00\x00\x06"
      "abcdef"s;
  const auto record = [](const std::string& body) {
    return "\x16\x03\x01\x00"s + static_cast<char>(body.size()) + body;
  };
  const packet::StreamProtocol tls = tls_protocol();
  check_framing(tls, record(hello), record("\x0b\x00\x00\x00"s));
  check_framing(tls, record(hello.substr(0, 2)) + record(hello.substr(2, 3)) + record(hello.substr(5)), "");
  check_framing(tls, record(hello + "\x0b\x00"s), "\x00\x00");     // the record goes on
  CHECK_FALSE(tls.begins(bytes_of(record("\x0b\x00\x00\x00"s))));  // a certificate
  CHECK_FALSE(
      tls.begins(bytes_of("\x17\x03\x03\x00\x05"
                          "abcde"s)));  // application data
  CHECK_FALSE(tls.begins(bytes_of("GET / HTTP/1.1\r\n")));
  CHECK(tls.frame(bytes_of("\x17\x03\x03\x00\x05"
                           "abcde"s))
            .kind == Kind::kLost);
  CHECK(tls.frame(bytes_of("\x16\x03\x03\xff\xff\x01"s)).kind == Kind::kLost);
}

TEST_CASE("A request's head is framed without its body", "[stream_protocols]") {
  const packet::StreamProtocol http = http_protocol();
  const std::string head = "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\n";
  CHECK(http.begins(bytes_of(head)));
  CHECK(http.begins(bytes_of("POST /x HT")));
  CHECK(http.frame(bytes_of(head.substr(0, head.size() - 1))).kind == Kind::kMore);
  const std::string all = head + "abcGET /";
  CHECK(http.frame(bytes_of(all)).kind == Kind::kMessage);
  CHECK(http.frame(bytes_of(all)).size == head.size());
  CHECK(http.frame(bytes_of("GET / HTTP/1.0\n\n")).size == 16);
  CHECK(http.frame(bytes_of("abcGET /")).kind == Kind::kLost);
  CHECK_FALSE(http.begins(bytes_of("OPTIONS sip:a@b SIP/2.0\r\n")));
  CHECK_FALSE(http.begins(bytes_of("HTTP/1.1 200 OK\r\n")));
  CHECK_FALSE(http.begins(bytes_of("GETTING /x HTTP/1.1\r\n")));
}

TEST_CASE("A header of mail is framed with the lines that continue it", "[stream_protocols]") {
  const packet::StreamProtocol mail = mail_protocol();
  const std::string stream =
      "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nDATA\r\nSubject: one\r\n two\r\n\tthree\r\nFrom: "
      "c@d.example\r\n"
      "\r\nbody\r\n";
  CHECK(mail.begins(bytes_of(stream)));
  CHECK_FALSE(mail.begins(bytes_of("From: <sip:a@b.example>\r\n")));  // may as well be SIP
  std::vector<std::string> messages;
  std::string_view rest = stream;
  while (!rest.empty()) {
    const auto framing = mail.frame(bytes_of(rest));
    REQUIRE((framing.kind == Kind::kMessage || framing.kind == Kind::kSkip));
    if (framing.kind == Kind::kMessage) messages.emplace_back(rest.substr(0, framing.size));
    rest.remove_prefix(framing.size);
  }
  CHECK(messages == std::vector<std::string>{"MAIL FROM:<a@b.example>\r\n", "Subject: one\r\n two\r\n\tthree\r\n",
                                             "From: c@d.example\r\n"});
  CHECK(mail.frame(bytes_of("Subject: one\r\n")).kind == Kind::kMore);  // the next line may continue it
  CHECK(mail.frame(bytes_of("Subj")).kind == Kind::kMore);
  CHECK(mail.frame(bytes_of(std::string(5000, 'x'))).kind == Kind::kSkip);
}

TEST_CASE("A DNS message is framed with its length field", "[stream_protocols]") {
  const packet::StreamProtocol dns = dns_protocol();
  const std::string query =
      "\x00\x15\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03"
      "abc\0\0\x01\0\x01"s;
  check_framing(dns, query, query);
  CHECK_FALSE(dns.begins(bytes_of("GET / HTTP/1.1\r\nHost: a\r\n")));
  std::string two_questions = query;
  two_questions[7] = 2;
  CHECK(dns.frame(bytes_of(two_questions)).kind == Kind::kLost);
}
