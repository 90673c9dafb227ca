// Writes classic pcap files.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "common/capture/capture_file.h"

namespace lc::capture {

/// The format of draft-ietf-opsawg-pcap (libpcap: pcap-savefile(5)): nanosecond magic, version 2.4, native byte order.
/// One link type per file, that of the first interface; the header is written with it (a file that is closed before
/// says Ethernet, so that readers take it). Seconds have 32 bits without sign: times before 1970 are written as 0 and
/// times after 2106-02-07T06:28:15Z as that second's last nanosecond. Neither happens in pcapng before 2262.
class PcapWriter final : public CaptureFile {
 public:
  /// `output` is an empty file; `path` is for messages.
  PcapWriter(std::string path, std::unique_ptr<FileOutput> output);

  Result<std::uint32_t> add_interface(const CaptureInterface& interface) override;
  Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids) override;
  Status write(const packet::Batch& batch, std::span<const std::uint32_t> interface_ids,
               std::span<const std::uint32_t> numbers) override;
  Status write(const packet::PacketView& packet, std::uint32_t interface) override;
  void set_drops(std::uint32_t, std::uint64_t, std::uint64_t, std::int64_t) override {}

 private:
  Status finish() override;
  Status write_header(std::uint32_t link_type);

  std::optional<std::uint32_t> link_type_;
};

}  // namespace lc::capture
