// Why not pcap_setfilter(): it first puts a program on the socket that rejects everything, and packets that arrive
// before the new one follows are lost (about one in every two changes at 100,000 packets/s). SO_ATTACH_FILTER alone
// replaces a program at once. The price is that the offsets of cooked captures have to be moved here.
#include "common/capture/live_filter.h"

#include <pcap/bpf.h>
#include <sys/socket.h>

#include <algorithm>

namespace lc::capture {
namespace {

/// The text that a program for the excluded connections is compiled from; empty for none.
std::string text_of(const std::vector<Connection>& connections) {
  std::string text;
  for (const Connection& c : connections) {
    const std::string local_port = std::to_string(c.local_port);
    const std::string remote_port = std::to_string(c.remote_port);
    if (!text.empty()) text += " or ";
    if (c.remote.empty()) {
      text += "(src host " + c.local + " and src port " + local_port + ") or (dst host " + c.local + " and dst port " +
              local_port + ")";
      continue;
    }
    text += "(src host " + c.local + " and src port " + local_port + " and dst host " + c.remote + " and dst port " +
            remote_port + ") or (src host " + c.remote + " and src port " + remote_port + " and dst host " + c.local +
            " and dst port " + local_port + ")";
  }
  return text.empty() ? text : "tcp and (" + text + ")";
}

/// The kernel sees a frame without its outer tag, but with a second one, which only wants() can look behind.
std::string kernel_text(const std::string& expression, const std::string& excluded, std::uint32_t link_type) {
  std::string text;
  if (!expression.empty()) {
    const bool has_tags =
        link_type == packet::kEthernet || link_type == packet::kLinuxSll || link_type == packet::kLinuxSll2;
    text = "(" + expression + ")";
    if (has_tags && !filter::mentions_vlan(expression)) {
      // In front: words like `pppoes` move the offsets of what stands behind them.
      text = "(ether proto 0x8100 or ether proto 0x88a8 or ether proto 0x9100 or " + text + ")";
    }
  }
  if (excluded.empty()) return text;
  // In front: `vlan` would move the offsets of all that stands behind it.
  const std::string others = "not (" + excluded + ")";
  return text.empty() ? others : others + " and " + text;
}

sock_filter statement(std::uint32_t code, std::uint32_t k) {
  return {static_cast<std::uint16_t>(code), 0, 0, k};
}

/// On a cooked capture the kernel's packet begins behind the link header, whose fields are metadata (packet(7)).
/// False: the kernel does not know this field.
bool move_offset(std::uint32_t link_type, std::uint32_t& offset) {
  const bool v2 = link_type == packet::kLinuxSll2;
  const std::uint32_t header = v2 ? 20 : 16;
  const auto metadata = [&](int field) {
    offset = static_cast<std::uint32_t>(SKF_AD_OFF + field);
    return true;
  };
  if (offset >= header) {
    offset -= header;
    return true;
  }
  if (offset == (v2 ? 0 : 14)) return metadata(SKF_AD_PROTOCOL);
  if (offset == (v2 ? 10 : 0)) return metadata(SKF_AD_PKTTYPE);
  if (offset == 4 && v2) return metadata(SKF_AD_IFINDEX);
  return false;
}

/// False: the program asks for something that a cooked capture does not have in the kernel.
bool fit_to_cooked(std::uint32_t link_type, std::vector<sock_filter>& program) {
  for (sock_filter& instruction : program) {
    const int kind = BPF_CLASS(instruction.code);
    if (kind != BPF_LD && kind != BPF_LDX) continue;
    const int mode = BPF_MODE(instruction.code);
    if (mode == BPF_LEN) return false;  // would be that of the packet without the link header
    const bool reads_packet = mode == BPF_ABS || mode == BPF_IND || mode == BPF_MSH;
    if (reads_packet && !move_offset(link_type, instruction.k)) return false;
  }
  return true;
}

std::vector<sock_filter> kernel_program(const filter::BpfProgram& program, bool literal, std::uint32_t link_type,
                                        std::uint32_t snaplen) {
  std::vector<sock_filter> code;
  if (literal) {
    // It speaks of tags, and the outer one is not in the kernel's frame: let every tagged frame through.
    code.push_back(
        statement(BPF_LD | BPF_B | BPF_ABS, static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)));
    code.push_back({BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0});
    code.push_back(statement(BPF_RET | BPF_K, snaplen));
  }
  for (const bpf_insn& i : program.instructions()) code.push_back({i.code, i.jt, i.jf, i.k});
  const bool is_cooked = link_type == packet::kLinuxSll || link_type == packet::kLinuxSll2;
  if (is_cooked && !fit_to_cooked(link_type, code)) code = {statement(BPF_RET | BPF_K, snaplen)};
  return code;
}

}  // namespace

Result<LiveFilter> LiveFilter::compile(const std::string& expression, const std::vector<Connection>& excluded,
                                       std::uint32_t link_type, std::uint32_t snaplen) {
  LiveFilter filter;
  const std::string excluded_text = text_of(excluded);
  for (const auto& [text, part] : {std::pair{&expression, &filter.wanted_}, {&excluded_text, &filter.excluded_}}) {
    if (text->empty()) continue;
    Result<filter::BpfFilter> compiled = filter::BpfFilter::compile(*text, link_type);
    if (!compiled) return compiled.error();
    *part = std::move(*compiled);
  }
  const Result<filter::BpfProgram> program =
      filter::BpfProgram::compile(kernel_text(expression, excluded_text, link_type), link_type, snaplen);
  if (!program) return program.error();
  filter.kernel_ = kernel_program(*program, filter::mentions_vlan(expression), link_type, snaplen);
  return filter;
}

void LiveFilter::attach(int packet_socket) const {
  const sock_fprog program = {static_cast<unsigned short>(std::min<std::size_t>(kernel_.size(), 0xffff)),
                              const_cast<sock_filter*>(kernel_.data())};  // the kernel only reads it
  if (::setsockopt(packet_socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0) return;
  const int unused = 0;
  ::setsockopt(packet_socket, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
}

}  // namespace lc::capture
