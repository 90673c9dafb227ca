// Invariant: the file's first written_ bytes are whole records, the buffer's used_ bytes are the whole records that
// follow. A flush that fails changes neither, so it can be repeated any number of times without losing or doubling
// a byte.
#include "common/capture/capture_file.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/text.h"

namespace lc::capture {
namespace {

// One write(2) of this size costs little per packet, and the buffer stays in the processor's second-level cache.
constexpr std::size_t kBufferBytes = std::size_t{256} << 10;
constexpr std::size_t kLeastBytes = 1024;
constexpr std::string_view kThing = "capture file";

}  // namespace

CaptureFile::CaptureFile(std::string path, std::unique_ptr<FileOutput> output)
    : path_(std::move(path)), output_(std::move(output)) {}

CaptureFile::~CaptureFile() = default;

Status CaptureFile::make_room(std::size_t bytes) {
  assert(!finished_);
  if (lost_) return *lost_;
  if (capacity_ - used_ >= bytes) return {};
  if (!holds_ && used_ + bytes > kBufferBytes) {
    if (Status flushed = flush(); !flushed) return flushed;
  }
  if (capacity_ - used_ < bytes) grow(used_ + bytes);
  return {};
}

void CaptureFile::grow(std::size_t bytes) {
  std::size_t capacity = std::max(2 * capacity_, kLeastBytes);
  if (!holds_) capacity = std::min(capacity, kBufferBytes);
  capacity = std::max(capacity, bytes);
  auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
  if (used_ > 0) std::memcpy(buffer.get(), buffer_.get(), used_);
  buffer_ = std::move(buffer);
  capacity_ = capacity;
}

Status CaptureFile::append(std::span<const std::uint8_t> bytes) {
  if (Status room = make_room(bytes.size()); !room) return room;
  std::memcpy(end(), bytes.data(), bytes.size());
  take(end() + bytes.size(), 0);
  return {};
}

Status CaptureFile::flush() {
  if (lost_) return *lost_;
  if (!write_all(*output_, buffer_.get(), used_, written_)) {
    const int error = errno;
    // Readers see no torn record meanwhile. Should the cut fail too, the next flush writes over the same bytes.
    static_cast<void>(output_->truncate(written_));
    if (error != ESTALE) return file_error("write", kThing, path_, error);
    lost_ = Error{Code::kDataLoss, "cannot write capture file " + quoted(path_) +
                                       ": it was moved or removed, or another process has it; a new file follows it"};
    return *lost_;
  }
  written_ += used_;
  used_ = 0;
  if (holds_) {
    buffer_.reset();
    capacity_ = 0;
  }
  return {};
}

Status CaptureFile::sync() {
  if (Status flushed = flush(); !flushed) return flushed;
  if (synced_ == written_) return {};
  int result = output_->sync();
  while (result != 0 && errno == EINTR) result = output_->sync();
  if (result != 0) {
    const int error = errno;
    static_cast<void>(output_->truncate(synced_));
    written_ = synced_;
    lost_ = Error{Code::kDataLoss, "cannot make capture file " + quoted(path_) + " durable: " + errno_text(error) +
                                       "; it was cut back to what is safe (" + std::to_string(synced_) +
                                       " bytes) and needs a new file to follow it"};
    return *lost_;
  }
  synced_ = written_;
  return {};
}

Status CaptureFile::close(bool durably) {
  if (!finished_) {
    if (Status end_written = finish(); !end_written) return end_written;
    finished_ = true;
  }
  return durably ? sync() : flush();
}

Result<std::uint32_t> file_link_type(std::uint32_t link_type) {
  constexpr std::uint32_t kRawDltOpenBsd = 14;
  if (link_type == packet::kRawDlt || link_type == kRawDltOpenBsd) return std::uint32_t{packet::kRaw};
  if (link_type <= 0xffff) return link_type;
  return Error{Code::kInvalidArgument,
               "link type " + std::to_string(link_type) + " cannot be stored: capture files hold numbers up to 65535"};
}

}  // namespace lc::capture
