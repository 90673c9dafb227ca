// Bounds-checked reads of network byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace lc::packet {

/// Reads forward through borrowed bytes. A read that does not fit gives zeros and fails the reader for good, so that a
/// header is read field by field and ok() asked once behind it. One thread; allocates nothing.
class ByteReader {
 public:
  /// Starts at `position`, counted from the begin of `bytes`; one behind their end gives a failed reader.
  explicit ByteReader(std::span<const std::uint8_t> bytes, std::size_t position = 0)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {
    skip(position);
  }

  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return {at_, remaining()}; }

  std::uint8_t u8() { return take<1>()[0]; }
  std::uint16_t u16() {
    const auto bytes = take<2>();
    return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
  }
  std::uint32_t u32() {
    const auto bytes = take<4>();
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
  }

  template <std::size_t size>
  std::span<const std::uint8_t, size> take() {
    static constexpr std::array<std::uint8_t, size> kZeros{};
    if (size > remaining()) [[unlikely]] {
      fail();
      return kZeros;
    }
    const std::uint8_t* const taken = at_;
    at_ += size;
    return std::span<const std::uint8_t, size>(taken, size);
  }

  void skip(std::size_t size) {
    if (size > remaining()) [[unlikely]] {
      fail();
    } else {
      at_ += size;
    }
  }

  /// Ends the bytes at `position` when they go further, but never before the place reached.
  void limit(std::size_t position) {
    const std::size_t reached = this->position();
    if (position <= reached) {
      end_ = at_;
    } else if (position - reached < remaining()) {
      end_ = begin_ + position;
    }
  }

 private:
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }
  void fail() {
    failed_ = true;
    end_ = at_;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool failed_ = false;
};

}  // namespace lc::packet
