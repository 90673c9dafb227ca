// Real processes; they are told to do what goes wrong.
#include "processord/engine/hooks.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/support/temp_dir.h"

using namespace lc;
using namespace lc::processor;
using namespace std::chrono_literals;
using lc::test::TempDir;

namespace {

std::shared_ptr<const CommandLine> command(const std::string& text) {
  const Result<CommandLine> parsed = CommandLine::parse(text, {"pcap", "callid"});
  if (!parsed) FAIL(parsed.error().text);
  return std::make_shared<const CommandLine>(*parsed);
}

/// sh(1) as the operator's program, not as ours.
std::shared_ptr<const CommandLine> script(const std::string& text) {
  return command("sh -c '" + text + "' script %pcap%");
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Condition>
bool soon(Condition&& condition) {
  for (const auto end = Clock::now() + 20s; Clock::now() < end; std::this_thread::yield()) {
    if (condition()) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("A command gets its values as arguments and in its environment, and is counted", "[hooks]") {
  const TempDir dir;
  Hooks hooks;
  hooks.start();
  hooks.push(script("printf %%s \"$1|$HOOK_PCAP|$HOOK_CALLID\" > " + dir.file("out")),
             {{"pcap", "/a b/$(id)'.pcap"}, {"callid", "x\"y"}});
  hooks.push(command("false"), {});
  hooks.stop();
  CHECK(content(dir.file("out")) == "/a b/$(id)'.pcap|/a b/$(id)'.pcap|x\"y");
  CHECK(hooks.counters().succeeded == 1);
  CHECK(hooks.counters().failed == 1);
  CHECK(hooks.counters().timed_out == 0);
  CHECK(hooks.counters().dropped == 0);
}

TEST_CASE("A command sees no descriptor of ours, no blocked signal, and no input", "[hooks]") {
  const TempDir dir;
  const std::ofstream ours(dir.file("ours"));
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  Hooks hooks;
  hooks.start();
  hooks.push(script("{ ls -l /proc/self/fd; grep SigBlk /proc/self/status; cat; } > " + dir.file("out")), {});
  hooks.stop();
  ::pthread_sigmask(SIG_UNBLOCK, &blocked, nullptr);
  REQUIRE(hooks.counters().succeeded == 1);
  const std::string told = content(dir.file("out"));
  CHECK(told.find("/dev/null") != std::string::npos);
  CHECK(told.find("ours") == std::string::npos);
  CHECK(told.find("SigBlk:\t0000000000000000") != std::string::npos);
}

TEST_CASE("No more commands run at a time than may, and those that wait come in order", "[hooks]") {
  const TempDir dir;
  Hooks hooks({.running = 2, .queued = 100, .time = 20s});
  hooks.start();
  // Each notes how many are under way, itself included.
  for (int i = 0; i < 12; ++i) {
    const std::string mark = dir.file("running") + std::to_string(i);
    hooks.push(script("touch " + mark + "; ls " + dir.path().string() + " | grep -c running >> " + dir.file("counts") +
                      "; sleep 0.05; rm " + mark),
               {});
  }
  hooks.stop();
  CHECK(hooks.counters().succeeded == 12);
  std::ifstream counts(dir.file("counts"));
  int lines = 0;
  for (int count = 0; counts >> count; ++lines) CHECK(count <= 2);
  CHECK(lines == 12);
}

TEST_CASE("A command that takes too long is killed with all that it started", "[hooks]") {
  const TempDir dir;
  Hooks hooks({.running = 10, .queued = 100, .time = 300ms});
  hooks.start();
  hooks.push(script("sleep 1000 & echo $! > " + dir.file("child") + "; trap : TERM; wait; sleep 1000"), {});
  REQUIRE(soon([&] { return hooks.counters().timed_out == 1; }));
  CHECK(soon([&] {
    const std::string child = content(dir.file("child"));
    const std::string status = content("/proc/" + child.substr(0, child.find('\n')) + "/stat");
    return !child.empty() && (status.empty() || status.find(") Z ") != std::string::npos);
  }));
  hooks.stop();
  CHECK(hooks.counters().succeeded == 0);
  CHECK(hooks.counters().failed == 0);
}

TEST_CASE("A command that says a lot is not held up, and one that hangs does not keep the stop", "[hooks]") {
  Hooks hooks({.running = 10, .queued = 100, .time = 5s});
  hooks.start();
  hooks.push(command("head -c 10000000 /dev/zero"), {});
  REQUIRE(soon([&] { return hooks.counters().succeeded == 1; }));
  Hooks hanging({.running = 1, .queued = 100, .time = 200ms});
  hanging.start();
  hanging.push(command("sleep 1000"), {});
  for (int i = 0; i < 5; ++i) hanging.push(command("sleep 1000"), {});
  hanging.stop();
  CHECK(hanging.counters().timed_out + hanging.counters().dropped == 6);
  CHECK(hanging.counters().dropped >= 1);
}

TEST_CASE("Whoever asks for a command never waits: beyond the queue it is dropped and counted", "[hooks]") {
  Hooks hooks({.running = 1, .queued = 3, .time = 20s});
  for (int i = 0; i < 10; ++i) hooks.push(command("true"), {});  // nothing runs yet
  CHECK(hooks.counters().dropped == 7);
  hooks.start();
  hooks.stop();
  CHECK(hooks.counters().succeeded == 3);
  hooks.push(command("true"), {});
  CHECK(hooks.counters().dropped == 8);
}

TEST_CASE("A program that is gone when its time comes is a failed command", "[hooks]") {
  const TempDir dir;
  const std::string program = dir.file("program");
  std::filesystem::copy_file("/bin/true", program);
  const auto gone = command(program);
  std::filesystem::remove(program);
  Hooks hooks;
  hooks.start();
  hooks.push(gone, {});
  hooks.stop();
  CHECK(hooks.counters().failed == 1);
}
