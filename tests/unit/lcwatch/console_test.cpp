#include "lcwatch/view/console.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "common/capture/file_source.h"
#include "tests/support/watched.h"

using namespace lc;
using namespace lc::watch;
using namespace lc::test;

namespace {

struct Folder {
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "lcwatch-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
    path = name;
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

std::string contents(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("Tab goes around the screens, Esc never quits, q does", "[lcwatch][console]") {
  Watched watched;
  watched.fill();
  for (const char* name : {"[2 Packets]", "[3 Nodes]", "[4 Calls]", "[5 Filters]", "[6 Events]", "[1 Overview]"}) {
    watched.press(KeyCode::kTab);
    CHECK(watched.canvas.has(name));
  }
  watched.press(KeyCode::kBackTab);
  CHECK(watched.canvas.has("[6 Events]"));
  for (int i = 0; i < 5; ++i) watched.press(KeyCode::kEscape);
  CHECK_FALSE(watched.console.wants_to_quit());
  watched.press("?");
  CHECK(watched.canvas.has("Keys of Events"));
  watched.press("/suspend");
  watched.press(KeyCode::kEnter);
  CHECK(watched.canvas.has("Ctrl-Z"));
  CHECK_FALSE(watched.canvas.has("Ctrl-L"));
  watched.press(KeyCode::kEscape);
  watched.press(KeyCode::kEscape);
  CHECK(watched.canvas.has("[6 Events]"));
  watched.press("q");
  CHECK(watched.console.wants_to_quit());
}

TEST_CASE("Ctrl-C and :q quit, whatever lies over the screen", "[lcwatch][console]") {
  Watched watched;
  watched.fill();
  watched.press("3s");
  watched.press(KeyCode::kInterrupt);
  CHECK(watched.console.wants_to_quit());
  Watched other;
  other.press(":q");
  other.press(KeyCode::kEnter);
  CHECK(other.console.wants_to_quit());
}

TEST_CASE("Commands do what their keys do, and an unknown one is named", "[lcwatch][console]") {
  Watched watched;
  watched.fill();
  const auto command = [&](std::string_view line) {
    watched.press(":");
    watched.press(line);
    CHECK(watched.canvas.has_cursor());
    watched.press(KeyCode::kEnter);
  };
  command("calls");
  CHECK(watched.canvas.has("[4 Calls]"));
  command("packets off");
  CHECK_FALSE(watched.remote.packets_wanted);
  command("packets on");
  CHECK(watched.remote.packets_wanted);
  command("theme light");
  CHECK(watched.console.view_options().theme == "light");
  command("resync");
  CHECK(watched.remote.resynced == std::vector<ServerIndex>{0});
  command("nonsense");
  CHECK(watched.canvas.has("no such command: nonsense"));
  watched.press("m");
  CHECK(watched.console.view_options().mouse);
  watched.press("1t");
  CHECK(watched.canvas.has("times: local"));
  watched.press("tt3r");
  CHECK(watched.remote.resynced.size() == 2);
}

TEST_CASE("A click chooses a screen or a row", "[lcwatch][console]") {
  Watched watched;
  watched.fill();
  const std::string tabs = watched.canvas.line(1);
  watched.console.key({KeyCode::kClick, 0, static_cast<int>(tabs.find("3 Nodes")), 1}, watched.now);
  watched.draw();
  CHECK(watched.canvas.has("[3 Nodes]"));
  watched.console.key({KeyCode::kClick, 0, 5, watched.canvas.line_with("h3")}, watched.now);
  watched.draw();
  CHECK(watched.canvas.marked().find("h3") != std::string::npos);
}

TEST_CASE("A filter is added by the form, which says at once what is wrong", "[lcwatch][console]") {
  Watched watched(80, 30);
  watched.fill();
  watched.press("3jjjf");
  CHECK(watched.canvas.has("Filters of noc/east"));
  CHECK(watched.remote.listed.back() == std::pair<ServerIndex, fleet::NodePath>(0, {"east"}));
  watched.press("a");
  watched.press("net");
  watched.press(KeyCode::kTab);
  watched.press(KeyCode::kRight);
  watched.press(KeyCode::kRight);
  CHECK(watched.canvas.has("< ip address >"));
  watched.press(KeyCode::kTab);
  watched.press("10.0.0.0/33");
  CHECK(watched.canvas.has("pattern: "));
  watched.press(KeyCode::kEnter);
  CHECK(watched.remote.saved.empty());
  watched.press(KeyCode::kBackspace);
  watched.press(KeyCode::kBackspace);
  watched.press("8");
  CHECK(watched.canvas.has("can be evaluated"));
  watched.press(KeyCode::kTab);
  watched.press(KeyCode::kTab);
  watched.press(" ");
  CHECK(watched.canvas.has("[ ] h3"));
  watched.press(" y");
  CHECK(watched.canvas.has("< h3 >"));
  watched.press(KeyCode::kEnter);
  REQUIRE(watched.remote.saved.size() == 1);
  watched.press(" ");  // while it is being saved nothing can be put over the form, which may close by itself
  CHECK_FALSE(watched.canvas.has("[x] h3"));
  const auto& [path, filter] = watched.remote.saved[0];
  CHECK(path == fleet::NodePath{"east"});
  CHECK(filter.id == "net");
  CHECK(filter.type == fleet::FilterType::kIpAddress);
  CHECK(filter.pattern == "10.0.0.0/8");
  CHECK(filter.target_hunters == std::vector<std::string>{"h3"});
  CHECK(filter.enabled);
  watched.take(OperationDone{.operation = 1, .status = Error{Code::kUnavailable, "processor \"east\" unreachable"}});
  watched.draw();
  INFO(watched.canvas.text());
  CHECK(watched.canvas.has("New filter"));
  CHECK(watched.canvas.has("processor \"east\" unreachable"));
  watched.press(KeyCode::kEnter);
  const auto lists = watched.remote.listed.size();
  watched.take(OperationDone{.operation = 2, .done = "filter net is in force"});
  watched.draw();
  CHECK_FALSE(watched.canvas.has("New filter"));
  CHECK(watched.canvas.has("filter net is in force"));
  CHECK(watched.remote.listed.size() == lists + 1);
}

TEST_CASE("Filters show how far they are applied, are disabled, and deleted only when confirmed",
          "[lcwatch][console]") {
  Watched watched(132, 30);
  watched.fill();
  watched.press("5");
  INFO(watched.canvas.text());
  const std::string row = watched.canvas.marked();
  CHECK(row.find("alice") != std::string::npos);
  CHECK(row.find("1/2") != std::string::npos);
  CHECK(row.find("123,456") != std::string::npos);
  CHECK(watched.canvas.line(watched.canvas.line_with("net")).find("0/1") != std::string::npos);
  watched.press("d");
  REQUIRE(watched.remote.saved.size() == 1);
  CHECK_FALSE(watched.remote.saved[0].second.enabled);
  watched.press("D");
  CHECK(watched.canvas.has("Delete filter alice of noc?"));
  watched.press("n");
  CHECK(watched.remote.deleted.empty());
  watched.press("Dy");
  REQUIRE(watched.remote.deleted.size() == 1);
  CHECK(watched.remote.deleted[0].second == "alice");
  watched.press("e");
  CHECK(watched.canvas.has("Filter of noc"));
  watched.press(KeyCode::kEscape);
  watched.press("f");
  CHECK(watched.canvas.has("Filters of noc/east"));
}

TEST_CASE("A read-only console changes nothing and says so", "[lcwatch][console]") {
  Watched watched(80, 24, true, {"noc"}, {.read_only = true, .subscribed = {}});
  watched.fill();
  CHECK(watched.canvas.has("noc [RO]"));
  watched.press("5adDe");
  CHECK(watched.canvas.has("read-only"));
  CHECK(watched.remote.operations == 0);
  Watched other;
  other.fill();
  other.press("5d");
  other.take(OperationDone{.operation = 1, .status = Error{Code::kPermissionDenied, "your role may not"}});
  other.draw();
  CHECK(other.canvas.has("noc [RO]"));
}

TEST_CASE("Filters are asked for again when they change, and now and then while they are shown", "[lcwatch][console]") {
  Watched watched;
  watched.fill();
  watched.press("5");
  const auto before = watched.remote.listed.size();
  const auto change = std::make_shared<const fleet::TreeChange>(
      fleet::TreeChange{.time_ns = 1, .path = {}, .event = fleet::FilterUpdated{}});
  watched.take(TreeCame{.server = 0, .tree = some_tree(), .change = change});
  CHECK(watched.remote.listed.size() == before + 1);
  for (int i = 0; i < 5; ++i) watched.pass(std::chrono::seconds(1));
  CHECK(watched.remote.listed.size() == before + 2);
}

TEST_CASE("What is shown is exported: packets as pcapng, tables as CSV and JSON", "[lcwatch][console]") {
  const Folder folder;
  Watched watched;
  watched.fill();
  const auto write = [&](std::string_view screen, const std::string& name) {
    watched.press(screen);
    watched.press(":export ");
    watched.press((folder.path / name).string());
    watched.press(KeyCode::kEnter);
    return contents(folder.path / name);
  };
  write("2", "some.pcapng");
  CHECK(watched.canvas.has("100 packets written"));
  auto source = capture::FileSource::open(folder.path / "some.pcapng", {});
  REQUIRE(source);
  std::size_t count = 0;
  while ((*source)->dispatch(1'000, [&](const packet::PacketView&) { ++count; }).packets > 0) {
  }
  CHECK(count == 100);
  const std::string csv = write("4", "calls.csv");
  CHECK(csv.find("STATE,FROM,TO") == 0);
  CHECK(csv.find("carol,bob") != std::string::npos);
  const auto json = nlohmann::json::parse(write("3", "nodes.json"));
  CHECK(json.size() == 9);
  CHECK(json[1]["STATE"] == "HEALTHY");
  write("3", "nodes.json");
  CHECK(watched.canvas.has("nodes.json"));
  CHECK(json == nlohmann::json::parse(contents(folder.path / "nodes.json")));  // what is there is not overwritten
  write("3", "nodes.txt");
  CHECK(watched.canvas.has(".csv or .json"));
  write("3", "nodes.pcapng");
  CHECK(watched.canvas.has("screen of packets"));
  watched.press("e");
  CHECK(watched.canvas.has("export to: lcwatch-nodes-20260921T141323Z.csv"));
  watched.press(KeyCode::kEscape);
}

TEST_CASE("A server that has said nothing yet is a screen like any other", "[lcwatch][console]") {
  Watched watched(80, 24, true, {"noc", "lab"});
  watched.draw();
  for (const char tab : std::string("123456?")) watched.press(std::string(1, tab));
  CHECK(watched.canvas.has("noc, lab"));
  watched.press("3sdfx");
  watched.press(KeyCode::kEnter);
  watched.press("5edDf");
  watched.press(KeyCode::kEnter);
  CHECK(watched.remote.operations == 0);
}

TEST_CASE("Random keys and updates find nothing", "[lcwatch][console]") {
  std::mt19937 random(20260921);
  Watched watched(80, 24, true, {"noc", "lab"}, {});
  watched.fill();
  const std::string letters = "jkgGnNsdfrctoxeaDmy123456?/<>: tqibEi\xc3\xa9";
  std::uint64_t packets = 100;
  for (int step = 0; step < 6'000; ++step) {
    switch (random() % 16) {
      case 0:
        watched.take(TreeCame{.server = random() % 2, .tree = random() % 3 == 0 ? tree("noc", {"h1"}) : some_tree()});
        break;
      case 1: {
        PacketsCame came = some_packets(packets + 1, random() % 30);
        packets += came.packets.size();
        came.server = random() % 2;
        watched.take(std::move(came));
        break;
      }
      case 2:
        watched.take(
            some_call("c" + std::to_string(random() % 9), random() % 2 == 0 ? "active" : "ended", random() % 2 == 0));
        break;
      case 3:
        watched.take(CallGone{.server = 0, .id = "c" + std::to_string(random() % 9)});
        break;
      case 4:
        if (random() % 2 == 0) watched.take(CallsBegin{});
        watched.take(CallsComplete{});
        break;
      case 5:
        watched.take(StreamChanged{.server = random() % 2,
                                   .stream = kStreams[random() % 3],
                                   .up = random() % 2 == 0,
                                   .reason = "\x1b[2J",
                                   .retry_at = watched.now.steady + std::chrono::seconds(3)});
        break;
      case 6:
        watched.take(some_filters(random() % 2 == 0 ? fleet::NodePath{} : fleet::NodePath{"east"}));
        break;
      case 7:
        if (watched.remote.operations > 0) {
          watched.take(OperationDone{.operation = 1 + random() % watched.remote.operations,
                                     .status = random() % 2 == 0 ? Status() : Error{Code::kInternal, "no"}});
        }
        break;
      case 8:
        watched.take(some_figures({}, {"h1", "h2"}, random() % 100));
        watched.pass(std::chrono::seconds(1));
        break;
      case 9:
        watched.canvas.resize(static_cast<int>(1 + random() % 140), static_cast<int>(1 + random() % 50));
        watched.draw();
        break;
      default: {
        Key key{static_cast<KeyCode>(random() % (static_cast<unsigned>(KeyCode::kWheelDown) + 1)),
                static_cast<unsigned char>(letters[random() % letters.size()]), static_cast<int>(random() % 90),
                static_cast<int>(random() % 30)};
        // Nothing is to be written here: a prompt for a file name is left at once, other text is typed.
        if (key.code == KeyCode::kEnter && watched.canvas.has("export")) key.code = KeyCode::kEscape;
        if (random() % 2 == 0) key.code = KeyCode::kCharacter;
        watched.console.key(key, watched.now);
        watched.draw();
      }
    }
  }
  watched.canvas.resize(80, 24);
  watched.draw();
  CHECK(watched.canvas.has("lcwatch"));
}
