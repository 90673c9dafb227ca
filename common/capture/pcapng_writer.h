// Writes pcapng files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "common/capture/capture_file.h"

namespace lc::capture {

/// The format of draft-ietf-opsawg-pcapng: one section in native byte order, an Interface Description Block for each
/// node, interface and link type with nanosecond resolution, an Enhanced Packet Block for each packet, and at the end
/// an Interface Statistics Block for each interface whose totals are known. Times before 1970 are written as 0.
class PcapngWriter final : public CaptureFile {
 public:
  /// `output` is an empty file; `path` is for messages.
  PcapngWriter(std::string path, std::unique_ptr<FileOutput> output);

  Result<std::uint32_t> add_interface(const CaptureInterface& interface) override;
  Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids) override;
  Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids,
               std::span<const std::uint32_t> numbers) override;
  Status write(const packet::PacketView& packet, std::uint32_t interface) override;
  void set_drops(std::uint32_t interface, std::uint64_t received, std::uint64_t dropped, std::int64_t at_ns) override;

 private:
  struct Totals {
    std::uint64_t received;
    std::uint64_t dropped;
    std::int64_t at_ns;
  };
  using Key = std::tuple<std::string, std::string, std::uint32_t>;  // node, name, link type

  Status finish() override;

  std::map<Key, std::uint32_t, std::less<>> ids_;  // looked up for every batch, and there may be thousands
  std::vector<std::optional<Totals>> totals_;      // by id
};

}  // namespace lc::capture
