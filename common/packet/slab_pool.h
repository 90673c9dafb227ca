// Memory for batches: large pooled slabs, from which batches take contiguous regions one behind the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace lc::packet {

/// A contiguous piece of a slab that keeps the slab alive. Copies share the bytes. Any thread.
struct Region {
  std::shared_ptr<std::uint8_t> owner;  // the slab
  const std::uint8_t* data = nullptr;
  std::size_t size = 0;

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data, size}; }
};

/// Slabs of one size that are used again instead of going back to the system: a malloc of this size is an mmap with a
/// page fault for every page. The pool may die before its slabs. Any thread.
class SlabPool {
 public:
  /// 1 MiB: room for the largest packet with its encoding, and small beside any window.
  static constexpr std::size_t kSlabBytes = std::size_t{1} << 20;

  /// `kept`: free slabs held for the next taker; more than that go back to the system.
  explicit SlabPool(std::size_t kept = 8);

  std::shared_ptr<std::uint8_t> take();

 private:
  struct Shelf {
    std::mutex mutex;
    std::vector<std::unique_ptr<std::uint8_t[]>> free;
    std::size_t kept = 0;
  };
  std::shared_ptr<Shelf> shelf_;
};

/// Cuts regions from slabs. One thread.
class RegionCutter {
 public:
  explicit RegionCutter(SlabPool& pool) : pool_(pool) {}

  /// Of thousands of senders that have little to say each would hold a slab that takes a minute to fill: below this,
  /// memory of its own costs less.
  static constexpr std::size_t kLeast = 8 * 1024;

  /// A writable region of exactly `size` bytes, of a slab or, when it is smaller than kLeast or larger than a slab, of
  /// its own allocation.
  struct Writable {
    std::shared_ptr<std::uint8_t> owner;
    std::uint8_t* data = nullptr;
  };
  Writable cut(std::size_t size);

 private:
  SlabPool& pool_;
  std::shared_ptr<std::uint8_t> slab_;
  std::size_t used_ = 0;
};

}  // namespace lc::packet
