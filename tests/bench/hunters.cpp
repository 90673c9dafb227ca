// Many hunters on one processor, in one process: each has a connection of its own, registers and sends a heartbeat
// every 5 s. Prints one line of JSON when all are up, and one at the end.
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "lippycat/management.grpc.pb.h"
#include "tests/bench/options.h"

namespace lc::bench {
namespace {

using lippycat::management::HunterHeartbeat;
using lippycat::management::HunterRegistration;
using lippycat::management::ManagementService;
using lippycat::management::ProcessorHeartbeat;
using lippycat::management::RegistrationResponse;

constexpr std::chrono::milliseconds kBeatInterval{5000};
constexpr std::chrono::seconds kPatience{60};  // until all are up, and until all have ended

struct Totals {
  std::atomic<std::uint64_t> registered{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> beats_sent{0};
  std::atomic<std::uint64_t> beats_answered{0};
  std::atomic<std::uint64_t> streams_failed{0};
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

/// Registers, then keeps a heartbeat stream open. Its callbacks run on gRPC's threads; beat() and stop() on main.
class Hunter final : public grpc::ClientBidiReactor<HunterHeartbeat, ProcessorHeartbeat> {
 public:
  Hunter(const std::string& address, const std::shared_ptr<grpc::ChannelCredentials>& credentials, std::string id,
         Totals& totals)
      : totals_(totals) {
    grpc::ChannelArguments arguments;
    // Without it all hunters of this process would share one connection.
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ = ManagementService::NewStub(grpc::CreateCustomChannel(address, credentials, arguments));
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
  std::unique_ptr<ManagementService::Stub> stub_;
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

void measure(const Options& options) {
  const auto count = static_cast<std::size_t>(options.number("hunters", 1000));
  const std::chrono::duration<double> length(options.number("seconds", 30));
  const auto credentials = credentials_of(options);
  Totals totals;
  std::vector<std::unique_ptr<Hunter>> hunters;
  for (std::size_t i = 0; i < count; ++i) {
    hunters.push_back(
        std::make_unique<Hunter>(options.text("address"), credentials, "bench-" + std::to_string(i), totals));
  }

  const Moment start = now();
  for (const auto& hunter : hunters) hunter->start();
  if (!wait_until([&] { return totals.registered + totals.refused == count; })) {
    throw std::runtime_error("only " + std::to_string(totals.registered) + " hunters could register");
  }
  print_json({{"registered", static_cast<double>(totals.registered)},
              {"refused", static_cast<double>(totals.refused)},
              {"seconds", seconds_since(start)}});

  // Beats are spread over the interval, as those of hunters that started at different times would be.
  const Moment up = now();
  for (std::uint64_t turn = 0; now() - up < length; ++turn) {
    std::this_thread::sleep_until(up + turn * kBeatInterval / static_cast<std::int64_t>(count));
    hunters[turn % count]->beat();
  }
  const double seconds = seconds_since(up);
  wait_until([&] { return totals.beats_answered >= totals.beats_sent || totals.streams_failed > 0; });
  const auto failed = totals.streams_failed.load();
  for (const auto& hunter : hunters) hunter->stop();
  if (!wait_until([&] { return totals.ended == count; })) throw std::runtime_error("some streams do not end");
  print_json({{"beats_sent", static_cast<double>(totals.beats_sent)},
              {"beats_answered", static_cast<double>(totals.beats_answered)},
              {"streams_failed", static_cast<double>(failed)},
              {"seconds", seconds},
              {"cpu_seconds", cpu_seconds(RUSAGE_SELF)}});
}

}  // namespace
}  // namespace lc::bench

int main(int argc, char** argv) {
  using namespace lc::bench;
  return run_tool(
      "bench_hunters --address HOST:PORT [--hunters N] [--seconds S] [--tls-ca PEM --tls-cert PEM --tls-key PEM]", [&] {
        const Options options(argc, argv, {"address", "hunters", "seconds", "tls-ca", "tls-cert", "tls-key"});
        if (!options.has("address")) throw std::invalid_argument("an address, please");
        measure(options);
      });
}
