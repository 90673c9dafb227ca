// The settings in force. A value that only changes by loading again.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/config/value.h"

namespace lc::config {

/// Names are those of the option table; an unknown name or another kind's accessor is a bug (assert). Any thread.
class Settings {
 public:
  Settings(std::map<std::string, Value> values, bool production)
      : values_(std::move(values)), production_(production) {}

  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] const std::vector<std::string>& list(const std::string& name) const;
  [[nodiscard]] std::int64_t integer(const std::string& name) const;
  [[nodiscard]] bool boolean(const std::string& name) const;
  [[nodiscard]] std::uint64_t size(const std::string& name) const;  // bytes
  [[nodiscard]] std::chrono::milliseconds milliseconds(const std::string& name) const;

  /// "option", "environment LIPPYCAT_BATCH_SIZE", "/etc/lippycat/hunter.yaml:7" or "default".
  [[nodiscard]] const std::string& origin(const std::string& name) const;
  /// Given by any source, be it with the value of the default.
  [[nodiscard]] bool is_set(const std::string& name) const;
  /// LIPPYCAT_PRODUCTION=true, which has no option or key so that no file can take it back.
  [[nodiscard]] bool production() const { return production_; }

 private:
  [[nodiscard]] const Value& value(const std::string& name) const;
  [[nodiscard]] const Value& value(const std::string& name, Kind kind) const;

  std::map<std::string, Value> values_;
  bool production_;
};

}  // namespace lc::config
