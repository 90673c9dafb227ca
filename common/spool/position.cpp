#include "common/spool/position.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstring>

#include "common/base/fail_point.h"

namespace lc::spool {
namespace {

constexpr std::uint64_t kMagic = 0x3173'6f70'6c6f'636c;  // "lcolpos1"

struct Raw {
  std::uint64_t magic = kMagic;
  Position position;
  std::uint64_t hash = 0;  // of all before it
};
static_assert(sizeof(Raw) == 48);

std::uint64_t hash_of(const Raw& raw) {
  return XXH3_64bits(&raw, offsetof(Raw, hash));
}

}  // namespace

std::unique_ptr<PositionFile> PositionFile::open(FileSystem& files, const std::string& path) {
  std::unique_ptr<File> file = files.open(path, FileSystem::Open::kExisting);
  if (!file) file = files.open(path, FileSystem::Open::kNew);
  if (!file) return nullptr;
  return std::unique_ptr<PositionFile>(new PositionFile(std::move(file)));
}

std::optional<Position> PositionFile::read() {
  std::array<std::uint8_t, sizeof(Raw)> bytes{};
  if (read_all(*file_, bytes.data(), bytes.size(), 0) != bytes.size()) return std::nullopt;
  Raw raw;
  std::memcpy(&raw, bytes.data(), sizeof raw);
  if (raw.magic != kMagic || raw.hash != hash_of(raw)) return std::nullopt;
  return raw.position;
}

void PositionFile::write(const Position& position) {
  if (fail_point("spool.position").error != 0) return;
  Raw raw{.position = position};
  raw.hash = hash_of(raw);
  std::array<std::uint8_t, sizeof(Raw)> bytes{};
  std::memcpy(bytes.data(), &raw, sizeof raw);
  static_cast<void>(write_all(*file_, bytes.data(), bytes.size(), 0));
}

}  // namespace lc::spool
