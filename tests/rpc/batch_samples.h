// Random PacketBatch messages, and unusual but lawful ways to write them. For tests and the fuzz corpus.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>

#include "lippycat/data.pb.h"

namespace lc::samples {

using Random = std::mt19937_64;

inline std::size_t below(Random& random, std::size_t bound) {
  return static_cast<std::size_t>(random() % static_cast<std::uint64_t>(bound));
}
inline bool one_in(Random& random, std::size_t n) {
  return below(random, n) == 0;
}

/// Small, large, zero and full: of any number of bits.
inline std::uint64_t any_number(Random& random) {
  return one_in(random, 4) ? 0 : random() >> below(random, 64);
}

/// Sets about half of the message's fields, at every depth; repeated ones get up to two elements.
void fill(google::protobuf::Message& message, Random& random);

/// The message as another writer might send it: fields in any order, singular ones repeated with the right value last,
/// submessages in pieces, varints longer than needed, unknown fields of every wire type in between. The generated
/// parser must give the same message, unknown fields aside.
std::string scrambled(const google::protobuf::Message& message, Random& random);

/// A few bytes changed, added, removed, doubled or cut.
std::string mutated(std::string bytes, Random& random);

}  // namespace lc::samples
