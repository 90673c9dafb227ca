#include "lcwatch/model/figure_table.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace lc::watch {
namespace {

/// Of two totals; one that is smaller than before began anew.
double rate(std::uint64_t before, std::uint64_t now, std::int64_t from_ns, std::int64_t to_ns) {
  if (now < before || to_ns <= from_ns) return 0;
  return static_cast<double>(now - before) * 1e9 / static_cast<double>(to_ns - from_ns);
}

std::uint64_t dropped(const fleet::ProcessorStats& stats) {
  std::uint64_t sum = 0;
  for (const auto& [reason, count] : stats.dropped_by_reason) sum += count;
  return sum;
}

void add_keys(const fleet::ProcessorTree& tree, NodeKey key, std::set<NodeKey>& keys) {
  keys.insert(key);
  for (const fleet::HunterPointer& hunter : tree->hunters) keys.insert({key.server, key.path, hunter->description.id});
  for (const fleet::ProcessorTree& child : tree->children) {
    NodeKey below = key;
    below.path.push_back(child->processor.id);
    add_keys(child, std::move(below), keys);
  }
}

template <typename Record>
void erase_others(std::map<NodeKey, Record>& records, ServerIndex server, const std::set<NodeKey>& keys) {
  std::erase_if(records, [&](const auto& one) { return one.first.server == server && !keys.contains(one.first); });
}

}  // namespace

double HunterRecord::drop_percent() const {
  const auto& stats = figures.stats;
  std::uint64_t all = stats.packets_captured + stats.packets_recovered;
  for (const char* before_capture : {"kernel", "interface"}) {
    if (const auto lost = stats.dropped_by_reason.find(before_capture); lost != stats.dropped_by_reason.end()) {
      all += lost->second;
    }
  }
  if (all == 0) return stats.packets_dropped == 0 ? 0 : 100;
  return std::min(100.0, 100.0 * static_cast<double>(stats.packets_dropped) / static_cast<double>(all));
}

double spool_percent(std::uint64_t bytes, std::uint64_t limit_bytes) {
  return limit_bytes == 0 ? 0 : std::min(100.0, 100.0 * static_cast<double>(bytes) / static_cast<double>(limit_bytes));
}

void FigureTable::take(ServerIndex server, const fleet::FiguresAt& at, Moment now) {
  const fleet::NodeFigures& figures = at.figures;
  const auto [own, is_new] = processors_.try_emplace({server, at.path, {}});
  ProcessorRecord& record = own->second;
  if (!is_new) {
    const fleet::ProcessorStats& stats = figures.processor;
    const auto since = [&](std::uint64_t before, std::uint64_t then) {
      return rate(before, then, record.taken_ns, figures.taken_ns);
    };
    record.packets_per_s = since(record.stats.packets_received, stats.packets_received);
    record.bits_per_s = 8 * since(record.stats.bytes_received, stats.bytes_received);
    record.drops_per_s = since(dropped(record.stats), dropped(stats));
    record.packets.add(record.packets_per_s);
  }
  record.stats = figures.processor;
  record.taken_ns = figures.taken_ns;
  record.came = now.steady;

  for (const fleet::HunterFigures& hunter : figures.hunters) {
    const auto [known, first] = hunters_.try_emplace({server, at.path, hunter.id});
    HunterRecord& one = known->second;
    // A hunter's totals are those of its last heartbeat: without a new one there is nothing new.
    const std::int64_t heard_ns = hunter.last_heartbeat_ns != 0 ? hunter.last_heartbeat_ns : figures.taken_ns;
    if (!first && heard_ns != one.taken_ns) {
      const fleet::HunterStats& before = one.figures.stats;
      one.packets_per_s = rate(before.packets_captured, hunter.stats.packets_captured, one.taken_ns, heard_ns);
      one.drops_per_s = rate(before.packets_dropped, hunter.stats.packets_dropped, one.taken_ns, heard_ns);
      one.packets.add(one.packets_per_s);
    }
    one.figures = hunter;
    one.taken_ns = heard_ns;
  }
}

void FigureTable::keep_only(ServerIndex server, const fleet::ProcessorTree& tree) {
  std::set<NodeKey> keys;
  if (tree) add_keys(tree, {server, {}, {}}, keys);
  erase_others(processors_, server, keys);
  erase_others(hunters_, server, keys);
}

void FigureTable::forget_hunter(const NodeKey& hunter) {
  hunters_.erase(hunter);
}

const ProcessorRecord* FigureTable::processor(const NodeKey& key) const {
  const auto found = processors_.find(key);
  return found == processors_.end() ? nullptr : &found->second;
}

const HunterRecord* FigureTable::hunter(const NodeKey& key) const {
  const auto found = hunters_.find(key);
  return found == hunters_.end() ? nullptr : &found->second;
}

FigureTable::Applied FigureTable::applied(const NodeKey& processor, const std::vector<std::string>& targets) const {
  Applied applied;
  for (auto it = hunters_.lower_bound(processor); it != hunters_.end() && it->first.processor() == processor; ++it) {
    if (!targets.empty() && std::ranges::find(targets, it->first.hunter) == targets.end()) continue;
    ++applied.targeted;
    const fleet::HunterFigures& figures = it->second.figures;
    if (figures.stats.filter_revision >= figures.filter_revision) ++applied.have;
  }
  return applied;
}

}  // namespace lc::watch
