// All filters in force at one time, compiled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/fleet/filter.h"
#include "common/packet/ip_address.h"
#include "common/packet/packet.h"
#include "common/sip/message.h"
#include "common/sip/sdp.h"

namespace lc::filter {

/// Indices into FilterSet::filters(), rising, each once. Kept by the caller from packet to packet, so that nothing is
/// allocated.
using Matches = std::vector<std::uint32_t>;

/// Immutable. Any number of threads may match at a time. Matching adds to `matches` and keeps it sorted.
class FilterSet {
 public:
  /// Of the filters given, those that are enabled and whose time is not up (`now_ns`, wall clock) are in force;
  /// disabled ones are as if absent. An error names the filter's id, its type, and the position in the pattern. Any
  /// thread.
  static Result<std::shared_ptr<const FilterSet>> compile(std::vector<fleet::Filter> filters, std::uint64_t revision,
                                                          std::int64_t now_ns);
  ~FilterSet();

  [[nodiscard]] const std::vector<fleet::Filter>& filters()
      const;  // in force; FILTER_MEDIA_ENDPOINT is never among them
  [[nodiscard]] std::uint64_t revision() const;
  [[nodiscard]] std::int64_t next_expiry_ns() const;  // 0: none

  // What there is to look at; false: the match function of that kind can be left out.
  [[nodiscard]] bool empty() const { return any_.none; }
  [[nodiscard]] bool any_sip() const { return any_.sip; }      // SIP_USER, SIP_URI, PHONE_NUMBER, CALL_ID, IMSI, IMEI
  [[nodiscard]] bool any_codec() const { return any_.codec; }  // CODEC
  [[nodiscard]] bool any_address() const { return any_.address; }  // IP_ADDRESS
  [[nodiscard]] bool any_bpf() const { return any_.bpf; }          // BPF
  [[nodiscard]] bool any_dns() const { return any_.dns; }          // DNS_DOMAIN
  [[nodiscard]] bool any_tls() const { return any_.tls; }          // TLS_*
  [[nodiscard]] bool any_http() const { return any_.http; }        // HTTP_*
  [[nodiscard]] bool any_mail() const { return any_.mail; }        // EMAIL_*
  [[nodiscard]] bool follows_calls() const { return any_sip() || any_codec(); }

  void match_sip(const sip::Message& message, Matches& matches) const;
  void match_codecs(const sip::Sdp& sdp, Matches& matches) const;
  void match_payload_type(std::uint8_t static_payload_type, Matches& matches) const;  // RTP that no SDP describes
  void match_address(const packet::IpAddress& address, Matches& matches) const;
  /// The packet as captured, its VLAN tags looked through (BpfFilter).
  void match_bpf(const packet::PacketView& packet, std::uint32_t link_type, Matches& matches) const;
  void match_dns(std::span<const std::uint8_t> message, Matches& matches) const;  // without TCP's length field
  void match_tls(std::span<const std::uint8_t> record, Matches& matches) const;   // as tls_protocol() frames it
  void match_http(std::span<const std::uint8_t> head, Matches& matches) const;    // request line and headers
  void match_mail(std::span<const std::uint8_t> line, Matches& matches) const;    // as mail_protocol() frames it

  /// One libpcap expression that every packet wanted by this set matches, when there is one: every filter is BPF or
  /// IP_ADDRESS, and they are few enough for the kernel (at most 200). Empty: there is none.
  [[nodiscard]] const std::string& kernel_expression() const;

 private:
  struct State;
  explicit FilterSet(std::unique_ptr<const State> state);
  std::unique_ptr<const State> state_;
  struct {
    bool none, sip, codec, address, bpf, dns, tls, http, mail;
  } any_{};  // asked for each packet
};

/// Whether a filter could be in force: its id, type, pattern, targets, action. kInvalidArgument names what is wrong,
/// and in a pattern the position (a count of characters from 1). Any thread.
Status check(const fleet::Filter& filter);

}  // namespace lc::filter
