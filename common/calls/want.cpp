#include "common/calls/want.h"

#include "common/packet/wire_format.h"

namespace lc::calls {
namespace {

namespace wire_format = packet::wire_format;

std::string_view text_of(std::span<const std::uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

bool contains(std::span<const std::uint8_t> encoded, std::string_view id) {
  wire_format::Reader reader(encoded);
  while (!reader.done()) {
    std::uint32_t field = 0;
    wire_format::WireType type{};
    std::span<const std::uint8_t> known;
    if (!reader.tag(field, type) || !reader.bytes(known)) return false;
    if (text_of(known) == id) return true;
  }
  return false;
}

}  // namespace

MediaExtent extent_of(fleet::CaptureAction action) {
  switch (action) {
    case fleet::CaptureAction::kSignalling:
      return MediaExtent::kNone;
    case fleet::CaptureAction::kRtpHeaders:
      return MediaExtent::kHeaders;
    case fleet::CaptureAction::kFull:
      break;
  }
  return MediaExtent::kFull;
}

void Want::clear() {
  encoded.clear();
  media = MediaExtent::kNone;
}

void Want::add(std::string_view filter_id, MediaExtent extent) {
  media = std::max(media, extent);
  if (contains(encoded, filter_id)) return;
  const std::size_t before = encoded.size();
  encoded.resize(before + 2 + wire_format::varint_size(filter_id.size()) + filter_id.size());
  const std::uint8_t* const end = wire_format::put_bytes(encoded.data() + before, wire_format::kMatchedFilterIds,
                                                         filter_id.data(), filter_id.size());
  encoded.resize(static_cast<std::size_t>(end - encoded.data()));
}

void Want::add(const Want& other) {
  if (!any()) {
    *this = other;
    return;
  }
  wire_format::Reader reader(other.encoded);
  while (!reader.done()) {
    std::uint32_t field = 0;
    wire_format::WireType type{};
    std::span<const std::uint8_t> id;
    if (!reader.tag(field, type) || !reader.bytes(id)) return;
    add(text_of(id), other.media);
  }
}

Plan::Plan(std::shared_ptr<const filter::FilterSet> set)
    : filters(std::move(set)),
      looks_inside(filters->follows_calls() || filters->any_dns() || filters->any_tls() || filters->any_http() ||
                   filters->any_mail()) {
  for (std::uint32_t index = 0; index < filters->filters().size(); ++index) {
    by_id_.emplace(filters->filters()[index].id, index);
  }
}

std::shared_ptr<const Plan> Plan::without_filters() {
  return std::make_shared<const Plan>(*filter::FilterSet::compile({}, 0, 0));
}

const fleet::Filter* Plan::find(std::string_view id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &filters->filters()[found->second];
}

Want Plan::still_wanted(const Plan& before, const Want& want) const {
  Want left;
  wire_format::Reader reader(want.encoded);
  while (!reader.done()) {
    std::uint32_t field = 0;
    wire_format::WireType type{};
    std::span<const std::uint8_t> bytes;
    if (!reader.tag(field, type) || !reader.bytes(bytes)) break;
    const std::string_view id = text_of(bytes);
    const fleet::Filter* const was = before.find(id);
    const fleet::Filter* const is = find(id);
    if (was == nullptr || is == nullptr || was->type != is->type || was->pattern != is->pattern) continue;
    left.add(id, extent_of(is->action));
  }
  return left;
}

void Plan::add(const filter::Matches& matches, Want& want) const {
  for (const std::uint32_t match : matches) {
    const fleet::Filter& filter = filters->filters()[match];
    want.add(filter.id, extent_of(filter.action));
  }
}

}  // namespace lc::calls
