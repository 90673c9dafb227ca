#include "processord/engine/journal.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "tests/support/memory_file_system.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using lc::capture::CommittedFile;
using lc::capture::test::TempDir;
using lc::test::MemoryFileSystem;

namespace {

const std::string kFolder = "/state";
const std::string kPath = kFolder + "/journal";

Journal::Settings small() {
  return {.directory = kFolder, .sync = true, .remembered = 6, .rewrite_bytes = 3000};
}

CommittedFile file(const std::string& path, std::uint64_t bytes) {
  return {
      .path = path, .identity = {.device = 5, .inode = 77, .birth_ns = 123}, .bytes = bytes, .packets = bytes / 100};
}

JournalEntry stored(const std::string& hunter, std::uint64_t sequence, std::uint64_t epoch = 9) {
  return {.positions = {{hunter, epoch, sequence}}};
}

/// What a journal should know: nothing but a few maps.
struct Model {
  std::map<std::string, StoredPosition> positions;
  std::map<std::string, CommittedFile> files;
  std::map<std::string, CommittedFile> call_files;
  std::set<std::string> interrupted;
  std::vector<std::string> recent;  // hunters, the last one at the end

  void apply(const JournalEntry& entry) {
    for (const std::string& path : entry.finished) {
      files.erase(path);
      call_files.erase(path);
    }
    for (const std::string& path : entry.interrupted) interrupted.insert(path);
    for (const std::string& path : entry.forgotten) interrupted.erase(path);
    for (const CommittedFile& file : entry.files) files[file.path] = file;
    for (const CommittedFile& file : entry.call_files) call_files[file.path] = file;
    for (const StoredPosition& position : entry.positions) {
      positions[position.hunter_id] = position;
      std::erase(recent, position.hunter_id);
      recent.push_back(position.hunter_id);
    }
  }
  /// The newest `remembered` hunters are known; of others no wrong thing is said.
  [[nodiscard]] bool agrees(const Journal& journal, std::size_t remembered) const {
    std::map<std::string, StoredPosition> known;
    for (const StoredPosition& position : journal.positions()) known[position.hunter_id] = position;
    for (const auto& [id, position] : known) {
      const auto expected = positions.find(id);
      if (expected == positions.end() || expected->second != position) return false;
    }
    for (std::size_t i = recent.size() - std::min(recent.size(), remembered); i < recent.size(); ++i) {
      if (!known.contains(recent[i])) return false;
    }
    std::map<std::string, CommittedFile> unfinished;
    for (const CommittedFile& file : journal.unfinished()) unfinished[file.path] = file;
    std::map<std::string, CommittedFile> calls;
    for (const CommittedFile& file : journal.unfinished_calls()) calls[file.path] = file;
    const std::vector<std::string> told = journal.interrupted();
    return unfinished == files && calls == call_files && std::set<std::string>(told.begin(), told.end()) == interrupted;
  }
};

/// One commit, more or less as a processor makes it.
JournalEntry random_entry(std::mt19937_64& random, std::uint64_t& sequence) {
  JournalEntry entry;
  if (random() % 8 == 0) entry.finished.push_back("/c/" + std::to_string(random() % 4) + ".pcap");
  for (std::uint64_t n = random() % 3; n > 0; --n) {
    entry.files.push_back(file("/c/" + std::to_string(random() % 4) + ".pcap", ++sequence));
  }
  for (std::uint64_t n = random() % 3; n > 0; --n) {
    CommittedFile& call =
        entry.call_files.emplace_back(file("/k/" + std::to_string(random() % 5) + ".pcap", ++sequence));
    call.identity.inode = sequence / 50;  // now and then another file has the name
  }
  if (random() % 9 == 0) {
    entry.finished.push_back("/k/" + std::to_string(random() % 5) + ".pcap");
    entry.interrupted.push_back("/k/" + std::to_string(random() % 3));
    entry.forgotten.push_back("/k/" + std::to_string(random() % 3) + "x");
  }
  if (random() % 20 == 0) entry.forgotten.push_back("/k/" + std::to_string(random() % 3));
  for (std::uint64_t n = random() % 4; n > 0; --n) {
    entry.positions.push_back({"h" + std::to_string(random() % 9), random() % 3 + 1, ++sequence});
  }
  return entry;
}

/// Appends to a journal until something ends it; `model` has what was acknowledged, `attempted` what was not.
void append_until_the_end(MemoryFileSystem& disk, std::mt19937_64& random, Model& model, JournalEntry& attempted,
                          std::uint64_t& sequence, int entries) {
  try {
    Journal journal(small(), disk);
    if (!model.agrees(journal, small().remembered)) {
      model.apply(attempted);  // it was not acknowledged, but it is there, as it may be
      REQUIRE(model.agrees(journal, small().remembered));
    }
    attempted = {};
    for (int n = 0; n < entries; ++n) {
      attempted = random_entry(random, sequence);
      int attempts = 0;
      while (!journal.append(attempted)) REQUIRE(++attempts < 10);
      model.apply(attempted);
      attempted = {};
      REQUIRE(model.agrees(journal, small().remembered));
      REQUIRE(journal.size_bytes() < 3 * small().rewrite_bytes);
    }
  } catch (const MemoryFileSystem::Crash&) {
  } catch (const StartError&) {  // of an error that a test injects
  }
}

std::vector<std::uint8_t> small_journal(Model& model) {
  MemoryFileSystem disk;
  Journal journal({.directory = kFolder}, disk);
  for (const JournalEntry& entry :
       {JournalEntry{.files = {file("/c/a.pcap", 0)}}, JournalEntry{.positions = {{"h1", 9, 5}, {"h2", 8, 2}}},
        JournalEntry{.positions = {{"h1", 9, 6}}, .files = {file("/c/a.pcap", 4000)}},
        JournalEntry{.files = {file("/c/b.pcapng", 3)}, .finished = {"/c/a.pcap"}}}) {
    REQUIRE(journal.append(entry));
    model.apply(entry);
  }
  return disk.bytes(kPath);
}

}  // namespace

TEST_CASE("A journal tells its next reader the last that each hunter and file came to", "[journal]") {
  const TempDir dir;
  RealFileSystem disk("journal");
  const std::string folder = dir.file("made/for/it");
  {
    Journal journal({.directory = folder}, disk);
    CHECK(journal.positions().empty());
    REQUIRE(journal.append({.positions = {{"h1", 1, 5}, {"h2", 2, 6}}, .files = {file("/a \"b\"\n.pcap", 10)}}));
    REQUIRE(journal.append({.positions = {{"h1", 1, 7}}, .files = {file("/other.pcap", 1)}}));
    REQUIRE(journal.append({.files = {file("/a \"b\"\n.pcap", 900)}, .finished = {"/other.pcap"}}));
  }
  const Journal journal({.directory = folder}, disk);
  CHECK(journal.positions() == std::vector<StoredPosition>{{"h2", 2, 6}, {"h1", 1, 7}});
  CHECK(journal.unfinished() == std::vector<CommittedFile>{file("/a \"b\"\n.pcap", 900)});
  const auto shown = capture::test::run("strings " + journal.path());
  CHECK_THAT(shown.text, Catch::Contains("position h1 1 7\n") && Catch::Contains("finished \"/other.pcap\"\n") &&
                             Catch::Contains("file 1 \"/a \\\"b\\\"\\n.pcap\" 5 77 123 10 0\n") &&
                             Catch::Contains("grown 1 900 9\n"));
}

TEST_CASE("Whatever call fails and wherever the process dies or power is lost, nothing acknowledged is forgotten",
          "[journal]") {
  const std::uint64_t seed = GENERATE(range(1U, 41U));
  std::mt19937_64 random(seed);
  MemoryFileSystem disk;
  Model model;
  JournalEntry attempted;
  std::uint64_t sequence = 0;
  for (int life = 0; life < 40; ++life) {
    const bool power = random() % 2 == 0;
    disk.plan = {.crash_at = disk.calls() + random() % 60,
                 .error_at = disk.calls() + random() % 60,
                 .errors = random() % 3,
                 .error = random() % 2 == 0 ? ENOSPC : EIO,
                 .short_write_at = random() % 3 == 0 ? disk.calls() + random() % 60 : MemoryFileSystem::kNever};
    INFO("seed " << seed << " life " << life << " power " << power);
    append_until_the_end(disk, random, model, attempted, sequence, 30);
    if (power) {
      disk.after_power_loss(random());
    } else {
      disk.after_kill();
    }
    append_until_the_end(disk, random, model, attempted, sequence, 0);  // on a good disk everything must be known
  }
}

TEST_CASE("A process that dies at any single call of a rewrite leaves a journal that says everything", "[journal]") {
  for (const bool power : {false, true}) {
    for (std::uint64_t call = 0;; ++call) {
      MemoryFileSystem disk;
      std::mt19937_64 random(7);
      Model model;
      JournalEntry attempted;
      std::uint64_t sequence = 0;
      disk.plan.crash_at = call;
      INFO("power " << power << " call " << call);
      append_until_the_end(disk, random, model, attempted, sequence, 25);  // two rewrites
      const bool died = disk.calls() > call;
      if (power) {
        disk.after_power_loss(call);
      } else {
        disk.after_kill();
      }
      append_until_the_end(disk, random, model, attempted, sequence, 10);
      append_until_the_end(disk, random, model, attempted, sequence, 0);
      if (!died) break;
    }
  }
}

TEST_CASE("A flipped bit anywhere in a journal costs nothing", "[journal]") {
  Model model;
  const std::vector<std::uint8_t> bytes = small_journal(model);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::uint8_t> damaged = bytes;
    damaged[bit / 8] = static_cast<std::uint8_t>(damaged[bit / 8] ^ (1U << bit % 8));
    MemoryFileSystem disk;
    disk.put(kPath, damaged);
    INFO("bit " << bit);
    {
      Journal journal({.directory = kFolder}, disk);
      REQUIRE(model.agrees(journal, 10));
      REQUIRE(journal.append(stored("h9", 1)));
    }
    const Journal journal({.directory = kFolder}, disk);
    Model more = model;
    more.apply(stored("h9", 1));
    REQUIRE(more.agrees(journal, 10));
  }
}

TEST_CASE("What is damaged in both copies is passed over and counted, and the rest is known", "[journal]") {
  MemoryFileSystem disk;
  std::vector<std::size_t> ends;
  {
    Journal journal({.directory = kFolder}, disk);
    for (std::uint64_t n = 1; n <= 5; ++n) {
      REQUIRE(journal.append(stored("h" + std::to_string(n), n)));
      ends.push_back(journal.size_bytes());
    }
  }
  std::vector<std::uint8_t> bytes = disk.bytes(kPath);
  for (const std::size_t n : {std::size_t{1}, std::size_t{2}}) {
    const std::size_t copy = (ends[n] - ends[n - 1]) / 2;
    bytes[ends[n - 1] + 20] ^= 1;
    bytes[ends[n - 1] + copy + 60] ^= 1;
  }
  disk.put(kPath, bytes);
  const auto opened = disk.open(kPath, FileSystem::Open::kExisting);
  std::vector<JournalEntry> entries;
  const auto extent = read_journal(*opened, [&](const JournalEntry& entry) { entries.push_back(entry); });
  REQUIRE(extent);
  CHECK(extent->lost_entries == 2);
  CHECK(extent->damaged_bytes == ends[2] - ends[0]);
  CHECK(extent->torn_bytes == 0);
  CHECK(entries == std::vector<JournalEntry>{stored("h1", 1), stored("h4", 4), stored("h5", 5)});
  const Journal journal({.directory = kFolder}, disk);
  CHECK(journal.positions().size() == 3);
}

TEST_CASE("A torn tail costs at most the entry that was being written, at every length", "[journal]") {
  Model model;
  const std::vector<std::uint8_t> bytes = small_journal(model);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    MemoryFileSystem disk;
    disk.put(kPath, {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
    const auto opened = disk.open(kPath, FileSystem::Open::kExisting);
    std::size_t entries = 0;
    const auto extent = read_journal(*opened, [&](const JournalEntry&) { ++entries; });
    REQUIRE(extent);
    CHECK(extent->lost_entries == 0);
    CHECK(extent->damaged_bytes == 0);
    CHECK(extent->whole_bytes + extent->torn_bytes == size);
    CHECK(extent->last_number == entries);
    Journal journal({.directory = kFolder}, disk);
    REQUIRE(journal.append(stored("h9", 1)));
    CHECK(disk.bytes(kPath).size() == journal.size_bytes());  // nothing of the torn entry is left behind it
  }
}

TEST_CASE("A full disk refuses an entry as a whole, says what to do, and takes it when there is space", "[journal]") {
  MemoryFileSystem disk;
  Journal journal({.directory = kFolder}, disk);
  REQUIRE(journal.append(stored("h1", 1)));
  const std::vector<std::uint8_t> before = disk.bytes(kPath);
  disk.plan.capacity = before.size() + 30;
  const Status full = journal.append(stored("h1", 2));
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kResourceExhausted);
  CHECK_THAT(full.error().text, Catch::Contains(kPath) && Catch::Contains("free space"));
  CHECK(disk.bytes(kPath) == before);
  CHECK(journal.positions() == std::vector<StoredPosition>{{"h1", 9, 1}});
  disk.plan = {};
  REQUIRE(journal.append(stored("h1", 3)));
  CHECK(journal.positions() == std::vector<StoredPosition>{{"h1", 9, 3}});
}

TEST_CASE("A journal that cannot be replaced goes on growing, and is replaced when it can be", "[journal]") {
  MemoryFileSystem disk;
  Journal journal({.directory = kFolder, .rewrite_bytes = 2000}, disk);
  std::uint64_t sequence = 0;
  disk.plan.capacity = 4000;  // for the old one and a piece of the new one
  const std::string long_path = "/" + std::string(1500, 'p') + ".pcap";
  REQUIRE(journal.append({.files = {file(long_path, 1)}}));
  Status status;
  while (status) status = journal.append(stored("h1", ++sequence));
  CHECK(journal.size_bytes() > 3000);
  disk.plan = {};
  while (journal.size_bytes() > 3000 && sequence < 1000) REQUIRE(journal.append(stored("h1", ++sequence)));
  for (int n = 0; n < 100; ++n) REQUIRE(journal.append(stored("h1", ++sequence)));
  CHECK(journal.size_bytes() < 10'000);
  CHECK(journal.unfinished() == std::vector<CommittedFile>{file(long_path, 1)});
  CHECK(disk.paths() == std::vector<std::string>{kPath});
}

TEST_CASE("A journal stays small however long a processor runs, and forgets the longest silent of too many hunters",
          "[journal]") {
  MemoryFileSystem disk;
  std::uint64_t largest = 0;
  {
    Journal journal(small(), disk);
    for (std::uint64_t n = 1; n <= 5000; ++n) {
      REQUIRE(journal.append(stored("h" + std::to_string(n % 100), n)));
      largest = std::max(largest, journal.size_bytes());
    }
  }
  CHECK(largest < 2 * small().rewrite_bytes);
  const Journal journal(small(), disk);
  std::vector<StoredPosition> expected;
  for (std::uint64_t n = 4995; n <= 5000; ++n) expected.push_back({"h" + std::to_string(n % 100), 9, n});
  CHECK(journal.positions() == expected);
}

TEST_CASE("A journal of the version before, which has no numbers, is read and goes on with numbers", "[journal]") {
  MemoryFileSystem disk;
  std::vector<std::uint8_t> bytes;
  append_twice(bytes, 1, {.files = {file("/c/a.pcap", 0)}});
  append_twice(bytes, 2, {.positions = {{"h1", 9, 5}}, .files = {file("/c/a.pcap", 400), file("/c/b.pcap", 100)}});
  append_twice(bytes, 3, {.positions = {{"h1", 9, 6}}, .files = {file("/c/a.pcap", 900)}, .finished = {"/c/b.pcap"}});
  const std::string text(bytes.begin(), bytes.end());
  REQUIRE(text.find("file \"/c/a.pcap\" 5 77 123 900 9\n") != std::string::npos);  // as 0.1.0 wrote it
  disk.put(kPath, bytes);
  {
    Journal journal({.directory = kFolder}, disk);
    CHECK(journal.positions() == std::vector<StoredPosition>{{"h1", 9, 6}});
    CHECK(journal.unfinished() == std::vector<CommittedFile>{file("/c/a.pcap", 900)});
    REQUIRE(journal.append({.files = {file("/c/new.pcap", 1)}, .finished = {"/c/a.pcap"}}));
    REQUIRE(journal.append({.files = {file("/c/new.pcap", 200)}}));
  }
  const Journal journal({.directory = kFolder}, disk);
  CHECK(journal.unfinished() == std::vector<CommittedFile>{file("/c/new.pcap", 200)});
}

TEST_CASE("Of thousands of files that grow, a commit says a few bytes each", "[journal]") {
  MemoryFileSystem disk;
  Journal journal({.directory = kFolder}, disk);
  JournalEntry entry;
  for (std::uint64_t n = 0; n < 2000; ++n) {
    entry.call_files.push_back(file("/var/lib/lippycat/calls/" + std::string(80, 'x') + std::to_string(n), 0));
  }
  REQUIRE(journal.append(entry));
  const std::uint64_t before = journal.size_bytes();
  for (CommittedFile& file : entry.call_files) file.bytes = 1'000'000'000;
  REQUIRE(journal.append(entry));
  CHECK((journal.size_bytes() - before) / 2 < 2000 * std::uint64_t{32});
}

TEST_CASE("A second process on the same state directory is told so, and the first goes on", "[journal]") {
  const TempDir dir;
  RealFileSystem disk("journal");
  Journal first({.directory = dir.file("state")}, disk);
  try {
    const Journal second({.directory = dir.file("state")}, disk);
    FAIL("it started");
  } catch (const StartError& error) {
    CHECK(error.code() == ExitCode::kBadConfig);
    CHECK_THAT(error.what(), Catch::Contains(dir.file("state")) && Catch::Contains("--state-dir"));
  }
  CHECK(first.append(stored("h1", 1)));
}

TEST_CASE("A state directory that cannot be used ends the start with the matching code and a remedy", "[journal]") {
  const auto [error, code] = GENERATE(table<int, ExitCode>(
      {{EACCES, ExitCode::kNoPermission}, {ENOTDIR, ExitCode::kBadConfig}, {EROFS, ExitCode::kNoPermission}}));
  for (std::uint64_t call = 0; call < 3; ++call) {  // the directory, the lock, the file
    MemoryFileSystem disk;
    disk.plan = {.error_at = call, .error = error};
    try {
      const Journal journal({.directory = kFolder}, disk);
      FAIL("it started");
    } catch (const StartError& refusal) {
      CHECK(refusal.code() == code);
      CHECK_THAT(refusal.what(), Catch::Contains(kFolder) && Catch::Contains("--state-dir"));
    }
  }
}

TEST_CASE("An entry comes back as it was written, whatever its paths are called", "[journal_entry]") {
  std::mt19937_64 random(3);
  for (int n = 0; n < 500; ++n) {
    JournalEntry entry;
    for (std::uint64_t i = random() % 3; i > 0; --i) {
      std::string path = "/";
      for (std::uint64_t c = random() % 20; c > 0; --c) path += static_cast<char>(random() % 255 + 1);
      entry.files.push_back({.path = path,
                             .identity = {.device = random(), .inode = random(), .birth_ns = -5},
                             .bytes = random(),
                             .packets = random()});
      entry.finished.push_back(path + "\\x41\"\n \x01");
      entry.interrupted.push_back(path + "\n");
      entry.forgotten.push_back(path + "x");
      entry.begun.push_back({.number = random(), .of_call = random() % 2 == 0, .file = entry.files.back()});
      entry.grown.push_back({.number = random(), .bytes = random(), .packets = random()});
    }
    for (std::uint64_t i = random() % 3; i > 0; --i) entry.positions.push_back({"a.b_c-d", random(), random()});
    const std::optional<JournalEntry> parsed = journal_entry(to_text(entry));
    REQUIRE(parsed);
    CHECK(*parsed == entry);
  }
}

TEST_CASE("A text that no journal writes is refused as a whole", "[journal_entry]") {
  const std::string good = "position h1 1 2\n";
  REQUIRE(journal_entry(good));
  REQUIRE(journal_entry("file \"/a\" 1 2 -3 4 5\nfinished \"/b\"\n"));
  for (const std::string bad : {"position h1 1 2",
                                "position h1 1\n",
                                "position h1 1 2 \n",
                                "position h1 1 2 3\n",
                                "position  h1 1 2\n",
                                " position h1 1 2\n",
                                "position h1 -1 2\n",
                                "position h1 1 18446744073709551616\n",
                                "position h1 0x1 2\n",
                                "position h\xff 1 2\n",
                                "position \n",
                                "position\n",
                                "\n",
                                "unknown h1 1 2\n",
                                "finished /a\n",
                                "finished \"/a\n",
                                "finished \"/a\" \n",
                                "finished \"/a\"x\n",
                                "finished \"\\q\"\n",
                                "finished \"\\x4\"\n",
                                "finished \"\\x\"\n",
                                "finished \"\\\n",
                                "finished \"\\x00\"\n",
                                "finished \"\n",
                                "finished \n",
                                "file \"/a\" 1 2 3 4\n",
                                "file \"/a\"1 2 3 4 5\n",
                                "file \"/a\" 1 2 3 4 5 6\n",
                                "file \"/a\" 1 2 3 -4 5\n",
                                "file 1 /a 1 2 3 4 5\n",
                                "file -1 \"/a\" 1 2 3 4 5\n",
                                "call \"/a\" 1 2 3 4 5\n",
                                "call 1 \"/a\" 1 2 3 4\n",
                                "grown 1 2\n",
                                "grown 1 2 3 4\n",
                                "grown \"/a\" 1 2\n",
                                "interrupted /a\n",
                                "forgotten\n"}) {
    INFO(bad);
    CHECK_FALSE(journal_entry(bad));
    CHECK_FALSE(journal_entry(good + bad));
  }
}
