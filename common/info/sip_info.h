#pragma once

#include <string>

#include "common/info/packet_info.h"
#include "common/sip/message.h"

namespace lc::info {

SipInfo sip_info(const sip::Message& message);

/// As tshark has it: `Request: INVITE sip:bob@b.example`, `Status: 200 OK (INVITE)`. Not made safe yet.
std::string sip_line(const sip::Message& message);

}  // namespace lc::info
