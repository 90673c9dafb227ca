// How far a record log was released and reached, in a file of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/base/file.h"

namespace lc::spool {

struct Position {
  std::uint64_t epoch = 0;
  std::uint64_t released = 0;     // not needed any more up to this number
  std::uint64_t last_number = 0;  // appended
  std::uint64_t total_end = 0;    // weights of all that was appended
};

/// A hint: losing it costs nothing but repetitions. One thread.
class PositionFile {
 public:
  /// Null with errno.
  static std::unique_ptr<PositionFile> open(FileSystem& files, const std::string& path);

  /// Nothing when there is none, or it is damaged.
  std::optional<Position> read();
  /// A write that fails is made up for by the next one.
  void write(const Position& position);

 private:
  explicit PositionFile(std::unique_ptr<File> file) : file_(std::move(file)) {}

  std::unique_ptr<File> file_;
};

}  // namespace lc::spool
