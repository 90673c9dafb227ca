// A paced live source: sends frames of a capture file into an interface at a steady rate, each with its number in its
// last bytes, and says how many went out and how late it ran.
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <system_error>
#include <vector>

#include "tests/bench/options.h"
#include "tests/bench/packet_number.h"
#include "tests/bench/packet_socket.h"
#include "tests/bench/pcap_file.h"

namespace lc::bench {
namespace {

constexpr std::size_t kBurst = 64;       // frames in one sendmmsg
constexpr std::size_t kFrames = 20'000;  // of the file: enough variety, little cache
constexpr std::size_t kMaxFrame = 1514;  // a veth's default MTU, and the Ethernet header
constexpr long kTickNs = 100'000;        // timer pacing sleeps this long when nothing is due

std::vector<std::vector<std::uint8_t>> load_frames(const std::string& path) {
  std::vector<std::vector<std::uint8_t>> frames;
  for_each_packet(path, [&](const pcap_pkthdr& header, const u_char* bytes) {
    if (frames.size() < kFrames && header.caplen <= kMaxFrame && header.caplen >= 14 + kNumberBytes) {
      frames.emplace_back(bytes, bytes + header.caplen);
    }
  });
  // A burst must not hold the same frame twice: it would carry the later number twice.
  if (frames.size() < kBurst) throw std::runtime_error(path + ": too few frames that fit a veth");
  return frames;
}

struct Plan {
  double rate = 0;          // frames per second
  std::uint64_t count = 0;  // frames in all
  std::uint64_t first = 0;  // number of the first
  bool busy = false;        // spin between frames, or sleep
};

/// Sends up to kBurst frames numbered from `number`; gives how many the kernel took. A full device queue is not an
/// error: the frames are due still.
std::size_t send_burst(int fd, std::vector<std::vector<std::uint8_t>>& frames, std::uint64_t number,
                       std::size_t count) {
  std::array<iovec, kBurst> bytes{};
  std::array<mmsghdr, kBurst> messages{};
  for (std::size_t i = 0; i < count; ++i) {
    auto& frame = frames[(number + i) % frames.size()];
    put_number(frame.data(), frame.size(), number + i);
    bytes[i] = {frame.data(), frame.size()};
    messages[i].msg_hdr.msg_iov = &bytes[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(fd, messages.data(), static_cast<unsigned>(count), 0);
  if (sent >= 0) return static_cast<std::size_t>(sent);
  if (errno == ENOBUFS || errno == EAGAIN || errno == EINTR) return 0;
  throw std::system_error(errno, std::generic_category(), "sendmmsg");
}

void send_paced(const std::string& interface, const std::string& path, const Plan& plan) {
  auto frames = load_frames(path);
  const UniqueFd fd = open_packet_socket(interface);
  prctl(PR_SET_TIMERSLACK, 1);  // the default of 50 us would spoil the tick
  std::uint64_t sent = 0;
  double worst_lag = 0;
  const Moment start = now();
  while (sent < plan.count) {
    const double elapsed = seconds_since(start);
    const auto due = std::min(plan.count, static_cast<std::uint64_t>(elapsed * plan.rate) + 1);
    if (due > sent) {
      worst_lag = std::max(worst_lag, elapsed - static_cast<double>(sent) / plan.rate);
      sent += send_burst(fd.get(), frames, plan.first + sent, std::min<std::uint64_t>(due - sent, kBurst));
    } else if (!plan.busy) {
      const timespec tick{0, kTickNs};
      nanosleep(&tick, nullptr);
    }
  }
  const double seconds = seconds_since(start);
  print_json({{"sent", static_cast<double>(sent)},
              {"seconds", seconds},
              {"rate", static_cast<double>(sent) / seconds},
              {"worst_lag_ms", worst_lag * 1e3},
              {"cpu_seconds", cpu_seconds(RUSAGE_SELF)}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool(
      "bench_load FILE --interface NAME [--rate PER_SECOND] [--count N | --seconds S] [--first NUMBER] "
      "[--pacing timer|busy]",
      [&] {
        const Options options(argc, argv, {"interface", "rate", "count", "seconds", "first", "pacing"});
        if (options.words().size() != 1 || !options.has("interface")) throw std::invalid_argument("file and interface");
        Plan plan;
        plan.rate = options.number("rate", 1000);
        plan.count = static_cast<std::uint64_t>(options.number("count", plan.rate * options.number("seconds", 1)));
        plan.first = static_cast<std::uint64_t>(options.number("first", 0));
        plan.busy = options.text("pacing", "timer") == "busy";
        send_paced(options.text("interface"), options.words()[0], plan);
      });
}
