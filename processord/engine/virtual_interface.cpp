#include "processord/engine/virtual_interface.h"

#include <pthread.h>
#include <sys/uio.h>

#include <utility>

#include "common/base/log.h"

namespace lc::processor {

VirtualInterface::VirtualInterface(UniqueFd device, VirtualInterfaceType type)
    : device_(std::move(device)), type_(type) {}

VirtualInterface::~VirtualInterface() {
  stop();
}

void VirtualInterface::start() {
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "vif");
    run();
  });
}

void VirtualInterface::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void VirtualInterface::push(std::shared_ptr<const packet::Batch> batch) {
  bool first_overrun = false;
  {
    const std::lock_guard lock(mutex_);
    if (stop_) return count(NotInjected::kQueue, batch->packets().size());
    queued_bytes_ += batch->memory_bytes();
    queue_.push_back(std::move(batch));
    while (queued_bytes_ > kQueueBytes && queue_.size() > 1) {
      count(NotInjected::kQueue, queue_.front()->packets().size());
      queued_bytes_ -= queue_.front()->memory_bytes();
      queue_.pop_front();
      first_overrun = first_overrun || !std::exchange(overrun_, true);
    }
  }
  arrived_.notify_one();
  if (first_overrun) log::warning("packets come faster than the virtual interface takes them: it does not show all");
}

void VirtualInterface::run() {
  for (;;) {
    std::shared_ptr<const packet::Batch> batch;
    {
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return stop_ || !queue_.empty(); });
      if (queue_.empty()) return;
      batch = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= batch->memory_bytes();
    }
    inject(*batch);
  }
}

void VirtualInterface::inject(const packet::Batch& batch) {
  for (const packet::PacketEntry& entry : batch.packets()) {
    const auto made = virtual_frame(type_, batch.interfaces()[entry.interface].link_type, batch.view(entry));
    if (const auto* frame = std::get_if<VirtualFrame>(&made)) {
      write(*frame);
    } else {
      count(std::get<NotInjected>(made));
    }
  }
}

void VirtualInterface::write(const VirtualFrame& frame) {
  // writev(2) only reads; iovec just can't say so.
  const auto piece = [](std::span<const std::uint8_t> bytes) {
    return iovec{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  };
  const std::array<iovec, 2> pieces = {piece(frame.header()), piece(frame.bytes)};
  if (::writev(device_.get(), pieces.data(), static_cast<int>(pieces.size())) >= 0) {
    injected_.fetch_add(1, std::memory_order_relaxed);
  } else {
    count(NotInjected::kRefused);
  }
}

void VirtualInterface::count(NotInjected reason, std::uint64_t packets) {
  not_injected_[static_cast<std::size_t>(reason)].fetch_add(packets, std::memory_order_relaxed);
}

VirtualInterface::Counts VirtualInterface::counts() const {
  Counts counts{.injected = injected_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i < kNotInjectedReasons; ++i) {
    counts.not_injected[i] = not_injected_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

}  // namespace lc::processor
