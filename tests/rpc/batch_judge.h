// The generated PacketBatch class as judge over the reader written by hand. For tests and fuzzing.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace lc::judge {

/// What Batch::parse and the generated parser disagree on, or nothing. They must accept the same bytes and read the
/// same from them, with these exceptions, which batch.h documents: captured is the data's size, original is at least
/// that, and a batch with a packet of more than kMaxPacketBytes is refused. `accepted`: whether the generated parser
/// took the bytes.
std::string disagreement(std::span<const std::uint8_t> bytes, bool& accepted);

/// For a report, and to be pasted into a test: hexadecimal, the first 200 bytes.
std::string hex(std::span<const std::uint8_t> bytes);

/// The generated parser writes a line for every string that is not UTF-8; not in these programs.
void silence_protobuf();

}  // namespace lc::judge
