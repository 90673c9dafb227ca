// Which of a batch's packets belong to which calls: what the follower of calls tells the writer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lc::processor {

/// What a call's files are named by, and what its command is told. Text as the first message had it: any bytes.
struct CallLabel {
  std::uint64_t number = 0;  // of the call in this process; no other has it, before or after
  std::string call_id;
  std::string from;  // user parts
  std::string to;
  std::int64_t start_ns = 0;  // capture time of its first message, since 1970
};

enum class CallPart : std::uint8_t { kSignalling, kMedia };

struct CallRoutes {
  struct Entry {
    std::uint32_t packet = 0;  // index in the batch
    std::uint32_t call = 0;    // index in `calls`
    CallPart part = CallPart::kSignalling;
  };
  std::vector<std::shared_ptr<const CallLabel>> calls;
  std::vector<Entry> entries;  // by packet, rising; a packet of two calls is there twice, one of no call is not there
};

}  // namespace lc::processor
