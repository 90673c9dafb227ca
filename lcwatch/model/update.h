// What comes in from the processors that are watched, as plain values: remote/ makes them, the model takes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fleet/call.h"
#include "common/fleet/figures.h"
#include "common/fleet/processor_tree.h"

namespace lc::watch {

/// Which of the processors that are watched (--addr, --nodes-file), from 0.
using ServerIndex = std::size_t;

/// The long calls that are held to each of them; each comes and goes by itself.
enum class StreamKind { kTopology, kPackets, kCalls };

/// A stream stands, or is down: why, and when it is tried again. While one is down what it has brought stays as it is.
struct StreamChanged {
  ServerIndex server = 0;
  StreamKind stream = StreamKind::kTopology;
  bool up = false;
  std::string reason = {};  // when it is down: one line
  Clock::time_point retry_at = {};
  Code code = Code::kOk;  // when it is down: the kind of reason
};

/// Whether filters may be changed there, by whoever this console is to that processor; each time it is reached.
struct AccessKnown {
  ServerIndex server = 0;
  bool may_change = true;
};

/// The tree as it is now, and what made it so. Without a change it is a new snapshot.
struct TreeCame {
  ServerIndex server = 0;
  fleet::ProcessorTree tree;
  fleet::TreeChangePointer change = nullptr;
};

struct FiguresCame {
  ServerIndex server = 0;
  fleet::FiguresAt at;
};

/// One packet as its processor describes it.
struct PacketRow {
  std::uint64_t number = 0;  // counts what this console was sent, from 1; never used again
  std::int64_t time_ns = 0;  // capture time
  std::string hunter;        // hunter id, with the path in front of it where it is another processor's
  std::string interface;
  std::string source;       // address:port, or what there is
  std::string destination;  // likewise
  std::string protocol;
  std::string info;
  std::string call_id;       // of SIP; else empty
  std::uint32_t length = 0;  // on the wire
  std::uint32_t link_type = 0;
  std::shared_ptr<const std::string> bytes;  // as captured
  std::vector<std::string> filters;          // ids of those that chose it
};

struct PacketsCame {
  ServerIndex server = 0;
  std::vector<PacketRow> packets;  // in order
  std::uint64_t offered = 0;       // packets that were sent or skipped, since the console began
  std::uint64_t skipped = 0;       // of these: by the processor, as too slow, and by the console, as too many to show
};

struct CallCame {
  ServerIndex server = 0;
  std::shared_ptr<const fleet::Call> call;  // as it is now; with messages if it was asked for (Remote::show_call)
};
struct CallGone {
  ServerIndex server = 0;
  std::string id;
};
/// All that are there follow, and those that do not come until CallsComplete are gone.
struct CallsBegin {
  ServerIndex server = 0;
};
struct CallsComplete {
  ServerIndex server = 0;
};

/// A filter as its processor's table has it.
struct FilterRow {
  fleet::Filter filter;
  std::uint64_t packets_hit = 0;
  std::int64_t last_hit_ns = 0;  // 0: none
};

/// An answer to Remote::list_filters().
struct FiltersCame {
  ServerIndex server = 0;
  fleet::NodePath path;
  Result<std::vector<FilterRow>> filters;
};

/// An answer to Remote::save_filter(), delete_filter() and so on.
struct OperationDone {
  std::uint64_t operation = 0;  // as they gave it
  Status status = {};           // its text is for people
  std::string done = {};        // when it went well: what came of it, one line
};

using Update = std::variant<StreamChanged, TreeCame, FiguresCame, PacketsCame, CallCame, CallGone, CallsBegin,
                            CallsComplete, FiltersCame, OperationDone, AccessKnown>;

}  // namespace lc::watch
