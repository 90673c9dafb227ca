#include "lcwatch/model/event_log.h"

#include <utility>

namespace lc::watch {
namespace {

std::string because(const std::string& reason) {
  return reason.empty() ? "" : ": " + reason;
}

Severity severity_of(fleet::HunterStatus status) {
  switch (status) {
    case fleet::HunterStatus::kHealthy:
      return Severity::kGood;
    case fleet::HunterStatus::kWarning:
      return Severity::kWarning;
    case fleet::HunterStatus::kError:
      return Severity::kError;
    case fleet::HunterStatus::kStopping:
      break;
  }
  return Severity::kInfo;
}

Severity severity_of(fleet::ProcessorStatus status) {
  if (status == fleet::ProcessorStatus::kHealthy) return Severity::kGood;
  return status == fleet::ProcessorStatus::kWarning ? Severity::kWarning : Severity::kError;
}

struct Teller {
  ChangeText operator()(const fleet::HunterConnected& event) const {
    return {Severity::kGood, "hunter " + event.hunter->description.id + " connected"};
  }
  ChangeText operator()(const fleet::HunterDisconnected& event) const {
    return {Severity::kWarning, "hunter " + event.id + " is gone" + because(event.reason)};
  }
  ChangeText operator()(const fleet::HunterStatusChanged& event) const {
    return {severity_of(event.now), "hunter " + event.id + " is " + std::string(fleet::name_of(event.now)) + ", was " +
                                        std::string(fleet::name_of(event.before))};
  }
  ChangeText operator()(const fleet::ProcessorChanged& event) const {
    return {severity_of(event.processor.status), "processor " + event.processor.id + " is " +
                                                     std::string(name_of(event.processor.status)) +
                                                     because(event.processor.status_reason)};
  }
  ChangeText operator()(const fleet::ProcessorConnected& event) const {
    return {Severity::kGood, "processor " + event.node->processor.id + " connected"};
  }
  ChangeText operator()(const fleet::ProcessorRemoved& event) const {
    return {Severity::kWarning, "processor " + event.id + " is gone" + because(event.reason)};
  }
  ChangeText operator()(const fleet::ReachabilityChanged& event) const {
    if (event.link.reachable) return {Severity::kGood, "processor " + event.id + " is reachable again"};
    return {Severity::kError, "processor " + event.id + " is unreachable" + because(event.link.reason)};
  }
  ChangeText operator()(const fleet::FilterUpdated& event) const {
    const std::string name = "filter " + event.update.filter.id;
    switch (event.update.type) {
      case fleet::FilterUpdateType::kAdd:
        return {Severity::kInfo, name + " added"};
      case fleet::FilterUpdateType::kModify:
        return {Severity::kInfo, name + " changed"};
      case fleet::FilterUpdateType::kDelete:
        return {Severity::kInfo, name + " deleted"};
      case fleet::FilterUpdateType::kSnapshot:
        break;
    }
    return {Severity::kInfo, "filters changed"};
  }
};

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kGood:
      return "OK";
    case Severity::kWarning:
      return "WARNING";
    case Severity::kError:
      return "ERROR";
    case Severity::kInfo:
      break;
  }
  return "INFO";
}

std::string_view name_of(fleet::ProcessorStatus status) {
  if (status == fleet::ProcessorStatus::kHealthy) return "HEALTHY";
  return status == fleet::ProcessorStatus::kWarning ? "WARNING" : "ERROR";
}

void EventLog::add(std::int64_t time_ns, Severity severity, std::string where, std::string text) {
  if (events_.size() == kMost) events_.pop_front();
  events_.push_back({++last_, time_ns, severity, std::move(where), std::move(text)});
}

ChangeText text_of(const fleet::TreeEvent& event) {
  return std::visit(Teller{}, event);
}

}  // namespace lc::watch
