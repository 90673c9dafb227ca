// Messages that are spread over several frames: fragments and TCP segments.
#include "tests/unit/calls/selector_rig.h"

using namespace lc;
using namespace lc::calls;
using namespace lc::calls::test;

namespace {

const Host kPhone{"10.0.0.1", 5060};
const Host kProxy{"10.0.0.2", 5060};

std::vector<Bytes> invite_in_fragments(const SipCall& call, std::uint16_t id) {
  return udp_fragments(kPhone, kProxy, bytes_of(call.invite_text()), 136, id);
}

/// A text as TCP segments of that size.
std::vector<Bytes> segments(const std::string& text, std::size_t size, std::uint32_t sequence = 1000) {
  std::vector<Bytes> frames;
  for (std::size_t at = 0; at < text.size(); at += size) {
    frames.push_back(tcp_frame(kPhone, kProxy, sequence + static_cast<std::uint32_t>(at),
                               bytes_of(std::string_view(text).substr(at, size))));
  }
  return frames;
}

SipCall carols() {
  SipCall call;
  call.id = "carols-call";
  call.caller = "carol";
  return call;
}

}  // namespace

TEST_CASE("All IP fragments of a wanted SIP message are forwarded, in any order of arrival", "[selector]") {
  Rig rig({user_filter("alice")});
  std::vector<Bytes> frames = invite_in_fragments(SipCall(), 1);
  REQUIRE(frames.size() >= 3);
  if (GENERATE(false, true)) std::swap(frames.front(), frames.back());
  for (const Bytes& frame : frames) rig.look(frame);
  CHECK(rig.forwarded.size() == frames.size());
  for (const Bytes& frame : invite_in_fragments(carols(), 2)) CHECK_FALSE(rig.got(rig.look(frame)));
  CHECK(rig.got(rig.look(SipCall().rtp_from_caller())));
  rig.leave();
}

TEST_CASE("Fragments of a message that waits for its call are forwarded with it", "[selector]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  Rig::Numbers expected;
  for (const Bytes& frame : invite_in_fragments(call, 1)) expected.push_back(rig.look(frame));
  expected.push_back(rig.look(call.answer(200, 1, "P-Asserted-Identity: <sip:vip@example.org>\r\n")));
  CHECK(rig.forwarded == expected);
  rig.leave();
}

TEST_CASE("Of a message whose last fragment is lost, the rest is forwarded by what it says", "[selector]") {
  Rig rig({user_filter("alice")});
  for (const SipCall& call : {SipCall(), carols()}) {
    std::vector<Bytes> frames = invite_in_fragments(call, call.caller == "alice" ? 1 : 2);
    frames.pop_back();
    for (const Bytes& frame : frames) rig.look(frame);
  }
  CHECK(rig.forwarded.empty());
  const std::size_t given = invite_in_fragments(SipCall(), 1).size() - 1;
  rig.pass(6);
  rig.look(numbered_call(1).rtp_from_caller());
  CHECK(rig.forwarded.size() == given);
  CHECK(rig.forwarded.front() == 1);
  rig.leave();
}

TEST_CASE("A BPF filter speaks of frames: it takes no fragment along, and a SIP match does", "[selector]") {
  // The last fragment alone has that size.
  const SipCall call;
  const std::vector<Bytes> wanted = invite_in_fragments(call, 1);
  const std::vector<Bytes> unwanted = invite_in_fragments(carols(), 2);
  const std::string last_only = "ip[6:2] & 0x2000 = 0 and ip[6:2] & 0x1fff != 0";
  Rig rig({user_filter("alice", "sip"), filter_of(FilterType::kBpf, last_only, "bpf")});
  for (const Bytes& frame : unwanted) rig.look(frame);
  rig.leave();
  CHECK(rig.forwarded == Rig::Numbers{static_cast<std::uint32_t>(unwanted.size())});
  CHECK(rig.ids[rig.forwarded.back()] == Rig::Ids{"bpf"});

  Rig both({user_filter("alice", "sip"), filter_of(FilterType::kBpf, last_only, "bpf")});
  for (const Bytes& frame : wanted) both.look(frame);
  both.leave();
  CHECK(both.forwarded.size() == wanted.size());
  for (const auto number : both.forwarded) {
    CHECK(both.ids[number].front() == "sip");
  }

  SECTION("a frame that BPF took at once is not forwarded again") {
    Rig first({user_filter("alice", "sip"), filter_of(FilterType::kBpf, "ip[6:2] & 0x1fff = 0", "bpf")});
    for (const Bytes& frame : wanted) first.look(frame);
    first.leave();
    CHECK(first.forwarded.size() == wanted.size());
    CHECK(first.ids[1] == Rig::Ids{"bpf"});
    CHECK(first.ids[2] == Rig::Ids{"sip"});
  }
}

TEST_CASE("An IP filter takes each fragment as it comes", "[selector]") {
  Rig rig({user_filter("zoe"), filter_of(FilterType::kIpAddress, "10.0.0.1", "host")});
  for (const Bytes& frame : invite_in_fragments(SipCall(), 1)) CHECK(rig.ids[rig.look(frame)] == Rig::Ids{"host"});
  rig.leave();
}

TEST_CASE("All TCP segments that carry a wanted message are forwarded, repeated ones too", "[selector]") {
  Rig rig({user_filter("alice")});
  const auto wanted = segments(SipCall().invite_text(), 150);
  const auto unwanted = segments(carols().invite_text(), 150, 5000);
  rig.look(tcp_frame(kPhone, kProxy, 999, {}, 2));  // SYN
  Rig::Numbers numbers;
  for (const Bytes& frame : wanted) numbers.push_back(rig.look(frame));
  CHECK(rig.forwarded == numbers);
  CHECK(rig.got(rig.look(wanted[0])));
  CHECK(rig.got(rig.look(wanted[1])));
  CHECK(rig.got(rig.look(SipCall().rtp_from_caller())));
  rig.leave();

  Rig other({user_filter("alice")});
  for (const Bytes& frame : unwanted) other.look(frame);
  other.look(unwanted[0]);
  CHECK_FALSE(other.got(other.look(carols().rtp_from_caller())));
  other.leave();
  CHECK(other.forwarded.empty());
}

TEST_CASE("A segment with the messages of two calls is forwarded once, and what is only another's is not",
          "[selector]") {
  Rig rig({user_filter("alice", "a"), user_filter("carol", "c")});
  const std::string alices = SipCall().invite_text();
  const std::string strangers = numbered_call(1).invite_text();
  const std::string text = alices + carols().invite_text() + strangers + strangers;
  const std::size_t half = alices.size() + 10;
  const auto first = rig.look(tcp_frame(kPhone, kProxy, 1000, bytes_of(text.substr(0, half))));
  const std::size_t end = text.size() - strangers.size();
  const auto second = rig.look(
      tcp_frame(kPhone, kProxy, 1000 + static_cast<std::uint32_t>(half), bytes_of(text.substr(half, end - half))));
  const auto third =
      rig.look(tcp_frame(kPhone, kProxy, 1000 + static_cast<std::uint32_t>(end), bytes_of(text.substr(end))));
  CHECK(rig.ids[first] == Rig::Ids{"a"});  // it was forwarded before carol's was whole
  CHECK(rig.ids[second] == Rig::Ids{"c"});
  CHECK_FALSE(rig.got(third));
  rig.leave();
}

TEST_CASE("Segments of a call that matches late are forwarded with it, in order", "[selector]") {
  Rig rig({user_filter("vip")});
  const SipCall call;
  Rig::Numbers expected;
  for (const Bytes& frame : segments(call.invite_text(), 150)) {
    expected.push_back(rig.look(frame));
    rig.pass(0.01);
  }
  const std::string answer = call.answer_text(200, 1, true, "P-Asserted-Identity: <sip:vip@example.org>\r\n");
  expected.push_back(rig.look(tcp_frame(kProxy, kPhone, 70, bytes_of(answer.substr(0, 200)))));
  expected.push_back(rig.look(tcp_frame(kProxy, kPhone, 270, bytes_of(answer.substr(200)))));
  CHECK(rig.forwarded == expected);
  rig.leave();
}

TEST_CASE("A connection that an HTTP filter matches is forwarded from there to its end", "[selector]") {
  Rig rig({filter_of(FilterType::kHttpHost, "wanted.example", "h")});
  const Host client{"10.0.0.7", 40'000};
  const Host server{"10.0.0.8", 80};
  const auto request = [](const std::string& host) { return bytes_of("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"); };
  CHECK(rig.ids[rig.look(tcp_frame(client, server, 10, request("wanted.example")))] == Rig::Ids{"h"});
  CHECK(rig.got(rig.look(tcp_frame(server, client, 10, Bytes(500, 'x')))));
  CHECK(rig.got(rig.look(tcp_frame(client, server, 90, {}, kTcpFin | kTcpAck))));
  CHECK(rig.got(rig.look(tcp_frame(server, client, 510, {}, kTcpFin | kTcpAck))));
  CHECK(rig.got(rig.look(tcp_frame(client, server, 91, {}))));
  rig.pass(3);
  rig.look(numbered_call(1).rtp_from_caller());
  CHECK_FALSE(rig.got(rig.look(tcp_frame(client, server, 500, Bytes(9, 'y')))));
  const Host another{"10.0.0.7", 40'001};
  CHECK_FALSE(rig.got(rig.look(tcp_frame(another, server, 10, request("other.example")))));

  SECTION("and no longer than its filter is there") {
    const Host third{"10.0.0.7", 40'002};
    rig.look(tcp_frame(third, server, 10, request("wanted.example")));
    CHECK(rig.got(rig.look(tcp_frame(server, third, 10, Bytes(5, 'x')))));
    rig.use({filter_of(FilterType::kHttpHost, "other.example", "h")});
    CHECK_FALSE(rig.got(rig.look(tcp_frame(server, third, 15, Bytes(5, 'x')))));
  }
  rig.leave();
}
