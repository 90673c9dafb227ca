#include <catch2/catch.hpp>
#include <string>

#include "tests/support/watched.h"

using namespace lc;
using namespace lc::watch;
using namespace lc::test;

namespace {

constexpr std::string_view kTabs = "123456?";

}  // namespace

TEST_CASE("Every screen is drawn at every size, with and without UTF-8", "[lcwatch][screens]") {
  struct Of {
    int width, height;
  };
  const Of size = GENERATE(Of{80, 24}, Of{132, 43}, Of{200, 60}, Of{60, 15});
  const bool utf8 = GENERATE(true, false);
  Watched watched(size.width, size.height, utf8);
  watched.fill();
  constexpr const char* kExpected[] = {"packets/s",    "Request: OP", "UNREACHABLE", "carol",
                                       "192.0.2.0/24", "stream of",   "quit"};
  for (std::size_t i = 0; i < kTabs.size(); ++i) {
    watched.press(std::string(1, kTabs[i]));
    INFO(watched.canvas.text());
    CHECK(watched.canvas.has("lcwatch  noc"));
    CHECK(watched.canvas.has("14:13:23 UTC"));
    if (size.height > 15 || i != 6) CHECK(watched.canvas.has(kExpected[i]));
    watched.press(KeyCode::kEscape);
  }
  watched.press("2");
  watched.press(KeyCode::kEnter);
  CHECK(watched.canvas.has("Protocol"));
  watched.press(KeyCode::kEscape);
  watched.take(some_call("c1", "active", true));
  watched.press("4");
  watched.press(KeyCode::kEnter);
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("192.0.2.10:50"));
  CHECK(watched.canvas.has("INVITE"));
}

TEST_CASE("A terminal that is too small is told so, and everything is back when it grows", "[lcwatch][screens]") {
  Watched watched(59, 15);
  watched.fill();
  CHECK(watched.canvas.has("lcwatch needs 60x15, this is 59x15"));
  for (const auto& [width, height] : {std::pair(1, 1), {60, 14}, {3, 40}, {200, 2}}) {
    watched.canvas.resize(width, height);
    watched.press("3");
  }
  watched.canvas.resize(60, 15);
  watched.draw();
  CHECK(watched.canvas.has("[3 Nodes]"));
}

TEST_CASE("The overview says how packets, nodes, spools and certificates are", "[lcwatch][screens]") {
  Watched watched(80, 30);
  watched.fill();
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("12,345"));
  CHECK(watched.canvas.has("3 HEALTHY  1 UNREACHABLE"));
  CHECK(watched.canvas.has("dropped"));
  CHECK(watched.canvas.has("91.0%"));
  CHECK(watched.canvas.has("in 11 days"));
  CHECK(watched.canvas.has("stream of calls stands"));
}

TEST_CASE("The tree is folded and unfolded, and becomes a table that is sorted", "[lcwatch][screens]") {
  Watched watched(132, 30);
  watched.fill();
  watched.press("3");
  CHECK(watched.canvas.has("└─ h4"));
  CHECK(watched.canvas.has("connection refused"));
  watched.press("jjj");
  REQUIRE(watched.canvas.marked().find("east") != std::string::npos);
  watched.press("x");
  CHECK_FALSE(watched.canvas.has("h4"));
  watched.press(KeyCode::kEnter);
  CHECK(watched.canvas.has("h4"));
  watched.press("t");
  CHECK(watched.canvas.has("CPU %"));
  CHECK(watched.canvas.marked().find("east") != std::string::npos);
  while (!watched.canvas.has("PKT/S-")) watched.press(">");
  CHECK(watched.canvas.marked().find("east") != std::string::npos);
  CHECK(watched.canvas.line(4).find("noc") != std::string::npos);
  watched.press("o");
  CHECK(watched.canvas.has("PKT/S+"));
  watched.press("<");
  CHECK_FALSE(watched.canvas.has("PKT/S+"));
  watched.press("c");
  CHECK(watched.canvas.has("[x] STATE"));
  watched.press(" y");
  CHECK_FALSE(watched.canvas.has("STATE "));
}

TEST_CASE("The selected node stays selected while the tree changes around it", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.press("3");
  watched.press("jj");
  REQUIRE(watched.canvas.marked().find("h2") != std::string::npos);
  watched.take(TreeCame{.server = 0, .tree = tree("noc", {"a1", "a2", "h1", "h2"}, {tree("east")})});
  watched.draw();
  CHECK(watched.canvas.marked().find("h2") != std::string::npos);
  watched.take(TreeCame{.server = 0, .tree = tree("noc")});
  watched.draw();
  watched.take(TreeCame{.server = 0, .tree = some_tree()});
  watched.draw();
  CHECK(watched.canvas.marked().find("h2") != std::string::npos);
}

TEST_CASE("Hunters are chosen and unsubscribed", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.press("3s");
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("[x] east/edge/h4"));
  watched.press(" ");  // h4 of edge comes last in the tree, h1 first
  CHECK(watched.canvas.has("[ ] h1"));
  watched.press(KeyCode::kEscape);
  CHECK(watched.remote.choices == 0);
  watched.press("s");
  watched.press(" ");
  watched.press("G");
  watched.press(KeyCode::kEnter);
  REQUIRE(watched.remote.chosen[0].has_value());
  CHECK(*watched.remote.chosen[0] == std::set<std::string>{"h2", "east/h3", "east/edge/h4", "west/h5"});
  watched.press("jjd");
  CHECK(*watched.remote.chosen[0] == std::set<std::string>{"east/h3", "east/edge/h4", "west/h5"});
  watched.press("gs");
  watched.press("ay");
  CHECK(watched.remote.chosen[0] == std::nullopt);
  watched.press("gd");
  CHECK(watched.remote.choices == 3);  // of a processor nothing is unsubscribed
}

TEST_CASE("Packets are followed, paused, filtered, and shown whole", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.press("2");
  CHECK(watched.canvas.has("100 of 100   following"));
  CHECK(watched.canvas.has("PROTO"));
  watched.press("k");
  const std::string before = watched.canvas.marked();
  PacketsCame more = some_packets(101, 50);
  more.offered += 1'000;
  more.skipped = 1'000;
  watched.take(more);
  watched.draw();
  CHECK(watched.canvas.marked() == before);
  CHECK(watched.canvas.has("150 of 1,150, skipped 1,000"));
  watched.press("G");
  CHECK(watched.canvas.has("   following"));
  watched.press(" ");
  watched.take(some_packets(151, 20));
  watched.draw();
  CHECK(watched.canvas.has("PAUSED, 20 passed by"));
  watched.press(" /RTP");
  watched.press(KeyCode::kEnter);
  CHECK_FALSE(watched.canvas.has(" SIP "));
  watched.press("nN");
  watched.press(KeyCode::kEnter);
  CHECK(watched.canvas.has("Chosen by    alice"));
  CHECK(watched.canvas.has("4f 50 54 49"));
  const std::string first = watched.canvas.line(2);
  watched.press("N");
  CHECK(watched.canvas.line(2) != first);
  watched.press("jkgG");
  watched.press(KeyCode::kEscape);
  watched.press(KeyCode::kEscape);
  CHECK(watched.canvas.has(" SIP "));
}

TEST_CASE("A call is shown as a ladder, asked for and let go", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.press("4");
  CHECK(watched.canvas.has("active"));
  watched.press(KeyCode::kEnter);
  CHECK(watched.remote.call_shown == "c1");
  CHECK(watched.canvas.has("waiting for its messages"));
  watched.take(some_call("c1", "active", true));
  watched.draw();
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("INVITE +SDP"));
  CHECK(watched.canvas.has("▶"));
  CHECK(watched.canvas.has("180 INVITE"));
  CHECK(watched.canvas.has("and 2 more"));
  CHECK(watched.canvas.has("PCMA"));
  watched.take(CallGone{.server = 0, .id = "c1"});
  watched.draw();
  CHECK(watched.canvas.has("no longer followed"));
  watched.press("n");
  CHECK(watched.remote.call_shown == "c2");
  watched.press(KeyCode::kEscape);
  CHECK(watched.remote.call_shown.empty());
  CHECK(watched.canvas.has("LOSS %"));
}

TEST_CASE("Stale data is grey, and a banner says why and until when", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.take(StreamChanged{.server = 0,
                             .stream = StreamKind::kTopology,
                             .up = false,
                             .reason = "connection refused",
                             .retry_at = watched.now.steady + std::chrono::seconds(5)});
  watched.pass(std::chrono::seconds(2));
  watched.press("3");
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("noc: no topology; again in 3s; data 2s old; connection refused"));
  const int row = watched.canvas.line_with("h2");
  REQUIRE(row > 0);
  CHECK(watched.canvas.cell_at(5, row).pen.style == Style::kStale);
  watched.press("2");
  CHECK(watched.canvas.cell_at(3, 6).pen.style != Style::kStale);  // the other streams stand
  watched.take(StreamChanged{.stream = StreamKind::kTopology, .up = true});
  watched.press("3");
  CHECK_FALSE(watched.canvas.has("again in"));
  CHECK(watched.canvas.cell_at(5, watched.canvas.line_with("h2")).pen.style != Style::kStale);
}

TEST_CASE("A reason that is too long for the banner goes on below", "[lcwatch][screens]") {
  Watched watched;
  watched.fill();
  watched.take(StreamChanged{
      .server = 0,
      .stream = StreamKind::kTopology,
      .up = false,
      .reason = "failed to connect to processor: the certificate of the processor: self-signed certificate in chain",
      .retry_at = {}});
  watched.draw();
  INFO(watched.canvas.text());
  const int row = watched.canvas.line_with("noc: no topology");
  CHECK(watched.canvas.line_with("self-signed certificate in chain") == row + 1);
  CHECK(watched.canvas.cell_at(79, row + 1).pen.style == Style::kBanner);
  CHECK(watched.canvas.line_with("Traffic") == row + 2);
}

TEST_CASE("Hostile text changes nothing but its own cells", "[lcwatch][screens]") {
  Watched watched(132, 30);
  watched.fill();
  const std::string evil = "\x1b[2J\x1b]0;x\x07\xff\xfe日本\xe2\x80\xae e\xcc\x81\xcc\x81\xcc\x81\r\n\xc2\x9b";
  PacketsCame came{.packets = {some_packet(101, evil)}, .offered = 101};
  came.packets[0].hunter = came.packets[0].source = came.packets[0].protocol = evil;
  watched.take(came);
  watched.take(some_call("c3", evil, true, evil));
  fleet::Filter filter = some_filter("x", fleet::FilterType::kSipUser, evil);
  watched.take(FiltersCame{.server = 0, .path = {}, .filters = std::vector<FilterRow>{{.filter = filter}}});
  watched.take(StreamChanged{.server = 0, .stream = StreamKind::kCalls, .up = false, .reason = evil, .retry_at = {}});
  // The canvas throws for what is more than a cell.
  for (const char tab : kTabs) watched.press(std::string(1, tab));
  watched.press("2");
  CHECK(watched.canvas.has("\\x1b[2J\\x1b]0;x\\x07"));
  watched.press(KeyCode::kEnter);
  watched.press(KeyCode::kEscape);
  watched.press("4");
  watched.press(KeyCode::kEnter);
}
