// Signals are blocked and waited for, so they interrupt no write(2): a pipe that nobody empties is written to without
// blocking. What a pipe's other users set is not touched, for it is opened anew.
#include "lcwatch/batch/output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

namespace lc::watch {
namespace {

int own_end_of_pipe(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) return -1;
  return ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
}

}  // namespace

Output::Output(int fd, Signals& signals)
    : signals_(signals), pipe_(own_end_of_pipe(fd)), fd_(pipe_ ? pipe_.get() : fd) {}

bool Output::wait() {
  std::array<pollfd, 2> ready{{{fd_, POLLOUT, 0}, {signals_.fd(), POLLIN, 0}}};
  while (::poll(ready.data(), ready.size(), -1) < 0) {
    if (errno != EINTR) return false;
  }
  return ready[1].revents == 0;
}

bool Output::gone() const {
  pollfd end{pipe_.get(), 0, 0};
  return pipe_ && ::poll(&end, 1, 0) == 1 && (end.revents & POLLERR) != 0;
}

bool Output::write(const char* data, std::size_t size) {
  while (size > 0 && !over_) {
    if (!wait()) {
      over_ = true;
      break;
    }
    const ssize_t written = ::write(fd_, data, size);
    if (written < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      over_ = true;
      error_ = errno == EPIPE ? 0 : errno;
      break;
    }
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return !over_;
}

}  // namespace lc::watch
