// A call as consoles see it: all of its legs and streams, at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lc::processor {

/// One dialog, by its Call-ID (lippycat.data.CallLegInfo). Times are capture times since 1970.
struct CallLegView {
  std::string call_id;
  std::string hunter_id;  // who captured its first message
  std::string source;     // addresses of the first request, as text
  std::string destination;
  std::string method;               // of the latest request
  std::uint32_t response_code = 0;  // of the latest response; 0: none yet
  std::uint32_t messages = 0;
  std::string state;
  std::int64_t start_ns = 0;
  std::int64_t last_ns = 0;
};

/// One RTP stream as one hunter sees it.
struct CallStreamView {
  std::string call_id;      // of its leg
  std::string hunter_id;    // who captured it
  std::string source;       // address:port
  std::string destination;  // address:port
  std::uint32_t ssrc = 0;
  std::uint32_t payload_type = 0;
  std::string codec;  // encoding name of SDP or RFC 3551; empty: not known
  std::uint32_t clock_rate = 0;
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  std::uint64_t reordered = 0;
  std::uint64_t duplicates = 0;
  double jitter_ms = 0;          // RFC 3550 6.4.1, now
  double max_jitter_ms = 0;      // the largest so far
  double mos = 0;                // estimate by the E-model (ITU-T G.107), 1 to 4.5; 0: not known for this codec
  bool gaps_in_capture = false;  // the hunter or this processor dropped packets meanwhile, so `lost` may be theirs
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
};

struct CallView {
  std::string id;                     // of the group of legs, for as long as it is followed
  std::vector<std::string> tag_pair;  // From tag and To tag, as far as known
  std::string from_user;
  std::string to_user;
  std::vector<CallLegView> legs;
  std::vector<CallStreamView> streams;
  std::int64_t start_ns = 0;
  std::int64_t last_ns = 0;
  std::string state;  // trying, ringing, active, ended, failed, cancelled
};

}  // namespace lc::processor
