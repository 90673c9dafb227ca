// Random messages, cut at random, doubled, resent with other limits, put out of order, some lost, on several streams at
// a time, against a model that knows where each message lies: each message whose bytes came in time is delivered once,
// with the frames that brought its bytes so far, and each later frame with bytes of it is told as a repetition.
#include <algorithm>
#include <catch2/catch.hpp>
#include <deque>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/packet/tcp_streams.h"

namespace {

using lc::packet::FrameId;
using lc::packet::Framing;
using lc::packet::IpPacket;
using lc::packet::StreamEnds;
using lc::packet::TcpStreams;
using Bytes = std::span<const std::uint8_t>;

constexpr std::int64_t kMs = 1'000'000;

std::string_view text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// "<", lower-case letters, ">", with anything but "<" between messages.
bool begins(Bytes bytes) {
  return bytes[0] == '<';
}
Framing frame(Bytes bytes) {
  if (bytes[0] != '<') return {Framing::Kind::kSkip, std::min(text(bytes).find('<'), bytes.size())};
  const std::size_t end = text(bytes).find('>');
  if (end == std::string_view::npos) return {Framing::Kind::kMore};
  return {Framing::Kind::kMessage, end + 1};
}

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] bool meets(const Range& other) const { return begin < other.end && other.begin < end; }
};

struct Sent {
  Range range;
  FrameId frame = 0;
};

class Model final : public TcpStreams::Sink {
 public:
  struct Stream {
    std::uint32_t first_sequence = 0;
    std::string bytes;
    std::vector<Range> messages;
    std::vector<bool> has_byte;
    std::vector<Sent> sent;
    std::vector<int> delivered;                               // per message
    std::deque<std::size_t> remembered;                       // the last 16 delivered
    std::multiset<std::pair<FrameId, std::size_t>> repeated;  // in this call of add()
  };

  explicit Model(unsigned seed) : random(seed) {
    for (Stream& stream : streams) make(stream);
  }

  std::size_t below(std::size_t bound) { return random() % bound; }

  void make(Stream& stream) {
    stream.first_sequence = static_cast<std::uint32_t>(random());
    if (below(2) == 0) stream.first_sequence = 0U - static_cast<std::uint32_t>(below(2000));
    for (std::size_t count = 1 + below(60); count > 0; --count) {
      const std::size_t begin = stream.bytes.size();
      const std::size_t size = below(4) == 0 ? below(600) : below(30);
      stream.bytes += '<' + std::string(size, static_cast<char>('a' + below(26))) + '>';
      stream.messages.push_back({begin, stream.bytes.size()});
      if (below(3) == 0) stream.bytes += std::string(below(20), '-');
    }
    stream.has_byte.resize(stream.bytes.size());
    stream.delivered.resize(stream.messages.size());
  }

  /// What happens on the wire: ranges in the order of their arrival.
  std::vector<Range> arrivals(const Stream& stream) {
    std::vector<std::pair<std::size_t, Range>> timed;
    const std::size_t typical = 6 + below(300);  // a message of hundreds of tiny segments would be given up
    std::size_t place = 0;
    for (std::size_t at = 0; at < stream.bytes.size();) {
      const std::size_t end = std::min(stream.bytes.size(), at + 1 + below(typical));
      const Range range{at, end};
      const std::size_t now = place++ * 10;
      const std::size_t delay = at != 0 && below(5) == 0 ? below(120) : 0;
      if (at == 0 || below(25) != 0) timed.emplace_back(now + delay, range);
      if (below(8) == 0) timed.emplace_back(now + 1 + below(200), range);
      if (below(8) == 0) {  // resent in another segment
        const std::size_t from = end - std::min(end, below(400));
        timed.emplace_back(now + 1 + below(200), Range{from, std::min(stream.bytes.size(), end + below(20))});
      }
      at = end;
    }
    std::stable_sort(timed.begin(), timed.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<Range> ranges;
    for (const auto& [when, range] : timed) {
      if (range.begin < range.end) ranges.push_back(range);
    }
    // A stream begins with what is recognised first.
    const auto first = std::find_if(ranges.begin(), ranges.end(), [](const Range& r) { return r.begin == 0; });
    std::rotate(ranges.begin(), first, first + 1);
    return ranges;
  }

  void send(TcpStreams& tcp, std::uint8_t host, const Range& range, std::int64_t now_ns) {
    Stream& stream = streams[host];
    IpPacket ip;
    ip.version = 4;
    ip.protocol = 6;
    ip.has_ports = ip.has_transport = true;
    ip.source = lc::packet::IpAddress(std::array<std::uint8_t, 4>{10, 0, 0, host});
    ip.tcp.sequence = stream.first_sequence + static_cast<std::uint32_t>(range.begin);
    const std::vector<std::uint8_t> payload(stream.bytes.begin() + static_cast<std::ptrdiff_t>(range.begin),
                                            stream.bytes.begin() + static_cast<std::ptrdiff_t>(range.end));
    ip.payload = payload;

    current = ++last_frame;
    stream.sent.push_back({range, current});
    std::fill(stream.has_byte.begin() + static_cast<std::ptrdiff_t>(range.begin),
              stream.has_byte.begin() + static_cast<std::ptrdiff_t>(range.end), true);
    std::multiset<std::pair<FrameId, std::size_t>> repeats;
    for (const std::size_t message : stream.remembered) {
      if (stream.messages[message].meets(range)) repeats.emplace(current, message);
    }
    stream.repeated.clear();
    const bool is_kept = tcp.add(ip, current, now_ns);
    if (is_kept) REQUIRE(kept.insert(current).second);
    current = 0;
    REQUIRE(stream.repeated == repeats);
  }

  std::uint32_t message(std::size_t, const StreamEnds& ends, Bytes bytes, std::span<const FrameId> frames) override {
    const std::uint8_t host = ends.source.bytes()[3];
    Stream& stream = streams[host];
    const Range range = range_of(stream, bytes, frames);
    const auto found = std::find_if(stream.messages.begin(), stream.messages.end(),
                                    [&](const Range& r) { return r.begin == range.begin && r.end == range.end; });
    REQUIRE(found != stream.messages.end());
    const auto index = static_cast<std::size_t>(found - stream.messages.begin());
    REQUIRE(++stream.delivered[index] == 1);

    std::vector<Sent> carriers;
    for (const Sent& sent : stream.sent) {
      if (sent.range.meets(range)) carriers.push_back(sent);
    }
    std::stable_sort(carriers.begin(), carriers.end(),
                     [](const Sent& a, const Sent& b) { return a.range.begin < b.range.begin; });
    std::vector<FrameId> expected;
    std::vector<FrameId> got(frames.begin(), frames.end());
    for (const Sent& sent : carriers) expected.push_back(sent.frame);
    for (const FrameId id : got) REQUIRE((id == current || kept.contains(id)));
    std::sort(expected.begin(), expected.end());
    std::sort(got.begin(), got.end());
    REQUIRE(got == expected);

    stream.remembered.push_back(index);
    if (stream.remembered.size() > 16) stream.remembered.pop_front();
    return static_cast<std::uint32_t>(host * 1000 + index);
  }

  void repeated(FrameId id, std::uint32_t answer) override {
    REQUIRE(id == current);
    streams[answer / 1000].repeated.emplace(id, answer % 1000);
  }

  void released(FrameId id) override {
    REQUIRE(id != current);
    REQUIRE(kept.erase(id) == 1);
  }

  std::array<Stream, 3> streams;
  std::set<FrameId> kept;
  FrameId current = 0;
  FrameId last_frame = 0;
  std::mt19937 random;

 private:
  /// Messages may look the same: it is the one that is carried by the frames, whole, and not delivered yet.
  static Range range_of(const Stream& stream, Bytes bytes, std::span<const FrameId> frames) {
    for (std::size_t i = 0; i < stream.messages.size(); ++i) {
      const Range& range = stream.messages[i];
      if (stream.delivered[i] != 0) continue;
      if (text(bytes) != std::string_view(stream.bytes).substr(range.begin, range.end - range.begin)) continue;
      const bool all_meet = std::all_of(frames.begin(), frames.end(), [&](FrameId id) {
        return std::any_of(stream.sent.begin(), stream.sent.end(),
                           [&](const Sent& sent) { return sent.frame == id && sent.range.meets(range); });
      });
      if (all_meet) return range;
    }
    return {};
  }
};

}  // namespace

TEST_CASE("Whatever way segments come, each message that came is delivered once, with its frames", "[tcp_streams]") {
  std::size_t delivered = 0;
  std::size_t lost = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    Model model(seed);
    TcpStreams tcp({{begins, frame, 64 * 1024}}, {}, model);
    std::array<std::vector<Range>, 3> arrivals;
    for (std::size_t i = 0; i < arrivals.size(); ++i) arrivals[i] = model.arrivals(model.streams[i]);
    std::array<std::size_t, 3> at{};
    std::int64_t now_ns = 1'700'000'000'000 * kMs;
    // Slow: gaps end by time while segments come; none comes later than the limit.
    const std::int64_t step_ns = seed % 2 == 0 ? kMs / 100 : 4 * kMs;
    for (;;) {
      std::vector<std::uint8_t> open;
      for (std::uint8_t i = 0; i < arrivals.size(); ++i) {
        if (at[i] < arrivals[i].size()) open.push_back(i);
      }
      if (open.empty()) break;
      const std::uint8_t i = open[model.below(open.size())];
      model.send(tcp, i, arrivals[i][at[i]++], now_ns += step_ns);
      if (model.below(10) == 0) tcp.expire(now_ns);
    }
    tcp.expire(std::numeric_limits<std::int64_t>::max());
    REQUIRE(model.kept.empty());
    for (const Model::Stream& stream : model.streams) {
      for (std::size_t i = 0; i < stream.messages.size(); ++i) {
        const auto byte = stream.has_byte.begin();
        const bool came =
            std::all_of(byte + static_cast<std::ptrdiff_t>(stream.messages[i].begin),
                        byte + static_cast<std::ptrdiff_t>(stream.messages[i].end), [](bool b) { return b; });
        INFO("message " << i);
        REQUIRE(stream.delivered[i] == (came ? 1 : 0));
        ++(came ? delivered : lost);
      }
    }
  }
  CHECK(delivered > 10'000);
  CHECK(lost > 500);
}
