#include "common/capture/file_source.h"

#include <pcap/pcap.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "common/filter/bpf_link_type.h"
#include "tests/unit/capture/capture_judges.h"
#include "tests/unit/capture/shared_captures.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::capture::test;
using namespace std::chrono_literals;

namespace {

struct FakeTime : TimeSource {
  Clock::time_point at{};
  [[nodiscard]] Clock::time_point now() const override { return at; }
};

const TimeSource kTime;

struct Seen {
  std::int64_t timestamp_ns;
  std::uint32_t captured;
  std::uint32_t original;

  bool operator==(const Seen&) const = default;
};

struct AllRead {
  std::vector<Seen> packets;
  ReadOutcome last;
};

AllRead read_all(FileSource& source) {
  AllRead all;
  std::uint64_t counted = 0;
  do {
    all.last = source.dispatch(7, [&](const packet::PacketView& packet) {
      all.packets.push_back({packet.timestamp_ns, packet.captured, packet.original});
    });
    counted += all.last.packets;
  } while (all.last.state == ReadState::kReading);
  CHECK(counted == all.packets.size());
  return all;
}

std::unique_ptr<FileSource> opened(const std::string& path, FileOptions options = {}, const TimeSource& time = kTime) {
  Result<std::unique_ptr<FileSource>> source = FileSource::open(path, options, time);
  INFO((source ? "" : source.error().text));
  REQUIRE(source);
  return std::move(*source);
}

Error refusal(const std::string& path) {
  const Result<std::unique_ptr<FileSource>> source = FileSource::open(path, {});
  REQUIRE_FALSE(source);
  CHECK(source.error().text.find('\n') == std::string::npos);
  return source.error();
}

/// As the manual page pcap-savefile(5) describes it: little-endian, nanoseconds, Ethernet.
std::string pcap_of(const std::vector<Seen>& packets) {
  const auto u32 = [](std::uint64_t value) {
    std::string bytes;
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(value >> shift & 0xff);
    return bytes;
  };
  std::string file = u32(0xa1b23c4d) + std::string("\2\0\4\0", 4) + u32(0) + u32(0) + u32(65535) + u32(1);
  for (const Seen& packet : packets) {
    const auto ns = static_cast<std::uint64_t>(packet.timestamp_ns);
    file += u32(ns / 1'000'000'000) + u32(ns % 1'000'000'000) + u32(packet.captured) + u32(packet.original) +
            std::string(packet.captured, 'x');
  }
  return file;
}

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;

}  // namespace

TEST_CASE("Every real capture gives the packets, sizes and times that tshark reads in it", "[file_source]") {
  for (const SharedCapture& capture : shared_captures()) {
    INFO(capture.name);
    const Result<std::unique_ptr<FileSource>> source = FileSource::open(capture.path, {});
    if (!source) {
      CHECK(capture.name == "bad-pcapng-option-too-long.pcapng");
      continue;
    }
    const AllRead all = read_all(**source);
    REQUIRE(all.packets.size() == capture.packets);

    const Outcome judged =
        run("tshark -n --disable-protocol eth --disable-protocol sll -r " + capture.path +
            " -T fields -E separator=, -e frame.time_epoch -e frame.cap_len -e frame.len 2>/dev/null");
    const std::vector<std::string> lines = lines_of(judged.text);
    REQUIRE(lines.size() >= all.packets.size());
    for (std::size_t i = 0; i < all.packets.size(); ++i) {
      const std::size_t point = lines[i].find('.');
      const std::size_t comma = lines[i].find(',');
      REQUIRE(comma != std::string::npos);
      const Seen judged_seen = {std::stoll(lines[i]) * 1'000'000'000 + std::stoll(lines[i].substr(point + 1)),
                                static_cast<std::uint32_t>(std::stoul(lines[i].substr(comma + 1))),
                                static_cast<std::uint32_t>(std::stoul(lines[i].substr(lines[i].rfind(',') + 1)))};
      INFO(lines[i]);
      REQUIRE(all.packets[i] == judged_seen);
    }
  }
}

TEST_CASE("A damaged capture hands over what precedes the damage, then says what libpcap found", "[file_source]") {
  const TempDir dir;
  const std::string path = dir.file("torn.pcap");
  const std::vector<Seen> packets = {{kStart, 60, 60}, {kStart + 1, 61, 1500}, {kStart + 2, 62, 62}};
  const std::string whole = pcap_of(packets);
  write_file(path, whole.substr(0, whole.size() - 10));

  const std::unique_ptr<FileSource> source = opened(path);
  const AllRead all = read_all(*source);
  CHECK(all.packets == std::vector<Seen>(packets.begin(), packets.begin() + 2));
  CHECK(all.last.state == ReadState::kFailed);
  CHECK(all.last.error == path + ": truncated dump file; tried to read 62 captured bytes, only got 52");
  CHECK(read_all(*source).last.state == ReadState::kFailed);
}

TEST_CASE("A pcapng with several link types fails with the file's name and the reason", "[file_source]") {
  for (const SharedCapture& capture : shared_captures()) {
    if (capture.name != "pcapng-eleven-interfaces.pcapng") continue;
    const AllRead all = read_all(*opened(capture.path));
    CHECK(all.last.state == ReadState::kFailed);
    CHECK(all.last.error.starts_with(capture.path + ": its interfaces have different link types, which libpcap"));
  }
}

TEST_CASE("A packet never claims to be shorter on the wire than in the file", "[file_source]") {
  const TempDir dir;
  write_file(dir.file("a.pcap"), pcap_of({{kStart, 100, 40}}));
  CHECK(read_all(*opened(dir.file("a.pcap"))).packets == std::vector<Seen>{{kStart, 100, 100}});
}

TEST_CASE("What is no capture file is refused by name and kind", "[file_source]") {
  const TempDir dir;
  CHECK(refusal(dir.file("none.pcap")).code == Code::kNotFound);
  CHECK(refusal(dir.file("none.pcap")).text == dir.file("none.pcap") + ": No such file or directory");
  CHECK(refusal(dir.path().string()).text == dir.path().string() + ": is a directory, not a capture file");

  write_file(dir.file("empty.pcap"), "");
  CHECK(refusal(dir.file("empty.pcap")).code == Code::kInvalidArgument);
  write_file(dir.file("text.pcap"), "This is a text that is longer than the header of a capture file.\n");
  CHECK(refusal(dir.file("text.pcap")).text ==
        dir.file("text.pcap") + ": not a capture file that libpcap can read: unknown file format");
  REQUIRE(::mkfifo(dir.file("pipe.pcap").c_str(), 0600) == 0);
  CHECK(refusal(dir.file("pipe.pcap")).text == dir.file("pipe.pcap") + ": is not a regular file");

  write_file(dir.file("a.pcap"), pcap_of({{kStart, 60, 60}}));
  if (::geteuid() != 0) {
    REQUIRE(::chmod(dir.file("a.pcap").c_str(), 0) == 0);
    CHECK(refusal(dir.file("a.pcap")).code == Code::kPermissionDenied);
  }
}

TEST_CASE("A looped file comes as often as asked, with its own times, even when its path is gone", "[file_source]") {
  const TempDir dir;
  const std::string path = dir.file("a.pcap");
  const std::vector<Seen> packets = {{kStart, 60, 60}, {kStart + 5, 61, 61}};
  write_file(path, pcap_of(packets));
  const std::unique_ptr<FileSource> thrice = opened(path, {.loop = 3});
  const std::unique_ptr<FileSource> endless = opened(path, {.loop = 0});
  std::filesystem::remove(path);

  const AllRead all = read_all(*thrice);
  CHECK(all.last.state == ReadState::kEnded);
  CHECK(all.packets == std::vector<Seen>{packets[0], packets[1], packets[0], packets[1], packets[0], packets[1]});

  const ReadOutcome many = endless->dispatch(1001, [](const packet::PacketView&) {});
  CHECK(many.packets == 1001);
  CHECK(many.state == ReadState::kReading);

  write_file(path, pcap_of({}));
  CHECK(read_all(*opened(path, {.loop = 0})).last.state == ReadState::kEnded);  // not for ever
}

TEST_CASE("A paced file gives each packet when its time has come, in every pass", "[file_source]") {
  const TempDir dir;
  const std::string path = dir.file("a.pcap");
  write_file(path, pcap_of({{kStart, 60, 60}, {kStart + 10'000'000, 61, 61}, {kStart + 5'000'000, 62, 62}}));
  FakeTime time;
  const std::unique_ptr<FileSource> source = opened(path, {.loop = 2, .pace = true}, time);
  const auto due = [&] { return source->dispatch(100, [](const packet::PacketView&) {}).packets; };
  const auto is_readable = [&](int wait_ms) {
    pollfd fd = {source->poll_fd(), POLLIN, 0};
    return ::poll(&fd, 1, wait_ms) == 1;
  };

  CHECK(is_readable(-1));
  CHECK(due() == 1);
  time.at += 9'999'999ns;
  CHECK(due() == 0);
  CHECK(is_readable(-1));  // the real timer waits for the nanosecond that is left
  time.at += 1ns;
  CHECK(due() == 3);  // the third is late already, and the next pass begins at once
  time.at += 9ms;
  CHECK(due() == 0);
  time.at += 1ms;
  CHECK(due() == 2);
  CHECK(source->dispatch(1, [](const packet::PacketView&) {}).state == ReadState::kEnded);
}

TEST_CASE("A call reads no more records than asked, however few of them the filter wants", "[file_source]") {
  const TempDir dir;
  std::vector<Seen> packets(10, {kStart, 60, 60});
  packets.back().captured = packets.back().original = 1000;
  write_file(dir.file("a.pcap"), pcap_of(packets));
  const std::unique_ptr<FileSource> source = opened(dir.file("a.pcap"));
  REQUIRE(source->set_filter("greater 1000"));
  ReadOutcome outcome = source->dispatch(9, [](const packet::PacketView&) {});
  CHECK(outcome.packets == 0);
  CHECK(outcome.state == ReadState::kReading);
  outcome = source->dispatch(9, [](const packet::PacketView&) {});
  CHECK(outcome.packets == 1);
  CHECK(outcome.state == ReadState::kEnded);
}

TEST_CASE("A filter that is refused leaves the one before in force", "[file_source]") {
  const TempDir dir;
  write_file(dir.file("a.pcap"), pcap_of({{kStart, 60, 60}, {kStart, 100, 100}}));
  const std::unique_ptr<FileSource> source = opened(dir.file("a.pcap"));
  REQUIRE(source->set_filter("greater 100"));
  CHECK_FALSE(source->set_filter("greater than that"));
  CHECK(read_all(*source).packets == std::vector<Seen>{{kStart, 100, 100}});
}

TEST_CASE("Link types are numbered as libpcap writes them into files", "[link_type]") {
  const TempDir dir;
  for (int dlt = 0; dlt < 300; ++dlt) {
    if (::pcap_datalink_val_to_name(dlt) == nullptr) continue;
    INFO(dlt << " " << ::pcap_datalink_val_to_name(dlt));
    pcap_t* handle = ::pcap_open_dead(dlt, 65535);
    pcap_dumper_t* dumper = ::pcap_dump_open(handle, dir.file("x.pcap").c_str());
    if (dumper != nullptr) {
      ::pcap_dump_close(dumper);
      const std::string header = read_file(dir.file("x.pcap"));
      const auto written = static_cast<std::uint32_t>(static_cast<unsigned char>(header.at(20)) |
                                                      static_cast<unsigned char>(header.at(21)) << 8);
      CHECK(filter::link_type_of_dlt(dlt) == written);
      CHECK(filter::link_type_of_dlt(filter::dlt_of_link_type(written)) == written);
    }
    ::pcap_close(handle);
  }
}
