// Moves the bytes that hunterd would send over a loopback TCP connection with nothing around them: the same batches,
// encoded by the same builder, and a receiver that only reads. What the pipeline reaches is judged against this.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <thread>
#include <vector>

#include "common/base/unique_fd.h"
#include "common/packet/batch_builder.h"
#include "tests/bench/options.h"
#include "tests/bench/pcap_file.h"

namespace lc::bench {
namespace {

constexpr std::uint32_t kBatchPackets = 64;  // hunterd's default --batch-size

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

struct Connection {
  UniqueFd sender;
  UniqueFd receiver;
};

Connection connect_over_loopback() {
  const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof address;
  if (bind(listener.get(), generic, size) != 0 || listen(listener.get(), 1) != 0) fail("listen");
  if (getsockname(listener.get(), generic, &size) != 0) fail("getsockname");
  Connection made{UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)), UniqueFd()};
  if (connect(made.sender.get(), generic, size) != 0) fail("connect");
  made.receiver = UniqueFd(accept(listener.get(), nullptr, nullptr));
  if (!made.receiver) fail("accept");
  return made;
}

void send_all(int fd, const packet::Region& region) {
  for (std::size_t sent = 0; sent < region.size;) {
    const ssize_t count = send(fd, region.data + sent, region.size - sent, MSG_NOSIGNAL);
    if (count < 0) fail("send");
    sent += static_cast<std::size_t>(count);
  }
}

/// Reads the file and gives its packets as batches, in the wire's encoding, to `take(batch)`.
template <typename Take>
void encode_file(const std::string& path, packet::SlabPool& pool, Take take) {
  packet::BatchBuilder builder(pool, path, 0);
  packet::BatchHeader header;
  header.hunter_id = "bench";
  header.epoch = 1;
  const auto cut = [&] {
    ++header.sequence;
    take(builder.seal(header));
  };
  for_each_packet(path, [&](const pcap_pkthdr& record, const u_char* bytes) {
    const packet::PacketView view{bytes, record.caplen, record.len,
                                  static_cast<std::int64_t>(record.ts.tv_sec) * 1'000'000'000 + record.ts.tv_usec};
    if (!builder.append(view, packet::kEthernet)) {
      cut();
      if (!builder.append(view, packet::kEthernet)) throw std::runtime_error("a packet larger than a batch");
    }
    if (builder.packets() == kBatchPackets) cut();
  });
  if (!builder.empty()) cut();
}

void measure(const std::string& path, int loops, bool preload) {
  packet::SlabPool pool;
  std::vector<packet::EncodedBatch> batches;
  if (preload) encode_file(path, pool, [&](packet::EncodedBatch batch) { batches.push_back(std::move(batch)); });

  const Connection connection = connect_over_loopback();
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  double receiver_cpu = 0;
  std::thread receiver([&] {
    std::vector<std::uint8_t> buffer(256 * 1024);
    while (recv(connection.receiver.get(), buffer.data(), buffer.size(), 0) > 0) {
    }
    receiver_cpu = cpu_seconds(RUSAGE_THREAD);
  });
  const auto send_batch = [&](const packet::EncodedBatch& batch) {
    send_all(connection.sender.get(), batch.bytes);
    packets += batch.packets;
    bytes += batch.bytes.size;
  };

  const double cpu_before = cpu_seconds(RUSAGE_THREAD);
  const Moment start = now();
  for (int i = 0; i < loops; ++i) {
    if (preload) {
      for (const auto& batch : batches) send_batch(batch);
    } else {
      encode_file(path, pool, send_batch);
    }
  }
  shutdown(connection.sender.get(), SHUT_WR);
  const double sender_cpu = cpu_seconds(RUSAGE_THREAD) - cpu_before;
  receiver.join();
  print_json({{"packets", static_cast<double>(packets)},
              {"bytes", static_cast<double>(bytes)},
              {"seconds", seconds_since(start)},
              {"sender_cpu_seconds", sender_cpu},
              {"receiver_cpu_seconds", receiver_cpu}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool("bench_raw_tcp FILE [--loop N] [--from file|memory]", [&] {
    const Options options(argc, argv, {"loop", "from"});
    if (options.words().size() != 1) throw std::invalid_argument("one capture file, please");
    measure(options.words()[0], static_cast<int>(options.number("loop", 1)), options.text("from", "file") == "memory");
  });
}
