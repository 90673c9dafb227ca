#include "common/config/state_directory.h"

#include <unistd.h>

#include <cstdlib>

namespace lc::config {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string base() {
  if (const std::string given = environment("STATE_DIRECTORY"); !given.empty()) return given.substr(0, given.find(':'));
  if (::geteuid() == 0) return "/var/lib/lippycat";
  if (const std::string state = environment("XDG_STATE_HOME"); !state.empty()) return state + "/lippycat";
  return environment("HOME") + "/.local/state/lippycat";
}

}  // namespace

std::string state_directory(std::string_view program, std::string_view id) {
  return base() + "/" + std::string(program) + "-" + std::string(id);
}

}  // namespace lc::config
