#include <csignal>
#include <exception>
#include <iostream>

#include "common/base/exit_code.h"
#include "common/base/signals.h"
#include "common/wire/program.h"
#include "processord/app.h"
#include "processord/service/settings.h"

int main(int argc, char** argv) try {
  lc::Signals signals{SIGTERM, SIGINT, SIGHUP, SIGUSR1};
  const lc::config::Program program = lc::processor::program();
  auto start = lc::wire::start_program(argc, argv, program);
  if (!start) return 0;
  const lc::processor::ProcessorSettings processor =
      lc::processor::read_settings(start->settings, program.name, start->settings.text("listen"), start->faults);
  if (lc::wire::settle(program, *start)) return 0;
  return lc::processor::App(processor, signals).run();
} catch (const lc::StartError& error) {
  std::cerr << "processord: " << error.what() << '\n';
  return static_cast<int>(error.code());
} catch (const std::exception& error) {
  std::cerr << "processord: " << error.what() << '\n';
  return static_cast<int>(lc::ExitCode::kFailure);
}
