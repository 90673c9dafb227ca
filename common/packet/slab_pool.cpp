#include "common/packet/slab_pool.h"

namespace lc::packet {

SlabPool::SlabPool(std::size_t kept) : shelf_(std::make_shared<Shelf>()) {
  shelf_->kept = kept;
}

std::shared_ptr<std::uint8_t> SlabPool::take() {
  std::unique_ptr<std::uint8_t[]> memory;
  {
    const std::lock_guard lock(shelf_->mutex);
    if (!shelf_->free.empty()) {
      memory = std::move(shelf_->free.back());
      shelf_->free.pop_back();
    }
  }
  if (!memory) memory.reset(new std::uint8_t[kSlabBytes]);  // not zeroed: every byte is written before it is read
  return {memory.release(), [shelf = shelf_](std::uint8_t* bytes) {
            std::unique_ptr<std::uint8_t[]> returned(bytes);
            const std::lock_guard lock(shelf->mutex);
            if (shelf->free.size() < shelf->kept) shelf->free.push_back(std::move(returned));
          }};
}

RegionCutter::Writable RegionCutter::cut(std::size_t size) {
  if (size < kLeast || size > SlabPool::kSlabBytes) {
    std::shared_ptr<std::uint8_t> own(new std::uint8_t[size], std::default_delete<std::uint8_t[]>());
    return {own, own.get()};
  }
  if (!slab_ || SlabPool::kSlabBytes - used_ < size) {
    slab_ = pool_.take();
    used_ = 0;
  }
  std::uint8_t* data = slab_.get() + used_;
  used_ += size;
  return {slab_, data};
}

}  // namespace lc::packet
