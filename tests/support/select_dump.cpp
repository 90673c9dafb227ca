// What a selector forwards of a capture file, for tests that compare it with what other programs say of the file.
//
//   select_dump FILE < requests
//
// Each line of standard input is a JSON list of filters: {"id", "type" (a number), "pattern", "action"}. For each line
// it prints {"frames": {"N": ["id", ...]}, "sizes": {"N": captured}}, frames numbered from 1, in the order of
// forwarding.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: select_dump FILE < requests\n";
    return 2;
  }
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << select(argv[1], ordered_json::parse(line)).dump(-1, ' ', false, ordered_json::error_handler_t::replace)
              << '\n';
  }
  return 0;
}
