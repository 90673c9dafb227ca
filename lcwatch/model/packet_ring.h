// The latest packets of all processors that are watched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "lcwatch/model/update.h"

namespace lc::watch {

/// Bounded in rows and bytes, the oldest go first. One thread.
class PacketRing {
 public:
  static constexpr std::size_t kMostRows = 10'000;
  static constexpr std::size_t kMostBytes = 16 * 1024 * 1024;

  struct Entry {
    ServerIndex server = 0;
    PacketRow row;
  };

  /// While it is paused packets are only counted.
  void take(PacketsCame came);
  void pause(bool paused);

  [[nodiscard]] bool paused() const { return paused_; }
  [[nodiscard]] std::uint64_t passed_while_paused() const { return passed_; }

  /// Entries are numbered from 0 without a gap, and keep their numbers: [first(), end()) are there.
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t end() const { return first_ + entries_.size(); }
  /// Null: it is gone, or never was.
  [[nodiscard]] const Entry* find(std::uint64_t number) const;

  [[nodiscard]] std::uint64_t offered() const { return offered_; }  // since the start, all processors
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }  // of these
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  struct Totals {
    std::uint64_t offered = 0;
    std::uint64_t skipped = 0;
  };

  std::deque<Entry> entries_;
  std::uint64_t first_ = 0;
  std::size_t bytes_ = 0;
  std::map<ServerIndex, Totals> totals_;
  std::uint64_t offered_ = 0;
  std::uint64_t skipped_ = 0;
  bool paused_ = false;
  std::uint64_t passed_ = 0;
};

}  // namespace lc::watch
