#include "processord/engine/hunter_key.h"

#include <charconv>

#include "common/base/text.h"
#include "common/fleet/processor_tree.h"

namespace lc::processor {
namespace {

constexpr char kOfPath = '/';
constexpr char kOfEpoch = '@';
constexpr int kHex = 16;

}  // namespace

Status check_origin(const RelayedOrigin& origin) {
  if (origin.path.empty() || origin.path.size() > fleet::kMaxDepth || origin.epoch == 0) {
    return Error{Code::kInvalidArgument, "a forwarded stream names 1 to " + std::to_string(fleet::kMaxDepth) +
                                             " processors on its way, and an epoch"};
  }
  for (const std::string& id : origin.path) {
    if (Status status = check_id("processor id", id); !status) return status;
  }
  return check_id("hunter id", origin.hunter_id);
}

std::string origin_path(const RelayedOrigin& origin) {
  std::string text;
  for (const std::string& id : origin.path) text.append(id) += kOfPath;
  return text + origin.hunter_id;
}

std::string hunter_key(std::string_view path, std::uint64_t epoch) {
  std::string key(path);
  if (!is_relayed(path)) return key;
  char digits[kHex];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), epoch, kHex);
  return (key += kOfEpoch).append(std::begin(digits), end.ptr);
}

bool is_relayed(std::string_view key) {
  return key.find(kOfPath) != std::string_view::npos;
}

bool is_hunter_key(std::string_view text) {
  if (!is_relayed(text)) return check_id("hunter id", text).ok();
  const std::size_t at = text.find(kOfEpoch);
  if (at == std::string_view::npos) return false;
  const std::string_view digits = text.substr(at + 1);
  const bool is_epoch = !digits.empty() && digits.size() <= kHex &&
                        digits.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  std::string_view path = text.substr(0, at);
  for (std::size_t slash = 0; is_epoch && (slash = path.find(kOfPath)) != std::string_view::npos;) {
    if (!check_id("processor id", path.substr(0, slash))) return false;
    path.remove_prefix(slash + 1);
  }
  return is_epoch && check_id("hunter id", path).ok();
}

std::string path_of(std::string_view key) {
  return std::string(key.substr(0, key.find(kOfEpoch)));
}

}  // namespace lc::processor
