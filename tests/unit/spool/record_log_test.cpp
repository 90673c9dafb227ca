#include "common/spool/record_log.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/memory_file_system.h"
#include "tests/unit/spool/spool_records.h"

using namespace lc::spool;
using namespace lc::spool::test;
using lc::test::MemoryFileSystem;

namespace {

std::unique_ptr<RecordLog> opened(lc::FileSystem& files, const RecordLog::Options& options = small_segments()) {
  std::string why;
  std::unique_ptr<RecordLog> log = open_log(files, options, why);
  INFO(why);
  REQUIRE(log);
  return log;
}

void append(RecordLog& log, std::uint64_t first, std::uint64_t last) {
  REQUIRE(append_samples(log, first, last));
}

std::vector<std::string> segment_paths(const MemoryFileSystem& files) {
  std::vector<std::string> paths = files.paths();
  std::erase_if(paths, [](const std::string& path) { return !path.ends_with(".spool"); });
  return paths;
}

/// Three segments that are not the log's first ones: what was before them is released and gone.
std::map<std::string, std::vector<std::uint8_t>> log_of_three_segments(std::uint64_t& first, std::uint64_t& last) {
  MemoryFileSystem files;
  const auto log = opened(files, small_segments(500));
  last = 0;
  for (std::size_t segments = 0; segments < 5; segments = segment_paths(files).size(), ++last)
    append(*log, last + 1, last + 1);
  read_numbers(*log);
  first = *first_in_name(segment_paths(files)[2].substr(std::string(kDirectory).size() + 1));
  log->release(first - 1);
  REQUIRE(segment_paths(files).size() == 3);
  std::map<std::string, std::vector<std::uint8_t>> contents;
  for (const std::string& path : files.paths()) contents[path] = files.bytes(path);
  return contents;
}

}  // namespace

TEST_CASE("Appended records come back in order, whole, over many segments", "[record_log]") {
  MemoryFileSystem files;
  {
    const auto log = opened(files);
    CHECK(log->epoch() == 0);
    for (std::uint64_t number = 1; number <= 500; number += 5) append(*log, number, number + 4);
    CHECK(log->last_number() == 500);
    CHECK(log->unread_weight() == weight_of(1, 500));
    CHECK(read_numbers(*log) == numbers(1, 500));
    CHECK(log->all_read());
    CHECK(read_numbers(*log).empty());
  }
  REQUIRE(segment_paths(files).size() > 10);
  const auto log = opened(files);
  CHECK(log->epoch() == kEpoch);
  CHECK(log->last_number() == 500);
  CHECK(log->unread_weight() == weight_of(1, 500));
  CHECK(read_numbers(*log) == numbers(1, 500));
  CHECK(log->losses().damaged == 0);
}

TEST_CASE("What is appended while somebody reads is read too, once", "[record_log]") {
  MemoryFileSystem files;
  const auto log = opened(files);
  std::vector<std::uint64_t> read;
  std::vector<std::uint8_t> buffer(1500);
  for (std::uint64_t number = 1; number <= 300; ++number) {
    append(*log, number, number);
    if (number % 3 != 0) continue;
    const auto some = log->read(buffer);
    REQUIRE(some);
    for (const Record& record : some->records) read.push_back(is_sample(record) ? record.info.number : 0);
  }
  const std::vector<std::uint64_t> rest = read_numbers(*log);
  read.insert(read.end(), rest.begin(), rest.end());
  CHECK(read == numbers(1, 300));
}

TEST_CASE("A record larger than the buffer says how large a buffer it takes", "[record_log]") {
  MemoryFileSystem files;
  const auto log = opened(files);
  std::vector<std::uint8_t> payload(5000, 7);
  std::vector<Record> records{{{.number = 1, .weight = 1}, payload}};
  log->begin(kEpoch);
  REQUIRE(log->append(records));
  std::vector<std::uint8_t> buffer(100);
  const auto small = log->read(buffer);
  REQUIRE(small);
  CHECK(small->records.empty());
  REQUIRE(small->needed == record_bytes(payload.size()));
  buffer.resize(small->needed);
  const auto large = log->read(buffer);
  REQUIRE(large);
  REQUIRE(large->records.size() == 1);
  CHECK(large->records.front().payload.size() == payload.size());
}

TEST_CASE("A backlog of any size is read through one buffer and few open files", "[record_log]") {
  MemoryFileSystem files;
  const auto log = opened(files, small_segments(20'000));
  for (std::uint64_t number = 1; number <= 10'000; number += 100) append(*log, number, number + 99);
  files.largest_read = 0;
  files.most_open_files = files.open_files;
  CHECK(read_numbers(*log, 8192) == numbers(1, 10'000));
  CHECK(files.largest_read <= 8192);
  CHECK(files.most_open_files <= 3);  // the position, what is written, what is read
}

TEST_CASE("Opening a log reads its last segment and the beginnings of the others", "[record_log]") {
  MemoryFileSystem files;
  {
    const auto log = opened(files, small_segments(20'000));
    for (std::uint64_t number = 1; segment_paths(files).size() < 40; ++number) append(*log, number, number);
  }
  const std::uint64_t last = files.bytes(segment_paths(files).back()).size();
  files.bytes_read = 0;
  const auto log = opened(files, small_segments(20'000));
  CHECK(files.bytes_read <= last + 40 * kSegmentHeaderBytes + 48);
}

TEST_CASE("Segments go when all of their records are released, and the rest comes again after a restart",
          "[record_log]") {
  MemoryFileSystem files;
  std::uint64_t bytes = 0;
  {
    const auto log = opened(files);
    for (std::uint64_t number = 1; number <= 200; ++number) append(*log, number, number);
    bytes = log->bytes();
    read_numbers(*log);
    log->release(150);
    CHECK(log->bytes() < bytes / 2);
    CHECK(log->released_unread() == 0);
  }
  const auto log = opened(files);
  CHECK(read_numbers(*log) == numbers(151, 200));
  CHECK(log->losses().damaged == 0);
  log->release(200);
  log->clear();
  CHECK(segment_paths(files).empty());
  CHECK(log->bytes() == 0);
}

TEST_CASE("A log of which everything is released begins anew, under any epoch and from any number", "[record_log]") {
  MemoryFileSystem files;
  {
    const auto log = opened(files);
    append(*log, 1, 100);
    read_numbers(*log);
    log->release(100);
  }
  const auto log = opened(files);
  CHECK(log->epoch() == 0);
  CHECK(segment_paths(files).empty());
  log->begin(kEpoch + 1);
  append(*log, 1, 5);
  CHECK(read_numbers(*log) == numbers(1, 5));
}

TEST_CASE("What is dropped for room is whole segments from the front, counted, and no more than needed",
          "[record_log]") {
  MemoryFileSystem files;
  RecordLog::Options options = small_segments(1000);
  options.max_bytes = 10'000;
  const auto log = opened(files, options);
  for (std::uint64_t number = 1; number <= 300; ++number) {
    const std::uint64_t size = record_bytes(sample(number).payload.size());
    const std::uint64_t before = log->bytes();
    const std::uint64_t dropped = log->losses().dropped;
    REQUIRE(log->make_room(size));
    CHECK((log->losses().dropped > dropped) == (before + size > options.max_bytes));
    append(*log, number, number);
    REQUIRE(log->bytes() <= options.max_bytes + kSegmentHeaderBytes);
  }
  const std::uint64_t dropped = log->losses().dropped;
  const std::vector<std::uint64_t> left = read_numbers(*log);
  REQUIRE_FALSE(left.empty());
  CHECK(left == numbers(left.front(), 300));
  CHECK(dropped == weight_of(1, left.front() - 1));
  CHECK(log->bytes() > options.max_bytes / 2);
}

TEST_CASE("A record that never fits costs no other one its place", "[record_log]") {
  MemoryFileSystem files;
  RecordLog::Options options = small_segments();
  options.max_bytes = 10'000;
  const auto log = opened(files, options);
  append(*log, 1, 10);
  CHECK_FALSE(log->make_room(options.max_bytes));
  CHECK(log->losses().dropped == 0);
  CHECK(read_numbers(*log) == numbers(1, 10));
}

TEST_CASE("What was in memory when it was appended is not read back", "[record_log]") {
  MemoryFileSystem files;
  const auto log = opened(files);
  for (std::uint64_t number = 1; number <= 50; ++number) {
    REQUIRE(log->all_read());
    append(*log, number, number);
    log->mark_all_read();
  }
  append(*log, 51, 52);
  CHECK(read_numbers(*log) == numbers(51, 52));
}

TEST_CASE("A flipped bit costs at most the record it hit, which is counted exactly", "[record_log]") {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const auto contents = log_of_three_segments(first, last);
  for (const auto& [path, bytes] : contents) {
    // Which record a byte belongs to: they lie one behind the other.
    const auto begins_with = first_in_name(path.substr(std::string(kDirectory).size() + 1));
    std::uint64_t number = begins_with.value_or(0);
    std::size_t end = kSegmentHeaderBytes;
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      if (begins_with && at == end) end += record_bytes(sample(number++).payload.size());
      const std::uint64_t hit = begins_with && at >= kSegmentHeaderBytes ? number - 1 : 0;
      MemoryFileSystem files;
      for (const auto& [other, content] : contents) files.put(other, content);
      files.bytes(path)[at] ^= static_cast<std::uint8_t>(1U << at % 8);
      std::string why;
      const auto log = open_log(files, small_segments(500), why);
      INFO("byte " << at << " of " << path << " " << why);
      REQUIRE(log);
      CHECK(log->epoch() == kEpoch);
      CHECK(log->last_number() == last);
      CHECK(log->unread_weight() + log->losses().damaged == weight_of(first, last));
      std::vector<std::uint64_t> expected = numbers(first, last);
      std::erase(expected, hit);
      REQUIRE(read_numbers(*log) == expected);
      REQUIRE(log->losses().damaged == (hit == 0 ? 0 : sample(hit).weight));
      CHECK(log->all_read());
      REQUIRE(append_samples(*log, last + 1, last + 2));
      REQUIRE(read_numbers(*log) == numbers(last + 1, last + 2));
    }
  }
}

TEST_CASE("Damage to what was released already is no loss", "[record_log]") {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const auto contents = log_of_three_segments(first, last);
  MemoryFileSystem original;
  for (const auto& [path, content] : contents) original.put(path, content);
  opened(original, small_segments(500))->release(last - 1);
  const std::string path = segment_paths(original).back();
  for (std::size_t at = 0; at < original.bytes(path).size(); ++at) {
    MemoryFileSystem files;
    for (const std::string& other : original.paths()) files.put(other, original.bytes(other));
    files.bytes(path)[at] ^= 0x80;
    const auto log = opened(files, small_segments(500));
    INFO("byte " << at);
    const std::vector<std::uint64_t> read = read_numbers(*log);
    REQUIRE((read.empty() ? log->losses().damaged == sample(last).weight : log->losses().damaged == 0));
    REQUIRE((read.empty() || read == numbers(last, last)));
  }
}

TEST_CASE("A torn end is cut at any length, and costs what was torn", "[record_log]") {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const auto contents = log_of_three_segments(first, last);
  const std::string path = std::next(contents.rbegin())->first;  // the one behind is the position
  REQUIRE(path.ends_with(".spool"));
  for (std::size_t size = 0; size <= contents.at(path).size(); ++size) {
    MemoryFileSystem files;
    for (const auto& [other, content] : contents) files.put(other, content);
    files.bytes(path).resize(size);
    std::uint64_t whole = *first_in_name(path.substr(std::string(kDirectory).size() + 1)) - 1;
    for (std::size_t end = kSegmentHeaderBytes; whole < last; ++whole) {
      end += record_bytes(sample(whole + 1).payload.size());
      if (end > size) break;
    }
    INFO("cut to " << size);
    const auto log = opened(files, small_segments(500));
    CHECK(log->last_number() == last);  // no number is used twice
    REQUIRE(read_numbers(*log) == numbers(first, whole));
    CHECK(log->losses().damaged == weight_of(whole + 1, last));
    REQUIRE(append_samples(*log, last + 1, last + 2));
    REQUIRE(read_numbers(*log) == numbers(last + 1, last + 2));
  }
}

TEST_CASE("A segment that is gone is counted", "[record_log]") {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  const auto contents = log_of_three_segments(first, last);
  std::vector<std::string> paths;
  for (const auto& [path, content] : contents) {
    if (path.ends_with(".spool")) paths.push_back(path);
  }
  for (const std::size_t gone : {1U, 2U}) {
    MemoryFileSystem files;
    for (const auto& [path, content] : contents) files.put(path, content);
    files.take_away(paths[gone]);
    const auto log = opened(files, small_segments(500));
    const std::vector<std::uint64_t> read = read_numbers(*log);
    std::uint64_t weight = 0;
    for (const std::uint64_t number : read) weight += sample(number).weight;
    CHECK(weight > 0);
    CHECK(log->losses().damaged == weight_of(first, last) - weight);
    CHECK(log->losses().damaged > 0);
  }
}

TEST_CASE("A segment that somebody cuts or removes while it is read ends there, and is counted", "[record_log]") {
  for (const std::size_t size : {0U, 50U, 112U, 130U, 400U}) {
    MemoryFileSystem files;
    const auto log = opened(files, small_segments(1000));
    append(*log, 1, 30);
    append(*log, 31, 40);
    files.bytes(segment_paths(files).front()).resize(size);
    const std::vector<std::uint64_t> read = read_numbers(*log, 64);
    INFO("cut to " << size);
    REQUIRE(read.size() >= 10);
    CHECK(std::vector(read.end() - 10, read.end()) == numbers(31, 40));
    std::uint64_t weight = 0;
    for (const std::uint64_t number : read) weight += sample(number).weight;
    CHECK(log->losses().damaged == weight_of(1, 40) - weight);
  }
}

TEST_CASE("What can't be read is kept as it is when a log is opened, and passed over when it is given up",
          "[record_log]") {
  MemoryFileSystem files;
  {
    const auto log = opened(files);
    append(*log, 1, 20);
  }
  // Whatever call of open() fails, nothing that is on disk is lost by that.
  for (std::uint64_t call = 0; call < 20; ++call) {
    files.plan = {.error_at = files.calls() + call, .error = EMFILE};
    {
      const auto failed = RecordLog::open(files, small_segments());
      if (!failed) CHECK(failed.error().text.find(kDirectory) != std::string::npos);
    }
    files.plan = {};
    INFO("call " << call);
    const auto log = opened(files);
    REQUIRE(read_numbers(*log) == numbers(1, 20));
    REQUIRE(log->losses().damaged == 0);
  }
  const auto log = opened(files);
  files.plan = {.error_at = files.calls(), .errors = MemoryFileSystem::kNever - files.calls()};
  std::vector<std::uint8_t> buffer(4096);
  const auto failed = log->read(buffer);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().text.find(segment_paths(files).front()) != std::string::npos);
  files.plan = {};
  log->skip_unreadable();
  append(*log, 21, 25);
  CHECK(read_numbers(*log) == numbers(21, 25));
  CHECK(log->losses().damaged == weight_of(1, 20));
}

TEST_CASE("An append that fails leaves nothing behind that is read later", "[record_log]") {
  for (std::uint64_t first_error = 0; first_error < 12; ++first_error) {
    for (const std::uint64_t errors : {1U, 2U, 3U}) {
      INFO("error at call " << first_error << ", " << errors << " of them");
      MemoryFileSystem files;
      bool kept = false;
      {
        const auto log = opened(files);
        append(*log, 1, 10);
        files.plan = {.error_at = files.calls() + first_error, .errors = errors, .short_write_at = files.calls()};
        kept = append_samples(*log, 11, 20).ok();
        files.plan = {};
        for (std::uint64_t number = kept ? 21 : 15; number <= 80; ++number) append(*log, number, number);
      }
      const auto log = opened(files);
      const std::vector<std::uint64_t> read = read_numbers(*log);
      std::vector<std::uint64_t> expected = numbers(1, 80);
      if (!kept) expected.erase(expected.begin() + 10, expected.begin() + 14);
      REQUIRE(read == expected);
      REQUIRE(log->losses().damaged == 0);
    }
  }
}

TEST_CASE("Another owner's packets and a second process are refused by name", "[record_log]") {
  MemoryFileSystem files;
  {
    const auto log = opened(files);
    append(*log, 1, 3);
    const auto second = RecordLog::open(files, small_segments());
    REQUIRE_FALSE(second);
    CHECK(second.error().code == lc::Code::kFailedPrecondition);
    CHECK(second.error().text == "spool directory \"/spool/here\" is in use by another process; give each its own");
  }
  RecordLog::Options options = small_segments();
  options.owner = "hunter-2";
  const auto foreign = RecordLog::open(files, options);
  REQUIRE_FALSE(foreign);
  CHECK(foreign.error().code == lc::Code::kFailedPrecondition);
  CHECK(foreign.error().text.find("\"/spool/here\" holds packets of \"hunter-1\", not of \"hunter-2\"") !=
        std::string::npos);
  CHECK(read_numbers(*opened(files)) == numbers(1, 3));
}

TEST_CASE("A record within a damaged record is not taken for one of the log when another epoch wrote it",
          "[record_log]") {
  for (const std::uint64_t forger : {kEpoch + 1, kEpoch}) {
    MemoryFileSystem files;
    {
      const auto log = opened(files);
      std::vector<std::uint8_t> payload;
      append_record(payload, forger, {{.number = 2, .weight = 9}, {}});
      std::vector<Record> records{{{.number = 1, .weight = 9}, payload}};
      log->begin(kEpoch);
      REQUIRE(log->append(records));
      append(*log, 3, 3);
    }
    // With its header damaged, the payload's bytes are looked through; with its payload damaged, they are not.
    for (const std::size_t at : {kSegmentHeaderBytes + 4, kSegmentHeaderBytes + kRecordHeaderBytes + 4}) {
      if (forger == kEpoch && at < kSegmentHeaderBytes + kRecordHeaderBytes) continue;
      std::uint8_t& byte = files.bytes(segment_paths(files).front())[at];
      byte ^= 1;
      const auto log = opened(files);
      CHECK(read_numbers(*log) == numbers(3, 3));
      CHECK(log->losses().damaged == 9);
      byte ^= 1;
    }
  }
}

TEST_CASE("On a real file system a log survives its process, and is refused to a second one", "[record_log]") {
  std::string directory = std::filesystem::temp_directory_path() / "record_log_test_XXXXXX";
  REQUIRE(::mkdtemp(directory.data()) != nullptr);
  RecordLog::Options options = small_segments();
  options.directory = directory + "/deeper/spool";
  lc::RealFileSystem files("spool");
  {
    const auto log = opened(files, options);
    append(*log, 1, 100);
    log->release(30);
    CHECK_FALSE(RecordLog::open(files, options));
  }
  {
    const auto log = opened(files, options);
    CHECK(read_numbers(*log) == numbers(31, 100));
    log->clear();
  }
  CHECK(std::distance(std::filesystem::directory_iterator(options.directory), {}) == 1);  // the position
  std::filesystem::remove_all(directory);
}

TEST_CASE("A record is read where it was written, in any order, and one that is damaged or gone is known as such",
          "[record_log]") {
  MemoryFileSystem files;
  const auto log = opened(files, small_segments(500));
  log->begin(kEpoch);
  std::map<std::uint64_t, Record> places;
  for (std::uint64_t number = 1; number <= 40; number += 2) {
    const Sample both[] = {sample(number), sample(number + 1)};
    Record records[] = {{{number, 0, both[0].weight, both[0].time_ns}, both[0].payload},
                        {{number + 1, 0, both[1].weight, both[1].time_ns}, both[1].payload}};
    REQUIRE(log->append(records));
    for (const Record& record : records) places[record.info.number] = record;
  }
  const auto read_at = [&](std::uint64_t number) {
    std::vector<std::uint8_t> buffer(record_bytes(sample(number).payload.size()));
    const auto record = log->read_at(number, places.at(number).offset, buffer);
    if (!record) return record.error().code;
    return is_sample(*record) && record->info.number == number ? lc::Code::kOk : lc::Code::kInternal;
  };
  for (std::uint64_t number = 40; number >= 1; --number) CHECK(read_at(number) == lc::Code::kOk);
  CHECK(read_numbers(*log) == numbers(1, 40));  // which is not disturbed

  files.bytes(segment_paths(files).front())[places.at(2).offset + kRecordHeaderBytes - 1] ^= 1;
  CHECK(read_at(1) == lc::Code::kOk);
  CHECK(read_at(2) == lc::Code::kDataLoss);
  CHECK(files.bytes(segment_paths(files).front() + ".damaged").size() == record_bytes(sample(2).payload.size()));
  log->release(20);
  CHECK(read_at(1) == lc::Code::kDataLoss);
  CHECK(read_at(40) == lc::Code::kOk);
}
