#include "common/base/signals.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <vector>

namespace lc {

Signals::Signals(std::initializer_list<int> numbers) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : numbers) ::sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "signalfd");
}

std::optional<int> Signals::take() {
  signalfd_siginfo info{};
  if (::read(fd_.get(), &info, sizeof info) != sizeof info) return std::nullopt;
  return static_cast<int>(info.ssi_signo);
}

std::optional<std::size_t> wait_readable(std::initializer_list<int> fds, std::chrono::milliseconds limit) {
  std::vector<pollfd> entries;
  for (const int fd : fds) entries.push_back({fd, POLLIN, 0});
  if (::poll(entries.data(), entries.size(), static_cast<int>(limit.count())) <= 0) return std::nullopt;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].revents != 0) return i;
  }
  return std::nullopt;
}

}  // namespace lc
