#include "common/filter/bpf.h"

#include <linux/filter.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <vector>

#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"
#include "common/packet/decode.h"

namespace lc::filter {
namespace {

bool run(const bpf_program& program, std::span<const std::uint8_t> frame, std::uint32_t original) {
  pcap_pkthdr header{};
  header.caplen = static_cast<bpf_u_int32>(frame.size());
  header.len = original;
  return ::pcap_offline_filter(&program, &header, frame.data()) != 0;
}

/// Quicker than decode() for what most packets are: an Ethernet frame whose type is IPv4 or IPv6, or ARP.
bool is_plainly_untagged(std::uint32_t link_type, std::span<const std::uint8_t> frame) {
  return link_type == packet::kEthernet && frame.size() >= 14 && (frame[12] == 0x08 || frame[12] == 0x86);
}

/// The frame without its tags (see LinkTags). Valid until this thread's next call.
std::span<const std::uint8_t> without_tags(std::span<const std::uint8_t> frame, const packet::LinkTags& tags) {
  thread_local std::vector<std::uint8_t> scratch;
  scratch.assign(frame.begin(), frame.begin() + tags.offset);
  std::copy_n(frame.begin() + tags.end() - 2, 2, scratch.begin() + tags.type_offset);
  scratch.insert(scratch.end(), frame.begin() + tags.end(), frame.end());
  return scratch;
}

bool reads_kernel_metadata(std::span<const bpf_insn> instructions) {
  return std::any_of(instructions.begin(), instructions.end(), [](const bpf_insn& instruction) {
    return BPF_CLASS(instruction.code) == BPF_LD && BPF_MODE(instruction.code) == BPF_ABS &&
           instruction.k >= static_cast<bpf_u_int32>(SKF_AD_OFF);
  });
}

bool has_word(std::string_view expression, std::string_view word) {
  // The characters of libpcap's words (scanner.l): a host called vlan-gw is not the keyword.
  constexpr std::string_view kWord = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:";
  for (std::size_t begin = 0; (begin = expression.find_first_of(kWord, begin)) != std::string_view::npos;) {
    const std::size_t end = std::min(expression.find_first_not_of(kWord, begin), expression.size());
    if (expression.substr(begin, end - begin) == word) return true;
    begin = end;
  }
  return false;
}

Error bad_filter(const std::string& expression, std::string_view why) {
  constexpr std::string_view kPreamble = "can't parse filter expression: ";  // says nothing that ours does not
  if (why.starts_with(kPreamble)) why.remove_prefix(kPreamble.size());
  return {Code::kInvalidArgument, "bad BPF filter " + quoted(expression) + ": " + std::string(why)};
}

}  // namespace

Result<BpfProgram> BpfProgram::compile(const std::string& expression, std::uint32_t link_type, std::uint32_t snaplen) {
  const std::unique_ptr<pcap_t, decltype(&::pcap_close)> handle(
      ::pcap_open_dead(dlt_of_link_type(link_type), static_cast<int>(snaplen)), &::pcap_close);
  if (!handle) return Error{Code::kResourceExhausted, "no memory for a BPF filter"};
  bpf_program code{};
  if (::pcap_compile(handle.get(), &code, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
    return bad_filter(expression, ::pcap_geterr(handle.get()));
  }
  return BpfProgram(std::shared_ptr<const bpf_program>(new bpf_program(code), [](const bpf_program* program) {
    bpf_program owned = *program;
    ::pcap_freecode(&owned);
    delete program;
  }));
}

std::span<const bpf_insn> BpfProgram::instructions() const {
  return {program_->bf_insns, program_->bf_len};
}

Result<BpfFilter> BpfFilter::compile(const std::string& expression, std::uint32_t link_type) {
  Result<BpfProgram> program = BpfProgram::compile(expression, link_type, packet::kMaxPacketBytes);
  if (!program) return program.error();
  if (reads_kernel_metadata(program->instructions())) {
    return bad_filter(expression, "packets of this link type do not carry their direction or interface");
  }
  return BpfFilter(std::move(*program), link_type, mentions_vlan(expression));
}

bool BpfFilter::matches(const packet::PacketView& packet) const {
  const std::span<const std::uint8_t> frame(packet.data, packet.captured);
  if (literal_ || is_plainly_untagged(link_type_, frame)) return run(program_.get(), frame, packet.original);
  const packet::LinkTags tags = packet::decode(link_type_, frame).tags;
  if (tags.count == 0) return run(program_.get(), frame, packet.original);
  return run(program_.get(), without_tags(frame, tags), packet.original - 4 * tags.count);
}

bool mentions_vlan(std::string_view expression) {
  return has_word(expression, "vlan");
}

bool moves_offsets(std::string_view expression) {
  return has_word(expression, "vlan") || has_word(expression, "mpls") || has_word(expression, "pppoes") ||
         has_word(expression, "geneve");
}

}  // namespace lc::filter
