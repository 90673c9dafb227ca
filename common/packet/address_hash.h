// Hashes of what is known by its addresses: flows, datagrams.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>

#include "common/packet/ip_address.h"

namespace lc::packet {

/// Seeded afresh in each process, so that no sender can choose addresses that fall together. Any thread.
class AddressHash {
 public:
  AddressHash() {
    std::random_device random;
    seed_ = std::uint64_t{random()} << 32 | random();
  }

  /// `rest` is what else tells them apart: ports, an id.
  [[nodiscard]] std::size_t operator()(const IpAddress& one, const IpAddress& other, std::uint64_t rest) const {
    return mix(add(add(mix(seed_ ^ rest), one), other));
  }

 private:
  // The finalizer of MurmurHash3, one round of two.
  static std::uint64_t mix(std::uint64_t value) {
    value ^= value >> 33;
    value *= 0xff51'afd7'ed55'8ccd;
    return value ^ value >> 29;
  }
  static std::uint64_t add(std::uint64_t hash, const IpAddress& address) {
    const std::uint8_t* const bytes = address.bytes().data();
    if (address.family() != IpAddress::Family::kV6) return mix(hash ^ word<std::uint32_t>(bytes));
    return mix(mix(hash ^ word<std::uint64_t>(bytes)) + word<std::uint64_t>(bytes + 8));
  }
  template <typename Word>
  static Word word(const std::uint8_t* bytes) {
    Word value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }

  std::uint64_t seed_ = 0;
};

}  // namespace lc::packet
