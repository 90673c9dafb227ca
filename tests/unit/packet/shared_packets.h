// Packets of the real captures beside this repository, and what tshark reads in them.
#pragma once

#include <pcap/pcap.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/unit/capture/capture_judges.h"

namespace lc::packet::test {

/// A file in the directory of shared captures; nothing, with a warning, where it is not there.
inline std::optional<std::string> shared_file(const std::string& name) {
  const char* const directory = std::getenv("LC_SHARED_CAPTURES");
  if (directory != nullptr && std::filesystem::exists(std::string(directory) + "/" + name)) {
    return std::string(directory) + "/" + name;
  }
  WARN("skipped: LC_SHARED_CAPTURES does not name a directory with " << name);
  return std::nullopt;
}

/// The generator's capture of a few calls with these options, in `directory`.
inline std::optional<std::string> made_load(const capture::test::TempDir& directory, const std::string& options) {
  const std::optional<std::string> generator = shared_file("make_load.py");
  if (!generator) return std::nullopt;
  const std::string path = directory.file("load.pcap");
  const std::string command = "python3 " + *generator + " --calls 4 --seconds 6 --out " + path + " " + options;
  REQUIRE(capture::test::run(command + " >&2").status == 0);
  return path;
}

struct Captured {
  std::vector<std::uint8_t> bytes;
  std::uint32_t link_type = 0;
  std::int64_t at_ns = 0;
};

inline std::vector<Captured> read_packets(const std::string& path) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(
      pcap_open_offline_with_tstamp_precision(path.c_str(), PCAP_TSTAMP_PRECISION_NANO, error.data()), &pcap_close);
  REQUIRE(file);
  std::vector<Captured> packets;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  while (pcap_next_ex(file.get(), &header, &data) == 1) {
    packets.push_back({{data, data + header->caplen},
                       static_cast<std::uint32_t>(pcap_datalink(file.get())),
                       std::int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec});
  }
  return packets;
}

inline std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

inline std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

/// For each packet the fields, and of each field every occurrence.
using Fields = std::vector<std::vector<std::string>>;
inline std::vector<Fields> tshark_fields(const std::string& path, const std::vector<std::string>& names,
                                         const std::string& options = "") {
  std::string command = "tshark -n -r " + path + " " + options + " -T fields -E 'aggregator=;'";
  for (const std::string& name : names) command += " -e " + name;
  const capture::test::Outcome outcome = capture::test::run(command + " 2>/dev/null");
  REQUIRE(outcome.status == 0);
  std::vector<Fields> packets;
  for (const std::string& line : capture::test::lines_of(outcome.text)) {
    Fields& fields = packets.emplace_back();
    for (const std::string& field : split(line, '\t')) fields.push_back(split(field, ';'));
    fields.resize(names.size());
  }
  return packets;
}

}  // namespace lc::packet::test
