// The writer as it is fed by what follows calls, with its own thread.
#include "processord/engine/capture_writer.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "processord/engine/storage.h"
#include "tests/support/changes.h"
#include "tests/support/described_hunter.h"
#include "tests/support/disk_faults.h"
#include "tests/support/numbered_packets.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;

namespace {

const TimeSource kTime;

std::shared_ptr<const CallLabel> label(std::uint64_t number, const std::string& id) {
  return std::make_shared<const CallLabel>(
      CallLabel{.number = number, .call_id = id, .from = "al;ice", .to = "bob", .start_ns = 1'700'000'000'000'000'000});
}

/// A writer with a directory for calls, and one hunter whose batches have two packets: of a call, and of none.
struct Fixture {
  explicit Fixture(SyncPolicy policy = SyncPolicy::kInterval) {
    const auto told = [this](std::vector<std::string>& list, const std::string& what) {
      changes.change([&] { list.push_back(what); });
    };
    auto output = CaptureOutput::open(
        {.calls = {.directory = dir.file("calls"), .name = *CallFileName::parse("{callid}")}}, journal, policy,
        {.closed = [this, told](const std::string& path) { told(closed, path); },
         .call_ended = [this, told](const CallLabel& call, const std::string&) { told(ended, call.call_id); }});
    REQUIRE(output);
    writer = std::make_unique<CaptureWriter>(
        std::move(*output), dir.file("calls"), policy,
        CaptureWriter::Events{.custody_grew = [this](Hunter&) { changes.change([] {}); },
                              .drained = [] {},
                              .unstored_lost =
                                  [this](const std::string& why) {
                                    hunter->forget_unstored({Code::kUnavailable, why});
                                    told_lost(why);
                                  },
                              .fault_changed = [] {}});
    REQUIRE(hunter->register_as(described_hunter("h1"), "a"));
  }
  void told_lost(const std::string& why) {
    changes.change([&] { lost.push_back(why); });
  }
  void push(std::uint64_t sequence, const std::shared_ptr<const CallLabel>& call) {
    auto routes = std::make_shared<CallRoutes>();
    routes->calls = {call};
    routes->entries = {{.packet = 1, .call = 0, .part = CallPart::kMedia}};
    const auto first = static_cast<std::uint32_t>(sequence - 1) * 2;
    writer->push(
        hunter, hunter->positions().incarnation,
        std::make_shared<packet::Batch>(make_batch({.sequence = sequence, .first_number = first, .packets = 2})),
        routes);
  }
  [[nodiscard]] bool stored(std::uint64_t sequence) {
    return changes.wait([&] { return hunter->positions().custody >= sequence; });
  }
  [[nodiscard]] std::vector<std::uint32_t> numbers_of(const std::string& name) const {
    std::vector<std::uint32_t> numbers;
    for (const Numbered& packet : stored_numbers(dir.file("calls/" + name))) numbers.push_back(packet.second);
    return numbers;
  }

  const TempDir dir;
  RealFileSystem file_system{"journal"};
  Journal journal{{.directory = dir.file("state")}, file_system};
  std::shared_ptr<Hunter> hunter = std::make_shared<Hunter>("h1", kTime);
  Changes changes;
  std::vector<std::string> closed;
  std::vector<std::string> ended;
  std::vector<std::string> lost;
  std::unique_ptr<CaptureWriter> writer;
};

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("A call's file closes when all that was queued before its end is committed", "[capture_writer]") {
  Fixture fixture(GENERATE(SyncPolicy::kInterval, SyncPolicy::kAlways, SyncPolicy::kNever));
  const auto a = label(1, "a");
  for (std::uint64_t sequence = 1; sequence <= 5; ++sequence) fixture.push(sequence, a);
  fixture.writer->end_call(a);
  fixture.push(6, label(2, "b"));
  fixture.writer->start();
  REQUIRE(fixture.changes.wait([&] { return !fixture.ended.empty(); }));
  CHECK(fixture.numbers_of("a.pcapng") == std::vector<std::uint32_t>{1, 3, 5, 7, 9});
  REQUIRE(fixture.stored(6));
  fixture.writer->end_call(label(3, "no packet ever"));  // nothing is waiting to be committed now
  REQUIRE(fixture.changes.wait([&] { return fixture.ended.size() == 2; }));
  CHECK(fixture.ended == std::vector<std::string>{"a", "no packet ever"});
  fixture.writer->stop();
  CHECK(fixture.numbers_of("b.pcapng") == std::vector<std::uint32_t>{11});
  CHECK(fixture.ended.size() == 2);
  CHECK(fixture.closed.size() == 2);
  CHECK(fixture.writer->counters().stored == 6);
  CHECK(fixture.writer->counters().live_only == 6);
  CHECK(fixture.writer->counters().in_flight == 0);
}

TEST_CASE("When a disk loses data under calls, each packet is stored once and each call ends once",
          "[capture_writer]") {
  Fixture fixture;
  const auto a = label(1, "a");
  fixture.writer->start();
  fixture.push(1, a);
  REQUIRE(fixture.stored(1));
  {
    DiskFaults disk;
    disk.failing_syncs = 1;
    fixture.push(2, a);
    fixture.writer->end_call(a);
    REQUIRE(fixture.changes.wait([&] { return !fixture.lost.empty() && !fixture.ended.empty(); }));
  }
  fixture.push(2, a);  // as the hunter does on a new stream
  fixture.writer->end_call(a);
  REQUIRE(fixture.stored(2));
  REQUIRE(fixture.changes.wait([&] { return fixture.ended.size() == 2; }));  // it was ended twice
  fixture.writer->stop();
  CHECK(fixture.numbers_of("a.pcapng") == std::vector<std::uint32_t>{1});
  CHECK(fixture.numbers_of("a_2.pcapng") == std::vector<std::uint32_t>{3});
  CHECK(fixture.writer->counters().stored == 2);
  CHECK(fixture.writer->counters().given_back == 2);
  CHECK(fixture.writer->counters().in_flight == 0);
}

TEST_CASE("What a stop interrupts is told to the next process until it is forgotten", "[capture_writer]") {
  Fixture fixture;
  fixture.writer->start();
  fixture.push(1, label(1, "a"));
  fixture.writer->stop();
  const std::vector<std::string> told{fixture.dir.file("calls/a.pcapng")};
  CHECK(fixture.closed == told);
  CHECK(fixture.ended.empty());
  fixture.writer.reset();
  CHECK(fixture.journal.interrupted() == told);
}

TEST_CASE("Each closed file and each ended call goes to its command, whatever they are called", "[storage]") {
  const TempDir dir;
  const std::string script = dir.file("note");
  std::ofstream(script) << "#!/bin/sh\nprintf '%s|' \"$#\" \"$@\" \"$HOOK_PCAP\" \"$HOOK_CALLID\" \"$HOOK_DIRNAME\" "
                           "\"$HOOK_CALLER\" \"$HOOK_CALLED\" \"$HOOK_CALLDATE\" >> \"$(dirname \"$0\")/noted-$#\"\n";
  std::filesystem::permissions(script, std::filesystem::perms(0755));
  EngineSettings settings;
  settings.state_dir = dir.file("state");
  settings.calls.directory = dir.file("calls/");
  const std::vector<std::string_view> known(kVoipPlaceholders.begin(), kVoipPlaceholders.end());
  settings.pcap_command =
      std::make_shared<const CommandLine>(*CommandLine::parse(script + " %pcap%", {kPcapPlaceholder}));
  settings.voip_command = std::make_shared<const CommandLine>(
      *CommandLine::parse(script + " %callid% %dirname% %caller% %called% %calldate%", known));
  RealFileSystem files("journal");
  HunterRegistry registry(10, kTime);
  const auto journal = open_journal(settings, registry, files);
  Hooks hooks;
  Retention retention(kept_places(settings), {});
  const auto output = open_output(settings, journal.get(), registry, hooks, retention);
  hooks.start();
  const auto call = label(1, "$(touch pwned) \"'\n../x");
  const CallRoutes routes{.calls = {call}, .entries = {{.packet = 0, .call = 0}}};
  REQUIRE(output->write(make_batch({}), &routes));
  output->end_call(call);
  REQUIRE(output->commit({}));
  REQUIRE(output->finish_ended_calls());
  hooks.stop();
  const std::string pcap = dir.file("calls/20231114T221320Z___touch_pwned_____.._x.pcapng");
  CHECK(content(dir.file("noted-1")) == "1|" + pcap + "|" + pcap + "||||||");
  const std::string values = call->call_id + "|" + dir.file("calls") + "|al;ice|bob|2023-11-14T22:13:20.000Z|";
  CHECK(content(dir.file("noted-5")) == "5|" + values + "|" + values);
  CHECK(capture::test::capinfos_counts({pcap}) == std::vector<std::uint64_t>{1});
}
