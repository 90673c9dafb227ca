// Puts info lines together.
#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lc::info {

/// A number in hexadecimal, with zeros in front up to `digits`.
struct Hex {
  std::uint32_t value = 0;
  std::size_t digits = 1;
};

inline void append_part(std::string& line, std::string_view part) {
  line += part;
}
inline void append_part(std::string& line, Hex hex) {
  std::array<char, 8> text{};
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), hex.value, 16).ptr;
  const auto size = static_cast<std::size_t>(end - text.data());
  if (size < hex.digits) line.append(hex.digits - size, '0');
  line.append(text.data(), size);
}
template <std::unsigned_integral Number>
void append_part(std::string& line, Number number) {
  std::array<char, 20> text{};
  const char* const end = std::to_chars(text.data(), text.data() + text.size(), std::uint64_t{number}).ptr;
  line.append(text.data(), static_cast<std::size_t>(end - text.data()));
}

/// Texts, unsigned numbers and Hex.
template <typename... Parts>
void append(std::string& line, const Parts&... parts) {
  (append_part(line, parts), ...);
}
template <typename... Parts>
std::string join(const Parts&... parts) {
  std::string line;
  append(line, parts...);
  return line;
}

}  // namespace lc::info
