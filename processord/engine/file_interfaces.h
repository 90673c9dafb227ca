// The interfaces that a capture file's packets come from, and what their hunters say of them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>

#include "common/base/result.h"
#include "common/capture/capture_file.h"
#include "common/fleet/hunter.h"
#include "common/packet/batch.h"

namespace lc::processor {

struct InterfaceReport {
  std::string filter = {};  // libpcap expression it captures with
  std::uint64_t epoch = 0;  // of its hunter
  bool is_new = false;      // nothing that its hunter has sent in this epoch is stored
  std::optional<fleet::InterfaceStats> stats = std::nullopt;  // none: its hunter has said nothing yet, or is unknown
};

/// What is known now of a hunter's interface. Any thread.
using InterfaceReports = std::function<InterfaceReport(std::string_view hunter_id, std::string_view interface)>;

inline InterfaceReport nothing_reported(std::string_view, std::string_view) {
  return {};
}

/// Of one file, on its thread.
class FileInterfaces {
 public:
  /// The id that the interface's packets are written with. Errors as CaptureFile::add_interface().
  Result<std::uint32_t> id_of(std::string_view hunter_id, const packet::BatchInterface& interface,
                              capture::CaptureFile& file, const InterfaceReports& reports);

  /// Tells the file, which is about to be closed, what was captured and dropped since it has the interfaces, as the
  /// hunters' heartbeats said then and now: what waited in a hunter's queue counts when it was captured. Nothing of a
  /// hunter that began anew since, or that had said nothing yet.
  void tell_drops(capture::CaptureFile& file, const InterfaceReports& reports) const;

 private:
  using Key = std::tuple<std::string, std::string, std::uint32_t>;  // hunter, name, link type
  struct Counted {
    std::uint64_t captured = 0;
    std::uint64_t dropped = 0;
  };
  struct Known {
    std::uint32_t id = 0;
    std::uint64_t epoch = 0;
    std::optional<Counted> before;  // when the file began; none: not known
  };
  std::map<Key, Known, std::less<>> known_;
  const std::pair<const Key, Known>* latest_ = nullptr;  // batches come in rows from the same one
};

}  // namespace lc::processor
