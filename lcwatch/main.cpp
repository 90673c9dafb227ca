#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "common/base/exit_code.h"
#include "common/base/signals.h"
#include "common/wire/program.h"
#include "lcwatch/app.h"
#include "lcwatch/settings.h"

namespace {

int run_filter(std::vector<std::string> arguments, lc::Signals& signals) {
  const lc::watch::FilterWords words = lc::watch::take_filter_words(arguments);
  std::vector<char*> argv = {nullptr};  // in place of the program's name
  for (std::string& argument : arguments) argv.push_back(argument.data());
  const lc::config::Program program = lc::watch::filter_program(words.verb);
  auto start = lc::wire::start_program(static_cast<int>(argv.size()), argv.data(), program);
  if (!start) return 0;
  const auto settings = lc::watch::read_filter_settings(words, start->settings, start->faults);
  if (lc::wire::settle(program, *start)) return 0;
  return lc::watch::run(settings, signals);
}

int run_watch(int argc, char** argv, lc::Signals& signals) {
  const lc::config::Program program = lc::watch::program();
  auto start = lc::wire::start_program(argc, argv, program);
  if (!start) return 0;
  const auto settings = lc::watch::read_settings(start->settings, start->faults);
  if (lc::wire::settle(program, *start)) return 0;
  return lc::watch::run(settings, signals);
}

}  // namespace

int main(int argc, char** argv) try {
  lc::Signals signals{SIGTERM, SIGINT, SIGHUP};
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (!arguments.empty() && arguments.front() == "filter") {
    return run_filter({arguments.begin() + 1, arguments.end()}, signals);
  }
  return run_watch(argc, argv, signals);
} catch (const lc::StartError& error) {
  std::cerr << "lcwatch: " << error.what() << '\n';
  return static_cast<int>(error.code());
} catch (const std::exception& error) {
  std::cerr << "lcwatch: " << error.what() << '\n';
  return static_cast<int>(lc::ExitCode::kFailure);
}
