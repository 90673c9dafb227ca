#include "processord/service/packet_subscriber.h"

#include <string_view>

#include "common/packet/wire_format.h"
#include "processord/service/packet_metadata.h"
#include "processord/service/subscribe_request.h"

namespace lc::processor {

PacketSubscriber* PacketSubscriber::start(PacketHub& hub, const lippycat::data::SubscribeRequest& request) {
  const auto subscriber = std::make_shared<PacketSubscriber>(hub);
  subscriber->begin(hub.subscribe(selection_of(request), request.bpf_filter(), subscriber->on_ready()));
  return subscriber.get();
}

bool PacketSubscriber::produce(Subscription& subscription, lippycat::data::PacketBatch& message) {
  while (const auto delivery = subscription.next()) {
    const packet::Batch& batch = *delivery->batch;
    message.Clear();
    for (std::size_t i = 0; i < batch.packets().size(); ++i) {
      const packet::PacketEntry& entry = batch.packets()[i];
      const packet::BatchInterface& interface = batch.interfaces()[entry.interface];
      if (!subscription.wants(batch.view(entry), interface.link_type)) continue;
      auto& packet = *message.add_packets();
      packet.set_data(batch.data_of(entry), entry.captured);
      packet.set_timestamp_ns(entry.timestamp_ns);
      packet.set_capture_length(entry.captured);
      packet.set_original_length(entry.original);
      packet.set_interface_index(interface.index);
      packet.set_link_type(interface.link_type);
      packet.set_interface_name(std::string(interface.name));
      batch.matched()[entry.matched].for_each(
          [&](std::string_view id) { packet.add_matched_filter_ids(std::string(id)); });
      if (const auto metadata = batch.metadata_of(i); !metadata.empty()) {
        packet.MergeFromString(
            std::string(packet::wire_format::as_text(metadata)));  // the field, as its hunter sent it
      } else {
        *packet.mutable_metadata() = packet_metadata((*delivery->infos)[i]);
      }
    }
    if (message.packets().empty()) continue;
    const packet::BatchHeader& header = batch.header();
    message.set_hunter_id(std::string(header.hunter_id));
    message.set_sequence(header.sequence);
    message.set_timestamp_ns(header.timestamp_ns);
    message.set_epoch(header.epoch);
    message.mutable_stats()->set_dropped(delivery->skipped);
    return true;
  }
  return false;
}

}  // namespace lc::processor
