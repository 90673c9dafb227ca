#include "lcwatch/batch/change_line.h"

#include <algorithm>
#include <cctype>

#include "common/base/clock.h"
#include "lcwatch/batch/json.h"
#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

std::string lower(std::string_view text) {
  std::string made(text);
  std::transform(made.begin(), made.end(), made.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return made;
}

/// What is particular to each event.
struct Teller {
  Json operator()(const fleet::HunterConnected& event) const {
    return {{"event", "hunter_connected"},
            {"id", event.hunter->description.id},
            {"state", fleet::name_of(event.hunter->status)}};
  }
  Json operator()(const fleet::HunterDisconnected& event) const {
    return {{"event", "hunter_disconnected"}, {"id", event.id}, {"reason", event.reason}};
  }
  Json operator()(const fleet::HunterStatusChanged& event) const {
    return {{"event", "hunter_status"},
            {"id", event.id},
            {"state", fleet::name_of(event.now)},
            {"was", fleet::name_of(event.before)}};
  }
  Json operator()(const fleet::ProcessorChanged& event) const {
    return {{"event", "processor_changed"},
            {"id", event.processor.id},
            {"state", name_of(event.processor.status)},
            {"reason", event.processor.status_reason}};
  }
  Json operator()(const fleet::ProcessorConnected& event) const {
    return {{"event", "processor_connected"},
            {"id", event.node->processor.id},
            {"state", name_of(event.node->processor.status)}};
  }
  Json operator()(const fleet::ProcessorRemoved& event) const {
    return {{"event", "processor_removed"}, {"id", event.id}, {"reason", event.reason}};
  }
  Json operator()(const fleet::ReachabilityChanged& event) const {
    return {{"event", event.link.reachable ? "processor_reachable" : "processor_unreachable"},
            {"id", event.id},
            {"reason", event.link.reason}};
  }
  Json operator()(const fleet::FilterUpdated& event) const {
    const bool deleted = event.update.type == fleet::FilterUpdateType::kDelete;
    return {{"event", deleted ? "filter_removed" : "filter_saved"}, {"id", event.update.filter.id}};
  }
};

std::string line_of(std::int64_t time_ns, Severity severity, const std::string& where, const std::string& text) {
  return utc_text(time_ns) + "  " + std::string(name_of(severity)) + "  " + shown(where) + "  " + shown(text) + "\n";
}

Json begin(std::int64_t time_ns, const std::string& server, const fleet::NodePath& path, Severity severity) {
  return {{"time", time_of(time_ns)},
          {"server", server},
          {"path", fleet::path_text(path)},
          {"severity", lower(name_of(severity))}};
}

}  // namespace

std::string change_line(const Model& model, const TreeCame& came, bool json) {
  const fleet::TreeChange& change = *came.change;
  const ChangeText text = text_of(change.event);
  if (!json) return line_of(change.time_ns, text.severity, model.where(came.server, change.path), text.text);
  Json object = begin(change.time_ns, model.servers()[came.server], change.path, text.severity);
  object.update(std::visit(Teller{}, change.event));
  object["text"] = text.text;
  return text_of(object) + "\n";
}

std::string change_line(const Model& model, const StreamChanged& changed, bool json) {
  const std::string& server = model.servers()[changed.server];
  const Severity severity = changed.up ? Severity::kGood : Severity::kError;
  const std::string text =
      std::string(name_of(changed.stream)) + (changed.up ? " stands" : " is down: " + changed.reason);
  if (!json) return line_of(wall_ns(), severity, server, text);
  Json object = begin(wall_ns(), server, {}, severity);
  object["event"] = changed.up ? "stream_up" : "stream_down";
  object["id"] = name_of(changed.stream);
  object["reason"] = changed.reason;
  object["text"] = text;
  return text_of(object) + "\n";
}

}  // namespace lc::watch
