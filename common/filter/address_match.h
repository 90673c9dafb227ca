// Finds which of many networks have an address.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/filter/filter_set.h"
#include "common/filter/sieve.h"
#include "common/packet/ip_address.h"

namespace lc::filter {

struct Network {
  packet::IpAddress address;  // without host bits
  unsigned prefix_bits = 0;

  [[nodiscard]] std::string text() const;  // ADDRESS/BITS
};

/// An address, or ADDRESS/BITS without host bits. IPv4-mapped IPv6 (RFC 4291 section 2.5.5.2) gives IPv4. Errors as
/// parse_glob().
Result<Network> parse_network(std::string_view pattern);

/// All networks that have the address, not only the longest. Immutable; any thread. One look into a hash table for
/// each prefix length in use.
class AddressMatcher {
 public:
  struct Pattern {
    Network network;
    std::uint32_t id = 0;
  };

  AddressMatcher() = default;
  explicit AddressMatcher(std::vector<Pattern> patterns);

  [[nodiscard]] bool empty() const { return slots_.empty(); }
  void match(const packet::IpAddress& address, Matches& matches) const;

 private:
  /// In host byte order; IPv4 addresses as mapped ones.
  struct Words {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
  };
  /// The length tells 0.0.0.0/0 from ::ffff:0:0/96, and ::/0 from both: bits, and 256 more for IPv4.
  struct Key {
    Words words;
    std::uint64_t length = 0;
  };
  struct Length {
    Words mask;
    std::uint64_t length = 0;
  };
  struct Slot {
    Key key;
    std::uint32_t first = 0;
    std::uint32_t count = 0;  // 0: free
  };
  static Words words_of(const packet::IpAddress& address);
  static Key key_of(const Words& words, const Length& length);
  static std::uint64_t hash_of(const Key& key);
  static Length length_of(const Network& network);
  [[nodiscard]] std::size_t slot_of(const Key& key, std::uint64_t hash) const;

  std::vector<Length> v4_;
  std::vector<Length> v6_;
  Sieve sieve_;
  std::vector<Slot> slots_;
  int slot_shift_ = 0;
  std::vector<std::uint32_t> ids_;
};

}  // namespace lc::filter
