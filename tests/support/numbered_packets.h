// Packets that carry their sender and number, so that what arrives somewhere tells what is missing, double or out of
// order.
#pragma once

#include <pcap/pcap.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/packet/batch.h"
#include "common/packet/batch_builder.h"
#include "tests/support/temp_dir.h"

namespace lc::test {

/// Sender and number.
using Numbered = std::pair<std::uint32_t, std::uint32_t>;

inline std::vector<std::uint8_t> numbered_bytes(Numbered name, std::size_t size) {
  std::vector<std::uint8_t> bytes(std::max(size, sizeof name), 0x5a);
  std::memcpy(bytes.data(), &name.first, sizeof name.first);
  std::memcpy(bytes.data() + sizeof name.first, &name.second, sizeof name.second);
  return bytes;
}

inline Numbered numbered_of(const std::uint8_t* data) {
  Numbered name;
  std::memcpy(&name.first, data, sizeof name.first);
  std::memcpy(&name.second, data + sizeof name.first, sizeof name.second);
  return name;
}

inline packet::PacketView view_of(const std::vector<std::uint8_t>& bytes, std::int64_t timestamp_ns) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  return {bytes.data(), size, size, timestamp_ns};
}

struct BatchSpec {
  std::string hunter = "h1";
  std::uint64_t epoch = 7;
  std::uint64_t sequence = 1;
  std::uint32_t sender = 1;
  std::uint32_t first_number = 0;
  std::uint32_t packets = 1;
  std::size_t size = 60;          // of each packet
  std::uint32_t link_type = 147;  // LINKTYPE_USER0: nobody looks inside
};

inline packet::Region encoded(const BatchSpec& spec) {
  packet::SlabPool pool(0);
  packet::BatchBuilder builder(pool, "eth0", 0);
  for (std::uint32_t i = 0; i < spec.packets; ++i) {
    const auto bytes = numbered_bytes({spec.sender, spec.first_number + i}, spec.size);
    const auto when = std::int64_t{1'700'000'000'000'000'000} + spec.first_number + i;
    if (!builder.append(view_of(bytes, when), spec.link_type)) throw std::length_error("too much for one batch");
  }
  packet::BatchHeader header;
  header.hunter_id = spec.hunter;
  header.sequence = spec.sequence;
  header.epoch = spec.epoch;
  return builder.seal(header).bytes;
}

inline packet::Batch make_batch(const BatchSpec& spec) {
  Result<packet::Batch> batch = packet::Batch::parse(encoded(spec));
  if (!batch) throw std::logic_error(batch.error().text);
  return std::move(*batch);
}

/// The packets of a capture file as libpcap reads them.
inline std::vector<Numbered> stored_numbers(const std::string& path) {
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap_t* file = ::pcap_open_offline(path.c_str(), error.data());
  INFO(path << ": " << error.data());
  REQUIRE(file != nullptr);
  std::vector<Numbered> numbers;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  int result = 0;
  while ((result = ::pcap_next_ex(file, &header, &data)) == 1) numbers.push_back(numbered_of(data));
  ::pcap_close(file);
  REQUIRE(result == PCAP_ERROR_BREAK);  // the regular end
  return numbers;
}

/// Those of all files of a directory.
inline std::vector<Numbered> all_stored_numbers(const TempDir& dir) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());  // those set aside sort first: x-TIME before x.pcap
  std::vector<Numbered> numbers;
  for (const std::string& path : paths) {
    const auto more = stored_numbers(path);
    numbers.insert(numbers.end(), more.begin(), more.end());
  }
  return numbers;
}

/// Those of one sender, numbered from 0: each once and in order.
inline void check_complete(const std::vector<Numbered>& numbers, std::uint32_t sender, std::uint32_t count) {
  std::uint32_t expected = 0;
  for (const Numbered& name : numbers) {
    if (name.first != sender) continue;
    if (name.second != expected) {
      FAIL_CHECK("sender " << sender << ": packet " << name.second << " where " << expected << " belongs");
      return;
    }
    ++expected;
  }
  CHECK(expected == count);
}

}  // namespace lc::test
