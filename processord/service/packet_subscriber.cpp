#include "processord/service/packet_subscriber.h"

#include "common/packet/wire_format.h"
#include "common/wire/status.h"
#include "processord/service/packet_metadata.h"

namespace lc::processor {
namespace {

HunterSelection selection_of(const lippycat::data::SubscribeRequest& request) {
  if (!request.has_hunter_filter()) return std::nullopt;
  return std::unordered_set<std::string>(request.hunter_ids().begin(), request.hunter_ids().end());
}

}  // namespace

PacketSubscriber* PacketSubscriber::start(Engine& engine, const lippycat::data::SubscribeRequest& request) {
  auto subscriber = std::make_shared<PacketSubscriber>(engine);
  subscriber->self_ = subscriber;
  const std::weak_ptr<PacketSubscriber> weak = subscriber;
  Result<std::shared_ptr<Subscription>> subscription =
      engine.hub().subscribe(selection_of(request), request.bpf_filter(), [weak] {
        if (const auto alive = weak.lock()) alive->settle();
      });
  if (subscription) {
    subscriber->subscription_ = std::move(*subscription);
    subscriber->StartSendInitialMetadata();  // the subscriber may know that it stands
    subscriber->busy_ = false;
    subscriber->settle();
  } else {
    subscriber->Finish(wire::to_grpc(subscription.error()));
  }
  return subscriber.get();
}

bool PacketSubscriber::produce() {
  while (const auto delivery = subscription_->next()) {
    const packet::Batch& batch = *delivery->batch;
    outgoing_.Clear();
    for (std::size_t i = 0; i < batch.packets().size(); ++i) {
      const packet::PacketEntry& entry = batch.packets()[i];
      const packet::BatchInterface& interface = batch.interfaces()[entry.interface];
      if (!subscription_->wants(batch.view(entry), interface.link_type)) continue;
      auto& packet = *outgoing_.add_packets();
      packet.set_data(batch.data_of(entry), entry.captured);
      packet.set_timestamp_ns(entry.timestamp_ns);
      packet.set_capture_length(entry.captured);
      packet.set_original_length(entry.original);
      packet.set_interface_index(interface.index);
      packet.set_link_type(interface.link_type);
      packet.set_interface_name(std::string(interface.name));
      if (const auto metadata = batch.metadata_of(i); !metadata.empty()) {
        packet.MergeFromString(
            std::string(packet::wire_format::as_text(metadata)));  // the field, as its hunter sent it
      } else {
        *packet.mutable_metadata() = packet_metadata((*delivery->infos)[i]);
      }
    }
    if (outgoing_.packets().empty()) continue;
    const packet::BatchHeader& header = batch.header();
    outgoing_.set_hunter_id(std::string(header.hunter_id));
    outgoing_.set_sequence(header.sequence);
    outgoing_.set_timestamp_ns(header.timestamp_ns);
    outgoing_.set_epoch(header.epoch);
    outgoing_.mutable_stats()->set_dropped(delivery->skipped);
    return true;
  }
  return false;
}

void PacketSubscriber::settle() {
  while (!busy_.exchange(true)) {
    if (closing_) {
      Finish(close_status_);
      return;  // and the token stays taken
    }
    if (produce()) {
      StartWrite(&outgoing_);
      return;
    }
    busy_ = false;
    if (!closing_ && !subscription_->has_next()) return;
  }
}

void PacketSubscriber::close(const grpc::Status& status) {
  if (close_claimed_.exchange(true)) return;
  close_status_ = status;
  closing_ = true;
  settle();
}

void PacketSubscriber::OnWriteDone(bool ok) {
  busy_ = false;
  if (ok) {
    settle();
  } else {
    close({grpc::StatusCode::CANCELLED, "the subscriber is gone"});
  }
}

void PacketSubscriber::OnCancel() {
  close({grpc::StatusCode::CANCELLED, "the subscription was cancelled"});
}

void PacketSubscriber::OnDone() {
  const auto keep = std::move(self_);
  if (subscription_) engine_.hub().unsubscribe(subscription_);
}

}  // namespace lc::processor
