// RFC 7989 (Session-ID), RFC 7329, RFC 7315 (P-Charging-Vector); what belongs together in the captures is what tshark
// shows of their tags and headers.
#include "common/calls/call_groups.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "common/capture/file_source.h"
#include "common/packet/decode.h"
#include "tests/support/sip_packets.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::test;

namespace {

constexpr std::string_view kAlice = "ab30317f1a784dc48ff824d0d3715d86";  // RFC 7989 section 10.1
constexpr std::string_view kBob = "47755a9de7794ba387653f2099600ef2";
constexpr std::string_view kNil = "00000000000000000000000000000000";

/// Calls by Call-ID.
struct Groups {
  explicit Groups(std::vector<std::string> suffixes = {}) : groups(std::move(suffixes)) {}

  GroupId note(const sip::Message& message) {
    const auto [found, is_new] = calls.try_emplace(std::string(message.call_id), next);
    if (is_new) ++next;
    return groups.note(found->second, message);
  }
  GroupId note(const std::string& call_id, const std::string& headers, const std::string& from_tag = "",
               const std::string& to_tag = "") {
    const std::string text = "OPTIONS sip:a@example.org SIP/2.0\r\nCall-ID: " + call_id +
                             "\r\nFrom: <sip:a@example.org>" + (from_tag.empty() ? "" : ";tag=" + from_tag) +
                             "\r\nTo: <sip:b@example.org>" + (to_tag.empty() ? "" : ";tag=" + to_tag) + "\r\n" +
                             headers + (headers.empty() ? "" : "\r\n") + "\r\n";
    const Bytes bytes = bytes_of(text);
    sip::Message message;
    REQUIRE(sip::parse_message(bytes, message));
    return note(message);
  }
  [[nodiscard]] GroupId of(const std::string& call_id) const { return groups.of(calls.at(call_id)); }
  [[nodiscard]] bool are_one(const std::string& one, const std::string& other) const { return of(one) == of(other); }
  void remove(const std::string& call_id) {
    groups.remove(calls.at(call_id));
    calls.erase(call_id);
  }
  /// Each group's Call-IDs.
  [[nodiscard]] std::set<std::set<std::string>> parts() const {
    std::map<GroupId, std::set<std::string>> by_group;
    for (const auto& [call_id, call] : calls) by_group[groups.of(call)].insert(call_id);
    std::set<std::set<std::string>> parts;
    for (auto& [group, call_ids] : by_group) {
      CHECK(groups.legs(group).size() == call_ids.size());
      parts.insert(call_ids);
    }
    CHECK(groups.groups() == parts.size());
    return parts;
  }

  CallGroups groups;
  std::map<std::string, CallIndex> calls;
  CallIndex next = 0;
};

std::string session_id(std::string_view local, std::string_view remote) {
  return "Session-ID: " + std::string(local) + ";remote=" + std::string(remote);
}

}  // namespace

TEST_CASE("Calls with nothing in common are groups of their own", "[call_groups]") {
  Groups groups;
  const GroupId one = groups.note("one", "", "a", "b");
  const GroupId other = groups.note("other", "", "c", "d");
  CHECK(one != other);
  CHECK(one != kNoGroup);
  CHECK(groups.note("one", "", "a", "b") == one);
  CHECK(groups.groups.legs(one).size() == 1);
  CHECK(groups.groups.of(99) == kNoGroup);
  CHECK(groups.groups.legs(99).empty());
}

TEST_CASE("Two tags join, in either order, one of them does not", "[call_groups]") {
  Groups groups;
  groups.note("one", "", "a", "b");
  groups.note("both", "", "b", "a");
  groups.note("first only", "", "a");
  groups.note("another", "", "a", "c");
  groups.note("none", "");
  groups.note("none either", "");
  CHECK(groups.parts() ==
        std::set<std::set<std::string>>{{"one", "both"}, {"first only"}, {"another"}, {"none"}, {"none either"}});
}

TEST_CASE("A border controller's prefix does not keep tags apart", "[call_groups]") {
  Groups groups;
  groups.note("outside", "", "SD4909701-00e9d478", "6172");
  groups.note("inside", "", "00e9d478", "SD4909799-6172");
  groups.note("another", "", "SD4909701-00e9d478", "6173");
  groups.note("short", "", "SD4909701-", "6172");
  CHECK(groups.parts() == std::set<std::set<std::string>>{{"outside", "inside"}, {"another"}, {"short"}});
}

TEST_CASE("The two UUIDs of a Session-ID join in either order, a nil one never", "[call_groups]") {
  Groups groups;
  groups.note("one", session_id(kAlice, kNil));
  groups.note("other", session_id(kAlice, kNil));
  groups.note("answer", session_id(kNil, kAlice));
  CHECK(groups.parts().size() == 3);
  groups.note("one", session_id(kBob, kAlice));
  groups.note("other", "session-id : " + std::string(kAlice) + " ; remote=" + std::string(kBob));
  CHECK(groups.are_one("one", "other"));
  groups.note("unrelated", session_id(kBob, kNil));
  groups.note("nothing", session_id(kNil, kNil));
  groups.note("nothing else", session_id(kNil, kNil));
  CHECK(groups.parts() ==
        std::set<std::set<std::string>>{{"one", "other"}, {"answer"}, {"unrelated"}, {"nothing"}, {"nothing else"}});
}

TEST_CASE("A Session-ID of a single value joins, as before RFC 7989", "[call_groups]") {
  Groups groups;
  groups.note("one", "Session-ID: " + std::string(kAlice));
  groups.note("other", "Session-ID: " + std::string(kAlice) + ";x=y");
  groups.note("nil", "Session-ID: " + std::string(kNil));
  groups.note("nil too", "Session-ID: " + std::string(kNil));
  groups.note("empty", "Session-ID: ");
  groups.note("empty too", "Session-ID: ;x");
  CHECK(groups.parts() ==
        std::set<std::set<std::string>>{{"one", "other"}, {"nil"}, {"nil too"}, {"empty"}, {"empty too"}});
}

TEST_CASE("X-CID and X-Call-ID name the other leg, or all name the same", "[call_groups]") {
  Groups groups;
  groups.note("leg 1", "");
  groups.note("leg 2", "X-CID: leg 1");
  CHECK(groups.are_one("leg 1", "leg 2"));
  groups.note("leg b", "x-call-id: leg a");  // before the one that it names
  groups.note("leg a", "");
  CHECK(groups.are_one("leg a", "leg b"));
  groups.note("first", "X-CID: of the call");
  groups.note("second", "X-Call-ID: of the call");
  CHECK(groups.are_one("first", "second"));
  groups.note("zero", "X-CID: 0");
  groups.note("zero too", "X-CID: 0");
  groups.note("empty", "X-CID:");
  groups.note("empty too", "X-CID: ");
  groups.note("other header", "X-CIDR: leg 1");
  CHECK(groups.parts().size() == 8);
}

TEST_CASE("The icid of P-Charging-Vector joins, quoted or not", "[call_groups]") {
  Groups groups;
  groups.note("one", "P-Charging-Vector: icid-value=1234bc9876e;icid-generated-at=192.0.6.8;orig-ioi=home1.net");
  groups.note("other", "P-Charging-Vector: orig-ioi=home2.net; icid-value=\"1234bc9876e\"");
  groups.note("another", "P-Charging-Vector: icid-value=1234bc9876f;orig-ioi=home1.net");
  groups.note("none", "P-Charging-Vector: orig-ioi=home1.net");
  groups.note("none too", "P-Charging-Vector: icid-value=;orig-ioi=home1.net");
  CHECK(groups.parts() == std::set<std::set<std::string>>{{"one", "other"}, {"another"}, {"none"}, {"none too"}});
}

TEST_CASE("Call-IDs join without the suffixes of the settings, and only by those", "[call_groups]") {
  Groups groups({"_b2b-", "~leg", ""});
  groups.note("abc@host", "");
  groups.note("abc@host_b2b-1", "");
  groups.note("abc@host_b2b-12_b2b-1", "");
  groups.note("abc@host~leg", "");
  groups.note("abc@host~legs", "");
  groups.note("abc@host_b2b-x", "");
  groups.note("_b2b-1", "");
  groups.note("_b2b-2", "");
  groups.note("other", "X-CID: abc@host_b2b-7");
  CHECK(groups.parts() == std::set<std::set<std::string>>{
                              {"abc@host", "abc@host_b2b-1", "abc@host_b2b-12_b2b-1", "abc@host~leg", "other"},
                              {"abc@host~legs"},
                              {"abc@host_b2b-x"},
                              {"_b2b-1"},
                              {"_b2b-2"}});
  Groups plain;
  plain.note("abc", "");
  plain.note("abc_b2b-1", "");
  CHECK(plain.parts().size() == 2);
}

TEST_CASE("When groups turn out to be one, the oldest remains and the others are told", "[call_groups]") {
  Groups groups;
  const GroupId first = groups.note("1", "", "a", "b");
  const GroupId second = groups.note("2", "", "c", "d");
  const GroupId third = groups.note("3", "P-Charging-Vector: icid-value=x");
  CHECK(groups.groups.merged().empty());
  CHECK(groups.note("2", "P-Charging-Vector: icid-value=x", "c", "d") == second);
  CHECK(std::ranges::equal(groups.groups.merged(), std::vector{third}));
  CHECK(groups.note("3", "X-CID: 1") == first);
  CHECK(std::ranges::equal(groups.groups.merged(), std::vector{second}));
  CHECK(groups.groups.legs(second).empty());
  CHECK(groups.groups.legs(third).empty());
  CHECK(std::ranges::equal(groups.groups.legs(first), std::vector<CallIndex>{0, 1, 2}));
  // A call that joins with its first message was no group of its own that anybody knew.
  CHECK(groups.note("4", "X-CID: 1") == first);
  CHECK(groups.groups.merged().empty());
}

TEST_CASE("A call that goes takes its keys along, and its legs stay one call", "[call_groups]") {
  Groups groups;
  groups.note("a", "", "1", "2");
  groups.note("b", "P-Charging-Vector: icid-value=x", "1", "2");
  groups.note("c", "P-Charging-Vector: icid-value=x");
  const GroupId group = groups.of("a");
  groups.remove("b");
  CHECK(groups.parts() == std::set<std::set<std::string>>{{"a", "c"}});
  groups.remove("a");
  groups.remove("c");
  groups.groups.remove(0);
  groups.groups.remove(77);
  CHECK(groups.groups.groups() == 0);
  CHECK(groups.groups.keys() == 0);
  CHECK(groups.groups.legs(group).empty());
  // The index of a call that is gone may be another's.
  groups.next = 0;
  CHECK(groups.note("new", "", "1", "2") > group);
}

TEST_CASE("What thousands have in common joins none of them", "[call_groups]") {
  const std::string constant =
      GENERATE("P-Charging-Vector: icid-value=always", "X-Call-ID: gateway", "Session-ID: 1;remote=2");
  CAPTURE(constant);
  Groups groups;
  const auto name = [](int leg, int call) { return std::to_string(call) + (leg == 0 ? "-a" : "-b"); };
  std::set<GroupId> known;
  for (int call = 0; call < 1000; ++call) {
    for (int leg = 0; leg < 2; ++leg) {
      known.insert(groups.note(name(leg, call), constant, "from" + std::to_string(call), "to" + std::to_string(call)));
      for (const GroupId group : groups.groups.merged()) CHECK(known.erase(group) == 1);
      for (const GroupId group : groups.groups.parted()) CHECK(known.insert(group).second);
    }
  }
  // Whoever listens knows the groups that there are.
  CHECK(known.size() == groups.groups.groups());
  const auto parts = groups.parts();
  CHECK(parts.size() == 1000);
  for (int call = 0; call < 1000; ++call) CHECK(parts.contains({name(0, call), name(1, call)}));
  for (int call = 0; call < 1000; ++call) {
    groups.remove(name(0, call));
    groups.remove(name(1, call));
  }
  CHECK(groups.groups.keys() == 0);
}

TEST_CASE("A call that names ever new keys keeps a few, and a group has at most sixteen legs", "[call_groups]") {
  Groups groups;
  for (int i = 0; i < 1000; ++i) groups.note("one", "X-CID: v" + std::to_string(i), "a", "b" + std::to_string(i));
  CHECK(groups.groups.keys() == CallGroups::kMostKeys);
  for (int i = 0; i < 1000; ++i) {
    groups.note("chain" + std::to_string(i + 1), "X-CID: chain" + std::to_string(i));
    CHECK(groups.groups.legs(groups.of("chain" + std::to_string(i + 1))).size() <= CallGroups::kMostLegs);
  }
}

TEST_CASE("Any order of the messages gives the same groups", "[call_groups]") {
  struct Said {
    std::string call_id, headers, from_tag, to_tag;
  };
  const auto seed = GENERATE(range(1U, 31U));
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto below = [&random](unsigned end) { return static_cast<unsigned>(random() % end); };
  std::vector<Said> messages;
  std::set<std::set<std::string>> expected;
  for (unsigned call = 0; call < 30; ++call) {
    const std::string number = std::to_string(call);
    std::set<std::string> legs;
    const unsigned count = 1 + below(5);
    for (unsigned leg = 0; leg < count; ++leg) {
      const std::string id = "call" + number + "-" + std::to_string(leg);
      legs.insert(id);
      const std::string own_tag = id + "-from";
      messages.push_back({id, "P-Charging-Vector: icid-value=of-everybody", own_tag, ""});
      messages.push_back({id, "", own_tag, id + "-to"});
      if (leg == 0) continue;
      // Tied to an earlier leg by one of the rules, in a message of each.
      const std::string other = "call" + number + "-" + std::to_string(below(leg));
      const std::string tie = other + "+" + id;
      switch (below(5)) {
        case 0:
          messages.push_back({id, "X-CID: " + other, own_tag, ""});
          break;
        case 1:
          messages.push_back({id, session_id(tie, other), own_tag, ""});
          messages.push_back({other, session_id(other, tie), "", ""});
          break;
        case 2:
          messages.push_back({id, "P-Charging-Vector: icid-value=" + tie, own_tag, ""});
          messages.push_back({other, "P-Charging-Vector: icid-value=" + tie, "", ""});
          break;
        case 3:
          messages.push_back({id, "", tie, "t"});
          messages.push_back({other, "", "t", tie});
          break;
        default:
          messages.push_back({id, "Session-ID: " + tie, own_tag, ""});
          messages.push_back({other, "Session-ID: " + tie, "", ""});
          break;
      }
    }
    expected.insert(legs);
  }
  for (int round = 0; round < 5; ++round) {
    Groups groups;
    for (const Said& one : messages) groups.note(one.call_id, one.headers, one.from_tag, one.to_tag);
    CHECK(groups.parts() == expected);
    std::shuffle(messages.begin(), messages.end(), random);
  }
}

namespace {

/// The groups of the dialogs with an INVITE, of SIP in UDP in a capture; false when there are no captures here.
bool groups_of(const std::string& name, std::set<std::set<std::string>>& parts) {
  const char* const folder = std::getenv("LC_SHARED_CAPTURES");
  if (folder == nullptr || !std::filesystem::exists(std::filesystem::path(folder) / name)) {
    WARN("skipped: LC_SHARED_CAPTURES does not name a folder with " << name);
    return false;
  }
  auto source = capture::FileSource::open(std::filesystem::path(folder) / name, {});
  REQUIRE(source);
  Groups groups;
  std::set<std::string> invited;
  const capture::PacketConsumer look = [&](const packet::PacketView& frame) {
    const packet::Decoded decoded = packet::decode((*source)->link_type(), {frame.data, frame.captured});
    sip::Message message;
    if (!decoded.ip.has_transport || !sip::begins_message(decoded.ip.payload)) return;
    if (!sip::parse_message(decoded.ip.payload, message)) return;
    groups.note(message);
    if (message.method == "INVITE" || message.method == "BYE") invited.insert(std::string(message.call_id));
  };
  while ((*source)->dispatch(1000, look).state == capture::ReadState::kReading) {
  }
  for (const std::set<std::string>& part : groups.parts()) {
    if (std::ranges::any_of(part, [&](const std::string& id) { return invited.contains(id); })) parts.insert(part);
  }
  return true;
}

}  // namespace

TEST_CASE("A border controller's two legs are one call in a real capture", "[call_groups]") {
  // tshark: the tags are 00e9d478 and 6172..., with SD4909701- and SD4909799- before one of them on each side. In the
  // answer to the BYE somebody replaced the Call-ID; its tags are the first leg's.
  std::set<std::set<std::string>> parts;
  if (!groups_of("sip-b2bua-t38-fax-megaco.pcap", parts)) return;
  CHECK(parts == std::set<std::set<std::string>>{{"00e9d4a500e9d48-0015-0001-0000-0000@10.35.40.25",
                                                  "SD4909701-9ff11bf72eb4a347c92974d8fbbc2668-ao8o3i1",
                                                  "1111-2222-3333-4444@1.1.1.1"}});
}

TEST_CASE("Legs that share no tags and no header stay apart in a real capture", "[call_groups]") {
  // tshark: Asterisk gives each leg its own tags, and none of the headers.
  std::set<std::set<std::string>> parts;
  if (!groups_of("sip-b2bua-asterisk.pcapng", parts)) return;
  CHECK(parts == std::set<std::set<std::string>>{{"M2Q0ZDc1ZGM1NzIyMTlhZTA3NDU3NTgzMzA5YmJmZWQ."},
                                                 {"37686afc57ce24ac655742b3644a7bb8@172.16.98.101:5060"}});
}

TEST_CASE("The 1,334 dialogs of a load generator are no one's legs", "[call_groups]") {
  std::set<std::set<std::string>> parts;
  if (!groups_of("sip-1334-dialogs-nanosecond.pcapng", parts)) return;
  CHECK(parts.size() == 1334);
}
