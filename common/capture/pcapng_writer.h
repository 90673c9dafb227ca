// Writes pcapng files.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
  using KeyView = std::tuple<std::string_view, std::string_view, std::uint32_t>;
  struct Before {
    using is_transparent = void;  // the map is asked by a view, without a copy
    static KeyView view(const KeyView& key) { return key; }
    static KeyView view(const Key& key) { return {std::get<0>(key), std::get<1>(key), std::get<2>(key)}; }
    template <typename One, typename Other>
    bool operator()(const One& one, const Other& other) const {
      return view(one) < view(other);
    }
  };

  Status finish() override;

  std::map<Key, std::uint32_t, Before> ids_;   // looked up for every batch, and there may be thousands
  std::vector<std::optional<Totals>> totals_;  // by id
};

}  // namespace lc::capture
