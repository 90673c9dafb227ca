// A capture file that is being written, whatever its format.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/base/file.h"
#include "common/base/result.h"
#include "common/packet/batch.h"
#include "common/packet/packet.h"

namespace lc::capture {

/// What a file says of where its packets come from.
struct CaptureInterface {
  std::string node;             // id of the hunter
  std::string name;             // of the interface there
  std::uint32_t link_type = 0;  // LINKTYPE_ value, at most 65535; DLT_RAW (12 or 14) is written as 101
  std::string filter;           // libpcap expression it captures with; empty: everything
};

/// One thread. Packets go into a buffer that grows to 256 KiB (see hold()), and from there into the file in writes that
/// hold whole records.
///
/// When a write fails (disk full, I/O error), nothing is lost: the file is cut back to its last whole record, the bytes
/// stay in the buffer, and every later call that needs them out tries again. A call that returns an Error has taken
/// nothing of what it was given; memory stays bounded by the buffer, or by the largest batch if that is larger.
/// Error codes: kResourceExhausted and kUnavailable may pass (try again later), kDataLoss never does: see sync(). It
/// also comes when there is no such file any more (ESTALE).
///
/// close() before destruction; without it, what was not flushed is gone, as after a kill.
class CaptureFile {
 public:
  /// The id for packets that the file cannot take: they are passed over.
  static constexpr std::uint32_t kLeaveOut = 0xffff'ffff;

  virtual ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  /// Gives the id that the interface's packets are written with; the same node, name and link type give the same id.
  /// kFailedPrecondition when the file's format cannot hold this link type beside the ones it has, kInvalidArgument for
  /// a number that no file can hold.
  virtual Result<std::uint32_t> add_interface(const CaptureInterface& interface) = 0;

  /// All packets of the batch, or an Error and none. `interface_ids[i]` is the id of batch.interfaces()[i], or
  /// kLeaveOut.
  virtual Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids) = 0;

  /// The same of some of its packets, by their numbers; none of them has the id kLeaveOut.
  virtual Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids,
                       std::span<const std::uint32_t> numbers) = 0;

  /// One packet of at most packet::kMaxPacketBytes.
  virtual Status write(const packet::PacketView& packet, std::uint32_t interface) = 0;

  /// Totals of an interface as known at `at_ns` (since 1970), for the file's end; formats without a place for them
  /// ignore it. The last call counts.
  virtual void set_drops(std::uint32_t interface, std::uint64_t received, std::uint64_t dropped,
                         std::int64_t at_ns) = 0;

  /// For one of very many files: from now on only flush(), sync() and close() write, whatever the buffer grows to, and
  /// the buffer is given back with each of them.
  void hold() { holds_ = true; }

  /// Everything taken so far is in the file, where readers see it.
  Status flush();

  /// flush(), and it survives a loss of power. When the system cannot promise that (fdatasync fails, after which Linux
  /// may have dropped the pages for good), everything since the last good sync() is cut from the file and this and
  /// every later call gives kDataLoss: make a new file and write again what came since.
  Status sync();

  /// What is flushed survives a loss of power, as the filesystem's owner has seen to (syncfs(2)).
  void synced_by_other() { synced_ = written_; }

  /// Writes the format's end, then sync(); or only flush(), for who has promised no more than that: a sync() that fails
  /// would take back everything. After an Error it may be called again; nothing else may.
  Status close(bool durably = true);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::uint64_t size_bytes() const { return written_ + used_; }  // of the file once flushed
  [[nodiscard]] std::uint64_t packets() const { return packets_; }             // taken

 protected:
  CaptureFile(std::string path, std::unique_ptr<FileOutput> output);

  /// Makes room for `bytes` at end(); flushes when there is none.
  Status make_room(std::size_t bytes);
  [[nodiscard]] std::uint8_t* end() { return buffer_.get() + used_; }
  /// What was put at the old end() reaches up to `new_end` now.
  void take(const std::uint8_t* new_end, std::uint64_t packets) {
    used_ = static_cast<std::size_t>(new_end - buffer_.get());
    packets_ += packets;
  }
  Status append(std::span<const std::uint8_t> bytes);

  /// Appends what belongs at the end of the file; all or nothing.
  virtual Status finish() = 0;

 private:
  void grow(std::size_t bytes);

  std::string path_;
  std::unique_ptr<FileOutput> output_;
  std::unique_ptr<std::uint8_t[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t used_ = 0;
  std::uint64_t written_ = 0;  // bytes of whole records in the file
  std::uint64_t synced_ = 0;   // of these, what the last good sync covers
  std::uint64_t packets_ = 0;
  bool finished_ = false;
  bool holds_ = false;
  std::optional<Error> lost_;
};

/// The LINKTYPE_ value to write for one of ours or a libpcap handle's; kInvalidArgument above 65535.
Result<std::uint32_t> file_link_type(std::uint32_t link_type);

}  // namespace lc::capture
