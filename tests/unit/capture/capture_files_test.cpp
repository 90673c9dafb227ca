#include "common/capture/capture_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/capture/capture_walk.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::capture::test;

namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t kUser0 = 147;

void write_capture(const std::string& path, const std::vector<StoredPacket>& packets) {
  Result<NewCaptureFile> created = create_capture_file(path);
  REQUIRE(created);
  REQUIRE(created->file->add_interface({"hunter", "eth0", kUser0, "udp"}));
  for (const StoredPacket& packet : packets) REQUIRE(created->file->write(packet.view(), 0));
  created->file->set_drops(0, 9, 1, 1);
  REQUIRE(created->file->close());
}

void set_time(const std::string& path, std::int64_t seconds) {
  const std::array<timespec, 2> times = {timespec{seconds, 0}, timespec{seconds, 0}};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times.data(), 0) == 0);
}

std::size_t names_in(const fs::path& directory) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

/// Runs as a user without rights on other people's files, also when the tests run as root.
class Unprivileged {
 public:
  Unprivileged() {
    if (::geteuid() == 0) REQUIRE(::seteuid(65'534) == 0);
  }
  ~Unprivileged() {
    if (::getuid() == 0) static_cast<void>(::seteuid(0));
  }
};

}  // namespace

TEST_CASE("A capture that is there already is never overwritten", "[capture_files]") {
  const TempDir dir;
  for (const std::string suffix : {".pcap", ".pcapng"}) {
    const std::string path = dir.file("day" + suffix);
    const std::vector<StoredPacket> packets = random_packets(30, 200);
    write_capture(path, packets);
    const std::string first = read_file(path);
    set_time(path, 1'795'359'845);

    Result<NewCaptureFile> again = create_capture_file(path);
    REQUIRE(again);
    REQUIRE(again->set_aside);
    CHECK(again->set_aside->path == dir.file("day-20261122T150405Z" + suffix));
    CHECK(again->set_aside->packets == 30);
    CHECK(again->set_aside->cut_bytes == 0);
    CHECK_FALSE(again->set_aside->damaged_at);
    CHECK(read_file(again->set_aside->path) == first);
    again->file.reset();

    // The same second again, twice.
    for (const std::string number : {"_2", "_3"}) {
      write_capture(path, packets);
      set_time(path, 1'795'359'845);
      const auto aside = set_aside(path);
      REQUIRE(aside);
      REQUIRE(*aside);
      CHECK((*aside)->path == dir.file("day-20261122T150405Z" + number + suffix));
      CHECK_FALSE(fs::exists(path));
    }
  }
  CHECK(names_in(dir.path()) == 6);
}

TEST_CASE("A capture torn at any byte is set aside with exactly its whole records", "[capture_files]") {
  const TempDir dir;
  for (const std::string suffix : {".pcap", ".pcapng"}) {
    std::vector<StoredPacket> packets = random_packets(7, 20);
    packets[3].original = 1500;
    write_capture(dir.file("whole" + suffix), packets);
    const std::string whole = read_file(dir.file("whole" + suffix));

    // What capinfos finds before the tear; a file whose header is torn it takes for one of another kind.
    const fs::path torn_dir = dir.path() / ("torn" + suffix);
    fs::create_directory(torn_dir);
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      write_file((torn_dir / (std::to_string(size) + suffix)).string(), whole.substr(0, size));
    }
    std::map<std::size_t, std::uint64_t> truth;
    for (const std::string& line :
         lines_of(run("cd " + torn_dir.string() + " && capinfos -t -c -M -T -r * 2>/dev/null").text)) {
      if (line.find("\tnsecpcap\t") == std::string::npos && line.find("\tpcapng\t") == std::string::npos) continue;
      truth[std::stoul(line)] = std::stoull(line.substr(line.rfind('\t') + 1));
    }
    REQUIRE(truth.size() > 100);
    REQUIRE(truth[whole.size()] == packets.size());

    std::map<std::string, std::uint64_t> kept;  // contents and packets
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const std::string path = (torn_dir / (std::to_string(size) + suffix)).string();
      const auto aside = set_aside(path);
      REQUIRE(aside);
      REQUIRE_FALSE(fs::exists(path));
      const std::uint64_t expected = truth.count(size) != 0 ? truth[size] : 0;
      REQUIRE(aside->has_value() == (expected > 0));
      if (!*aside) continue;
      REQUIRE((*aside)->packets == expected);
      REQUIRE_FALSE((*aside)->damaged_at);
      const std::string bytes = read_file((*aside)->path);
      REQUIRE(bytes.size() + (*aside)->cut_bytes == size);
      REQUIRE(whole.starts_with(bytes));
      kept[bytes] = expected;
    }
    CHECK(kept.size() >= packets.size());
    for (const auto& [bytes, count] : kept) {
      const std::string path = dir.file("kept" + suffix);
      write_file(path, bytes);
      CHECK(tshark_packets(path) ==
            std::vector<StoredPacket>(packets.begin(), packets.begin() + static_cast<long>(count)));
    }
  }
}

TEST_CASE("A file without a packet is replaced", "[capture_files]") {
  const TempDir dir;
  for (const std::string suffix : {".pcap", ".pcapng"}) {
    const std::string path = dir.file("none" + suffix);
    write_file(path, "");
    write_capture(path, {});
    Result<NewCaptureFile> again = create_capture_file(path);
    REQUIRE(again);
    CHECK_FALSE(again->set_aside);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0137) == 0);  // no more than 0640
  }
  CHECK(names_in(dir.path()) == 2);
}

TEST_CASE("Captures of other byte orders and resolutions are read to their end", "[capture_files]") {
  const TempDir dir;
  const auto big = [](std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
    return bytes;
  };
  const std::string section =
      big(0x0A0D0D0A) + big(28) + big(0x1A2B3C4D) + big(0x00010000) + std::string(8, '\xff') + big(28);
  const std::string interface = big(1) + big(20) + big(1 << 16) + big(262'144) + big(20);
  const std::string simple_packet = big(3) + big(20) + big(3) + "abc" + std::string(1, '\0') + big(20);
  for (const auto& [name, bytes, packets] :
       {std::tuple{"big-micro.pcap",
                   big(0xa1b2c3d4) + big(0x00020004) + big(0) + big(0) + big(65'535) + big(1) + big(1) + big(2) +
                       big(3) + big(3) + "abc" + big(1) + big(2) + big(0) + big(9),
                   std::uint64_t{2}},
        std::tuple{"big-nano.pcap",
                   big(0xa1b23c4d) + big(0x00020004) + big(0) + big(0) + big(65'535) + big(1) + big(1) + big(2) +
                       big(3) + big(3) + "abc",
                   std::uint64_t{1}},
        std::tuple{"big-sections.pcapng",
                   section + interface + simple_packet + section + interface + simple_packet + simple_packet,
                   std::uint64_t{3}}}) {
    const std::string path = dir.file(name);
    write_file(path, bytes + big(1));  // and the beginning of one more
    const auto aside = set_aside(path);
    REQUIRE(aside);
    REQUIRE(*aside);
    CHECK((*aside)->cut_bytes == 4);
    CHECK((*aside)->packets == packets);
    CHECK(read_file((*aside)->path) == bytes);
    CHECK(capinfos_counts({(*aside)->path}) == std::vector<std::uint64_t>{packets});
  }
}

TEST_CASE("A damaged capture keeps all its bytes", "[capture_files]") {
  const TempDir dir;
  const std::string path = dir.file("damaged.pcap");
  write_capture(path, random_packets(30, 200));
  std::string bytes = read_file(path);
  bytes[24 + 8 + 3] = '\x7f';  // the first record's length, impossible now
  write_file(path, bytes);
  auto aside = set_aside(path);
  REQUIRE(aside);
  REQUIRE(*aside);
  CHECK((*aside)->damaged_at == 24);
  CHECK((*aside)->cut_bytes == 0);
  CHECK(read_file((*aside)->path) == bytes);

  const std::string other = dir.file("damaged.pcapng");
  write_capture(other, random_packets(30, 200));
  bytes = read_file(other);
  bytes[bytes.size() - 1] = '\x01';  // the last block's second length
  write_file(other, bytes);
  aside = set_aside(other);
  REQUIRE(aside);
  REQUIRE(*aside);
  CHECK((*aside)->packets == 30);
  CHECK((*aside)->damaged_at);
  CHECK(read_file((*aside)->path) == bytes);
}

TEST_CASE("Real captures are walked to the packet that other tools find last", "[capture_files]") {
  const char* directory = std::getenv("LC_SHARED_CAPTURES");
  if (directory == nullptr || !fs::is_directory(directory)) {
    WARN("skipped: LC_SHARED_CAPTURES does not name a directory of captures");
    return;
  }
  std::size_t walked = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    const std::string path = entry.path().string();
    if (!capture_format(path)) continue;
    // The three that capinfos complains of; the last has an option longer than its block, which this walk never opens.
    const std::string name = entry.path().filename().string();
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const Result<CaptureExtent> extent = walk_capture(file.get());
    REQUIRE(extent);
    if (name == "bad-pcap-cut-short.pcap") {
      CHECK(extent->damaged_at);  // a packet of 524,501 bytes on the wire, then two bytes
    } else if (name == "bad-pcap-mixed-byte-order.pcap") {
      CHECK(extent->damaged_at == 24);
    } else if (name != "bad-pcapng-option-too-long.pcapng") {
      CHECK(extent->whole_bytes == entry.file_size());
      CHECK(std::vector{extent->packets} == capinfos_counts({path}));
    }
    ++walked;
  }
  CHECK(walked > 30);
}

TEST_CASE("Two writers never share a capture file", "[capture_files]") {
  const TempDir dir;
  const std::string path = dir.file("shared.pcap");
  Result<NewCaptureFile> first = create_capture_file(path);
  REQUIRE(first);
  const Result<NewCaptureFile> second = create_capture_file(path);
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kFailedPrecondition);
  CHECK_THAT(second.error().text, Catch::Contains(path) && Catch::Contains("another process is writing it"));
  first->file.reset();
  CHECK(create_capture_file(path));
}

TEST_CASE("A symbolic link leads to where the file is written", "[capture_files]") {
  const TempDir dir;
  fs::create_directory(dir.path() / "disk");
  fs::create_symlink("disk/real.pcap", dir.path() / "link.pcap");
  const std::string link = dir.file("link.pcap");
  write_capture(link, random_packets(3, 100));  // nothing there yet
  CHECK(fs::is_symlink(link));
  set_time(link, 0);
  const Result<NewCaptureFile> again = create_capture_file(link);
  REQUIRE(again);
  REQUIRE(again->set_aside);
  CHECK(again->set_aside->path == dir.file("disk/real-19700101T000000Z.pcap"));
  CHECK(fs::is_symlink(link));
  CHECK(fs::is_regular_file(dir.path() / "disk" / "real.pcap"));
}

TEST_CASE("What cannot be written to is refused by name and left alone", "[capture_files]") {
  const TempDir dir;
  const auto refusal = [](const std::string& path) {
    const Result<NewCaptureFile> created = create_capture_file(path);
    REQUIRE_FALSE(created);
    CHECK_THAT(created.error().text, Catch::Contains("capture file \"") && Catch::Contains("; "));
    return created.error();
  };
  SECTION("a suffix that says no format") {
    for (const char* name : {"x.cap", "x", "-", ".pcap", "x.pcap.gz"}) {
      const Result<NewCaptureFile> created = create_capture_file(dir.file(name));
      REQUIRE_FALSE(created);
      CHECK(created.error().code == Code::kInvalidArgument);
      CHECK_THAT(created.error().text, Catch::Contains(".pcap or .pcapng") && Catch::Contains(dir.file(name)));
    }
  }
  SECTION("a file of another kind") {
    for (const std::string content : {"#!/bin/sh\n", "x", "\xa1\xb2\xc3\xd5"}) {
      const std::string path = dir.file("notes.pcap");
      write_file(path, content);
      const Error error = refusal(path);
      CHECK(error.code == Code::kFailedPrecondition);
      CHECK_THAT(error.text, Catch::Contains(path) && Catch::Contains("move it away"));
      CHECK(read_file(path) == content);
    }
  }
  SECTION("a directory") {
    fs::create_directory(dir.path() / "d.pcap");
    CHECK_THAT(refusal(dir.file("d.pcap")).text, Catch::Contains("Is a directory"));
  }
  SECTION("a FIFO, a device") {
    REQUIRE(::mkfifo(dir.file("f.pcap").c_str(), 0600) == 0);
    CHECK_THAT(refusal(dir.file("f.pcap")).text, Catch::Contains("not a regular file"));
    fs::create_symlink("/dev/null", dir.path() / "null.pcap");
    CHECK_THAT(refusal(dir.file("null.pcap")).text, Catch::Contains("\"/dev/null\": it is not a regular file"));
  }
  SECTION("a symbolic link to itself") {
    fs::create_symlink("loop.pcap", dir.path() / "loop.pcap");
    CHECK_THAT(refusal(dir.file("loop.pcap")).text, Catch::Contains("symbolic links"));
  }
  SECTION("a directory that is not there") {
    const Error error = refusal(dir.file("missing/x.pcap"));
    CHECK(error.code == Code::kNotFound);
    CHECK_THAT(error.text, Catch::Contains("create its directory"));
  }
  SECTION("a file where a directory is needed") {
    write_file(dir.file("plain"), "");
    CHECK_THAT(refusal(dir.file("plain/x.pcap")).text, Catch::Contains("Not a directory"));
  }
  SECTION("a directory or a file without permission") {
    const std::string path = dir.file("mine.pcap");
    write_capture(path, random_packets(3, 100));
    const std::string bytes = read_file(path);
    REQUIRE(::chmod(path.c_str(), 0400) == 0);
    REQUIRE(::chmod(dir.path().c_str(), 0555) == 0);
    {
      const Unprivileged user;
      for (const std::string& denied : {path, dir.file("new.pcap")}) {
        const Error error = refusal(denied);
        CHECK(error.code == Code::kPermissionDenied);
        CHECK_THAT(error.text, Catch::Contains(denied) && Catch::Contains("Permission denied; let this user"));
      }
    }
    REQUIRE(::chmod(dir.path().c_str(), 0700) == 0);
    CHECK(read_file(path) == bytes);
  }
}

TEST_CASE("What a writer that died had not committed is cut from its file, and nothing else is", "[capture_files]") {
  const TempDir dir;
  const std::string suffix = GENERATE(std::string(".pcap"), std::string(".pcapng"));
  const std::string path = dir.file("x" + suffix);
  const std::vector<StoredPacket> packets = random_packets(30, 100);
  CommittedFile committed;
  {
    Result<NewCaptureFile> created = create_capture_file(path);
    REQUIRE(created);
    committed = created->committed;
    CHECK(committed.path == path);
    CHECK(committed.bytes == 0);
    CHECK(committed.identity.inode == [&] {
      struct stat status {};
      REQUIRE(::stat(path.c_str(), &status) == 0);
      return status.st_ino;
    }());
    REQUIRE(created->file->add_interface({"hunter", "eth0", kUser0, ""}));
    for (const StoredPacket& packet : packets) {
      REQUIRE(created->file->write(packet.view(), 0));
      if (created->file->packets() == 20) {
        REQUIRE(created->file->flush());
        committed.bytes = created->file->size_bytes();
        committed.packets = 20;
      }
    }
    REQUIRE(created->file->flush());
    CHECK(cut_back(committed).error().code == Code::kFailedPrecondition);  // it is being written
  }
  std::uint64_t size = fs::file_size(path);
  using Outcome = CutBack::Outcome;

  SECTION("it is exactly what was committed then, however often that is done, and no younger") {
    set_time(path, 1'700'000'000);
    for (int again = 0; again < 2; ++again) {
      const auto cut = cut_back(committed);
      REQUIRE(cut);
      CHECK(cut->outcome == Outcome::kCommitted);
      CHECK(cut->size_bytes == std::exchange(size, committed.bytes));
      CHECK(tshark_packets(path) == std::vector<StoredPacket>(packets.begin(), packets.begin() + 20));
      CHECK(capinfos_counts({path}) == std::vector<std::uint64_t>{20});
    }
    CHECK_THAT(set_aside(path)->value().path, Catch::Contains("20231114T221320Z"));
  }
  SECTION("a file that is shorter is kept as it is") {
    fs::resize_file(path, committed.bytes - 1);
    const auto cut = cut_back(committed);
    REQUIRE(cut);
    CHECK(cut->outcome == Outcome::kShorter);
    CHECK(cut->size_bytes == committed.bytes - 1);
    CHECK(fs::file_size(path) == committed.bytes - 1);
  }
  SECTION("a file without a committed packet is removed") {
    committed.packets = 0;
    committed.bytes = 24;
    const auto cut = cut_back(committed);
    REQUIRE(cut);
    CHECK(cut->outcome == Outcome::kRemoved);
    CHECK(names_in(dir.path()) == 0);
    CHECK(cut_back(committed)->outcome == Outcome::kGone);
  }
  SECTION("another file of that name is not touched") {
    const std::string moved = dir.file("moved" + suffix);
    fs::rename(path, moved);
    CHECK(cut_back(committed)->outcome == Outcome::kGone);
    fs::create_symlink(moved, path);
    CHECK(cut_back(committed)->outcome == Outcome::kGone);
    fs::remove(path);
    fs::create_directory(path);
    CHECK(cut_back(committed)->outcome == Outcome::kGone);
    fs::remove(path);
    fs::copy_file(moved, path);
    CHECK(cut_back(committed)->outcome == Outcome::kGone);
    fs::remove(path);
    fs::rename(moved, path);
    CommittedFile earlier = committed;  // which had the same inode
    --earlier.identity.birth_ns;
    CHECK(cut_back(earlier)->outcome == Outcome::kGone);
    CHECK(fs::file_size(path) == size);
  }
}

TEST_CASE("Files of a directory never take a name that is or was another's", "[capture_files]") {
  const TempDir dir;
  const std::string directory = dir.file("made/here");
  const auto make = [&] {
    Result<NewCaptureFile> created = create_part(directory, "20261123T000000Z", CaptureFormat::kPcap);
    REQUIRE(created);
    REQUIRE(created->file->add_interface({"hunter", "eth0", kUser0, ""}));
    const StoredPacket packet{.bytes = "x"};
    REQUIRE(created->file->write(packet.view(), 0));
    REQUIRE(created->file->close());
    return created->committed.path;
  };
  const std::string first = make();
  const std::string second = make();
  CHECK(first == directory + "/20261123T000000Z.pcap.part");
  CHECK(second == directory + "/20261123T000000Z_2.pcap.part");
  REQUIRE(finish_part(first));
  CHECK(make() == directory + "/20261123T000000Z_3.pcap.part");
  fs::copy_file(second, directory + "/20261123T000000Z_2.pcap");  // somebody else's doing
  const Result<std::string> finished = finish_part(second);
  REQUIRE(finished);
  CHECK(*finished == directory + "/20261123T000000Z_2_2.pcap");
  CHECK((fs::status(directory).permissions() & fs::perms::mask) == fs::perms(02750));
}

TEST_CASE("What killed processes left in a directory is finished, as far as it is a capture that nobody writes",
          "[capture_files]") {
  const TempDir dir;
  const auto make = [&](const std::string& name, int packets) {
    Result<NewCaptureFile> created = create_part(dir.path(), name, CaptureFormat::kPcap);
    REQUIRE(created);
    REQUIRE(created->file->add_interface({"hunter", "eth0", kUser0, ""}));
    const StoredPacket packet{.bytes = "x"};
    for (int i = 0; i < packets; ++i) REQUIRE(created->file->write(packet.view(), 0));
    REQUIRE(created->file->flush());
    return std::move(created->file);
  };
  make("whole", 3);
  make("torn", 2);
  fs::resize_file(dir.file("torn.pcap.part"), fs::file_size(dir.file("torn.pcap.part")) - 1);
  make("empty", 0);
  fs::copy_file("/etc/hostname", dir.file("other.pcap.part"));
  fs::copy_file("/etc/hostname", dir.file("not-ours.part"));
  const auto open = make("open", 1);
  const Result<std::vector<std::string>> finished = finish_left_parts(dir.path());
  REQUIRE(finished);
  CHECK(*finished == std::vector<std::string>{dir.file("torn.pcap"), dir.file("whole.pcap")});
  CHECK(capinfos_counts(*finished) == std::vector<std::uint64_t>{1, 3});
  for (const std::string name : {"other.pcap.part", "not-ours.part", "open.pcap.part"})
    CHECK(fs::exists(dir.file(name)));
  CHECK(names_in(dir.path()) == 5);
  CHECK(finish_left_parts(dir.file("nowhere")).ok());
}
