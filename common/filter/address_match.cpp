#include "common/filter/address_match.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <utility>

#include "common/filter/glob.h"
#include "common/filter/text_match.h"

namespace lc::filter {
namespace {

using packet::IpAddress;

constexpr unsigned kMappedBits = 96;

std::uint64_t word_at(std::span<const std::uint8_t> bytes) {
  std::uint64_t word = 0;
  for (const std::uint8_t byte : bytes.first(8)) word = word << 8 | byte;
  return word;
}

unsigned bits_of(const IpAddress& address) {
  return static_cast<unsigned>(8 * address.bytes().size());
}

bool is_mapped(const IpAddress& address) {
  if (address.family() != IpAddress::Family::kV6) return false;
  const auto bytes = address.bytes();
  return word_at(bytes) == 0 && word_at(bytes.subspan(4)) == 0xffff;
}

IpAddress unmapped(const IpAddress& address) {
  return IpAddress(address.bytes().subspan<12, 4>());
}

IpAddress without_host_bits(const IpAddress& address, unsigned prefix_bits) {
  std::array<std::uint8_t, 16> bytes{};
  const auto given = address.bytes();
  for (unsigned i = 0; i < given.size(); ++i) {
    const unsigned kept = std::clamp(prefix_bits, 8 * i, 8 * i + 8) - 8 * i;
    bytes[i] = static_cast<std::uint8_t>(given[i] & (0xff00U >> kept));
  }
  if (address.family() == IpAddress::Family::kV4) return IpAddress(std::span(bytes).first<4>());
  return IpAddress(std::span(std::as_const(bytes)));
}

std::uint64_t mask_of(unsigned bits) {
  return bits == 0 ? 0 : ~std::uint64_t{0} << (64 - std::min(bits, 64U));
}

}  // namespace

std::string Network::text() const {
  return address.text() + "/" + std::to_string(prefix_bits);
}

Result<Network> parse_network(std::string_view pattern) {
  const std::size_t slash = pattern.find('/');
  const Result<IpAddress> address = IpAddress::parse(pattern.substr(0, slash));
  if (!address) return fault_at(pattern, 0, "not an IPv4 or IPv6 address, nor one with /BITS behind it");
  Network network{*address, bits_of(*address)};
  if (slash != std::string_view::npos) {
    const std::string_view bits = pattern.substr(slash + 1);
    const auto [end, error] = std::from_chars(bits.data(), bits.data() + bits.size(), network.prefix_bits);
    if (error != std::errc{} || end != bits.data() + bits.size() || network.prefix_bits > bits_of(*address)) {
      return fault_at(pattern, slash + 1, "a prefix length is a number up to " + std::to_string(bits_of(*address)));
    }
  }
  if (is_mapped(*address) && network.prefix_bits >= kMappedBits) {
    network = {unmapped(*address), network.prefix_bits - kMappedBits};
  }
  const IpAddress base = without_host_bits(network.address, network.prefix_bits);
  if (base != network.address) {
    return fault_at(pattern, 0,
                    "there are bits behind the prefix: write " + Network{base, network.prefix_bits}.text() +
                        " for the network, or the address alone");
  }
  return network;
}

AddressMatcher::Words AddressMatcher::words_of(const IpAddress& address) {
  const auto bytes = address.bytes();
  if (address.family() == IpAddress::Family::kV6) return {word_at(bytes), word_at(bytes.subspan(8))};
  const std::uint64_t v4 =
      std::uint64_t{bytes[0]} << 24 | std::uint64_t{bytes[1]} << 16 | std::uint64_t{bytes[2]} << 8 | bytes[3];
  return {0, std::uint64_t{0xffff} << 32 | v4};
}

AddressMatcher::Length AddressMatcher::length_of(const Network& network) {
  const bool is_v4 = network.address.family() == IpAddress::Family::kV4;
  const unsigned bits = network.prefix_bits + (is_v4 ? kMappedBits : 0);
  return {{mask_of(bits), bits > 64 ? mask_of(bits - 64) : 0}, bits + (is_v4 ? 256U : 0U)};
}

AddressMatcher::Key AddressMatcher::key_of(const Words& words, const Length& length) {
  return {{words.high & length.mask.high, words.low & length.mask.low}, length.length};
}

std::uint64_t AddressMatcher::hash_of(const Key& key) {
  const std::uint64_t high = mixed(key.words.high + key.length);
  return mixed(key.words.low ^ high ^ high >> 32);
}

std::size_t AddressMatcher::slot_of(const Key& key, std::uint64_t hash) const {
  const auto is_other = [&](const Key& other) {
    return other.words.high != key.words.high || other.words.low != key.words.low || other.length != key.length;
  };
  std::size_t slot = hash >> slot_shift_;
  while (slots_[slot].count != 0 && is_other(slots_[slot].key)) slot = (slot + 1) & (slots_.size() - 1);
  return slot;
}

AddressMatcher::AddressMatcher(std::vector<Pattern> patterns) {
  if (patterns.empty()) return;
  sieve_ = Sieve(patterns.size());
  slots_.resize(std::bit_ceil(2 * patterns.size()));
  slot_shift_ = 64 - std::countr_zero(slots_.size());
  std::vector<std::size_t> places;
  places.reserve(patterns.size());
  for (const auto& [network, id] : patterns) {
    const Length length = length_of(network);
    auto& lengths = network.address.family() == IpAddress::Family::kV4 ? v4_ : v6_;
    const auto is_same = [&](const Length& other) { return other.length == length.length; };
    if (std::none_of(lengths.begin(), lengths.end(), is_same)) lengths.push_back(length);
    const Key key = key_of(words_of(network.address), length);
    const std::uint64_t hash = hash_of(key);
    sieve_.add(hash);
    places.push_back(slot_of(key, hash));
    slots_[places.back()].key = key;
    ++slots_[places.back()].count;
  }
  std::uint32_t next = 0;
  for (Slot& slot : slots_) slot.first = std::exchange(next, next + slot.count);
  ids_.resize(patterns.size());
  for (std::size_t i = 0; i < patterns.size(); ++i) ids_[slots_[places[i]].first++] = patterns[i].id;
  for (Slot& slot : slots_) slot.first -= slot.count;
}

void AddressMatcher::match(const IpAddress& address, Matches& matches) const {
  if (address.family() == IpAddress::Family::kNone || slots_.empty()) return;
  const Words words = words_of(address);
  const bool is_v4 = words.high == 0 && words.low >> 32 == 0xffff;
  const Sieve::View sieve = sieve_.view();
  for (const Length& length : is_v4 ? v4_ : v6_) {
    const Key key = key_of(words, length);
    const std::uint64_t hash = hash_of(key);
    if (!sieve.may_have(hash)) continue;
    const Slot& slot = slots_[slot_of(key, hash)];
    for (std::uint32_t i = 0; i < slot.count; ++i) add_match(ids_[slot.first + i], matches);
  }
}

}  // namespace lc::filter
