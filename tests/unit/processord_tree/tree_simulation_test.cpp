// Random trees under everything that may happen to them, one message at a time. What is true is known from what the
// test did (hunters, states) and from which streams stand in the end; everything else must follow from that.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/processord_tree/world.h"

using namespace lc;
using namespace lc::processor;
using lc::test::Follower;
using lc::test::Link;
using lc::test::Process;
using lc::test::World;

namespace {

void require(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

constexpr std::string_view kCycle = "processor cycle detected in upstream chain";
constexpr std::string_view kTooDeep = "hierarchy depth limit exceeded (max: 10)";
/// Why a child may no longer be in the tree.
const std::set<std::string_view> kFinal = {kCycle, kTooDeep, "has not come back", World::kLeft};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed) {
    const std::size_t count = 2 + pick(14);
    names_ = 1 + pick(count);
    chains_ = one_in(3);
    calm_ = one_in(2);
    window_ = 1 + pick(6);
    for (std::size_t i = 0; i < count; ++i) add();
  }

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      happen();
      const auto moves = pick(calm_ ? 80 : 12);
      for (std::uint64_t n = 0; n < moves; ++n) move();
      world_.sweep();
    }
    come_to_rest();
    check_places();
    check_trees();
    check_operations();
    operate_everywhere();
    announce_everywhere();
  }

 private:
  struct Started {
    std::uint64_t asker = 0;  // instance
    fleet::NodePath path;
    int outcomes = 0;
    OperationOutcome outcome;
  };

  std::uint64_t pick(std::uint64_t below) {
    return std::uniform_int_distribution<std::uint64_t>(0, below - 1)(random_);
  }
  bool one_in(std::uint64_t n) { return pick(n) == 0; }
  Process& any() { return *world_.processes[pick(world_.processes.size())]; }
  std::int64_t now_ns() { return ++now_ns_; }

  Process& add() {
    Process& process = world_.add("p" + std::to_string(pick(names_)), one_in(3) ? 2 + pick(5) : 50);
    process.slow.read_one();
    process.quick.seen = [](const fleet::TreeChange& change) {
      const auto* const removed = std::get_if<fleet::ProcessorRemoved>(&change.event);
      require(!removed || !change.path.empty() || kFinal.contains(removed->reason),
              "a child that only broke off is gone from the tree");
    };
    return process;
  }

  /// A parent that may be impossible.
  Process& any_parent(const Process& child) {
    if (chains_ && !one_in(4)) {
      const auto at = std::ranges::find(world_.processes, &child, &std::unique_ptr<Process>::get);
      if (at != world_.processes.begin()) return **(at - 1);
    }
    return any();
  }
  void attach(Process& child) {
    if (world_.link_of(child) != nullptr) return;
    Process*& parent = parents_[child.identity.instance];
    if (parent == nullptr) parent = &any_parent(child);
    world_.open(child, *parent);
  }

  void happen() {
    Process& process = any();
    const std::string hunter = "h" + std::to_string(pick(4));
    switch (pick(20)) {
      case 0:
      case 1:
      case 2:
        process.connect_hunter(hunter, now_ns());
        break;
      case 3:
        process.disconnect_hunter(hunter, now_ns());
        break;
      case 4:
        process.set_hunter_status(hunter, static_cast<fleet::HunterStatus>(pick(4)), now_ns());
        break;
      case 5:
        process.set_status(static_cast<fleet::ProcessorStatus>(pick(3)), now_ns());
        break;
      case 6:
        process.topology.filter_updated({}, now_ns());
        break;
      case 7:
        if (calm_ && !one_in(10)) break;
        parents_[process.identity.instance] = &any_parent(process);
        world_.leave(process);
        attach(process);
        break;
      case 8:
        if (!world_.links.empty() && (!calm_ || one_in(5))) {
          Link& link = *world_.links[pick(world_.links.size())];
          world_.cut(link, pick(4), pick(4));
          if (one_in(2)) parents_[link.child_end ? link.child->identity.instance : 0] = nullptr;
        }
        break;
      case 9:
        if (one_in(calm_ ? 10 : 3)) restart(process);
        break;
      case 10:
      case 11:
        operate(process);
        break;
      case 12:
        if (one_in(2)) process.at_once = !process.at_once;
        process.announce("media" + std::to_string(++announced_));
        break;
      case 13:
        world_.clock.advance(std::chrono::milliseconds(pick(4'000)));
        process.hierarchy.tick();
        break;
      default:
        attach(process);
        break;
    }
  }

  void restart(Process& process) {
    for (auto& [instance, parent] : parents_) {
      if (parent == &process) parent = nullptr;
    }
    parents_.erase(process.identity.instance);
    killed_.insert(process.identity.instance);
    world_.kill(process);
    add();
  }

  /// One thing that needs nothing to happen from outside.
  void move() {
    Process& process = any();
    if (one_in(4)) {
      (one_in(2) ? process.quick : process.own).read_one();
      if (one_in(40)) process.slow.read_one();
      if (!process.waiting.empty() && one_in(2)) answer(process);
      return;
    }
    if (world_.links.empty()) return;
    Link& link = *world_.links[pick(world_.links.size())];
    switch (pick(6)) {
      case 0:
        if (link.up.size() < window_) world_.write_up(link);
        break;
      case 1:
        if (link.down.size() < window_) world_.write_down(link);
        break;
      case 2:
      case 3:
        one_in(2) ? world_.arrive_up(link) : world_.arrive_down(link);
        break;
      case 4:
        world_.notice_up(link);
        break;
      default:
        world_.notice_down(link);
        break;
    }
  }

  void answer(Process& process) {
    auto operation = std::move(process.waiting.front());
    process.waiting.pop_front();
    operation.done({.payload = "done " + operation.payload});
  }

  void operate(Process& asker) {
    const std::string target = one_in(3) ? "p" + std::to_string(pick(names_)) : fleet::path_text(any_path(asker));
    const auto path = asker.hierarchy.resolve(target);
    if (!path) return;
    const std::string payload = "op" + std::to_string(started_.size());
    Started& started = started_[payload];
    started.asker = asker.identity.instance;
    started.path = *path;
    asker.hierarchy.operate(*path, 1, payload, lc::test::kNoHurry, [&started](const OperationOutcome& outcome) {
      ++started.outcomes;
      started.outcome = outcome;
    });
  }
  fleet::NodePath any_path(const Process& asker) {
    fleet::NodePath path;
    fleet::ProcessorTree node = asker.topology.snapshot().tree;
    while (!node->children.empty() && !one_in(4)) {
      node = node->children[pick(node->children.size())];
      path.push_back(node->processor.id);
    }
    return path;
  }

  void settle() {
    for (bool waits = true; waits;) {
      world_.settle();
      waits = false;
      for (const auto& process : world_.processes) {
        for (; !process->waiting.empty(); waits = true) answer(*process);
      }
    }
  }

  /// Nothing new happens, but that who is not attached tries again, until that changes nothing.
  void come_to_rest() {
    for (int rounds = 0;; ++rounds) {
      require(rounds < 100, "the tree does not come to rest");
      settle();
      bool changed = false;
      for (const auto& process : world_.processes) {
        if (world_.link_of(*process) != nullptr) continue;
        attach(*process);
        settle();
        changed = changed || world_.link_of(*process) != nullptr;
      }
      if (!changed) break;
    }
    world_.clock.advance(std::chrono::seconds(20));
    for (const auto& process : world_.processes) process->hierarchy.tick();
    settle();
  }

  Process* parent_of(const Process& process) {
    const Link* const link = world_.link_of(process);
    return link == nullptr ? nullptr : link->parent;
  }
  Chain chain_of(const Process& process) {
    Chain chain;
    for (const Process* above = parent_of(process); above != nullptr; above = parent_of(*above)) {
      chain.push_back(above->identity);
      require(chain.size() <= world_.processes.size(), "there is a cycle");
    }
    return chain;
  }
  std::vector<Process*> children_of(const Process& process) {
    std::vector<Process*> children;
    for (const auto& link : world_.links) {
      if (link->parent == &process) children.push_back(link->child);
    }
    return children;
  }
  std::size_t height_of(const Process& process) {
    std::size_t height = 0;
    for (const Process* child : children_of(process)) height = std::max(height, height_of(*child) + 1);
    return height;
  }

  void check_places() {
    for (const auto& process : world_.processes) {
      const Hierarchy::Place place = process->hierarchy.place();
      const Chain chain = chain_of(*process);
      require(place.above == chain, "a processor does not know who is above it");
      require(chain.size() <= fleet::kMaxDepth, "a processor is too deep");
      require(place.warning.empty() == (chain.size() <= 7), "a warning is missing or wrong");
      require(place.attached == (parent_of(*process) != nullptr), "a processor does not know whether it is attached");
      if (!place.attached) check_refusal(*process, place);
    }
  }

  /// It tried again when all else was at rest, so the reason must still hold.
  void check_refusal(const Process& process, const Hierarchy::Place& place) {
    const Process& wanted = *parents_.at(process.identity.instance);
    require(place.not_attached.has_value(), "nobody says why it is not attached");
    const std::string& why = place.not_attached->text;
    const Chain chain = chain_below(wanted.identity, chain_of(wanted));
    if (why == kCycle) {
      require(std::ranges::find(chain, process.identity) != chain.end(), "refused for a cycle that is none");
    } else if (why == kTooDeep) {
      require(chain.size() + height_of(process) > fleet::kMaxDepth, "refused for a depth that is none");
    } else {
      require(place.not_attached->code == Code::kAlreadyExists, "refused for no reason: " + why);
      const auto others = children_of(wanted);
      const bool taken = std::ranges::any_of(others, [&](const Process* other) {
        return other->identity.id == process.identity.id && why.find(other->facts.address) != std::string::npos;
      });
      require(taken && why.find(process.facts.address) != std::string::npos, "refused for an id that is free: " + why);
    }
  }

  void check_trees() {
    for (const auto& process : world_.processes) {
      const Topology::Snapshot had = process->topology.snapshot();
      require(fleet::equal(expected(*process), had.tree), "a tree is not what is there");
      for (Follower* follower : {&process->quick, &process->slow, &process->own}) {
        const int told = follower->told;
        follower->read_all();
        require(follower->told == told, "told of what it read");
      }
      require(fleet::equal(process->quick.tree, had.tree), "a subscriber has another tree");
      require(fleet::equal(process->slow.tree, had.tree), "a slow subscriber has another tree");
      require(process->quick.revision == had.revision, "a subscriber is at another revision");
      fleet::ProcessorNode own = *had.tree;
      own.children.clear();
      require(fleet::equal(process->own.tree, std::make_shared<const fleet::ProcessorNode>(own)),
              "a subscriber of one processor has another one");
    }
  }

  /// From what was done, and which streams stand. What broke off is known by nobody better than by its last parent.
  fleet::ProcessorTree expected(const Process& process) {
    fleet::ProcessorNode node{.processor = process.facts};
    for (const auto& [id, hunter] : process.hunters) {
      node.hunters.push_back(std::make_shared<const fleet::ConnectedHunter>(hunter));
    }
    std::map<std::string, fleet::ProcessorTree> children;
    for (const fleet::ProcessorTree& child : process.topology.snapshot().tree->children) {
      if (child->link.reachable) continue;
      require(!child->link.reason.empty() && child->link.since_ns > 0, "unreachable without a reason or a time");
      children[child->processor.id] = child;
    }
    for (const Process* child : children_of(process)) {
      require(!children.contains(child->identity.id), "attached, and yet unreachable");
      children[child->identity.id] = expected(*child);
    }
    for (auto& [id, child] : children) node.children.push_back(std::move(child));
    return std::make_shared<const fleet::ProcessorNode>(std::move(node));
  }

  void check_operations() {
    std::map<std::string, int> done;
    for (const auto& process : world_.processes) {
      for (const std::string& payload : process->operated) ++done[payload];
    }
    for (const auto& [payload, started] : started_) {
      require(done[payload] <= 1, "an operation was done twice");
      require(started.outcomes <= 1, "an operation was answered twice");
      if (killed_.contains(started.asker)) continue;
      require(started.outcomes == 1, "an operation was never answered");
      const OperationOutcome& outcome = started.outcome;
      if (outcome.code == Code::kOk) {
        require(outcome.payload == "done " + payload && outcome.answered == started.path, "another's answer");
      } else {
        require(outcome.code == Code::kUnavailable || outcome.code == Code::kNotFound ||
                    outcome.code == Code::kDeadlineExceeded,
                "an operation failed for another reason: " + outcome.text);
        require(!outcome.answered.empty() && outcome.answered.size() <= started.path.size() &&
                    std::equal(outcome.answered.begin(), outcome.answered.end(), started.path.begin()),
                "a failure that is not on the way");
        require(outcome.text.find("\"" + outcome.answered.back() + "\"") != std::string::npos,
                "a failure that does not name who failed: " + outcome.text);
      }
    }
  }

  void operate_everywhere() {
    for (const auto& target : world_.processes) {
      fleet::NodePath path;
      for (Process* asker = target.get(); asker != nullptr; asker = parent_of(*asker)) {
        const std::string payload = "last" + std::to_string(asker->identity.instance);
        OperationOutcome outcome{.code = Code::kUnknown};
        asker->hierarchy.operate(path, 1, payload, lc::test::kNoHurry,
                                 [&](const OperationOutcome& its) { outcome = its; });
        settle();
        require(outcome.code == Code::kOk && outcome.answered == path, "it can't be reached: " + outcome.text);
        require(target->operated.back() == payload, "somebody else was reached");
        path.insert(path.begin(), asker->identity.id);
      }
    }
  }

  void announce_everywhere() {
    const auto root_of = [&](Process* process) {
      while (Process* const above = parent_of(*process)) process = above;
      return process;
    };
    for (const auto& process : world_.processes) {
      require(process->media_known == root_of(process.get())->media_known, "media is known to some of a tree only");
      process->media_heard.clear();
    }
    for (const auto& process : world_.processes) {
      process->announce("last" + std::to_string(process->identity.instance));
    }
    settle();
    for (const auto& process : world_.processes) {
      std::multiset<std::string> all;
      for (const auto& other : world_.processes) {
        if (other != process && root_of(other.get()) == root_of(process.get())) {
          all.insert("last" + std::to_string(other->identity.instance));
        }
      }
      require(all == std::multiset<std::string>(process->media_heard.begin(), process->media_heard.end()),
              "media was not heard once by each");
    }
  }

  std::mt19937_64 random_;
  World world_;
  std::size_t names_ = 1;
  bool chains_ = false;  // most want the one before them as parent
  bool calm_ = false;    // links mostly stand
  std::size_t window_ = 1;
  std::int64_t now_ns_ = 0;
  std::uint64_t announced_ = 0;
  std::map<std::uint64_t, Process*> parents_;  // by instance of the child: where it wants to be
  std::set<std::uint64_t> killed_;
  std::map<std::string, Started> started_;
};

}  // namespace

TEST_CASE("Whatever happens to a tree, at rest every processor and every subscriber knows it as it is",
          "[processor_tree][model]") {
  // Another range, to look for more: LC_TREE_SEEDS="FIRST COUNT".
  std::uint64_t first = 1;
  std::uint64_t count = 300;
  if (const char* seeds = std::getenv("LC_TREE_SEEDS")) std::istringstream(seeds) >> first >> count;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    INFO("seed " << seed);
    try {
      Simulation(seed).run(250);
    } catch (const std::exception& error) {
      FAIL(error.what());
    }
  }
  SUCCEED("seeds " << first << " to " << first + count - 1);
}
