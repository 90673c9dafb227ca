// Processors and the links between them, all in one thread: every message waits until the test lets it arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "processord/tree/hierarchy.h"
#include "tests/support/fake_clock.h"
#include "tests/unit/processord_tree/follower.h"

namespace lc::test {

/// Of who has an operation done and has no deadline.
inline constexpr std::chrono::milliseconds kNoHurry = std::chrono::milliseconds::max();

/// One process, and what is true of it.
class Process final : public processor::Hierarchy::Host {
 public:
  Process(std::string id, std::uint64_t instance, std::size_t remembered, const TimeSource& time);

  Status check(std::uint32_t kind, const std::string& payload, const fleet::NodePath& below) override;
  void operate(std::uint32_t kind, const std::string& payload, std::chrono::milliseconds left,
               processor::Hierarchy::Done done) override;
  bool media(const std::string& payload) override;
  std::vector<std::string> known_media() override { return {media_known.begin(), media_known.end()}; }

  // By the test's own reckoning.
  void connect_hunter(const std::string& hunter_id, std::int64_t now_ns);
  void disconnect_hunter(const std::string& hunter_id, std::int64_t now_ns);
  void set_hunter_status(const std::string& hunter_id, fleet::HunterStatus status, std::int64_t now_ns);
  void announce(const std::string& media);
  void set_status(fleet::ProcessorStatus status, std::int64_t now_ns);

  const processor::ProcessorIdentity identity;
  fleet::Processor facts;
  std::map<std::string, fleet::ConnectedHunter> hunters;
  processor::Topology topology;
  processor::Hierarchy hierarchy;
  Follower quick{topology};
  Follower slow{topology};
  Follower own{topology, false};

  std::optional<Error> refusal;          // of what would pass
  std::vector<fleet::NodePath> checked;  // where it should go from here
  bool at_once = true;                   // operations are answered as they come
  struct Operation {
    std::string payload;
    processor::Hierarchy::Done done;
  };
  std::deque<Operation> waiting;
  std::vector<std::string> operated;       // payloads
  std::chrono::milliseconds time_left{0};  // of the last one
  std::vector<std::string> media_heard;
  std::set<std::string> media_known;
};

/// As test::text_of() of its tree.
std::string text_of(const Process& process);
std::string why_not(const Process& process);
bool attached(const Process& process);

/// One stream and its two ends, in whichever processes they are.
struct Link {
  Process* child = nullptr;
  Process* parent = nullptr;
  std::shared_ptr<processor::ChildEnd> child_end;    // null: it knows that the stream is over
  std::shared_ptr<processor::ParentEnd> parent_end;  // likewise
  std::deque<processor::FromChild> up;
  std::deque<processor::FromParent> down;
  bool child_ready = true;
  bool parent_ready = true;
  bool cut = false;
  bool leaving = false;  // the child has said that it goes
};

class World {
 public:
  Process& add(const std::string& id, std::size_t remembered = processor::Topology::kRemembered);
  /// The process is gone at once; the others hear of it when their ends are told.
  void kill(Process& process);

  Link& open(Process& child, Process& parent);
  /// What has not arrived may be lost.
  void cut(Link& link, std::size_t keep_up = 0, std::size_t keep_down = 0);

  // One step of one link; false: there was nothing to do.
  bool write_up(Link& link);
  bool write_down(Link& link);
  bool arrive_up(Link& link);
  bool arrive_down(Link& link);
  bool notice_up(Link& link);    // the parent learns that the stream is over
  bool notice_down(Link& link);  // the child does

  /// Streams that both sides know to be over.
  void sweep();
  /// Until nothing moves any more.
  void settle();
  static constexpr const char* kLeft = "it goes elsewhere";
  void leave(Process& child);
  /// The one over which the child is attached or tries to be; null: none.
  Link* link_of(const Process& child);

  FakeClock clock;
  std::vector<std::unique_ptr<Process>> processes;
  std::vector<std::unique_ptr<Link>> links;

 private:
  std::uint64_t last_instance_ = 0;
};

/// Processes p0, p1, ... each below the one before.
std::vector<Process*> chain(World& world, std::size_t length, const std::string& name = "p");

}  // namespace lc::test
