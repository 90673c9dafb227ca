#include "common/packet/slab_pool.h"

#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <thread>
#include <vector>

using namespace lc::packet;

TEST_CASE("A slab that was given back is used again, as many as the pool keeps", "[slab_pool]") {
  SlabPool pool(2);
  std::vector<std::shared_ptr<std::uint8_t>> slabs = {pool.take(), pool.take()};
  const std::set<std::uint8_t*> before = {slabs[0].get(), slabs[1].get()};
  slabs.clear();
  slabs = {pool.take(), pool.take()};
  CHECK(before == std::set<std::uint8_t*>{slabs[0].get(), slabs[1].get()});
}

TEST_CASE("Slabs outlive their pool", "[slab_pool]") {
  std::optional<SlabPool> pool(std::in_place, 4);
  std::shared_ptr<std::uint8_t> slab = pool->take();
  pool.reset();
  slab.get()[SlabPool::kSlabBytes - 1] = 1;
  slab.reset();
  SUCCEED();
}

TEST_CASE("Regions of a cutter never overlap, whatever their sizes", "[slab_pool]") {
  SlabPool pool;
  RegionCutter cutter(pool);
  std::vector<RegionCutter::Writable> regions;
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 300; ++i) {
    sizes.push_back(i == 150 ? SlabPool::kSlabBytes + 1 : (i * 7919) % 60'000);
    regions.push_back(cutter.cut(sizes.back()));
    std::fill_n(regions.back().data, sizes.back(), static_cast<std::uint8_t>(i));
  }
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const bool intact = std::all_of(regions[i].data, regions[i].data + sizes[i],
                                    [&](std::uint8_t byte) { return byte == static_cast<std::uint8_t>(i); });
    CHECK(intact);
  }
}

TEST_CASE("Small regions keep no slab alive", "[slab_pool]") {
  SlabPool pool;
  RegionCutter cutter(pool);
  const auto first = cutter.cut(RegionCutter::kLeast - 1);
  CHECK(first.owner != cutter.cut(RegionCutter::kLeast - 1).owner);
  const auto large = cutter.cut(RegionCutter::kLeast);
  CHECK(large.owner == cutter.cut(RegionCutter::kLeast).owner);
}

TEST_CASE("Threads may take and return slabs of one pool at once", "[slab_pool][stress]") {
  SlabPool pool(4);
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&pool, t] {
      for (int i = 0; i < 2000; ++i) {
        const auto slab = pool.take();
        slab.get()[i] = static_cast<std::uint8_t>(t);
      }
    });
  }
  threads.clear();
  SUCCEED();
}
