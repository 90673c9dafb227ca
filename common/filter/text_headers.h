// Reads what filters ask of the heads of HTTP requests, and of lines of mail.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lc::filter {

bool equals_ignoring_case(std::string_view a, std::string_view b);
bool begins_ignoring_case(std::string_view text, std::string_view begin);

/// RFC 9112 section 3; views into the head.
struct HttpRequest {
  std::string_view target;
  std::string_view host;  // of the target's authority or, without one, of the Host header; without port
};

/// False: not a request line of HTTP.
bool parse_http_request(std::string_view head, HttpRequest& request);

/// Whether `bytes` begin like a request line of HTTP, as far as they go.
bool begins_http_request(std::string_view bytes);

/// What a line of mail is, as far as filters are concerned.
enum class MailLine { kOther, kCommand, kAddresses, kSubject };

/// By how it begins: MAIL FROM: and RCPT TO: (RFC 5321 section 4.1.1), From: and To:, Subject: (RFC 5322 section 3.6).
MailLine kind_of_mail_line(std::string_view line);
/// The addresses of a command or of a From or To header; views into it.
void read_mail_addresses(std::string_view line, std::vector<std::string_view>& addresses);
/// A Subject header's text: unfolded, encoded words (RFC 2047) in UTF-8 or US-ASCII decoded, others as they stand.
std::string read_mail_subject(std::string_view line);

}  // namespace lc::filter
