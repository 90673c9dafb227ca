// What tshark, capinfos and tcpdump say of a file; the tests of what we write believe them, not us.
#pragma once

#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "common/capture/capture_file.h"
#include "common/packet/batch.h"
#include "common/packet/batch_builder.h"
#include "tests/support/temp_dir.h"

namespace lc::capture::test {

using lc::test::TempDir;

struct Outcome {
  int status = -1;
  std::string text;  // standard output
};

/// Through the shell; the C locale, UTC.
inline Outcome run(const std::string& command) {
  FILE* pipe = ::popen(("LC_ALL=C TZ=UTC; export LC_ALL TZ; " + command).c_str(), "re");
  REQUIRE(pipe != nullptr);
  Outcome outcome;
  std::array<char, 65536> chunk{};
  for (std::size_t got = 0; (got = std::fread(chunk.data(), 1, chunk.size(), pipe)) > 0;) {
    outcome.text.append(chunk.data(), got);
  }
  const int status = ::pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << bytes;
  REQUIRE(file.flush());
}

struct StoredPacket {
  std::string bytes;
  std::uint32_t original = 0;
  std::int64_t timestamp_ns = 0;
  std::uint32_t interface = 0;

  bool operator==(const StoredPacket&) const = default;
  [[nodiscard]] packet::PacketView view() const {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), static_cast<std::uint32_t>(bytes.size()), original,
            timestamp_ns};
  }
};

inline std::string unhex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

/// Every packet as tshark reads it; fails the test when tshark does, as it does for a torn or damaged file. The
/// interface is its number in the file.
inline std::vector<StoredPacket> tshark_packets(const std::string& path) {
  const std::string tshark = "tshark -r " + path + " 2>/dev/null ";
  const Outcome fields =
      run(tshark + "-T fields -E separator=, -e frame.time_epoch -e frame.len -e frame.interface_id");
  REQUIRE(fields.status == 0);
  std::vector<StoredPacket> packets;
  for (const std::string& line : lines_of(fields.text)) {
    const std::size_t point = line.find('.');
    const std::size_t comma = line.find(',', point);
    const std::size_t second_comma = line.find(',', comma + 1);
    REQUIRE(second_comma != std::string::npos);
    const std::string interface = line.substr(second_comma + 1);
    StoredPacket packet;
    packet.timestamp_ns =
        std::stoll(line.substr(0, point)) * 1'000'000'000 + std::stoll(line.substr(point + 1, comma - point - 1));
    packet.original = static_cast<std::uint32_t>(std::stoul(line.substr(comma + 1, second_comma - comma - 1)));
    packet.interface = interface.empty() ? 0 : static_cast<std::uint32_t>(std::stoul(interface));
    packets.push_back(packet);
  }
  const Outcome raw = run(tshark + "-T jsonraw -J frame");
  REQUIRE(raw.status == 0);
  constexpr std::string_view kKey = "\"frame_raw\": [";
  std::size_t at = 0;
  for (StoredPacket& packet : packets) {
    at = raw.text.find(kKey, at);
    REQUIRE(at != std::string::npos);
    const std::size_t begin = raw.text.find('"', at + kKey.size()) + 1;
    at = raw.text.find('"', begin);
    packet.bytes = unhex(raw.text.substr(begin, at - begin));
  }
  REQUIRE(raw.text.find(kKey, at) == std::string::npos);
  return packets;
}

/// Packets of each file by capinfos, which must not complain of any.
inline std::vector<std::uint64_t> capinfos_counts(const std::vector<std::string>& paths) {
  if (paths.empty()) return {};
  std::string command = "capinfos -c -M -T -r";
  for (const std::string& path : paths) command += " " + path;
  const Outcome outcome = run(command);
  REQUIRE(outcome.status == 0);
  std::vector<std::uint64_t> counts;
  for (const std::string& line : lines_of(outcome.text))
    counts.push_back(std::stoull(line.substr(line.find('\t') + 1)));
  REQUIRE(counts.size() == paths.size());
  return counts;
}

/// Packets of a random size between 0 and `largest`, a few of which were longer on the wire.
inline std::vector<StoredPacket> random_packets(std::size_t count, std::size_t largest, std::uint32_t interfaces = 1) {
  std::mt19937 random(20'261'122);
  const auto below = [&](std::uint64_t bound) { return random() % bound; };
  std::vector<StoredPacket> packets;
  for (std::size_t i = 0; i < count; ++i) {
    StoredPacket packet;
    packet.bytes.resize(i < 9 ? i : below(largest + 1));  // every padding, and nothing
    for (char& c : packet.bytes) c = static_cast<char>(below(256));
    packet.original = static_cast<std::uint32_t>(packet.bytes.size() + (below(4) == 0 ? below(9000) : 0));
    packet.timestamp_ns =
        static_cast<std::int64_t>(1'700'000'000 + i) * 1'000'000'000 + static_cast<std::int64_t>(below(1'000'000'000));
    packet.interface = static_cast<std::uint32_t>(below(interfaces));
    packets.push_back(packet);
  }
  return packets;
}

/// A batch as a hunter sends it; the packets' `interface` picks their link type.
inline packet::Batch batch_of(const std::vector<StoredPacket>& packets, const std::vector<std::uint32_t>& link_types) {
  packet::SlabPool pool;
  packet::BatchBuilder builder(pool, "eth0", 0);
  for (const StoredPacket& packet : packets) REQUIRE(builder.append(packet.view(), link_types.at(packet.interface)));
  packet::BatchHeader header;
  header.hunter_id = "hunter";
  header.sequence = 1;
  Result<packet::Batch> batch = packet::Batch::parse(builder.seal(header).bytes);
  REQUIRE(batch);
  return std::move(*batch);
}

}  // namespace lc::capture::test
