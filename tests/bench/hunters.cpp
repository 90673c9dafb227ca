// Many hunters on one processor or several, in one process: each has a connection of its own, registers, sends a
// heartbeat every 5 s and, if asked to, packets. Prints one line of JSON when all are up, and one at the end.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lippycat/data.grpc.pb.h"
#include "lippycat/management.grpc.pb.h"
#include "tests/bench/options.h"

namespace lc::bench {
namespace {

using lippycat::data::DataService;
using lippycat::data::PacketBatch;
using lippycat::data::StreamControl;
using lippycat::management::HunterHeartbeat;
using lippycat::management::HunterRegistration;
using lippycat::management::ManagementService;
using lippycat::management::ProcessorHeartbeat;
using lippycat::management::RegistrationResponse;

constexpr std::chrono::milliseconds kBeatInterval{5000};
constexpr std::chrono::milliseconds kBatchInterval{100};  // hunterd's, unless a batch is full before
constexpr std::uint64_t kEpoch = 1;
constexpr std::uint32_t kEthernet = 1;         // LINKTYPE_ETHERNET
constexpr std::chrono::seconds kPatience{60};  // until all are up, and until all have ended

struct Totals {
  std::atomic<std::uint64_t> registered{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> beats_sent{0};
  std::atomic<std::uint64_t> beats_answered{0};
  std::atomic<std::uint64_t> streams_failed{0};
  std::atomic<std::uint64_t> batches_due{0};
  std::atomic<std::uint64_t> batches_acknowledged{0};
  std::atomic<std::uint64_t> most_behind{0};  // batches of one hunter that were due and not acknowledged
  std::atomic<std::uint64_t> ended{0};
};

std::string file_text(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::ChannelCredentials> credentials_of(const Options& options) {
  if (!options.has("tls-ca")) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = file_text(options.text("tls-ca"));
  tls.pem_cert_chain = file_text(options.text("tls-cert"));
  tls.pem_private_key = file_text(options.text("tls-key"));
  return grpc::SslCredentials(tls);
}

/// A hunter's packets: the same batch again and again, each under its own number. Batches that are due while one is
/// being written wait, as in a hunter's queue. next() and stop() on main, the rest on gRPC's threads.
class PacketSender final : public grpc::ClientBidiReactor<PacketBatch, StreamControl> {
 public:
  PacketSender(const std::shared_ptr<grpc::Channel>& channel, const PacketBatch& batch, Totals& totals)
      : stub_(DataService::NewStub(channel)), totals_(totals), batch_(batch) {
    stub_->async()->StreamPackets(&context_, this);
    AddHold();
    StartRead(&answer_);
    StartCall();
  }

  void next() {
    const std::lock_guard lock(mutex_);
    ++due_;
    ++totals_.batches_due;
    if (const std::uint64_t behind = due_ - acknowledged_; behind > totals_.most_behind) totals_.most_behind = behind;
    write();
  }

  void stop() {
    context_.TryCancel();
    RemoveHold();
  }

  void OnWriteDone(bool good) override {
    const std::lock_guard lock(mutex_);
    writing_ = !good;
    write();
  }

  void OnReadDone(bool good) override {
    if (!good) return;
    {
      const std::lock_guard lock(mutex_);
      if (answer_.ack_sequence() > acknowledged_) {
        totals_.batches_acknowledged += answer_.ack_sequence() - acknowledged_;
        acknowledged_ = answer_.ack_sequence();
      }
    }
    StartRead(&answer_);
  }

  void OnDone(const grpc::Status& status) override {
    if (status.error_code() != grpc::StatusCode::CANCELLED) ++totals_.streams_failed;
    ++totals_.ended;
  }

 private:
  void write() {
    if (writing_ || batch_.sequence() == due_) return;
    writing_ = true;
    batch_.set_sequence(batch_.sequence() + 1);
    StartWrite(&batch_);
  }

  const std::unique_ptr<DataService::Stub> stub_;
  Totals& totals_;
  grpc::ClientContext context_;
  StreamControl answer_;
  std::mutex mutex_;
  PacketBatch batch_;  // as last written
  std::uint64_t due_ = 0;
  std::uint64_t acknowledged_ = 0;
  bool writing_ = false;
};

/// Registers, then keeps a heartbeat stream open. Its callbacks run on gRPC's threads; beat() and stop() on main.
class Hunter final : public grpc::ClientBidiReactor<HunterHeartbeat, ProcessorHeartbeat> {
 public:
  Hunter(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials, std::string id,
         Totals& totals)
      : totals_(totals) {
    grpc::ChannelArguments arguments;
    // Without it all hunters of this process would share one connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(address, credentials, arguments);
    stub_ = ManagementService::NewStub(channel_);
    registration_.set_epoch(kEpoch);
    registration_.set_hunter_id(id);
    registration_.set_hostname("bench");
    registration_.add_interfaces("eth0");
    registration_.set_version(LC_VERSION);
    beat_.set_hunter_id(std::move(id));
  }

  void start() {
    stub_->async()->RegisterHunter(&register_context_, &registration_, &response_, [this](const grpc::Status& status) {
      if (!status.ok() || !response_.accepted()) {
        if (++totals_.refused == 1) std::cerr << "refused: " << status.error_message() << response_.error() << "\n";
        ++totals_.ended;
        return;
      }
      stub_->async()->Heartbeat(&stream_context_, this);
      AddHold();  // beat() and stop() come from outside the callbacks
      StartRead(&answer_);
      StartCall();
      ++totals_.registered;
      up_ = true;
    });
  }

  /// Once, when it is registered.
  void begin_packets(PacketBatch batch) {
    batch.set_hunter_id(registration_.hunter_id());
    batch.set_epoch(kEpoch);
    packets_ = std::make_unique<PacketSender>(channel_, batch, totals_);
  }
  void send_packets() { packets_->next(); }

  void beat() {
    if (!up_ || writing_.exchange(true)) return;
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    beat_.set_timestamp_ns(std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count());
    beat_.mutable_stats()->set_packets_captured(++beats_);
    StartWrite(&beat_);
    ++totals_.beats_sent;
  }

  void stop() {
    if (!up_.exchange(false)) return;
    if (packets_) packets_->stop();
    stream_context_.TryCancel();
    RemoveHold();
  }

  void OnWriteDone(bool) override { writing_ = false; }

  void OnReadDone(bool good) override {
    if (!good) return;
    ++totals_.beats_answered;
    StartRead(&answer_);
  }

  void OnDone(const grpc::Status& status) override {
    if (status.error_code() != grpc::StatusCode::CANCELLED) ++totals_.streams_failed;
    ++totals_.ended;
  }

 private:
  Totals& totals_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<ManagementService::Stub> stub_;
  std::unique_ptr<PacketSender> packets_;
  grpc::ClientContext register_context_;
  grpc::ClientContext stream_context_;
  HunterRegistration registration_;
  RegistrationResponse response_;
  HunterHeartbeat beat_;
  ProcessorHeartbeat answer_;
  std::uint64_t beats_ = 0;
  std::atomic<bool> up_{false};
  std::atomic<bool> writing_{false};
};

template <typename Condition>
bool wait_until(Condition condition) {
  for (const Moment start = now(); now() - start < kPatience;) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream rest(text);
  for (std::string part; std::getline(rest, part, ',');) parts.push_back(part);
  return parts;
}

/// What is due in one interval at that rate.
PacketBatch make_batch(double rate, std::size_t bytes) {
  PacketBatch batch;
  const auto packets = static_cast<int>(rate * std::chrono::duration<double>(kBatchInterval).count());
  for (int i = 0; i < packets; ++i) {
    auto& packet = *batch.add_packets();
    packet.set_data(std::string(bytes, static_cast<char>(i)));
    packet.set_timestamp_ns(1'700'000'000'000'000'000);
    packet.set_capture_length(static_cast<std::uint32_t>(bytes));
    packet.set_original_length(static_cast<std::uint32_t>(bytes));
    packet.set_link_type(kEthernet);
    packet.set_interface_name("eth0");
  }
  return batch;
}

void measure(const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("hunters", 1000));
  const std::chrono::duration<double> length(options.number("seconds", 30));
  const double rate = options.number("rate", 0);
  const auto credentials = credentials_of(options);
  const std::vector<std::string> addresses = split(options.text("address"));
  Totals totals;
  std::vector<std::unique_ptr<Hunter>> hunters;
  for (std::size_t i = 0; i < count; ++i) {
    hunters.push_back(
        std::make_unique<Hunter>(addresses[i % addresses.size()], credentials, "bench-" + std::to_string(i), totals));
  }

  const Moment start = now();
  for (const auto& hunter : hunters) hunter->start();
  if (!wait_until([&] { return totals.registered + totals.refused == count; })) {
    throw std::runtime_error("only " + std::to_string(totals.registered) + " hunters could register");
  }
  print_json({{"registered", static_cast<double>(totals.registered)},
              {"refused", static_cast<double>(totals.refused)},
              {"seconds", seconds_since(start)}});
  if (rate > 0 && totals.refused > 0) throw std::runtime_error("some hunters were refused");
  const PacketBatch batch = make_batch(rate, static_cast<std::size_t>(options.number("bytes", 350)));
  if (rate > 0) {
    for (const auto& hunter : hunters) hunter->begin_packets(batch);
  }

  // Beats and batches are spread over their intervals, as those of hunters that started at different times would be.
  const Moment up = now();
  const auto interval = rate > 0 ? kBatchInterval : kBeatInterval;
  const auto rounds_per_beat = static_cast<std::uint64_t>(kBeatInterval / interval);
  for (std::uint64_t turn = 0; now() - up < length; ++turn) {
    std::this_thread::sleep_until(up + turn * interval / static_cast<std::int64_t>(count));
    if (rate > 0) hunters[turn % count]->send_packets();
    if ((turn / count + turn) % rounds_per_beat == 0) hunters[turn % count]->beat();
  }
  const double seconds = seconds_since(up);
  wait_until([&] {
    const bool all = totals.beats_answered >= totals.beats_sent && totals.batches_acknowledged >= totals.batches_due;
    return all || totals.streams_failed > 0;
  });
  const auto failed = totals.streams_failed.load();
  for (const auto& hunter : hunters) hunter->stop();
  if (!wait_until([&] { return totals.ended == (rate > 0 ? 2 * count : count); })) {
    throw std::runtime_error("some streams do not end");
  }
  const auto packets = static_cast<double>(batch.packets_size());
  print_json({{"beats_sent", static_cast<double>(totals.beats_sent)},
              {"beats_answered", static_cast<double>(totals.beats_answered)},
              {"streams_failed", static_cast<double>(failed)},
              {"packets_due", packets * static_cast<double>(totals.batches_due)},
              {"packets_acknowledged", packets * static_cast<double>(totals.batches_acknowledged)},
              {"most_batches_behind", static_cast<double>(totals.most_behind)},
              {"seconds", seconds},
              {"cpu_seconds", cpu_seconds(RUSAGE_SELF)}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool(
      "bench_hunters --address HOST:PORT[,...] [--hunters N] [--seconds S] [--rate PACKETS_PER_SECOND_EACH [--bytes "
      "N]] "
      "[--tls-ca PEM --tls-cert PEM --tls-key PEM]",
      [&] {
        const Options options(argc, argv,
                              {"address", "hunters", "seconds", "rate", "bytes", "tls-ca", "tls-cert", "tls-key"});
        if (!options.has("address")) throw std::invalid_argument("an address, please");
        measure(options);
      });
}
