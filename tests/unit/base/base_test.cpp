#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/process_usage.h"
#include "common/base/signals.h"
#include "common/base/stop_signal.h"
#include "common/base/text.h"

using namespace lc;
using namespace std::chrono_literals;

namespace {

bool readable(int fd) {
  pollfd entry = {fd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1;
}

/// Catches the log's lines while it lives.
struct CaughtLog {
  CaughtLog() {
    log::set_sink([this](log::Level level, std::string_view message, log::Fields fields) {
      lines.push_back(std::string(log::name_of(level)) + " " + log::as_text(message, fields));
    });
  }
  ~CaughtLog() {
    log::set_sink({});
    log::set_level(log::Level::kInfo);
  }
  std::vector<std::string> lines;
};

}  // namespace

TEST_CASE("Attempts come after 1, 2, 4 ... 60 s with a fifth of jitter, and at once after a connection", "[backoff]") {
  Backoff backoff(1);
  for (const int seconds : {1, 2, 4, 8, 16, 32, 60, 60, 60}) {
    const auto wait = backoff.next();
    CHECK(wait >= seconds * 800ms);
    CHECK(wait <= seconds * 1200ms);
  }
  backoff.connection_worked();
  CHECK(backoff.next() <= 100ms);
  CHECK(backoff.next() >= 800ms);
  CHECK(backoff.next() <= 2400ms);
}

TEST_CASE("Two nodes do not come back at the same moment", "[backoff]") {
  Backoff one(1);
  Backoff other(2);
  CHECK(one.next() != other.next());
}

TEST_CASE("A line that repeats is shown once, another one each time", "[log]") {
  CaughtLog caught;
  for (int i = 0; i < 5; ++i) log::warning("the same here", {{"file", "a b"}});
  log::warning("the same here", {{"file", "c"}});
  log::error("something else", {{"n", 3}, {"empty", ""}});
  CHECK(caught.lines == std::vector<std::string>{"warning the same here file=\"a b\"", "warning the same here file=c",
                                                 "error something else n=3 empty=\"\""});
}

TEST_CASE("Lines below the level are left out, and foreign bytes stay on one line", "[log]") {
  CaughtLog caught;
  log::debug("not shown");
  log::set_level(log::Level::kError);
  log::warning("not shown either");
  log::error("shown", {{"id", std::string("x\ny\x1b[31m\"")}});
  CHECK(caught.lines == std::vector<std::string>{R"(error shown id="x\ny\x1b[31m\"")"});
  CHECK(log::parse_level("warn").value() == log::Level::kWarning);
  CHECK_THAT(log::parse_level("loud").error().text, Catch::Contains("\"loud\""));
}

TEST_CASE("Threads may log at once", "[log][stress]") {
  CaughtLog caught;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) log::info("line of a thread", {{"thread", t}, {"i", i}});
    });
  }
  threads.clear();
  CHECK(caught.lines.size() == 2000);
}

TEST_CASE("A mistyped name is recognised, and nonsense is not", "[text]") {
  const std::vector<std::string> known = {"processor", "interface", "batch-size"};
  CHECK(nearest("procesor", known) == "processor");
  CHECK(nearest("batch_size", known) == "batch-size");
  CHECK_FALSE(nearest("verbosity", known));
}

TEST_CASE("Lists are split without blanks and empty pieces", "[text]") {
  CHECK(split(" a, b,,c d ,", ',') == std::vector<std::string>{"a", "b", "c d"});
  CHECK(split("", ',').empty());
}

TEST_CASE("Foreign text becomes UTF-8 without control characters, and no longer than it may be", "[text]") {
  CHECK(terminal_safe("plain", 5) == "plain");
  CHECK(terminal_safe("plain", 4) == "pla\u2026");
  CHECK(terminal_safe("\u00e4\u00f6\u00fc", 2) == "\u00e4\u2026");
  CHECK(terminal_safe("a\r\n\tb", 9) == "a   b");
  CHECK(terminal_safe("\x1b[2J\x07\x7f", 9) == "\uFFFD[2J\uFFFD\uFFFD");
  CHECK(terminal_safe("\xc2\x9b", 9) == "\uFFFD");                              // CSI as one character
  CHECK(terminal_safe("\u202eabc\u2066\u200f", 9) == "\uFFFDabc\uFFFD\uFFFD");  // turned around
  CHECK(terminal_safe("\xff\xe2\x82", 9) == "\uFFFD\uFFFD\uFFFD");
  CHECK(terminal_safe(std::string_view("\0x", 2), 9) == "\uFFFDx");
  CHECK(terminal_safe("", 1).empty());
}

TEST_CASE("Ids are checked, and a bad one is shown harmlessly", "[text]") {
  CHECK(check_id("hunter id", "Edge-1.lan_2"));
  CHECK(check_id("hunter id", std::string(64, 'a')));
  CHECK_FALSE(check_id("hunter id", ""));
  CHECK_FALSE(check_id("hunter id", std::string(65, 'a')));
  CHECK(check_id("hunter id", "a\x1b").error().text ==
        "hunter id must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not \"a\\x1b\"");
  CHECK(check_id("hunter id", std::string(10'000, ' ')).error().text.size() < 200);
}

TEST_CASE("Times are written in UTC as RFC 3339", "[clock]") {
  // date -u -d @1795359845 +%FT%TZ
  CHECK(utc_text(1'795'359'845'123'000'000) == "2026-11-22T15:04:05.123Z");
  CHECK(utc_compact(1'795'359'845'999'999'999) == "20261122T150405Z");
}

TEST_CASE("A wake-up lasts until it is drained, a stop for ever", "[stop_signal]") {
  WakeUp wake_up;
  CHECK_FALSE(readable(wake_up.fd()));
  wake_up.wake();
  wake_up.wake();
  CHECK(readable(wake_up.fd()));
  wake_up.drain();
  CHECK_FALSE(readable(wake_up.fd()));
  StopSignal stop;
  CHECK_FALSE(stop.requested());
  stop.request();
  CHECK(stop.requested());
  CHECK(readable(stop.fd()));
  CHECK(wait_readable({wake_up.fd(), stop.fd()}, -1ms) == 1U);
  CHECK_FALSE(wait_readable({wake_up.fd()}, 1ms));
}

TEST_CASE("A blocked signal waits to be taken", "[signals]") {
  sigset_t before;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &before);
  {
    Signals signals{SIGUSR2};
    CHECK_FALSE(signals.take());
    ::raise(SIGUSR2);
    CHECK(wait_readable({signals.fd()}, 10s) == 0U);
    CHECK(signals.take() == SIGUSR2);
    CHECK_FALSE(signals.take());
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

TEST_CASE("The process's own use is measured", "[process_usage]") {
  CHECK(memory_rss_bytes() > 1'000'000);
  CpuMeter meter;
  const auto begin = Clock::now();
  volatile unsigned work = 0;
  while (Clock::now() - begin < 50ms) work = work + 1;
  CHECK(meter.percent_since_last() > 10.0F);
}

TEST_CASE("The limit of open files is raised for those that are wanted, and halved where it can't be", "[file]") {
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit low = before;
  low.rlim_cur = 64;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
  CHECK(room_for_open_files(16) == 16);
  rlimit raised{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &raised) == 0);
  CHECK(raised.rlim_cur > 64);
  CHECK(raised.rlim_max == before.rlim_max);
  const std::size_t too_many = static_cast<std::size_t>(std::min<rlim_t>(before.rlim_max, 1 << 30));
  if (before.rlim_max <= too_many) CHECK(room_for_open_files(too_many) == too_many / 2);
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
}
