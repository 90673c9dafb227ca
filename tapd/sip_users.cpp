#include "tapd/sip_users.h"

#include <algorithm>
#include <cstdint>
#include <iomanip>
#include <map>
#include <sstream>

#include "common/base/text.h"

namespace lc::tap {
namespace {

constexpr std::string_view kPrefix = "sip-user-";
constexpr std::string_view kMark = "given with --sip-user";  // by which a later start knows it again
constexpr std::size_t kShortened = 30;

// FNV-1a; nothing may ever change the ids that it gives.
std::uint64_t checksum(std::string_view text) {
  std::uint64_t sum = 0xcbf2'9ce4'8422'2325;
  for (const char c : text) sum = (sum ^ static_cast<std::uint8_t>(c)) * 0x100'0000'01b3;
  return sum;
}

std::string id_of(const std::string& name) {
  std::string id = std::string(kPrefix) + name;
  if (check_id("id", id).ok()) return id;
  id = id.substr(0, kShortened);
  std::replace_if(
      id.begin(), id.end(), [](char c) { return !check_id("id", std::string_view(&c, 1)).ok(); }, '-');
  std::ostringstream text;
  text << id << '-' << std::hex << std::setw(16) << std::setfill('0') << checksum(name);
  return text.str();
}

}  // namespace

fleet::Filter sip_user_filter(const std::string& name) {
  fleet::Filter filter;
  filter.id = id_of(name);
  filter.type = fleet::FilterType::kSipUser;
  filter.pattern = name;
  filter.enabled = true;
  filter.description = kMark;
  return filter;
}

std::vector<processor::FilterEdit> sip_user_edits(const std::vector<std::string>& names,
                                                  const std::vector<processor::ListedFilter>& listed) {
  std::map<std::string, fleet::Filter> wanted;
  for (const std::string& name : names) {
    fleet::Filter filter = sip_user_filter(name);
    wanted[filter.id] = std::move(filter);
  }
  std::vector<processor::FilterEdit> edits;
  for (const processor::ListedFilter& entry : listed) {
    const fleet::Filter& there = *entry.filter;
    const auto found = wanted.find(there.id);
    if (found != wanted.end() && found->second == there) {
      wanted.erase(found);
    } else if (found == wanted.end() && there.id.starts_with(kPrefix) && there.description == kMark) {
      edits.push_back({there.id, std::nullopt});
    }
  }
  for (auto& [id, filter] : wanted) edits.push_back({id, std::move(filter)});
  return edits;
}

}  // namespace lc::tap
