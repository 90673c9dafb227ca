// What a selector forwards of a capture file, for tests that compare it with what other programs say of the file.
//
//   select_dump FILE < requests
//
// Each line of standard input is a JSON list of filters: {"id", "type" (a number), "pattern", "action"}. For each line
// it prints {"frames": {"N": ["id", ...]}, "sizes": {"N": captured}}, frames numbered from 1, in the order of
// forwarding. For a line that says "calls" it prints {"frames": {"N": [call, ...]}, "calls": ["Call-ID", ...]}: what a
// sorter of every call says.
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "common/calls/call_sorter.h"
#include "common/calls/packet_clock.h"
#include "common/calls/selector.h"
#include "common/capture/file_source.h"
#include "common/packet/wire_format.h"

namespace {

using namespace lc;
using nlohmann::ordered_json;

std::vector<std::string> ids_of(std::span<const std::uint8_t> matched) {
  std::vector<std::string> ids;
  packet::wire_format::Reader reader(matched);
  while (!reader.done()) {
    std::uint32_t field = 0;
    packet::wire_format::WireType type{};
    std::span<const std::uint8_t> id;
    if (!reader.tag(field, type) || !reader.bytes(id)) break;
    ids.emplace_back(packet::wire_format::as_text(id));
  }
  return ids;
}

/// Knows frames by their original length, which is made their number; only BPF would look at it.
class Frames final : public calls::Outlet {
 public:
  void forward(const packet::PacketView& frame, const calls::Origin&, std::span<const std::uint8_t> matched) override {
    const std::string number = std::to_string(frame.original);
    if (frames.contains(number)) throw std::logic_error("frame " + number + " was forwarded twice");
    frames[number] = ids_of(matched);
    sizes[number] = frame.captured;
  }
  ordered_json frames = ordered_json::object();
  ordered_json sizes = ordered_json::object();
};

std::vector<fleet::Filter> filters_of(const ordered_json& request) {
  std::vector<fleet::Filter> filters;
  for (const auto& one : request) {
    fleet::Filter& filter = filters.emplace_back();
    filter.id = one.at("id");
    filter.type = static_cast<fleet::FilterType>(one.at("type").get<int>());
    filter.pattern = one.at("pattern");
    filter.enabled = true;
    filter.action = static_cast<fleet::CaptureAction>(one.value("action", 0));
  }
  return filters;
}

ordered_json select(const std::string& path, const ordered_json& request) {
  auto filters = filter::FilterSet::compile(filters_of(request), 1, 0);
  if (!filters) return {{"error", filters.error().text}};
  const bool numbered = !(*filters)->any_bpf();
  calls::Selector selector(calls::NoFilterPolicy::kNone);
  selector.use(std::move(*filters));
  selector.join();
  auto source = capture::FileSource::open(path, {});
  if (!source) return {{"error", source.error().text}};
  Frames outlet;
  std::uint32_t number = 0;
  {
    calls::Selector::Turn turn(selector, outlet);
    const capture::PacketConsumer look = [&](const packet::PacketView& frame) {
      packet::PacketView named = frame;
      if (numbered) named.original = ++number;
      turn.look(named, {0, (*source)->link_type()});
    };
    while ((*source)->dispatch(1000, look).state == capture::ReadState::kReading) {
    }
    turn.leave();
  }
  return {{"frames", outlet.frames}, {"sizes", outlet.sizes}, {"filtered", selector.filtered()}};
}

/// Knows frames by their number, and calls by the order in which they came.
class Calls final : public calls::CallSorter::Listener {
 public:
  bool signalling(const calls::Call& call, calls::CallIndex index, const sip::Message& message, const sip::Sdp*,
                  const calls::CallSorter::Context&) override {
    if (!calls::is_call(call, message)) return false;
    if (numbers.try_emplace(index, ids.size()).second) ids.push_back(call.id);
    return true;
  }
  calls::StreamMemo::Note media(calls::CallIndex, std::span<const std::uint8_t>, const calls::CallSorter::Context&,
                                calls::StreamMemo::Note note) override {
    return note;
  }
  void removed(calls::CallIndex index) override { numbers.erase(index); }
  void belongs(calls::Ticket frame, calls::CallIndex index, calls::CallSorter::Part) override {
    if (settled_frames.contains(frame)) throw std::logic_error("frame " + std::to_string(frame) + " was settled before");
    frames[frame].insert(numbers.at(index));
  }
  void expect(calls::StreamMemo::Note) override {}
  void settled(calls::Ticket frame) override {
    if (!settled_frames.insert(frame).second) throw std::logic_error("settled twice: " + std::to_string(frame));
  }

  std::map<calls::CallIndex, std::size_t> numbers;
  std::vector<std::string> ids;
  std::map<calls::Ticket, std::set<std::size_t>> frames;
  std::set<calls::Ticket> settled_frames;
};

ordered_json sort(const std::string& path) {
  auto source = capture::FileSource::open(path, {});
  if (!source) return {{"error", source.error().text}};
  Calls found;
  calls::CallSorter sorter(found);
  calls::PacketClock clock;
  calls::Ticket number = 0;
  const capture::PacketConsumer look = [&](const packet::PacketView& frame) {
    sorter.look(frame, (*source)->link_type(), 0, 0, clock.time_of(0, frame.timestamp_ns), ++number);
  };
  while ((*source)->dispatch(1000, look).state == capture::ReadState::kReading) {
  }
  sorter.finish();
  if (found.settled_frames.size() != number) throw std::logic_error("not every frame was settled");
  ordered_json frames = ordered_json::object();
  for (const auto& [frame, calls] : found.frames) frames[std::to_string(frame)] = calls;
  return {{"frames", frames}, {"calls", found.ids}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: select_dump FILE < requests\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    const ordered_json request = ordered_json::parse(line);
    const ordered_json answer = request == "calls" ? sort(argv[1]) : select(argv[1], request);
    std::cout << answer.dump(-1, ' ', false, ordered_json::error_handler_t::replace)
              << '\n';
  }
  return 0;
}
