// Says quickly of most keys that a hash table does not have them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lc::filter {

/// By multiplication: the upper bits of the product are the hash.
inline std::uint64_t mixed(std::uint64_t key) {
  return key * 0x9e37'79b9'7f4a'7c15;
}

/// A bit for each of 64 or more times as many hashes as keys. Reading is for any thread.
class Sieve {
 public:
  /// What looking into it takes: a loop keeps this in registers.
  struct View {
    const std::uint64_t* words = nullptr;
    int shift = 0;
    /// In the lowest bit, 1: may have it, 0: has it not. The other bits mean nothing.
    [[nodiscard]] std::uint64_t look(std::uint64_t hash) const {
      const std::uint64_t bit = hash >> shift;
      return words[bit / 64] >> bit % 64;
    }
    [[nodiscard]] bool may_have(std::uint64_t hash) const { return (look(hash) & 1) != 0; }
  };

  Sieve() = default;
  explicit Sieve(std::size_t keys)
      : words_(std::bit_ceil(keys + 1)), shift_(64 - 6 - std::countr_zero(words_.size())) {}

  void add(std::uint64_t hash) {
    const std::uint64_t bit = hash >> shift_;
    words_[bit / 64] |= std::uint64_t{1} << bit % 64;
  }
  [[nodiscard]] View view() const { return {words_.data(), shift_}; }

 private:
  std::vector<std::uint64_t> words_;
  int shift_ = 0;
};

}  // namespace lc::filter
