#include <csignal>
#include <exception>
#include <iostream>

#include "common/base/exit_code.h"
#include "common/base/signals.h"
#include "common/capture/interface_list.h"
#include "common/wire/program.h"
#include "tapd/app.h"
#include "tapd/settings.h"

int main(int argc, char** argv) try {
  lc::Signals signals{SIGTERM, SIGINT, SIGHUP, SIGUSR1};
  const lc::config::Program program = lc::tap::program();
  auto start = lc::wire::start_program(argc, argv, program);
  if (!start) return 0;
  if (start->faults.empty() && start->settings.boolean("list-interfaces")) {
    return lc::capture::print_interfaces(std::cout, start->settings.boolean("json"));
  }
  lc::tap::TapSettings tap = lc::tap::read_settings(start->settings, start->faults);
  if (lc::wire::settle(program, *start)) return 0;
  return lc::tap::App(std::move(tap), signals).run();
} catch (const lc::StartError& error) {
  std::cerr << "tapd: " << error.what() << '\n';
  return static_cast<int>(error.code());
} catch (const std::exception& error) {
  std::cerr << "tapd: " << error.what() << '\n';
  return static_cast<int>(lc::ExitCode::kFailure);
}
