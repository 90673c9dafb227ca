// What the two ends of a link between processors say to each other: LinkService.Attach, one stream that the child
// opens. In each direction messages arrive in the order in which they were said.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/base/result.h"
#include "common/fleet/figures.h"
#include "common/fleet/processor_tree.h"
#include "processord/tree/topology.h"

namespace lc::processor {

/// One process: ids are unique under one parent only, and a process that was started again is another one.
struct ProcessorIdentity {
  std::string id;
  std::uint64_t instance = 0;  // chosen at random at the start; 0: a peer that does not say
  /// What its authorization tokens are signed with, for those below it (TokenSigner::public_key()); empty with TLS.
  std::string token_key = {};

  bool operator==(const ProcessorIdentity&) const = default;
};

/// Who is above a processor: its parent first, the root last. Empty: it is a root.
using Chain = std::vector<ProcessorIdentity>;

// Upwards.
/// The first message.
struct Registration {
  ProcessorIdentity self;
  std::string address;       // host:port where it serves, for display
  std::uint32_t height = 0;  // levels below it that it can reach
};
/// The child goes for good; the last message. One that just breaks off is expected to come back.
struct Leave {
  std::string reason;
};
/// What came of an operation, or of the attempt to bring it where it should go.
struct OperationOutcome {
  Code code = Code::kOk;
  std::string text = {};          // when it failed: one line for the user
  fleet::NodePath answered = {};  // who speaks here, or who could not be reached; from the one who gets this
  std::string payload = {};       // when it did not fail: the service's
};
struct OperationAnswer {
  std::uint64_t id = 0;  // Operation::id
  OperationOutcome outcome;
};

// Downwards.
/// The child is attached.
struct Welcome {
  Chain chain;  // of the child: the parent first
};
/// The child may not attach, or not any longer; the last message.
struct Refusal {
  Error error;
};
/// Something has changed above.
struct ChainChanged {
  Chain chain;  // of the child
};
/// Something to be done by the child, or by a processor below it.
struct Operation {
  std::uint64_t id = 0;  // of this link: for the answer
  fleet::NodePath path;  // from the child on; empty: the child itself
  std::chrono::milliseconds left{0};
  std::uint32_t kind = 0;  // the service's, like the payload
  std::string payload;
};

// Both ways.
/// Where media of followed calls is; meant for every processor of the tree.
struct Media {
  std::string payload;  // the service's
};

/// TopologyUpdate: the tree of the child, a snapshot first, numbered as a subscriber's. FiguresAt: paths begin at the
/// child; what comes later replaces what came before.
using FromChild = std::variant<Registration, fleet::TopologyUpdate, OperationAnswer, Media, fleet::FiguresAt, Leave>;
using FromParent = std::variant<Welcome, Refusal, ChainChanged, Operation, Media>;

}  // namespace lc::processor
