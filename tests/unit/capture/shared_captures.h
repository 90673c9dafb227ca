// The real captures beside this repository, and what tcpdump said of them (their truth.json).
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/capture/capture_judges.h"

namespace lc::capture::test {

struct SharedCapture {
  std::string name;
  std::string path;
  std::uint64_t packets = 0;  // that libpcap reads before any error
  /// Expression, and the packets it matches; none where libpcap refuses it.
  std::map<std::string, std::optional<std::uint64_t>> matches;
};

/// Empty, with a warning, where LC_SHARED_CAPTURES names no directory.
inline std::vector<SharedCapture> shared_captures() {
  const char* directory = std::getenv("LC_SHARED_CAPTURES");
  if (directory == nullptr || !std::filesystem::is_directory(directory)) {
    WARN("skipped: LC_SHARED_CAPTURES does not name a directory of captures");
    return {};
  }
  // One line for each key of a file, so that no JSON parser is needed.
  const auto quoted_at = [](const std::string& line, std::size_t quote) {
    return line.substr(quote + 1, line.find('"', quote + 1) - quote - 1);
  };
  std::vector<SharedCapture> captures;
  for (const std::string& line : lines_of(read_file(std::string(directory) + "/truth.json"))) {
    const std::string tcpdump = R"(  "tcpdump": {"packets": )";
    const std::string bpf = R"(  "bpf": {)";
    if (line.starts_with(" \"") && line.ends_with("\": {")) {
      const std::string name = quoted_at(line, 1);
      captures.push_back({name, std::string(directory) + "/" + name, 0, {}});
    } else if (line.starts_with(tcpdump)) {
      captures.back().packets = std::stoull(line.substr(tcpdump.size()));
    } else if (line.starts_with(bpf)) {
      // "expression": 12, "expression": {"error": "why"}, ...
      for (std::size_t at = bpf.size(); (at = line.find('"', at)) != std::string::npos;) {
        const std::string expression = quoted_at(line, at);
        at += expression.size() + 4;  // behind the colon and the blank
        const bool refused = line[at] == '{';
        captures.back().matches[expression] =
            refused ? std::nullopt : std::optional<std::uint64_t>(std::stoull(line.substr(at)));
        at = line.find(refused ? '}' : ',', at);
        if (at == std::string::npos) break;
      }
    }
  }
  REQUIRE(captures.size() > 30);
  return captures;
}

}  // namespace lc::capture::test
