#include "processord/service/tree_node.h"

#include <pthread.h>

#include <algorithm>
#include <random>
#include <utility>

#include "common/base/signals.h"
#include "processord/service/media_messages.h"

namespace lc::processor {
namespace {

constexpr auto kTick = std::chrono::milliseconds(100);
// Between two times that figures are taken: so that this costs little, however many hunters there are.
constexpr auto kFiguresInterval = std::chrono::milliseconds(1000);
constexpr auto kFiguresIntervalPerHunter = std::chrono::milliseconds(5);

ProcessorIdentity identity(const std::string& id, const TokenDesk& tokens) {
  std::random_device random;
  const std::uint64_t instance = std::uint64_t{random()} << 32 | random();
  return {.id = id, .instance = instance | 1, .token_key = tokens.public_key()};  // 0: does not say
}

}  // namespace

TreeNode::TreeNode(Engine& engine, const UpstreamSettings& upstream, const config::TlsSettings& tls,
                   const TimeSource& time)
    : engine_(engine),
      tokens_(engine.settings().processor_id, tls),
      hierarchy_(identity(engine.settings().processor_id, tokens_), engine.topology(), *this, time),
      operations_(engine, hierarchy_, tokens_),
      service_(hierarchy_),
      upstream_(upstream.addresses.empty()
                    ? nullptr
                    : std::make_unique<UpstreamLink>(upstream, tls, engine.settings().processor_id, hierarchy_,
                                                     engine.forwarder() ? &engine.forwarder()->queue() : nullptr,
                                                     [&engine](const std::string& address, const std::string& fault) {
                                                       engine.upstream_is(address, fault);
                                                     })) {
  engine_.media().set_spread([this](const std::vector<MediaNews>& news) {
    for (std::string& payload : to_payloads(news)) hierarchy_.announce(std::move(payload));
  });
  if (upstream_ == nullptr || engine.forwarder() == nullptr) return;
  engine.forwarder()->on_sendable([this](const ForwardQueue::LanePointer& lane) { upstream_->sendable(lane); });
}

TreeNode::~TreeNode() {
  stop();
}

void TreeNode::start() {
  ticker_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "tree");
    while (!wait_readable({stop_.fd()}, kTick)) {
      hierarchy_.tick();
      service_.tick();
      engine_.tick_peers();
      take_figures();
      engine_.close_relayed([this](const std::string& child) { return hierarchy_.has_child(child); });
    }
  });
  if (upstream_) upstream_->start();
}

void TreeNode::stop() {
  if (!ticker_.joinable()) return;
  hierarchy_.close_all("the processor is stopping");
  if (upstream_) upstream_->stop();
  stop_.request();
  ticker_.join();
}

void TreeNode::take_figures() {
  const auto now = Clock::now();
  if (now < next_figures_ || !figures().wanted()) return;
  fleet::NodeFigures taken = engine_.figures();
  next_figures_ =
      now + std::max(kFiguresInterval, kFiguresIntervalPerHunter * static_cast<std::int64_t>(taken.hunters.size()));
  figures().put({.path = {}, .figures = std::move(taken)}).tell();
}

Status TreeNode::check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below) {
  return operations_.check(kind, payload, below);
}

void TreeNode::operate(std::uint32_t kind, const std::string& payload, std::chrono::milliseconds,
                       Hierarchy::Done done) {
  operations_.carry_out(kind, payload, done);
}

bool TreeNode::media(const std::string& payload) {
  return engine_.media().heard(from_payload(payload));
}

std::vector<std::string> TreeNode::known_media() {
  return to_payloads(engine_.media().known());
}

}  // namespace lc::processor
