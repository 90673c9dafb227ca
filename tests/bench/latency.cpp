// How long a packet takes from the wire into the stored file: sends stamped frames into an interface at a steady rate
// and follows the growing .pcap file to see when each can be read.
#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <system_error>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "tests/bench/options.h"
#include "tests/bench/packet_number.h"
#include "tests/bench/packet_socket.h"

namespace lc::bench {
namespace {

constexpr std::size_t kFrameBytes = 220;  // about an RTP packet
constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::size_t kSentAt = kFrameBytes - kNumberBytes - sizeof(std::int64_t);  // where a frame says when it left
constexpr int kPatienceMs = 3000;                                                   // for the last packets

std::int64_t time_ns(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * kSecond + t.tv_nsec;
}

/// Ethernet, IPv4, UDP; the checksums are left out, since nobody but the capture takes it.
std::array<std::uint8_t, kFrameBytes> make_frame() {
  std::array<std::uint8_t, kFrameBytes> frame{2,    0,
                                              0,    0,
                                              0,    2,
                                              2,    0,
                                              0,    0,
                                              0,    1,
                                              0x08, 0x00,  //
                                              0x45, 0,
                                              0,    kFrameBytes - 14,
                                              0,    0,
                                              0x40, 0,
                                              64,   17,
                                              0,    0,  //
                                              192,  0,
                                              2,    1,
                                              192,  0,
                                              2,    2,  //
                                              0x4e, 0x20,
                                              0x4e, 0x21,
                                              0,    kFrameBytes - 34,
                                              0,    0};
  return frame;
}

void send_stamped(int fd, double rate, std::uint64_t count) {
  prctl(PR_SET_TIMERSLACK, 1);
  auto frame = make_frame();
  const std::int64_t start = time_ns(CLOCK_MONOTONIC);
  for (std::uint64_t number = 0; number < count; ++number) {
    const std::int64_t due = start + std::llround(static_cast<double>(number) * static_cast<double>(kSecond) / rate);
    const timespec until{due / kSecond, due % kSecond};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    put_number(frame.data(), frame.size(), number);
    const std::int64_t sent_at = time_ns(CLOCK_REALTIME);
    std::memcpy(frame.data() + kSentAt, &sent_at, sizeof sent_at);
    if (write(fd, frame.data(), frame.size()) < 0) throw std::system_error(errno, std::generic_category(), "send");
  }
}

/// Reads what has been added to a .pcap file (https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html) in this
/// machine's byte order.
class FileFollower {
 public:
  explicit FileFollower(const std::string& path) {
    while (!(file_ = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)))) {
      if (errno != ENOENT) throw std::system_error(errno, std::generic_category(), path);
      const timespec pause{0, 1'000'000};
      nanosleep(&pause, nullptr);
    }
    notices_ = UniqueFd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
    if (!notices_ || inotify_add_watch(notices_.get(), path.c_str(), IN_MODIFY) < 0) {
      throw std::system_error(errno, std::generic_category(), "inotify");
    }
  }

  /// Waits for new bytes, at most 100 ms.
  void wait() const {
    pollfd waiting{notices_.get(), POLLIN, 0};
    poll(&waiting, 1, 100);
    std::array<char, 4096> ignored{};
    while (read(notices_.get(), ignored.data(), ignored.size()) > 0) {
    }
  }

  /// Calls `each(captured_ns, bytes, size, readable_ns)` for every record that is whole by now.
  template <typename Each>
  void take(Each each) {
    for (;;) {
      std::array<std::uint8_t, 65536> piece{};
      const ssize_t count = read(file_.get(), piece.data(), piece.size());
      if (count <= 0) return;
      const std::int64_t readable = time_ns(CLOCK_REALTIME);
      pending_.insert(pending_.end(), piece.begin(), piece.begin() + count);
      std::size_t at = 0;
      for (std::size_t size = record_at(at); size > 0; at += size, size = record_at(at)) {
        if (in_header_) {
          in_header_ = false;
          continue;
        }
        const std::int64_t captured = static_cast<std::int64_t>(word(at)) * kSecond + word(at + 4) * fraction_ns_;
        each(captured, pending_.data() + at + kRecordHeader, size - kRecordHeader, readable);
      }
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }

 private:
  static constexpr std::size_t kFileHeader = 24;
  static constexpr std::size_t kRecordHeader = 16;

  [[nodiscard]] std::uint32_t word(std::size_t at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, pending_.data() + at, sizeof value);
    return value;
  }

  /// Size of the file header or record that begins at `at`; 0 while it is not whole.
  std::size_t record_at(std::size_t at) {
    const std::size_t have = pending_.size() - at;
    if (in_header_) {
      if (have < kFileHeader) return 0;
      if (word(0) != 0xa1b23c4d && word(0) != 0xa1b2c3d4) throw std::runtime_error("not a .pcap file");
      fraction_ns_ = word(0) == 0xa1b23c4d ? 1 : 1000;
      return kFileHeader;
    }
    if (have < kRecordHeader) return 0;
    const std::size_t size = kRecordHeader + word(at + 8);
    return have < size ? 0 : size;
  }

  UniqueFd file_;
  UniqueFd notices_;
  std::vector<std::uint8_t> pending_;
  std::int64_t fraction_ns_ = 1;
  bool in_header_ = true;
};

struct Latencies {
  std::vector<double> ms;

  double share(double part) {
    if (ms.empty()) return std::nan("");
    std::sort(ms.begin(), ms.end());
    return ms[static_cast<std::size_t>(part * static_cast<double>(ms.size() - 1))];
  }
};

void measure(const Options& options) {
  const double rate = options.number("rate", 1000);
  const auto count = static_cast<std::uint64_t>(rate * options.number("seconds", 10));
  const auto warm_up = static_cast<std::uint64_t>(rate * options.number("warm-up", 1));
  const UniqueFd socket = open_packet_socket(options.text("interface"));

  std::atomic<bool> sent_all{false};
  std::thread sender([&] {
    send_stamped(socket.get(), rate, count);
    sent_all = true;
  });
  FileFollower file(options.words()[0]);
  Latencies from_capture;
  Latencies from_sending;
  std::uint64_t stored = 0;
  for (int patience = kPatienceMs / 100; stored < count && patience > 0;) {
    file.take([&](std::int64_t captured, const std::uint8_t* bytes, std::size_t size, std::int64_t readable) {
      const auto number = number_of(bytes, size);
      if (!number || size != kFrameBytes) return;
      ++stored;
      if (*number < warm_up) return;
      std::int64_t sent_at = 0;
      std::memcpy(&sent_at, bytes + kSentAt, sizeof sent_at);
      from_capture.ms.push_back(static_cast<double>(readable - captured) / 1e6);
      from_sending.ms.push_back(static_cast<double>(readable - sent_at) / 1e6);
    });
    file.wait();
    if (sent_all) --patience;
  }
  sender.join();
  if (from_capture.ms.empty()) throw std::runtime_error("no packet was stored");
  print_json({{"sent", static_cast<double>(count)},
              {"stored", static_cast<double>(stored)},
              {"median_ms", from_capture.share(0.5)},
              {"p90_ms", from_capture.share(0.9)},
              {"p99_ms", from_capture.share(0.99)},
              {"max_ms", from_capture.share(1)},
              {"sent_median_ms", from_sending.share(0.5)},
              {"sent_p99_ms", from_sending.share(0.99)}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool("bench_latency STORED.pcap --interface NAME [--rate PER_SECOND] [--seconds S] [--warm-up S]", [&] {
    const Options options(argc, argv, {"interface", "rate", "seconds", "warm-up"});
    if (options.words().size() != 1 || !options.has("interface")) throw std::invalid_argument("file and interface");
    measure(options);
  });
}
