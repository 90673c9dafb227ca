#include "processord/engine/retention.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <filesystem>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/capture/capture_files.h"

namespace lc::processor {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr auto kInterval = 10s;
constexpr int kPauseFactor = 10;

struct Found {
  std::int64_t modified_ns = 0;
  std::string path;
  const std::string* directory = nullptr;
  std::uint64_t bytes = 0;  // on the disk

  bool operator<(const Found& other) const {
    return std::tie(modified_ns, path) < std::tie(other.modified_ns, other.path);
  }
};

bool is_free_enough(const std::string& directory, std::uint64_t wanted) {
  struct statvfs about {};
  return ::statvfs(directory.c_str(), &about) != 0 || std::uint64_t{about.f_bavail} * about.f_frsize >= wanted;
}

}  // namespace

Retention::~Retention() {
  stop();
}

bool Retention::is_named_by_time(std::string_view name) {
  constexpr std::string_view kForm = "00000000T000000Z";
  return name.size() > kForm.size() && std::equal(kForm.begin(), kForm.end(), name.begin(), [](char form, char c) {
           return form == '0' ? std::isdigit(static_cast<unsigned char>(c)) != 0 : c == form;
         });
}

void Retention::start() {
  if (!limits_.any()) return;
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "retention");
    for (std::unique_lock lock(mutex_); !stop_;) {
      closed_ = false;
      lock.unlock();
      const auto began = Clock::now();
      sweep();
      // Calls end many times a second, and a look at all of their files takes a while.
      const auto pause = kPauseFactor * (Clock::now() - began);
      lock.lock();
      changed_.wait_for(lock, pause, [this] { return stop_; });
      changed_.wait_for(lock, kInterval, [this] { return stop_ || closed_; });
    }
  });
}

void Retention::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Retention::file_closed() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

void Retention::sweep() {
  std::vector<Found> closed;
  std::uint64_t total = 0;
  for (const Place& place : places_) {
    std::error_code error;
    for (fs::directory_iterator at(place.directory, error), end; !error && at != end; at.increment(error)) {
      const std::string file = at->path().filename().string();
      const bool is_part = file.ends_with(capture::kPartSuffix);
      const std::string name = is_part ? at->path().stem().string() : file;
      if (!capture::capture_format(name) || !place.is_ours(name)) continue;
      struct stat about {};
      if (::lstat(at->path().c_str(), &about) != 0 || !S_ISREG(about.st_mode)) continue;
      const auto bytes = static_cast<std::uint64_t>(about.st_blocks) * 512;
      total += bytes;
      if (is_part) continue;
      closed.push_back({std::int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec, at->path().string(),
                        &place.directory, bytes});
    }
    if (!error) continue;
    log::warning(file_error("read", "capture directory", place.directory, error.value()).text);
    return;
  }
  std::sort(closed.begin(), closed.end());
  const std::int64_t now_ns = wall_ns();
  std::set<const std::string*> free_enough;  // directories; nothing that happens here changes that
  for (std::size_t i = 0; i + 1 < closed.size(); ++i) {
    const Found& file = closed[i];
    const bool is_old =
        limits_.age.count() > 0 && now_ns - file.modified_ns > std::chrono::nanoseconds(limits_.age).count();
    const bool is_too_much = limits_.bytes > 0 && total > limits_.bytes;
    const bool is_in_the_way = limits_.free_bytes > 0 && !free_enough.contains(file.directory) &&
                               !is_free_enough(*file.directory, limits_.free_bytes);
    if (!is_in_the_way) free_enough.insert(file.directory);
    if (!is_old && !is_too_much && !is_in_the_way) continue;
    if (::unlink(file.path.c_str()) != 0) {
      if (errno != ENOENT) log::warning(file_error("remove", "capture file", file.path, errno).text);
      continue;
    }
    total -= std::min(total, file.bytes);
    ++removed_;
    log::info("capture file removed", {{"file", file.path},
                                       {"because", is_old        ? "--keep-age"
                                                   : is_too_much ? "--keep-bytes"
                                                                 : "--keep-free"}});
  }
}

}  // namespace lc::processor
