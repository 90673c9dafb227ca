#include "processord/service/packet_receiver.h"

#include "common/base/fail_point.h"
#include "common/wire/byte_buffer.h"
#include "common/wire/status.h"
#include "lippycat/data.pb.h"

namespace lc::processor {
namespace {

// The sender hears of its batches when there are so many that it has not heard of, or when the first of them has been
// here for so long: tiers above have then put it off as long as they do, and it is passed on at once.
constexpr std::uint64_t kBatchesUnsaid = 16;
constexpr auto kLongestUnsaid = std::chrono::milliseconds(400);

grpc::ByteBuffer message_of(const Engine::Control& control, const Ingest& ingest) {
  lippycat::data::StreamControl message;
  message.set_ack_sequence(control.acknowledged);
  message.set_flow_control(static_cast<lippycat::data::FlowControl>(static_cast<int>(control.flow)));
  message.set_hunter_id(std::string(ingest.hunter->hunter_id()));
  message.set_epoch(ingest.epoch);
  return wire::serialize(message);
}

}  // namespace

PacketReceiver* PacketReceiver::start(Engine& engine, packet::SlabPool& pool,
                                      const std::optional<RelayedOrigin>& origin) {
  auto receiver = std::make_shared<PacketReceiver>(engine, pool);
  receiver->self_ = receiver;
  if (!origin || receiver->attach(*origin)) receiver->StartRead(&receiver->incoming_);
  return receiver.get();
}

// A child sends nothing before it is told what is here already.
bool PacketReceiver::attach(const RelayedOrigin& origin) {
  Result<Ingest> ingest = engine_.attach_relayed(origin, shared_from_this());
  if (!ingest) {
    close(ingest.error());
    return false;
  }
  ingest_ = std::move(*ingest);
  told_.with([](std::optional<Engine::Control>& told) { told.reset(); });
  attached_ = true;
  settle();
  return true;
}

void PacketReceiver::OnReadDone(bool ok) {
  if (!ok) {
    peer_finished_ = true;
    settle();
    return;
  }
  // Before the batch is taken: resume_reading() may come before accept() returns.
  held_ = true;
  bool go_on = true;
  if (const Status status = take(go_on); !status) {
    close(status.error());
    return;
  }
  if (go_on && held_.exchange(false)) StartRead(&incoming_);
}

Status PacketReceiver::take(bool& go_on) {
  Result<packet::Region> region = wire::to_region(incoming_, cutter_);
  incoming_.Clear();  // now: once the engine has the batch, another thread may start the next read
  if (!region) return region.error();
  Result<packet::Batch> batch = packet::Batch::parse(std::move(*region));
  if (!batch) return batch.error();
  if (!ingest_) {
    Result<Ingest> ingest = engine_.attach(batch->header(), shared_from_this());
    if (!ingest) return ingest.error();
    ingest_ = std::move(*ingest);
    attached_ = true;
  }
  if (all_acknowledged()) unsaid_since_ = Clock::now();
  last_sequence_ = batch->header().sequence;
  const Result<Engine::Verdict> verdict = engine_.accept(*ingest_, std::move(*batch));
  if (!verdict) return verdict.error();
  go_on = *verdict == Engine::Verdict::kGoOn;
  if (has_something_to_do()) settle();
  return {};
}

void PacketReceiver::resume_reading() {
  if (held_.exchange(false)) StartRead(&incoming_);
}

void PacketReceiver::close(const Error& reason) {
  close_status_.with([&](grpc::Status& status) {
    if (status.ok()) status = wire::to_grpc(reason);
  });
  closing_ = true;
  settle();
}

bool PacketReceiver::all_acknowledged() const {
  return !attached_ || told_.with([this](const auto& told) { return told && told->acknowledged >= last_sequence_; });
}

// Whoever finishes, or is sent away, hears of all that there is to say.
bool PacketReceiver::is_due(const Engine::Control& now, const std::optional<Engine::Control>& told) const {
  if (!told || now.flow != told->flow) return true;
  if (now.acknowledged == told->acknowledged) return false;
  return closing_ || peer_finished_ || now.acknowledged - told->acknowledged >= kBatchesUnsaid ||
         Clock::now() - unsaid_since_.load() >= kLongestUnsaid;
}

bool PacketReceiver::has_something_to_do() const {
  if (closing_ || (peer_finished_ && all_acknowledged())) return true;
  return attached_ && !write_failed_ &&
         is_due(engine_.control(*ingest_), told_.with([](const auto& told) { return told; }));
}

// News first: a stream that is closed because this processor stops still gets its last acknowledgement.
void PacketReceiver::settle() {
  while (!busy_.exchange(true)) {
    if (attached_ && !write_failed_) {
      const Engine::Control now = engine_.control(*ingest_);
      const bool due = told_.with([&](auto& told) { return is_due(now, told) && (told = now, true); });
      if (due) {
        unsaid_since_ = Clock::now();
        static_cast<void>(fail_point("processor.acknowledge"));
        outgoing_ = message_of(now, *ingest_);
        StartWrite(&outgoing_);
        return;
      }
    }
    if (closing_ || (peer_finished_ && all_acknowledged())) {
      held_.exchange(false);  // nobody starts a read after this
      Finish(close_status_.with([](const grpc::Status& status) { return status; }));
      return;  // and the token stays taken
    }
    busy_ = false;
    if (!has_something_to_do()) return;
  }
}

void PacketReceiver::OnWriteDone(bool ok) {
  if (!ok) write_failed_ = true;
  busy_ = false;
  settle();
}

void PacketReceiver::OnCancel() {
  close({Code::kCancelled, "the stream was cancelled"});
}

void PacketReceiver::OnDone() {
  const auto keep = std::move(self_);
  if (attached_) engine_.detach(*ingest_, this);
}

}  // namespace lc::processor
