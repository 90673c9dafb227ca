// What the measuring tools share: their command line, clocks and the one line of JSON they answer with.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lc::bench {

/// `--name value` pairs and plain words. Any other option throws, and main prints it with the usage line.
class Options {
 public:
  Options(int argc, char** argv, const std::set<std::string>& known) {
    for (int i = 1; i < argc; ++i) {
      const std::string word = argv[i];
      if (!word.starts_with("--")) {
        words_.push_back(word);
      } else if (!known.contains(word.substr(2)) || i + 1 == argc) {
        throw std::invalid_argument("unknown option or no value: " + word);
      } else {
        values_[word.substr(2)] = argv[++i];
      }
    }
  }

  [[nodiscard]] const std::vector<std::string>& words() const { return words_; }
  [[nodiscard]] bool has(const std::string& name) const { return values_.contains(name); }
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto found = values_.find(name);
    return found == values_.end() ? otherwise : found->second;
  }
  [[nodiscard]] double number(const std::string& name, double otherwise) const {
    return has(name) ? std::stod(text(name)) : otherwise;
  }

 private:
  std::map<std::string, std::string> values_;
  std::vector<std::string> words_;
};

using Moment = std::chrono::steady_clock::time_point;

inline Moment now() {
  return std::chrono::steady_clock::now();
}

inline double seconds_since(Moment start) {
  return std::chrono::duration<double>(now() - start).count();
}

/// User and system time so far; `who` is RUSAGE_SELF or RUSAGE_THREAD.
inline double cpu_seconds(int who) {
  rusage usage{};
  getrusage(who, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Prints {"name": value, ...}; nothing else goes to standard output, so that tests/bench/run can read it.
inline void print_json(const std::vector<std::pair<std::string, double>>& fields) {
  std::cout.precision(12);
  const char* separator = "{";
  for (const auto& [name, value] : fields) {
    std::cout << separator << '"' << name << "\": " << value;
    separator = ", ";
  }
  std::cout << "}" << std::endl;
}

/// Runs a tool's body: errors are one line on standard error, exit 1 (2 for a wrong command line).
template <typename Body>
int run_tool(const std::string& usage, Body body) {
  try {
    body();
    return 0;
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what() << "\nusage: " << usage << "\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}

}  // namespace lc::bench
