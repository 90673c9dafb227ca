// What has happened, for people: the latest events of all processors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "common/fleet/processor_tree.h"
#include "lcwatch/model/update.h"

namespace lc::watch {

enum class Severity { kInfo, kGood, kWarning, kError };
std::string_view name_of(Severity severity);  // INFO, OK, WARNING, ERROR

struct Event {
  std::uint64_t number = 0;  // from 1
  std::int64_t time_ns = 0;
  Severity severity = Severity::kInfo;
  std::string where;  // the processor: name of the server and path
  std::string text;
};

/// One thread.
class EventLog {
 public:
  static constexpr std::size_t kMost = 2'000;

  void add(std::int64_t time_ns, Severity severity, std::string where, std::string text);
  [[nodiscard]] const std::deque<Event>& events() const { return events_; }  // oldest first

 private:
  std::deque<Event> events_;
  std::uint64_t last_ = 0;
};

/// A change of the tree in words.
struct ChangeText {
  Severity severity;
  std::string text;
};
ChangeText text_of(const fleet::TreeEvent& event);

std::string_view name_of(fleet::ProcessorStatus status);  // HEALTHY, WARNING, ERROR

}  // namespace lc::watch
