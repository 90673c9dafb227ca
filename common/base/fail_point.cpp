#include "common/base/fail_point.h"

#ifdef LC_FAIL_POINTS

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <sstream>
#include <string>

namespace lc {
namespace {

constexpr int kKill = -1;
constexpr int kShort = -2;

struct Order {
  int action = 0;  // kKill, kShort, or an errno value
  std::uint64_t first = 1;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
};

int action_of(const std::string& text) {
  if (text == "kill") return kKill;
  if (text == "short") return kShort;
  if (text == "EIO") return EIO;
  if (text == "ENOSPC") return ENOSPC;
  std::fprintf(stderr, "fail points: unknown action %s\n", text.c_str());
  std::abort();
}

std::map<std::string, Order> parse(std::string text) {
  for (char& c : text) {
    if (c == ';') c = '\n';
  }
  std::map<std::string, Order> orders;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    const std::size_t at = line.find('@', equals);
    const std::size_t plus = line.find('+', equals);
    Order order{.action = action_of(line.substr(equals + 1, std::min(at, plus) - equals - 1))};
    if (at != std::string::npos) order.first = std::stoull(line.substr(at + 1));
    if (plus != std::string::npos) order.count = std::stoull(line.substr(plus + 1));
    orders[line.substr(0, equals)] = order;
  }
  return orders;
}

// The one global state of the program, and of test builds only: points are passed where no object could be handed in.
class FailPoints {
 public:
  FailPoints() {
    if (const char* text = std::getenv("LC_FAIL_POINTS")) orders_ = parse(text);
    if (const char* path = std::getenv("LC_FAIL_POINT_FILE")) path_ = path;
  }

  Failure pass(const char* name) {
    const std::lock_guard lock(mutex_);
    look_at_file();
    const std::uint64_t pass = ++passes_[name];
    const auto order = orders_.find(name);
    if (order == orders_.end() || pass < order->second.first) return {};
    if (pass - order->second.first >= order->second.count) return {};
    if (order->second.action == kKill) {
      std::fprintf(stderr, "fail point %s\n", name);
      ::kill(::getpid(), SIGKILL);
      for (;;) ::pause();
    }
    if (order->second.action == kShort) return {.error = EIO, .short_write = true};
    return {.error = order->second.action};
  }

 private:
  void look_at_file() {
    if (path_.empty()) return;
    struct stat now {};
    if (::stat(path_.c_str(), &now) != 0) {
      orders_.clear();
      seen_ = {};
      return;
    }
    if (now.st_mtim.tv_sec == seen_.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec &&
        now.st_size == seen_.st_size && now.st_ino == seen_.st_ino) {
      return;
    }
    seen_ = now;
    std::ifstream file(path_);
    orders_ = parse(std::string(std::istreambuf_iterator<char>(file), {}));
    passes_.clear();
  }

  std::mutex mutex_;
  std::string path_;
  struct stat seen_ {};
  std::map<std::string, Order> orders_;
  std::map<std::string, std::uint64_t> passes_;
};

}  // namespace

Failure fail_point(const char* name) {
  static FailPoints points;
  return points.pass(name);
}

}  // namespace lc

#endif
