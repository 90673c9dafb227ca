#include "processord/engine/storage.h"

#include <array>
#include <string_view>
#include <utility>

#include "common/base/clock.h"
#include "common/base/exit_code.h"
#include "common/base/file.h"
#include "processord/engine/hunter_key.h"

namespace lc::processor {
namespace {

PlaceholderValues voip_values(const CallLabel& call, const std::string& folder) {
  const std::array<std::string, kVoipPlaceholders.size()> values = {call.call_id, folder, call.from, call.to,
                                                                    utc_text(call.start_ns)};
  PlaceholderValues named;
  for (std::size_t i = 0; i < values.size(); ++i) named.emplace(kVoipPlaceholders[i], values[i]);
  return named;
}

}  // namespace

std::unique_ptr<Journal> open_journal(const EngineSettings& settings, HunterRegistry& registry, FileSystem& files) {
  if (!settings.stores()) return nullptr;
  auto journal = std::make_unique<Journal>(Journal::Settings{.directory = settings.state_dir,
                                                             .sync = settings.sync != SyncPolicy::kNever,
                                                             .remembered = registry.remembered()},
                                           files);
  for (const StoredPosition& position : journal->positions()) {
    registry.remember(position.hunter_id, position.epoch, position.sequence);
  }
  return journal;
}

std::vector<Retention::Place> kept_places(const EngineSettings& settings) {
  std::vector<Retention::Place> places;
  if (settings.write_file.empty() && !settings.rotation.directory.empty()) {
    places.push_back({settings.rotation.directory, Retention::is_named_by_time});
  }
  if (!settings.calls.directory.empty()) {
    places.push_back(
        {settings.calls.directory, [name = settings.calls.name](std::string_view file) { return name.matches(file); }});
  }
  return places;
}

const std::string& place_of(const EngineSettings& settings) {
  if (!settings.write_file.empty()) return settings.write_file;
  return settings.rotation.directory.empty() ? settings.calls.directory : settings.rotation.directory;
}

std::unique_ptr<CaptureOutput> open_output(const EngineSettings& settings, Journal* journal,
                                           const HunterRegistry& registry, Hooks& hooks, Retention& retention) {
  if (journal == nullptr) return nullptr;
  const auto closed = [&hooks, &retention, command = settings.pcap_command](const std::string& path) {
    if (command) hooks.push(command, {{std::string(kPcapPlaceholder), path}});
    retention.file_closed();
  };
  const auto call_ended = [&hooks, command = settings.voip_command](const CallLabel& call, const std::string& folder) {
    if (command) hooks.push(command, voip_values(call, folder));
  };
  const auto reports = [&registry](std::string_view hunter_id, std::string_view interface) {
    if (is_relayed(hunter_id)) return InterfaceReport();  // its heartbeats go to another processor
    const std::shared_ptr<Hunter> hunter = registry.find_remembered(std::string(hunter_id));
    return hunter ? hunter->interface_report(interface) : InterfaceReport();
  };
  CaptureTarget target = settings.rotation;
  target.path = settings.write_file;
  target.calls = settings.calls;
  if (!target.calls.directory.empty()) target.calls.max_open = room_for_open_files(target.calls.max_open);
  Result<std::unique_ptr<CaptureOutput>> output = CaptureOutput::open(
      std::move(target), *journal, settings.sync, {.closed = closed, .call_ended = call_ended, .reports = reports});
  if (output) return std::move(*output);
  const bool denied = output.error().code == Code::kPermissionDenied;
  throw StartError(denied ? ExitCode::kNoPermission : ExitCode::kBadConfig, output.error().text);
}

}  // namespace lc::processor
