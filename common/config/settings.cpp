#include "common/config/settings.h"

#include <cassert>

namespace lc::config {

const Value& Settings::value(const std::string& name) const {
  assert(values_.contains(name));
  return values_.at(name);
}

const Value& Settings::value(const std::string& name, [[maybe_unused]] Kind kind) const {
  const Value& found = value(name);
  assert(found.kind == kind);
  return found;
}

const std::string& Settings::text(const std::string& name) const {
  return value(name, Kind::kText).texts.front();
}

const std::vector<std::string>& Settings::list(const std::string& name) const {
  return value(name, Kind::kList).texts;
}

std::int64_t Settings::integer(const std::string& name) const {
  return value(name, Kind::kInteger).number;
}

bool Settings::boolean(const std::string& name) const {
  return value(name, Kind::kBoolean).number != 0;
}

std::uint64_t Settings::size(const std::string& name) const {
  return static_cast<std::uint64_t>(value(name, Kind::kSize).number);
}

std::chrono::milliseconds Settings::milliseconds(const std::string& name) const {
  return std::chrono::milliseconds(value(name, Kind::kMilliseconds).number);
}

const std::string& Settings::origin(const std::string& name) const {
  return value(name).origin;
}

bool Settings::is_set(const std::string& name) const {
  return origin(name) != kDefaultOrigin;
}

}  // namespace lc::config
