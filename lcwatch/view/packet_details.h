// One packet whole: what its processor said, its headers, its bytes.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lcwatch/model/packet_ring.h"
#include "lcwatch/view/screen.h"

namespace lc::watch {

/// For one drawing.
class PacketDetails {
 public:
  PacketDetails(const PacketRing::Entry& entry, const Desk& desk);

  [[nodiscard]] std::size_t lines() const;
  void draw(const Pane& pane, std::size_t top) const;

 private:
  struct Field {
    std::string name;
    std::string text;
  };
  void add_headers(const PacketRow& row);
  void draw_hex(const Pane& pane, int y, std::size_t line) const;

  std::string bytes_;
  std::vector<Field> fields_;
};

}  // namespace lc::watch
