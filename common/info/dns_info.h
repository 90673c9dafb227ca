#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/info/packet_info.h"

namespace lc::info {

/// A query or response, cut short or not; none: what is there can't be DNS. Any bytes are allowed.
std::optional<DnsInfo> dns_info(std::span<const std::uint8_t> message);

/// As tshark has it: `Standard query 0x95d3 A example.com`. Not bounded yet.
std::string dns_line(const DnsInfo& dns);

}  // namespace lc::info
