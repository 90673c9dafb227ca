#include "common/capture/capture_walk.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <vector>

#include "common/base/text.h"
#include "common/packet/packet.h"

namespace lc::capture {
namespace {

constexpr std::uint64_t kPcapHeaderBytes = 24;
constexpr std::uint64_t kPcapRecordHeaderBytes = 16;

constexpr std::uint32_t kSectionHeader = 0x0A0D0D0A;  // reads the same in both byte orders
constexpr std::uint32_t kByteOrderMagic = 0x1A2B3C4D;
// Room for the largest packet with its options. Readers take up to 16 MiB; here a longer one counts as damage, with
// which nothing is cut, so that a wrong length costs no packets.
constexpr std::uint32_t kLongestBlock = 512 * 1024;

// Reads through a window, so that many small looks cost few calls; a mapping would end in SIGBUS if the file shrank.
class FileWindow {
 public:
  FileWindow(int fd, std::uint64_t size) : fd_(fd), size_(size), bytes_(kWindowBytes) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int error() const { return error_; }

  /// The `count` bytes at `offset`, a few at most; nullptr when the file has fewer, or cannot be read (see error()).
  const std::uint8_t* at(std::uint64_t offset, std::size_t count) {
    if (offset > size_ || size_ - offset < count) return nullptr;
    if (offset < begin_ || offset + count > begin_ + filled_) fill(offset, count);
    return filled_ < count ? nullptr : bytes_.data() + (offset - begin_);
  }

 private:
  static constexpr std::size_t kWindowBytes = std::size_t{256} << 10;

  void fill(std::uint64_t offset, std::size_t count) {
    begin_ = offset;
    filled_ = 0;
    while (filled_ < count) {
      const ssize_t got =
          ::pread(fd_, bytes_.data() + filled_, bytes_.size() - filled_, static_cast<off_t>(offset + filled_));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) {
        error_ = got < 0 ? errno : EIO;
        filled_ = 0;
        return;
      }
      filled_ += static_cast<std::size_t>(got);
    }
  }

  int fd_;
  std::uint64_t size_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t begin_ = 0;
  std::size_t filled_ = 0;
  int error_ = 0;
};

std::uint32_t number_at(const std::uint8_t* at, bool swapped) {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return swapped ? __builtin_bswap32(value) : value;
}

std::uint16_t short_at(const std::uint8_t* at, bool swapped) {
  std::uint16_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return swapped ? __builtin_bswap16(value) : value;
}

CaptureExtent walk_pcap(FileWindow& file, bool swapped) {
  CaptureExtent extent;
  const std::uint8_t* file_header = file.at(0, kPcapHeaderBytes);
  if (file_header == nullptr) return extent;
  extent.whole_bytes = kPcapHeaderBytes;
  if (short_at(file_header + 4, swapped) != 2 || short_at(file_header + 6, swapped) != 4) {
    extent.damaged_at = extent.whole_bytes;  // versions of before 1998 have the two lengths the other way round
    return extent;
  }
  while (const std::uint8_t* header = file.at(extent.whole_bytes, kPcapRecordHeaderBytes)) {
    const std::uint32_t captured = number_at(header + 8, swapped);
    if (captured > packet::kMaxPacketBytes) {
      extent.damaged_at = extent.whole_bytes;
      break;
    }
    if (file.size() - extent.whole_bytes - kPcapRecordHeaderBytes < captured) break;
    extent.whole_bytes += kPcapRecordHeaderBytes + captured;
    ++extent.packets;
  }
  extent.has_content = extent.packets > 0;
  return extent;
}

CaptureExtent walk_pcapng(FileWindow& file) {
  constexpr std::size_t kTypeAndLength = 8;
  CaptureExtent extent;
  bool swapped = false;
  while (const std::uint8_t* header = file.at(extent.whole_bytes, kTypeAndLength)) {
    const std::uint32_t type = number_at(header, swapped);
    if (type == kSectionHeader) {
      const std::uint8_t* magic = file.at(extent.whole_bytes + kTypeAndLength, sizeof kByteOrderMagic);
      if (magic == nullptr) break;
      swapped = number_at(magic, false) != kByteOrderMagic;
      if (number_at(magic, swapped) != kByteOrderMagic) {
        extent.damaged_at = extent.whole_bytes;
        break;
      }
      header = file.at(extent.whole_bytes, kTypeAndLength);  // the look at the magic may have moved the window
      if (header == nullptr) break;
    }
    const std::uint32_t length = number_at(header + 4, swapped);
    if (length < 12 || length % 4 != 0 || length > kLongestBlock) {
      extent.damaged_at = extent.whole_bytes;
      break;
    }
    if (file.size() - extent.whole_bytes < length) break;
    const std::uint8_t* length_again = file.at(extent.whole_bytes + length - 4, 4);
    if (length_again == nullptr) break;
    if (number_at(length_again, swapped) != length) {
      extent.damaged_at = extent.whole_bytes;
      break;
    }
    constexpr std::uint32_t kObsoletePacket = 2;
    constexpr std::uint32_t kSimplePacket = 3;
    constexpr std::uint32_t kEnhancedPacket = 6;
    constexpr std::uint32_t kInterfaceDescription = 1;
    constexpr std::uint32_t kInterfaceStatistics = 5;
    if (type == kObsoletePacket || type == kSimplePacket || type == kEnhancedPacket) ++extent.packets;
    if (type != kSectionHeader && type != kInterfaceDescription && type != kInterfaceStatistics) {
      extent.has_content = true;
    }
    extent.whole_bytes += length;
  }
  return extent;
}

}  // namespace

Result<CaptureExtent> walk_capture(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return Error{Code::kUnavailable, errno_text(errno)};
  FileWindow file(fd, static_cast<std::uint64_t>(status.st_size));
  constexpr std::array<std::array<std::uint8_t, 4>, 5> kMagics = {{{0x0a, 0x0d, 0x0d, 0x0a},
                                                                   {0xd4, 0xc3, 0xb2, 0xa1},
                                                                   {0x4d, 0x3c, 0xb2, 0xa1},
                                                                   {0xa1, 0xb2, 0xc3, 0xd4},
                                                                   {0xa1, 0xb2, 0x3c, 0x4d}}};
  // A writer may have died within the magic itself.
  const auto first_bytes = static_cast<std::size_t>(std::min<std::uint64_t>(file.size(), 4));
  const std::uint8_t* first = file.at(0, first_bytes);
  const auto magic = std::find_if(kMagics.begin(), kMagics.end(), [&](const auto& candidate) {
    return first != nullptr && std::equal(first, first + first_bytes, candidate.begin());
  });
  if (magic == kMagics.end() && file.error() == 0) {
    return Error{Code::kInvalidArgument, "it does not begin like a pcap or pcapng file"};
  }
  CaptureExtent extent;
  if (magic != kMagics.end() && first_bytes == 4) {
    const bool written_here = number_at(first, false) >> 16 == 0xa1b2;
    extent = magic == kMagics.begin() ? walk_pcapng(file) : walk_pcap(file, !written_here);
  }
  if (file.error() != 0) return Error{Code::kUnavailable, errno_text(file.error())};
  return extent;
}

}  // namespace lc::capture
