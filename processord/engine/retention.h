// Removes the oldest closed capture files of our directories, so that capturing can go on for ever.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace lc::processor {

/// Looks at the directories every ten seconds, and when told that a file was closed, on a thread of its own. Only files
/// that are named as ours are ever touched; never one that is being written, nor the newest.
class Retention {
 public:
  /// 0: no limit of that kind.
  struct Limits {
    std::uint64_t bytes = 0;           // of all our capture files there together, the open ones included
    std::chrono::milliseconds age{0};  // since the last packet was written
    std::uint64_t free_bytes = 0;      // that other users of the filesystem shall find free (statvfs(3))
    [[nodiscard]] bool any() const { return bytes != 0 || age.count() != 0 || free_bytes != 0; }
  };

  struct Place {
    std::string directory;
    std::function<bool(std::string_view name)> is_ours;  // of a file's name, without .part
  };

  Retention(std::vector<Place> places, Limits limits) : places_(std::move(places)), limits_(limits) {}
  ~Retention();

  void start();  // nothing happens without a limit
  void stop();

  /// Any thread.
  void file_closed();
  [[nodiscard]] std::uint64_t removed() const { return removed_.load(std::memory_order_relaxed); }  // files

  /// One look, on the caller's thread; not while the thread runs.
  void sweep();

  /// Of the files that CaptureOutput makes in a directory: 20261123T022619Z...
  static bool is_named_by_time(std::string_view name);

 private:
  const std::vector<Place> places_;
  const Limits limits_;
  std::atomic<std::uint64_t> removed_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  bool closed_ = false;
  bool stop_ = false;
  std::jthread thread_;
};

}  // namespace lc::processor
