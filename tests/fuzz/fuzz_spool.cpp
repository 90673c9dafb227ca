// Any bytes as the files of a record log: it opens, is read to its end, and what is appended then comes back, now and
// after a restart. The input is a list of pieces (kind, size, bytes): a new segment, raw bytes at the end of the last
// file, a record, the position file.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/log.h"
#include "common/spool/record_log.h"
#include "tests/support/memory_file_system.h"

namespace {

using lc::spool::Record;
using lc::spool::RecordLog;
using lc::test::MemoryFileSystem;
using Bytes = std::vector<std::uint8_t>;

const std::string kDirectory = "/spool";
constexpr std::uint64_t kEpoch = 7;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Takes from the front; zeros behind the end.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    const Bytes taken = bytes(size);
    if (!taken.empty()) std::memcpy(&value, taken.data(), taken.size());
    return value;
  }
  Bytes bytes(std::size_t size) {
    const std::size_t count = std::min(size, bytes_.size());
    Bytes taken(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(count));
    bytes_ = bytes_.subspan(count);
    return taken;
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

void append(Bytes& to, std::span<const std::uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void make_files(MemoryFileSystem& files, Input input) {
  std::uint64_t first = 1;
  std::string path = kDirectory + "/" + lc::spool::segment_name(first);
  files.put(path, {});
  while (!input.empty()) {
    const std::uint64_t kind = input.number(1);
    switch (kind % 5) {
      case 0:
      case 1: {  // a segment, with and without a right header
        first = input.number(2);
        path = kDirectory + "/" + lc::spool::segment_name(first);
        files.put(path, {});
        if (kind % 5 == 1) break;
        const std::uint64_t epoch = kEpoch + input.number(1) % 2;
        append(files.bytes(path), lc::spool::encode({epoch, first, input.number(4), "owner"}));
        break;
      }
      case 2: {  // a record, with right checksums
        Record record{{.number = first + input.number(1), .total_before = input.number(4)}, {}};
        record.info.weight = static_cast<std::uint32_t>(input.number(2));
        const Bytes payload = input.bytes(input.number(2) % 3000);
        record.payload = payload;
        lc::spool::append_record(files.bytes(path), kEpoch, record);
        break;
      }
      case 3:
        append(files.bytes(path), input.bytes(input.number(1)));
        break;
      default: {
        files.put(kDirectory + "/position", {});
        const auto position = lc::spool::PositionFile::open(files, kDirectory + "/position");
        position->write({kEpoch, input.number(2), input.number(2), input.number(4)});
        const Bytes over = input.bytes(input.number(1));
        std::copy_n(over.begin(), std::min(over.size(), files.bytes(kDirectory + "/position").size()),
                    files.bytes(kDirectory + "/position").begin());
      }
    }
  }
}

std::unique_ptr<RecordLog> open(MemoryFileSystem& files) {
  auto log = RecordLog::open(files, {.directory = kDirectory, .owner = "owner", .segment_bytes = 500});
  require(log.ok());
  return std::move(*log);
}

/// Numbers above `after`, in the order they come in.
std::vector<std::uint64_t> read_all(RecordLog& log, std::uint64_t after) {
  std::vector<std::uint64_t> numbers;
  Bytes buffer(300);
  for (std::uint64_t left = log.unread_bytes() + 100;; --left) {
    require(left > 0);  // each call gets on
    const auto read = log.read(buffer);
    require(read.ok());
    for (const Record& record : read->records) {
      const std::uint8_t* end = record.payload.data() + record.payload.size();
      require(record.payload.empty() ||
              (record.payload.data() >= buffer.data() && end <= buffer.data() + buffer.size()));
      if (record.info.number > after) numbers.push_back(record.info.number);
    }
    if (!read->records.empty()) continue;
    if (read->needed <= buffer.size()) return numbers;
    buffer.resize(read->needed);
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  lc::log::set_sink([](lc::log::Level, std::string_view, lc::log::Fields) {});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  MemoryFileSystem files;
  make_files(files, Input({data, size}));
  std::uint64_t last = 0;
  std::vector<std::uint64_t> appended;
  {
    const auto log = open(files);
    last = log->last_number();
    for (const std::uint64_t found : read_all(*log, 0)) last = std::max(last, found);
    require(log->all_read());
    if (log->epoch() == 0) log->begin(kEpoch);
    const std::array<std::uint8_t, 400> payload{};
    for (std::uint64_t number = last + 1; number <= last + 3; ++number) {
      std::array<Record, 1> records{Record{{.number = number, .weight = 1}, payload}};
      require(log->append(records).ok());
      appended.push_back(number);
    }
    require(read_all(*log, last) == appended);
    require(log->all_read());
  }
  const auto log = open(files);
  require(log->last_number() == last + 3);
  require(read_all(*log, last) == appended);
  log->release(last + 3);
  log->clear();
  require(log->bytes() == 0);
  return 0;
}
