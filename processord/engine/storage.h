// What an engine stores with, as its settings ask for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "processord/engine/engine.h"

namespace lc::processor {

/// Null when nothing is stored. The registry remembers what was read. Throws StartError.
std::unique_ptr<Journal> open_journal(const EngineSettings& settings, HunterRegistry& registry, FileSystem& files);

/// Null without a journal. `registry` knows the interfaces that files describe; `hooks` and `retention` are told of
/// what is closed. Throws StartError.
std::unique_ptr<CaptureOutput> open_output(const EngineSettings& settings, Journal* journal,
                                           const HunterRegistry& registry, Hooks& hooks, Retention& retention);

std::vector<Retention::Place> kept_places(const EngineSettings& settings);

/// For messages.
const std::string& place_of(const EngineSettings& settings);

}  // namespace lc::processor
