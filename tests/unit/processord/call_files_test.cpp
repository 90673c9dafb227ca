#include "processord/engine/call_files.h"

#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "processord/engine/capture_output.h"
#include "tests/support/disk_faults.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/numbered_packets.h"
#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;
using namespace lc::test;
using lc::capture::test::capinfos_counts;
using lc::capture::test::TempDir;
using lc::capture::test::tshark_packets;

namespace {

namespace fs = std::filesystem;

std::shared_ptr<const CallLabel> label(std::uint64_t number, const std::string& id) {
  return std::make_shared<const CallLabel>(
      CallLabel{.number = number, .call_id = id, .from = "alice", .to = "bob", .start_ns = 1'700'000'000'000'000'000});
}

CallRoutes route(const std::vector<std::shared_ptr<const CallLabel>>& calls,
                 const std::vector<CallRoutes::Entry>& entries) {
  return {.calls = calls, .entries = entries};
}

/// All of a batch to one call.
CallRoutes all_to(const std::shared_ptr<const CallLabel>& call, std::uint32_t packets,
                  CallPart part = CallPart::kMedia) {
  CallRoutes routes{.calls = {call}, .entries = {}};
  for (std::uint32_t i = 0; i < packets; ++i) routes.entries.push_back({.packet = i, .call = 0, .part = part});
  return routes;
}

/// A directory for calls, one for the rest, one for the journal.
struct Place {
  CaptureOutput& open(CallTarget calls = {}, const std::string& rest = "") {
    output.reset();
    journal.emplace(Journal::Settings{.directory = dir.file("state")}, file_system);
    calls.directory = folder();
    CaptureTarget target{.calls = std::move(calls)};
    if (rest.ends_with(".pcapng")) {
      target.path = dir.file(rest);
    } else if (!rest.empty()) {
      target.directory = dir.file(rest);
    }
    Result<std::unique_ptr<CaptureOutput>> opened = CaptureOutput::open(
        std::move(target), *journal, SyncPolicy::kInterval,
        {.closed = [this](const std::string& path) { closed.push_back(path); },
         .call_ended = [this](const CallLabel& call, const std::string&) { ended.push_back(call.call_id); },
         .reports = [this](std::string_view, std::string_view) { return report; }});
    REQUIRE(opened);
    output = std::move(*opened);
    return *output;
  }
  void commit() { REQUIRE(output->commit({{"h1", 7, ++sequence}})); }
  void end(const std::shared_ptr<const CallLabel>& call) {
    output->end_call(call);
    REQUIRE(output->finish_ended_calls());
  }
  /// As processord does at its end.
  void stop() {
    commit();
    REQUIRE(output->close());
    REQUIRE(output->close_calls());
    output.reset();
    journal.reset();
  }
  /// As SIGKILL does.
  void kill() {
    output.reset();
    journal.reset();
  }
  [[nodiscard]] std::string folder() const { return dir.file("calls"); }
  [[nodiscard]] std::string in(const std::string& name) const { return folder() + "/" + name; }
  [[nodiscard]] std::set<std::string> names(const std::string& of = "calls") const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir.file(of))) names.insert(entry.path().filename());
    return names;
  }

  const TempDir dir;
  RealFileSystem file_system{"journal"};
  std::optional<Journal> journal;
  std::unique_ptr<CaptureOutput> output;
  std::vector<std::string> closed;
  std::vector<std::string> ended;
  InterfaceReport report;  // of all interfaces
  std::uint64_t sequence = 0;
};

using Names = std::set<std::string>;
const std::string kTime = "20231114T221320Z_";

CallTarget named(const std::string& pattern) {
  return {.name = *CallFileName::parse(pattern)};
}

}  // namespace

TEST_CASE("Each call's packets are in its file, in order, and the rest is where it is asked for", "[call_files]") {
  const std::string rest = GENERATE(std::string(), std::string("rest"), std::string("all.pcapng"));
  Place place;
  CaptureOutput& output = place.open({}, rest);
  const auto a = label(1, "a");
  const auto b = label(2, "b");
  // Packets 0 1 2 3 4 5: a, both, nobody, b, a, nobody.
  const auto routes = route({a, b}, {{0, 0, CallPart::kSignalling},
                                     {1, 0, CallPart::kSignalling},
                                     {1, 1, CallPart::kSignalling},
                                     {3, 1, CallPart::kMedia},
                                     {4, 0, CallPart::kMedia}});
  const auto written = output.write(make_batch({.packets = 6}), &routes);
  REQUIRE(written);
  CHECK(written->stored == (rest.empty() ? 4 : 6));
  CHECK(written->kept_nowhere == (rest.empty() ? 2 : 0));
  const auto without = output.write(make_batch({.first_number = 6, .packets = 1}));
  REQUIRE(without);
  CHECK(without->stored == (rest.empty() ? 0 : 1));
  CHECK(place.names() == Names{kTime + "a.pcapng.part", kTime + "b.pcapng.part"});
  place.commit();
  place.end(a);
  CHECK(place.names() == Names{kTime + "a.pcapng", kTime + "b.pcapng.part"});
  CHECK(place.ended == std::vector<std::string>{"a"});
  place.stop();
  CHECK(place.names() == Names{kTime + "a.pcapng", kTime + "b.pcapng"});
  CHECK(place.ended == std::vector<std::string>{"a"});
  CHECK(stored_numbers(place.in(kTime + "a.pcapng")) == std::vector<Numbered>{{1, 0}, {1, 1}, {1, 4}});
  CHECK(stored_numbers(place.in(kTime + "b.pcapng")) == std::vector<Numbered>{{1, 1}, {1, 3}});
  CHECK(tshark_packets(place.in(kTime + "a.pcapng")).size() == 3);
  CHECK(capinfos_counts({place.in(kTime + "b.pcapng")}) == std::vector<std::uint64_t>{2});
  struct stat about {};
  REQUIRE(::stat(place.in(kTime + "a.pcapng").c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 0640);
  REQUIRE(::stat(place.folder().c_str(), &about) == 0);
  CHECK((about.st_mode & 07777) == 02750);
  if (rest == "rest") {
    const Names names = place.names("rest");
    REQUIRE(names.size() == 1);
    CHECK(stored_numbers(place.dir.file("rest/" + *names.begin())) == std::vector<Numbered>{{1, 2}, {1, 5}, {1, 6}});
  } else if (!rest.empty()) {
    check_complete(stored_numbers(place.dir.file(rest)), 1, 7);
  }
}

TEST_CASE("A call is divided into signalling and media, and pcap files by link type", "[call_files]") {
  Place place;
  CallTarget target = named("{callid}");
  target.split = true;
  target.format = capture::CaptureFormat::kPcap;
  CaptureOutput& output = place.open(std::move(target));
  const auto a = label(1, "a");
  const auto store = [&](std::uint32_t first, std::uint32_t count, std::uint32_t link_type, CallPart part) {
    const CallRoutes routes = all_to(a, count, part);
    const auto written =
        output.write(make_batch({.first_number = first, .packets = count, .link_type = link_type}), &routes);
    REQUIRE(written);
    return written->stored;
  };
  CHECK(store(0, 2, packet::kEthernet, CallPart::kSignalling) == 2);
  CHECK(store(2, 3, packet::kEthernet, CallPart::kMedia) == 3);
  CHECK(store(5, 4, packet::kRaw, CallPart::kMedia) == 4);
  CHECK(store(9, 1, packet::kRawDlt, CallPart::kMedia) == 1);
  CHECK(store(10, 5, 70'000, CallPart::kMedia) == 0);  // which no file can hold
  place.commit();
  place.end(a);
  place.stop();
  CHECK(place.names() == Names{"a_sip.pcap", "a_rtp.pcap", "a_rtp-RAW.pcap"});
  CHECK(capinfos_counts({place.in("a_sip.pcap"), place.in("a_rtp.pcap"), place.in("a_rtp-RAW.pcap")}) ==
        std::vector<std::uint64_t>{2, 3, 5});
  CHECK(place.closed.size() == 3);
  CHECK(place.ended == std::vector<std::string>{"a"});
}

TEST_CASE("Calls of the same name get files of their own, however many", "[call_files]") {
  Place place;
  CaptureOutput& output = place.open(named("{from}"));
  for (std::uint32_t n = 0; n < 40; ++n) {
    const auto call = label(n, "c" + std::to_string(n));
    const CallRoutes routes = all_to(call, 1);
    REQUIRE(output.write(make_batch({.first_number = n}), &routes));
    place.commit();
    if (n % 2 == 0) place.end(call);
  }
  place.stop();
  Names expected{"alice.pcapng"};
  for (int n = 2; n <= 40; ++n) expected.insert("alice_" + std::to_string(n) + ".pcapng");
  CHECK(place.names() == expected);
}

TEST_CASE("No Call-ID leads out of the directory", "[call_files]") {
  Place place;
  CaptureOutput& output = place.open(named("{callid}"));
  std::uint64_t number = 0;
  for (const std::string& id :
       {std::string("../x"), std::string("/etc/passwd"), std::string("a b"), std::string("'\"`"),
        std::string("$(touch pwned)"), std::string(4096, 'y'), std::string(4096, 'y') + "z",
        std::string("\xff\xfe\0\x01", 4), std::string(".."), std::string()}) {
    const auto call = label(++number, id);
    const CallRoutes routes = all_to(call, 2);
    REQUIRE(output.write(make_batch({.packets = 2}), &routes));
    output.end_call(call);
  }
  place.stop();
  CHECK(place.names().size() == number);
  CHECK(place.names("").size() == 2);  // calls and state
  CHECK(place.closed.size() == number);
  CHECK(capinfos_counts(place.closed) == std::vector<std::uint64_t>(number, 2));
}

TEST_CASE("Two descriptors are enough for fifty calls", "[call_files]") {
  Place place;
  CallTarget target = named("{callid}");
  target.max_open = 2;
  CaptureOutput& output = place.open(std::move(target));
  const auto open_files = [&] {
    std::size_t open = 0;
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone).string().starts_with(place.folder() + "/")) ++open;
    }
    return open;
  };
  std::mt19937 random(5);
  std::map<std::uint32_t, std::uint32_t> counts;
  DiskFaults disk;
  for (int n = 0; n < 1000; ++n) {
    const auto call = static_cast<std::uint32_t>(random() % 50);
    const CallRoutes routes = all_to(label(call, "c" + std::to_string(call)), 3);
    REQUIRE(output.write(make_batch({.sender = call, .first_number = counts[call], .packets = 3}), &routes));
    counts[call] += 3;
    if (n % 100 == 0) place.commit();
    REQUIRE(open_files() <= 2);
  }
  CHECK(disk.volume_syncs > 5);  // fdatasync(2) can't be asked of files that are closed
  place.stop();
  for (const auto& [call, count] : counts) {
    check_complete(stored_numbers(place.in("c" + std::to_string(call) + ".pcapng")), call, count);
  }
}

TEST_CASE("A full disk under the files of calls costs nothing", "[call_files]") {
  const std::size_t open = GENERATE(std::size_t{2}, std::size_t{256});
  Place place;
  CallTarget target = named("{callid}");
  target.max_open = open;
  CaptureOutput& output = place.open(std::move(target));
  std::vector<std::shared_ptr<const CallLabel>> calls;
  for (std::uint32_t n = 0; n < 8; ++n) calls.push_back(label(n, "c" + std::to_string(n)));
  const auto store = [&](std::uint32_t first) {
    for (std::uint32_t n = 0; n < 8; ++n) {
      const CallRoutes routes = all_to(calls[n], 5);
      REQUIRE(output.write(make_batch({.sender = n, .first_number = first, .packets = 5}), &routes));
    }
  };
  store(0);
  place.commit();
  DiskFaults disk;
  disk.write_error = ENOSPC;
  store(5);
  const Status full = output.commit({{"h1", 7, 2}});
  REQUIRE_FALSE(full);
  CHECK(full.error().code == Code::kResourceExhausted);
  CHECK_THAT(full.error().text, Catch::Contains(place.folder()) && Catch::Contains("free space"));
  disk.write_error = 0;
  store(10);
  place.commit();
  for (const auto& call : calls) place.end(call);
  place.stop();
  for (std::uint32_t n = 0; n < 8; ++n) {
    check_complete(stored_numbers(place.in("c" + std::to_string(n) + ".pcapng")), n, 15);
  }
}

TEST_CASE("When the disk has lost data the calls go on in new files, and nothing is twice or missing", "[call_files]") {
  const std::uint32_t count = GENERATE(5U, 60U);  // fdatasync(2) each, syncfs(2) for all
  Place place;
  CaptureOutput& output = place.open(named("{callid}"), "rest");
  std::vector<std::shared_ptr<const CallLabel>> calls;
  for (std::uint32_t n = 0; n < count; ++n) calls.push_back(label(n, "c" + std::to_string(n)));
  const auto store = [&](std::uint32_t first) {
    for (std::uint32_t n = 0; n < count; ++n) {
      const CallRoutes routes = all_to(calls[n], 2);
      REQUIRE(output.write(make_batch({.sender = n, .first_number = first, .packets = 2}), &routes));
    }
  };
  store(0);
  place.commit();
  store(2);
  {
    DiskFaults disk;
    (count == 5 ? disk.failing_syncs : disk.failing_volume_syncs) = 1;
    const Status lost = output.commit({{"h1", 7, 2}});
    REQUIRE_FALSE(lost);
    CHECK(lost.error().code == Code::kDataLoss);
  }
  output.end_call(calls[0]);
  REQUIRE(output.start_anew());
  CHECK(place.closed.size() == count);
  CHECK(output.interrupted_calls().empty());
  REQUIRE(output.finish_ended_calls());
  CHECK(place.ended == std::vector<std::string>{"c0"});
  store(2);
  place.commit();
  for (const auto& call : calls) place.end(call);
  place.stop();
  for (std::uint32_t n = 0; n < count; ++n) {
    const std::string name = place.in("c" + std::to_string(n));
    auto numbers = stored_numbers(name + ".pcapng");
    CHECK(numbers.size() == 2);
    const auto more = stored_numbers(name + "_2.pcapng");
    numbers.insert(numbers.end(), more.begin(), more.end());
    check_complete(numbers, n, 4);
  }
}

TEST_CASE("A call's file that somebody has taken away while it was closed is not mistaken for another",
          "[call_files]") {
  Place place;
  CallTarget target = named("{callid}");
  target.max_open = 1;
  CaptureOutput& output = place.open(std::move(target));
  const auto a = label(1, "a");
  const auto b = label(2, "b");
  for (const auto& call : {a, b}) {
    const CallRoutes routes = all_to(call, 2);
    REQUIRE(output.write(make_batch({.packets = 2}), &routes));
  }
  place.commit();  // b's is open now
  fs::remove(place.in("a.pcapng.part"));
  if (GENERATE(false, true)) std::ofstream(place.in("a.pcapng.part")) << "somebody else's";
  const CallRoutes routes = all_to(a, 2);
  REQUIRE(output.write(make_batch({.first_number = 2, .packets = 2}), &routes));
  const Status lost = output.commit({{"h1", 7, 2}});
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code == Code::kDataLoss);
  REQUIRE(output.start_anew());
  REQUIRE(output.write(make_batch({.first_number = 2, .packets = 2}), &routes));
  place.stop();
  CHECK(capinfos_counts({place.in("b.pcapng")}) == std::vector<std::uint64_t>{2});
}

TEST_CASE("The next process is told of calls that go on, until it says that it knows", "[call_files]") {
  Place place;
  const auto start = [&] {
    CaptureOutput& output = place.open(named("{callid}"));
    for (const std::string id : {"ended", "open"}) {
      const auto call = label(id.size(), id);
      const CallRoutes routes = all_to(call, 1);
      REQUIRE(output.write(make_batch({}), &routes));
      if (id == "ended") output.end_call(call);
    }
    place.commit();
    REQUIRE(output.finish_ended_calls());
  };
  start();
  if (GENERATE(false, true)) {
    place.kill();
  } else {
    place.stop();
  }
  const std::vector<std::string> told{place.in("open.pcapng")};
  CHECK(place.open(named("{callid}")).interrupted_calls() == told);
  CHECK(place.names() == Names{"ended.pcapng", "open.pcapng"});
  place.kill();
  CHECK(place.open(named("{callid}")).interrupted_calls() == told);
  REQUIRE(place.output->forget_interrupted(told));
  CHECK(place.output->interrupted_calls().empty());
  start();
  place.stop();
  CHECK(place.open(named("{callid}")).interrupted_calls() == std::vector<std::string>{place.in("open_2.pcapng")});
  fs::remove(place.in("open_2.pcapng"));
  place.kill();
  CHECK(place.open(named("{callid}")).interrupted_calls().empty());
}

TEST_CASE("A call's file that somebody has removed while no processor ran does not stop the next one", "[call_files]") {
  Place place;
  CaptureOutput& output = place.open(named("{callid}"));
  for (std::uint32_t n = 0; n < 3; ++n) {
    const CallRoutes routes = all_to(label(n, "c" + std::to_string(n)), 2);
    REQUIRE(output.write(make_batch({.packets = 2}), &routes));
  }
  place.commit();
  place.kill();
  fs::remove(place.in("c1.pcapng.part"));
  CaptureOutput& next = place.open(named("{callid}"));
  CHECK(place.names() == Names{"c0.pcapng", "c2.pcapng"});
  CHECK(next.interrupted_calls() == std::vector{place.in("c0.pcapng"), place.in("c2.pcapng")});
  const CallRoutes routes = all_to(label(7, "c1"), 1);
  REQUIRE(next.write(make_batch({}), &routes));
  place.stop();
  CHECK(capinfos_counts({place.in("c0.pcapng"), place.in("c1.pcapng"), place.in("c2.pcapng")}) ==
        std::vector<std::uint64_t>{2, 1, 2});
}

TEST_CASE("More files of calls than one entry of the journal names are finished by the next process", "[call_files]") {
  constexpr std::size_t kCalls = 2 * kEntryPaths + 7;
  Place place;
  CaptureOutput& output = place.open(named("{callid}"));
  for (std::size_t n = 0; n < kCalls; ++n) {
    const CallRoutes routes = all_to(label(n, "c" + std::to_string(n)), 1);
    REQUIRE(output.write(make_batch({}), &routes));
  }
  place.commit();
  REQUIRE(place.journal->unfinished_calls().size() == kCalls);
  place.kill();
  CHECK(place.open(named("{callid}")).interrupted_calls().size() == kCalls);
  CHECK(place.journal->unfinished_calls().empty());
  CHECK(place.closed.size() == kCalls);
  place.kill();
  place.open(named("{callid}"));
  CHECK(place.closed.size() == kCalls);
  Names expected;
  for (std::size_t n = 0; n < kCalls; ++n) expected.insert("c" + std::to_string(n) + ".pcapng");
  CHECK(place.names() == expected);
  CHECK(capinfos_counts(place.closed) == std::vector<std::uint64_t>(kCalls, 1));
}

TEST_CASE("An open call to which nothing comes costs little memory", "[call_files]") {
  constexpr std::uint32_t kCalls = 5000;
  Place place;
  CaptureOutput& output = place.open();
  const std::size_t before = ::mallinfo2().uordblks;
  for (std::uint32_t n = 0; n < kCalls; ++n) {
    const CallRoutes routes = all_to(label(n, std::to_string(n) + "-a84b4c76e66710@pc33.example.com"), 6);
    REQUIRE(output.write(make_batch({.packets = 6, .size = 700}), &routes));
    if (n % 500 == 499) place.commit();
  }
  const std::size_t each = (::mallinfo2().uordblks - before) / kCalls;
  INFO(each << " bytes");
  CHECK(each < 3000);
  place.kill();
}

TEST_CASE("The file of a call says what was dropped, and where it can't that costs nothing else", "[call_files]") {
  Place place;
  place.report = {.filter = "udp", .is_new = true, .stats = fleet::InterfaceStats{"eth0", 20, 3}};
  CaptureOutput& output = place.open({.name = *CallFileName::parse("{callid}"), .max_open = 1});
  const auto gone = label(1, "gone");
  const auto kept = label(2, "kept");
  const CallRoutes routes = route({gone, kept}, {{0, 0, CallPart::kMedia}, {1, 1, CallPart::kMedia}});
  REQUIRE(output.write(make_batch({.packets = 2}), &routes));
  place.commit();
  REQUIRE(fs::remove(place.in("gone.pcapng.part")));  // which the one descriptor has left by now
  output.end_call(gone);
  output.end_call(kept);
  REQUIRE(output.finish_ended_calls());
  CHECK(place.names() == Names{"kept.pcapng"});
  CHECK(place.ended == std::vector<std::string>{"gone", "kept"});
  CHECK(stored_numbers(place.in("kept.pcapng")).size() == 1);
  const std::string told = capture::test::run("capinfos " + place.in("kept.pcapng")).text;
  CHECK_THAT(told, Catch::Contains("Filter string = udp") && Catch::Contains("Number of stat entries = 1"));
}

TEST_CASE("A second process is kept out of the directory of calls", "[call_files]") {
  Place place;
  place.open();
  const TempDir state;
  Journal journal({.directory = state.file("")}, place.file_system);
  const auto second = CaptureOutput::open({.calls = {.directory = place.folder()}}, journal, SyncPolicy::kNever,
                                          {.closed = [](const std::string&) {}});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == Code::kFailedPrecondition);
  CHECK_THAT(second.error().text, Catch::Contains(place.folder()) && Catch::Contains("--per-call-dir"));
}

TEST_CASE("Wherever a processor is killed, each packet of a call is in its files once when the next one is done",
          "[call_files]") {
  const SyncPolicy policy = GENERATE(SyncPolicy::kInterval, SyncPolicy::kNever);
  const std::size_t open = GENERATE(std::size_t{1}, std::size_t{256});
  constexpr std::uint64_t kBatches = 9;
  constexpr std::uint32_t kCalls = 3;
  // Each batch has a packet of each call and one of none. A call goes on for four batches, then the next takes over.
  const auto live = [&](const std::string& folder, const std::string& rest, MemoryFileSystem& disk,
                        std::uint64_t steps) {
    const auto killed = [&] { return steps-- == 0; };
    try {
      Journal journal({.directory = "/state", .sync = policy != SyncPolicy::kNever, .rewrite_bytes = 1500}, disk);
      const auto opened = CaptureOutput::open(
          {.directory = rest,
           .calls = {.directory = folder, .name = *CallFileName::parse("{callid}"), .max_open = open}},
          journal, policy, {.closed = [](const std::string&) {}});
      REQUIRE(opened);
      CaptureOutput& output = **opened;
      const std::uint64_t stored = journal.positions().empty() ? 0 : journal.positions()[0].sequence;
      for (std::uint64_t sequence = stored + 1; sequence <= kBatches; ++sequence) {
        CallRoutes routes;
        for (std::uint32_t n = 0; n < kCalls; ++n) {
          const std::uint64_t number = (sequence - 1) / 4 * kCalls + n;
          routes.calls.push_back(label(number, "call" + std::to_string(number)));
          routes.entries.push_back({n, n, CallPart::kMedia});
        }
        if (killed()) return false;
        const auto written =
            output.write(make_batch({.sequence = sequence,
                                     .first_number = static_cast<std::uint32_t>(sequence - 1) * (kCalls + 1),
                                     .packets = kCalls + 1}),
                         &routes);
        REQUIRE(written);
        if (killed()) return false;
        if (sequence % 2 != 0 && sequence != kBatches) continue;
        const Status committed = output.commit({{"h1", 7, sequence}});
        REQUIRE(committed);
        if (killed()) return false;
        if (sequence % 4 == 0) {
          for (const auto& call : routes.calls) output.end_call(call);
          const Status finished = output.finish_ended_calls();
          REQUIRE(finished);
        }
      }
      if (killed()) return false;
      const Status closed = output.close();
      REQUIRE(closed);
      const Status calls_closed = output.close_calls();
      REQUIRE(calls_closed);
      return true;
    } catch (const MemoryFileSystem::Crash&) {
      return false;
    }
  };
  const auto check = [&](bool at_call, std::uint64_t point) {
    const TempDir dir;
    const std::string folder = dir.file("calls");
    MemoryFileSystem disk;
    if (at_call) disk.plan.crash_at = point;
    const bool lived = live(folder, dir.file("rest"), disk, at_call ? ~std::uint64_t{0} : point);
    disk.after_kill();
    INFO((at_call ? "journal call " : "step ") << point);
    REQUIRE(live(folder, dir.file("rest"), disk, ~std::uint64_t{0}));
    std::vector<Numbered> numbers;
    for (const std::string& where : {folder, dir.file("rest")}) {
      for (const auto& entry : fs::directory_iterator(where)) {
        CHECK_FALSE(entry.path().string().ends_with(".part"));
        const auto more = stored_numbers(entry.path());
        CHECK(std::is_sorted(more.begin(), more.end()));
        numbers.insert(numbers.end(), more.begin(), more.end());
      }
    }
    std::sort(numbers.begin(), numbers.end());
    check_complete(numbers, 1, kBatches * (kCalls + 1));
    return lived;
  };
  for (std::uint64_t call = 0; !check(true, call); ++call) continue;
  for (std::uint64_t step = 0; !check(false, step); ++step) continue;
}
