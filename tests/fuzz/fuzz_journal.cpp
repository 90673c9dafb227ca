// Any bytes as a processor's journal: the first byte says whether they are the file, the payload of one record, or
// changes to a good file. Reading never takes more than the file's own size and gives sums that agree with it; what it
// takes for an entry is written again as it was read.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/unique_fd.h"
#include "processord/engine/journal_entry.h"

namespace {

using namespace lc::processor;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_text(std::string_view text) {
  const auto entry = journal_entry(text);
  if (!entry) return;
  const auto again = journal_entry(to_text(*entry));
  require(again && *again == *entry);
}

void check_file(std::span<const std::uint8_t> bytes) {
  lc::UniqueFd fd(::memfd_create("journal", MFD_CLOEXEC));
  require(static_cast<bool>(fd));
  require(::write(fd.get(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  lc::RegularFile file(std::move(fd), "journal");
  std::uint64_t entries = 0;
  const auto extent = read_journal(file, [&](const JournalEntry& entry) {
    ++entries;
    check_text(to_text(entry));
  });
  require(extent.has_value());
  require(extent->whole_bytes + extent->torn_bytes == bytes.size());
  require(extent->damaged_bytes <= extent->whole_bytes);
  require(extent->last_number == entries + extent->lost_entries);
}

std::vector<std::uint8_t> good_file() {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t number = 1; number <= 4; ++number) {
    append_twice(bytes, number,
                 {.positions = {{"hunter", 7, number}},
                  .files = {{.path = "/captures/x.pcap", .identity = {1, 2, 3}, .bytes = number, .packets = number}}});
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check_file(rest);
      break;
    case 1:
      check_text({reinterpret_cast<const char*>(rest.data()), rest.size()});
      break;
    default: {
      std::vector<std::uint8_t> bytes = good_file();
      for (std::size_t i = 0; i + 2 < rest.size(); i += 3) {
        const std::size_t at = (std::size_t{rest[i]} << 8 | rest[i + 1]) % bytes.size();
        bytes[at] = rest[i + 2];
      }
      check_file(bytes);
    }
  }
  return 0;
}
