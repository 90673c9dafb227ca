// The TCP protocols besides SIP that filters look into.
#pragma once

#include "common/packet/tcp_streams.h"

namespace lc::filter {

/// ClientHello and ServerHello (RFC 8446 section 4.1) at the begin of a stream, with their record headers.
packet::StreamProtocol tls_protocol();
/// A request's line and headers (RFC 9112); bodies and responses are none.
packet::StreamProtocol http_protocol();
/// A line of SMTP (RFC 5321) or of the message's header, with the lines that continue it.
packet::StreamProtocol mail_protocol();
/// A DNS message with its length field (RFC 7766).
packet::StreamProtocol dns_protocol();

}  // namespace lc::filter
