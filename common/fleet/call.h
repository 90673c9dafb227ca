// A call as consoles see it: all of its legs and streams, at one moment.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lc::fleet {

/// One dialog, by its Call-ID (lippycat.data.CallLegInfo). Times are capture times since 1970.
struct CallLeg {
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
struct CallStream {
  std::string call_id;      // of its leg
  std::string hunter_id;    // who captured it
  std::string source;       // address:port
  std::string destination;  // address:port
  std::uint32_t ssrc = 0;
  std::uint32_t payload_type = 0;
  std::string codec;  // encoding name of SDP or RFC 3551; empty: not known
  std::uint32_t clock_rate = 0;
  std::string media = {};  // audio, video ... as SDP says; empty: not known
  std::uint64_t packets = 0;
  std::uint64_t lost = 0;
  std::uint64_t reordered = 0;
  std::uint64_t duplicates = 0;
  double jitter_ms = 0;          // RFC 3550 6.4.1, now
  double max_jitter_ms = 0;      // the largest so far
  double mean_jitter_ms = 0;     // of all packets so far
  double mos = 0;                // estimate by the E-model (ITU-T G.107), 1 to 4.5; 0: not known for this codec
  bool gaps_in_capture = false;  // the hunter or this processor dropped packets meanwhile, so `lost` may be theirs
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
};

/// A SIP message of a call (lippycat.data.CallMessage), a step of its ladder.
struct CallMessage {
  std::int64_t time_ns = 0;
  std::string call_id;              // of its leg
  std::string hunter_id;            // who captured it
  std::string source;               // address:port
  std::string destination;          // address:port
  std::string method;               // of the request, or of the request that is answered
  std::uint32_t response_code = 0;  // 0: a request
  std::uint32_t cseq = 0;
  bool sdp = false;             // has a session description
  bool retransmission = false;  // seen before, from there to there
};

struct Call {
  std::string id;                     // of the group of legs, for as long as it is followed
  std::vector<std::string> tag_pair;  // From tag and To tag, as far as known
  std::string from_user;
  std::string to_user;
  std::vector<CallLeg> legs;
  std::vector<CallStream> streams;
  std::int64_t start_ns = 0;
  std::int64_t last_ns = 0;
  std::string state;                  // trying, ringing, active, ended, failed, cancelled
  std::int64_t answered_ns = 0;       // first 2xx to an INVITE; 0: none seen
  std::int64_t ended_ns = 0;          // when it came to its end; 0: it has not
  std::vector<CallMessage> messages;  // its signalling in order of capture, the first ones; only where asked for
  std::uint32_t more_messages = 0;    // that came after those
};

}  // namespace lc::fleet
