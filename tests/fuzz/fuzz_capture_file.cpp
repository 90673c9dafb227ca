// Any bytes as a capture file: what walk_capture() calls whole is inside the file, is whole again on its own, and
// libpcap reads it as far as it reads the original; FileSource hands over lengths that lie inside what libpcap may
// give.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "common/base/unique_fd.h"
#include "common/capture/capture_walk.h"
#include "common/capture/file_source.h"

namespace {

using lc::capture::CaptureExtent;

void require(bool holds) {
  if (!holds) std::abort();
}

std::uint64_t read_all(int fd) {
  const auto source = lc::capture::FileSource::open("/proc/self/fd/" + std::to_string(fd), {});
  if (!source) return 0;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;  // touched, so that AddressSanitizer sees every one
  for (;;) {
    const lc::capture::ReadOutcome outcome = (*source)->dispatch(64, [&](const lc::packet::PacketView& packet) {
      require(packet.original >= packet.captured);
      for (std::uint32_t i = 0; i < packet.captured; ++i) bytes += packet.data[i];
    });
    packets += outcome.packets;
    if (outcome.state == lc::capture::ReadState::kReading) continue;
    require(outcome.state == lc::capture::ReadState::kEnded || !outcome.error.empty());
    return packets;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const lc::UniqueFd file(::memfd_create("capture", MFD_CLOEXEC));
  require(static_cast<bool>(file));
  require(::write(file.get(), data, size) == static_cast<ssize_t>(size));
  const std::uint64_t packets = read_all(file.get());

  const auto extent = lc::capture::walk_capture(file.get());
  if (!extent) {
    require(packets == 0 || extent.error().code != lc::Code::kUnavailable);
    return 0;
  }
  require(extent->whole_bytes <= size);
  require(extent->packets <= size / 12);
  require(!extent->damaged_at || *extent->damaged_at == extent->whole_bytes);
  if (extent->damaged_at || extent->whole_bytes == 0) return 0;

  require(::ftruncate(file.get(), static_cast<off_t>(extent->whole_bytes)) == 0);
  const auto again = lc::capture::walk_capture(file.get());
  require(again && again->whole_bytes == extent->whole_bytes && again->packets == extent->packets);
  require(!again->damaged_at);
  require(read_all(file.get()) == packets);  // nothing that libpcap read was cut
  return 0;
}
