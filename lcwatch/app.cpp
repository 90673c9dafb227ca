#include "lcwatch/app.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iostream>

#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "lcwatch/batch/batch_mode.h"
#include "lcwatch/remote/grpc_remote.h"
#include "lcwatch/ui_loop.h"

namespace lc::watch {
namespace {

/// Log lines go to a file instead of standard error, as long as it lives.
class LogFile {
 public:
  explicit LogFile(const std::string& path) {
    if (path.empty()) return;
    file_.open(path, std::ios::app);
    if (!file_) {
      throw StartError(ExitCode::kNoPermission, "cannot write log file " + lc::quoted(path) + ": " + errno_text(errno));
    }
    std::clog.rdbuf(file_.rdbuf());
  }
  ~LogFile() { std::clog.rdbuf(before_); }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

 private:
  std::streambuf* const before_ = std::clog.rdbuf();
  std::ofstream file_;
};

/// Libraries that write to standard error would write into the screen: as long as this lives, that goes nowhere.
class QuietStandardError {
 public:
  QuietStandardError() : before_(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    std::cerr.flush();
    const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    if (nowhere) ::dup2(nowhere.get(), STDERR_FILENO);
  }
  ~QuietStandardError() {
    if (before_) ::dup2(before_.get(), STDERR_FILENO);
  }
  QuietStandardError(const QuietStandardError&) = delete;
  QuietStandardError& operator=(const QuietStandardError&) = delete;

 private:
  const UniqueFd before_;
};

TerminalOptions::Colour colour_of(Colors colors) {
  if (colors == Colors::kAlways) return TerminalOptions::Colour::kAlways;
  return colors == Colors::kNever ? TerminalOptions::Colour::kNever : TerminalOptions::Colour::kAuto;
}

int show_console(const WatchSettings& settings, Signals& signals) {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) {
    throw StartError(ExitCode::kUsage,
                     "the console needs a terminal; for scripts there are --batch, --dump and lcwatch filter");
  }
  ViewOptions view;
  view.mouse = settings.appearance.mouse;
  for (ServerIndex i = 0; i < settings.servers.size(); ++i) {
    if (const auto& hunters = settings.servers[i].hunters) view.subscribed[i] = *hunters;
  }
  const TerminalOptions terminal{.colour = colour_of(settings.appearance.colors),
                                 .ascii = settings.appearance.ascii,
                                 .theme = settings.appearance.theme};
  Inbox inbox;
  GrpcRemote remote(settings.servers, {.packet_filter = settings.packet_filter}, inbox);
  const QuietStandardError quiet;
  run_console(terminal, std::move(view), remote, inbox, signals.fd());
  return static_cast<int>(ExitCode::kOk);
}

}  // namespace

int run(const WatchSettings& settings, Signals& signals) {
  const LogFile log(settings.log_file);
  if (settings.batch) return run_batch(*settings.batch, settings.servers, settings.packet_filter, signals);
  if (settings.dump) return run_dump(*settings.dump, settings.servers, settings.packet_filter, signals);
  return show_console(settings, signals);
}

int run(const FilterSettings& settings, Signals& signals) {
  const LogFile log(settings.log_file);
  return run_filter_command(settings.command, settings.server, signals);
}

}  // namespace lc::watch
