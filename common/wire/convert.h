// The wire's messages to and from the plain values of common/fleet.
#pragma once

#include <google/protobuf/map.h>

#include <cstdint>
#include <map>
#include <string>

#include "common/fleet/hunter.h"
#include "common/packet/send_queue.h"
#include "lippycat/data.pb.h"
#include "lippycat/management.pb.h"

namespace lc::wire {

fleet::HunterDescription from_proto(const lippycat::management::HunterRegistration& message);
lippycat::management::HunterRegistration to_proto(const fleet::HunterDescription& hunter);

/// Of reasons and interfaces no more than an honest peer has: they are passed on to others.
fleet::HunterStats from_proto(const lippycat::management::HunterStats& message);
lippycat::management::HunterStats to_proto(const fleet::HunterStats& stats);

fleet::Filter from_proto(const lippycat::management::Filter& message);
lippycat::management::Filter to_proto(const fleet::Filter& filter);

fleet::FilterUpdate from_proto(const lippycat::management::FilterUpdate& message);
lippycat::management::FilterUpdate to_proto(const fleet::FilterUpdate& update);

fleet::RegistrationAnswer from_proto(const lippycat::management::RegistrationResponse& message);

fleet::Capabilities from_proto(const lippycat::management::HunterCapabilities& message);
lippycat::management::HunterCapabilities to_proto(const fleet::Capabilities& capabilities);

/// An unknown number (a newer peer) counts as WARNING: something is said that we can't read.
fleet::HunterStatus from_proto(lippycat::management::HunterStatus status);
lippycat::management::HunterStatus to_proto(fleet::HunterStatus status);

/// RESUME means CONTINUE, and so does what a newer peer may say.
packet::Flow from_proto(lippycat::data::FlowControl control);

/// Packets dropped, by reason; a closed list is expected, so of a long one the first 32.
std::map<std::string, std::uint64_t> drop_reasons(const google::protobuf::Map<std::string, std::uint64_t>& message);

}  // namespace lc::wire
