// Capture filter expressions (pcap-filter(7)), compiled and evaluated in user space.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/packet/packet.h"

struct bpf_insn;
struct bpf_program;

namespace lc::filter {

/// libpcap's code for an expression, read literally. Immutable; copies share it.
class BpfProgram {
 public:
  /// `snaplen`: what the program returns for a packet that matches, in bytes. Any thread (pcap_compile(3PCAP) is
  /// re-entrant since libpcap 1.8); resolving a host name in the expression may block. A bad expression gives
  /// kInvalidArgument with the expression and libpcap's words.
  static Result<BpfProgram> compile(const std::string& expression, std::uint32_t link_type, std::uint32_t snaplen);

  [[nodiscard]] const bpf_program& get() const { return *program_; }
  [[nodiscard]] std::span<const bpf_insn> instructions() const;

 private:
  explicit BpfProgram(std::shared_ptr<const bpf_program> program) : program_(std::move(program)) {}

  std::shared_ptr<const bpf_program> program_;
};

/// An expression that means the same for tagged frames as for untagged ones: it sees every frame with its VLAN tags
/// (802.1Q, 802.1ad, priority tags; Ethernet and Linux cooked) taken out. One that has the word `vlan` is read
/// literally. Any number of threads may use one filter at a time.
class BpfFilter {
 public:
  /// As BpfProgram::compile(). Also refuses what only the kernel could evaluate: `inbound` and the like on link types
  /// that do not carry the direction.
  static Result<BpfFilter> compile(const std::string& expression, std::uint32_t link_type);

  [[nodiscard]] bool matches(const packet::PacketView& packet) const;

 private:
  BpfFilter(BpfProgram program, std::uint32_t link_type, bool literal)
      : program_(std::move(program)), link_type_(link_type), literal_(literal) {}

  BpfProgram program_;
  std::uint32_t link_type_;
  bool literal_;
};

/// Whether the expression has the keyword `vlan`, and therefore speaks of tags itself.
bool mentions_vlan(std::string_view expression);

/// Whether the expression has a keyword that moves the offsets of all that stands behind it (pcap-filter(7): `vlan`,
/// `mpls`, `pppoes`, `geneve`), and therefore means something else once another is put in front or behind.
bool moves_offsets(std::string_view expression);

}  // namespace lc::filter
