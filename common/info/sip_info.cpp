#include "common/info/sip_info.h"

#include "common/info/line.h"
#include "common/sip/text.h"

namespace lc::info {
namespace {

constexpr std::size_t kMostParameters = 16;

// RFC 7315 section 5.4: `access-type;name=value;...`.
AccessNetwork access_network_of(std::string_view value) {
  AccessNetwork network;
  std::string_view parameters = value;
  network.type = field_text(sip::trim(sip::take_until(parameters, ';')));
  sip::QuotedText text(parameters);
  std::size_t end = 0;
  for (std::size_t begin = 0; begin < parameters.size() && network.parameters.size() < kMostParameters;
       begin = end + 1) {
    end = text.find([](char c) { return c == ';' || c == ','; }, begin);
    std::string_view one = parameters.substr(begin, end - begin);
    const std::string_view name = sip::trim(sip::take_until(one, '='));
    one = sip::trim(one);
    if (one.starts_with('"')) one = one.substr(1, sip::closing_quote(one, 0) - 1);
    if (sip::is_word(name, "i-wlan-node-id")) {
      network.bssid = field_text(one);
    } else if (sip::is_word(name, "utran-cell-id-3gpp") || sip::is_word(name, "cgi-3gpp")) {
      network.cell_id = field_text(one);
    } else if (sip::is_word(name, "ue-local-ip-address")) {
      network.local_ip = field_text(one);
    } else if (!name.empty()) {
      network.parameters.emplace_back(field_text(name), field_text(one));
    }
    if (end < parameters.size() && parameters[end] == ',') break;  // of a list, the first one
  }
  return network;
}

}  // namespace

SipInfo sip_info(const sip::Message& message) {
  SipInfo info;
  info.method = field_text(message.method);
  info.status = message.status;
  info.call_id = field_text(message.call_id);
  sip::Uri uri;
  if (sip::parse_uri(message.value_of(sip::Identity::kFrom), uri)) {
    info.from_user = field_text(uri.user);
    info.from_uri = field_text(uri.text);
  }
  uri = {};
  if (sip::parse_uri(message.value_of(sip::Identity::kTo), uri)) {
    info.to_user = field_text(uri.user);
    info.to_uri = field_text(uri.text);
  }
  info.from_tag = field_text(message.from_tag);
  info.to_tag = field_text(message.to_tag);
  info.cseq_method = field_text(message.cseq_method);
  info.asserted_identity = field_text(message.value_of(sip::Identity::kAssertedIdentity));
  if (!message.access_network_info.empty()) info.access_network = access_network_of(message.access_network_info);
  info.visited_network_id = field_text(message.visited_network_id);
  return info;
}

std::string sip_line(const sip::Message& message) {
  if (message.is_request) {
    return join("Request: ", line_part(message.method), " ", line_part(message.request_uri));
  }
  std::string line = join("Status: ", message.status, " ", line_part(message.reason));
  if (!message.cseq_method.empty()) append(line, " (", line_part(message.cseq_method), ")");
  return line;
}

}  // namespace lc::info
