#include "processord/service/packet_metadata.h"

namespace lc::processor {
namespace {

namespace data = lippycat::data;

void fill(data::SIPMetadata& message, const info::SipInfo& sip) {
  message.set_method(sip.method);
  message.set_response_code(sip.status);
  message.set_call_id(sip.call_id);
  message.set_from_user(sip.from_user);
  message.set_from_uri(sip.from_uri);
  message.set_from_tag(sip.from_tag);
  message.set_to_user(sip.to_user);
  message.set_to_uri(sip.to_uri);
  message.set_to_tag(sip.to_tag);
  message.set_cseq_method(sip.cseq_method);
  message.set_p_asserted_identity(sip.asserted_identity);
  message.set_visited_network_id(sip.visited_network_id);
  if (!sip.access_network) return;
  data::AccessNetworkInfo& network = *message.mutable_access_network_info();
  network.set_access_type(sip.access_network->type);
  network.set_bssid(sip.access_network->bssid);
  network.set_cell_id(sip.access_network->cell_id);
  network.set_local_ip(sip.access_network->local_ip);
  for (const auto& [name, value] : sip.access_network->parameters) (*network.mutable_parameters())[name] = value;
}

void fill(data::RTPMetadata& message, const info::RtpInfo& rtp) {
  message.set_ssrc(rtp.ssrc);
  message.set_payload_type(rtp.payload_type);
  message.set_sequence(rtp.sequence);
  message.set_timestamp(rtp.timestamp);
}

void fill(data::DNSMetadata& message, const info::DnsInfo& dns) {
  const auto has = [&dns](unsigned bit) { return (dns.flags >> bit & 1) != 0; };  // RFC 1035 section 4.1.1, RFC 4035
  message.set_transaction_id(dns.id);
  message.set_is_response(dns.is_response());
  message.set_opcode(dns.opcode);
  message.set_response_code(dns.response_code);
  message.set_authoritative(has(10));
  message.set_truncated(has(9));
  message.set_recursion_desired(has(8));
  message.set_recursion_available(has(7));
  message.set_authenticated_data(has(5));
  message.set_checking_disabled(has(4));
  message.set_question_count(dns.questions);
  message.set_answer_count(dns.answers);
  message.set_authority_count(dns.authorities);
  message.set_additional_count(dns.additionals);
  message.set_query_name(dns.query_name);
  message.set_query_type(dns.query_type);
  message.set_query_class(dns.query_class);
  for (const info::DnsAnswer& one : dns.answer_section) {
    data::DNSAnswer& answer = *message.add_answers();
    answer.set_name(one.name);
    answer.set_type(one.type);
    answer.set_class_(one.rr_class);
    answer.set_ttl(one.ttl_s);
    answer.set_data(one.data);
  }
}

}  // namespace

data::PacketMetadata packet_metadata(const info::PacketInfo& info) {
  data::PacketMetadata metadata;
  metadata.set_protocol(std::string(info.protocol));
  metadata.set_transport(std::string(info.transport));
  metadata.set_src_ip(info.source.text());
  metadata.set_dst_ip(info.destination.text());
  metadata.set_src_port(info.source_port);
  metadata.set_dst_port(info.destination_port);
  metadata.set_info(info.line);
  if (info.sip) fill(*metadata.mutable_sip(), *info.sip);
  if (info.rtp) fill(*metadata.mutable_rtp(), *info.rtp);
  if (info.dns) fill(*metadata.mutable_dns(), *info.dns);
  return metadata;
}

}  // namespace lc::processor
