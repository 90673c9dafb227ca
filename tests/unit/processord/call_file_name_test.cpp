#include "processord/engine/call_file_name.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <random>
#include <set>
#include <string>
#include <tuple>

#include "tests/unit/capture/capture_judges.h"

using namespace lc;
using namespace lc::processor;

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000'000;  // date -u -d @1700000000: 2023-11-14 22:13:20

CallLabel call(const std::string& id, const std::string& from = "alice", const std::string& to = "bob") {
  return {.number = 1, .call_id = id, .from = from, .to = to, .start_ns = kStart};
}

std::string name_of(const std::string& pattern, const CallLabel& label) {
  const Result<CallFileName> name = CallFileName::parse(pattern);
  REQUIRE(name);
  return name->name_for(label);
}

}  // namespace

TEST_CASE("A call's file is named as its pattern says", "[call_file_name]") {
  CHECK(CallFileName().name_for(call("a84b4c76e66710@pc33.example.com")) ==
        "20231114T221320Z_a84b4c76e66710@pc33.example.com");
  CHECK(name_of("{timestamp}_{callid}", call("x")) == CallFileName().name_for(call("x")));
  CHECK(name_of("calls-{from}-{to}+{callid}", call("1@h")) == "calls-alice-bob+1@h");
  CHECK(name_of("{from}", call("1", "")) == "_");
  CHECK(name_of("{from}{to}", call("1", "alice", "")) == "alice");
}

TEST_CASE("Whatever a Call-ID is, the name is safe for folders, shells, terminals and Windows", "[call_file_name]") {
  const auto [id, expected] = GENERATE(table<std::string, std::string>({
      {"../../etc/passwd", "_.._.._etc_passwd"},
      {"..", "_.."},
      {"-rf", "_-rf"},
      {".hidden", "_.hidden"},
      {"a b\tc\n\x1b[31m\x7f", "a_b_c___31m_"},
      {"$(reboot)`id`;&|<>*?\"'\\!#~%{}[]:^=,", "__reboot__id_______________________"},
      {std::string("nul\0byte", 8), "nul_byte"},
      {"con", "_con"},
      {"LPT1.txt", "_LPT1.txt"},
      {"console", "console"},
      {"\xff\xfe\xc3(", "____"},
      {"grün", "gr__n"},
  }));
  CHECK(name_of("{callid}", call(id)) == expected);
}

TEST_CASE("However long values are, names are short enough and stay apart", "[call_file_name]") {
  std::string id(4096, 'x');
  std::set<std::string> names;
  for (int n = 0; n < 100; ++n) {
    id.back() = static_cast<char>('!' + n % 90);
    id[2000] = static_cast<char>('!' + n / 90);
    const std::string name = name_of("{from}_{timestamp}_{callid}_{to}", call(id, id, id));
    CHECK(name.size() <= 181);
    CHECK(name.find("_20231114T221320Z_") != std::string::npos);
    names.insert(name);
  }
  CHECK(names.size() == 100);
}

TEST_CASE("A pattern that can't name files is refused with the position", "[call_file_name]") {
  const auto [pattern, told] = GENERATE(table<std::string, std::string>({
      {"{timestamp}_{call-id}",
       "unknown placeholder {call-id}, choose from {callid}, {from}, {to}, {timestamp} at character 13"},
      {"a{from", "a { that is not closed at character 2"},
      {"{from}/{to}", "at character 7"},
      {"a b", "at character 2"},
      {"{from}}", "at character 7"},
      {".{from}", "can't begin with a dot or a dash at character 1"},
      {"", "no name at character 1"},
      {std::string(200, 'x'), "too long at character 200"},
      {"{callid}{callid}{callid}{callid}{callid}{callid}", "too long"},
  }));
  const Result<CallFileName> name = CallFileName::parse(pattern);
  REQUIRE_FALSE(name);
  CHECK(name.error().code == Code::kInvalidArgument);
  CHECK_THAT(name.error().text, Catch::Contains(told));
}

TEST_CASE("A name that was given is known again, and others' names are not", "[call_file_name]") {
  std::mt19937 random(Catch::rngSeed());
  for (const std::string pattern : {"{timestamp}_{callid}", "{from}-{to}_{timestamp}", "x{callid}{timestamp}y"}) {
    const Result<CallFileName> name = CallFileName::parse(pattern);
    REQUIRE(name);
    CHECK(name->has_time());
    for (int n = 0; n < 200; ++n) {
      std::string id;
      for (auto length = random() % 300; length > 0; --length) id += static_cast<char>(random());
      for (const std::string behind : {".pcapng", "_sip.pcap", "_rtp-RAW_2.pcap", "_17.pcapng"}) {
        CHECK(name->matches(name->name_for(call(id, id, "bob")) + behind));
      }
    }
    for (const std::string other : {"notes.pcap", "20231114T221320.pcap", "2023111_T221320Z_x.pcap",
                                    "../20231114T221320Z_", "my capture 20231114T221320Z_x.pcap"}) {
      INFO(pattern << " " << other);
      CHECK_FALSE(name->matches(other));
    }
  }
  CHECK_FALSE(CallFileName::parse("{callid}")->has_time());
}
