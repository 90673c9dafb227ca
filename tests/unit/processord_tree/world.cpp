#include "tests/unit/processord_tree/world.h"

#include <algorithm>
#include <utility>

#include "tests/support/topology_events.h"
#include "tests/support/trees.h"

namespace lc::test {

using namespace processor;

namespace {

fleet::Processor facts_of(const std::string& id, std::uint64_t instance) {
  return {.id = id, .address = "10.0.0." + std::to_string(instance) + ":55555", .version = "1"};
}

}  // namespace

Process::Process(std::string id, std::uint64_t instance, std::size_t remembered, const TimeSource& time)
    : identity{std::move(id), instance},
      facts(facts_of(identity.id, instance)),
      topology(facts, 10, remembered),
      hierarchy(identity, topology, *this, time) {}

Status Process::check(std::uint32_t, const std::string&, const fleet::NodePath& below) {
  checked.push_back(below);
  return refusal ? Status(*refusal) : Status();
}

void Process::operate(std::uint32_t, const std::string& payload, std::chrono::milliseconds left, Hierarchy::Done done) {
  time_left = left;
  operated.push_back(payload);
  if (at_once) {
    done({.payload = "done " + payload});
  } else {
    waiting.push_back({payload, std::move(done)});
  }
}

bool Process::media(const std::string& payload) {
  media_heard.push_back(payload);
  return media_known.insert(payload).second;
}

void Process::announce(const std::string& media) {
  media_known.insert(media);
  hierarchy.announce(media);
}

void Process::connect_hunter(const std::string& hunter_id, std::int64_t now_ns) {
  fleet::ConnectedHunter& hunter = hunters[hunter_id];
  hunter = {};
  hunter.description.id = hunter_id;
  hunter.description.hostname = "host-of-" + hunter_id;
  hunter.remote_address = "192.0.2.1:" + std::to_string(now_ns);
  hunter.connected_since_ns = now_ns;
  hunter_connected(topology, hunter, now_ns);
}

void Process::disconnect_hunter(const std::string& hunter_id, std::int64_t now_ns) {
  hunters.erase(hunter_id);
  hunter_disconnected(topology, hunter_id, "it left", now_ns);
}

void Process::set_hunter_status(const std::string& hunter_id, fleet::HunterStatus status, std::int64_t now_ns) {
  if (const auto found = hunters.find(hunter_id); found != hunters.end()) found->second.status = status;
  hunter_status_changed(topology, hunter_id, status, now_ns);
}

void Process::set_status(fleet::ProcessorStatus status, std::int64_t now_ns) {
  facts.status = status;
  self_changed(topology, facts, now_ns);
}

std::string text_of(const Process& process) {
  return text_of(process.topology.snapshot().tree);
}

std::string why_not(const Process& process) {
  const auto why = process.hierarchy.place().not_attached;
  return why ? why->text : "";
}

bool attached(const Process& process) {
  return process.hierarchy.place().attached;
}

Process& World::add(const std::string& id, std::size_t remembered) {
  return *processes.emplace_back(std::make_unique<Process>(id, ++last_instance_, remembered, clock));
}

void World::kill(Process& process) {
  for (const auto& link : links) {
    if (link->child == &process) {
      link->child_end.reset();
      link->down.clear();
    }
    if (link->parent == &process) {
      link->parent_end.reset();
      link->up.clear();
    }
    if (link->child == &process || link->parent == &process) link->cut = true;
  }
  std::erase_if(processes, [&](const auto& one) { return one.get() == &process; });
  sweep();
}

Link& World::open(Process& child, Process& parent) {
  Link& link = *links.emplace_back(std::make_unique<Link>());
  link.child = &child;
  link.parent = &parent;
  link.parent_end = parent.hierarchy.child_opened(
      {.address = "to " + child.facts.address, .ready = [&link] { link.parent_ready = true; }});
  link.child_end =
      child.hierarchy.parent_opened({.address = parent.facts.address, .ready = [&link] { link.child_ready = true; }});
  return link;
}

void World::cut(Link& link, std::size_t keep_up, std::size_t keep_down) {
  link.cut = true;
  link.up.resize(std::min(link.up.size(), keep_up));
  link.down.resize(std::min(link.down.size(), keep_down));
}

bool World::write_up(Link& link) {
  if (!link.child_end || !link.child_ready || link.cut) return false;
  auto message = link.child->hierarchy.next(*link.child_end);
  link.child_ready = message || link.child->hierarchy.has_next(*link.child_end);
  if (message) link.up.push_back(std::move(*message));
  return true;
}

bool World::write_down(Link& link) {
  if (!link.parent_end || !link.parent_ready || link.cut) return false;
  auto message = link.parent->hierarchy.next(*link.parent_end);
  link.parent_ready = message || link.parent->hierarchy.has_next(*link.parent_end);
  if (!message) return true;
  link.down.push_back(std::move(*message));
  return true;
}

bool World::arrive_up(Link& link) {
  if (!link.parent_end || link.up.empty()) return false;
  FromChild message = std::move(link.up.front());
  link.up.pop_front();
  const bool last = std::holds_alternative<Leave>(message);
  link.parent->hierarchy.received(*link.parent_end, std::move(message));
  if (last) link.cut = true;
  return true;
}

bool World::arrive_down(Link& link) {
  if (!link.child_end || link.down.empty()) return false;
  FromParent message = std::move(link.down.front());
  link.down.pop_front();
  const bool last = std::holds_alternative<Refusal>(message);
  link.child->hierarchy.received(*link.child_end, std::move(message));
  if (last) link.cut = true;
  return true;
}

bool World::notice_up(Link& link) {
  if (!link.cut || !link.parent_end) return false;
  link.up.clear();
  link.parent->hierarchy.broken(*std::exchange(link.parent_end, nullptr), "the connection broke");
  return true;
}

bool World::notice_down(Link& link) {
  if (!link.cut || !link.child_end) return false;
  link.down.clear();
  link.child->hierarchy.broken(*std::exchange(link.child_end, nullptr), "the connection broke");
  return true;
}

void World::sweep() {
  std::erase_if(links, [](const auto& link) { return !link->child_end && !link->parent_end; });
}

void World::settle() {
  for (bool moved = true; moved;) {
    moved = false;
    for (const auto& link : links) {
      while (write_up(*link) || arrive_up(*link) || write_down(*link) || arrive_down(*link)) moved = true;
      if (notice_up(*link) || notice_down(*link)) moved = true;
    }
    sweep();
  }
}

void World::leave(Process& child) {
  if (Link* const link = link_of(child)) link->leaving = true;
  child.hierarchy.leave(kLeft);
}

Link* World::link_of(const Process& child) {
  const auto found = std::ranges::find_if(
      links, [&](const auto& link) { return link->child == &child && link->child_end && !link->leaving; });
  return found == links.end() ? nullptr : found->get();
}

std::vector<Process*> chain(World& world, std::size_t length, const std::string& name) {
  std::vector<Process*> made;
  for (std::size_t i = 0; i < length; ++i) {
    made.push_back(&world.add(name + std::to_string(i)));
    if (i > 0) world.open(*made[i], *made[i - 1]);
    world.settle();
  }
  return made;
}

}  // namespace lc::test
