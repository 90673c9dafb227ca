#include "processord/engine/hooks.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern "C" {  // which glibc 2.36 forgot in there
#include <sys/pidfd.h>
}

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"

namespace lc::processor {
namespace {

constexpr std::size_t kMostSaid = 1024;  // bytes kept of a command's output, the last

std::string variable(std::string_view name, const std::string& value) {
  std::string text = "HOOK_";
  for (const char c : name) text += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  text += '=' + value;
  std::replace(text.begin(), text.end(), '\0', '?');
  return text;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// posix_spawn(3)'s two descriptions, destroyed with it.
struct SpawnPlan {
  posix_spawn_file_actions_t files{};
  posix_spawnattr_t how{};

  explicit SpawnPlan(int output) {
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&how);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&how, &none);
    ::posix_spawnattr_setsigdefault(&how, &all);
    ::posix_spawnattr_setpgroup(&how, 0);
    ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&files);
    ::posix_spawnattr_destroy(&how);
  }
};

std::string joined(const std::vector<std::string>& arguments) {
  std::string text;
  for (std::size_t i = 1; i < arguments.size(); ++i) text += (i > 1 ? " " : "") + quoted(arguments[i]);
  return text;
}

}  // namespace

Hooks::~Hooks() {
  stop();
}

void Hooks::start() {
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "hooks");
    run();
  });
}

void Hooks::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_up_.wake();
  if (thread_.joinable()) thread_.join();
}

void Hooks::push(std::shared_ptr<const CommandLine> command, PlaceholderValues values) {
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    taken = !stop_ && queue_.size() < limits_.queued;
    if (taken) queue_.push_back({std::move(command), std::move(values)});
  }
  if (taken) {
    wake_up_.wake();
  } else if (counters_.dropped.fetch_add(1) == 0) {
    log::warning("commands take longer than they are asked for: some are not run");
  }
}

void Hooks::run() {
  std::optional<Clock::time_point> stop_at;
  for (;;) {
    start_queued();
    {
      const std::lock_guard lock(mutex_);
      if (stop_ && !stop_at) stop_at = Clock::now() + limits_.time;
      if (stop_ && queue_.empty() && children_.empty()) return;
      if (stop_at && Clock::now() >= *stop_at) {
        if (!queue_.empty()) log::warning("commands not run before the stop", {{"commands", queue_.size()}});
        counters_.dropped += queue_.size();
        queue_.clear();
      }
    }
    if (stop_at && Clock::now() >= *stop_at) kill_all();
    wait();
  }
}

void Hooks::start_queued() {
  while (children_.size() < limits_.running) {
    Job job;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    begin(job);
  }
}

void Hooks::begin(const Job& job) {
  std::vector<std::string> arguments = job.command->arguments(job.values);
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.emplace_back(*entry);
  for (const auto& [name, value] : job.values) environment.push_back(variable(name, value));

  Child child;
  child.program = job.command->program();
  child.arguments = joined(arguments);
  const auto failed = [&](int error) {
    ++counters_.failed;
    log::error("a command could not be started",
               {{"command", child.program}, {"arguments", child.arguments}, {"reason", std::strerror(error)}});
  };
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return failed(errno);
  child.output.reset(ends[0]);
  const UniqueFd write_end(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  const SpawnPlan plan(ends[1]);
  const int error = ::posix_spawn(&child.pid, child.program.c_str(), &plan.files, &plan.how,
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) return failed(error);
  child.began = Clock::now();
  child.ended.reset(::pidfd_open(child.pid, 0));
  if (!child.ended) {
    const int reason = errno;
    ::kill(-child.pid, SIGKILL);
    ::waitpid(child.pid, nullptr, 0);
    return failed(reason);
  }
  children_.push_back(std::move(child));
}

void Hooks::wait() {
  std::vector<pollfd> fds = {{wake_up_.fd(), POLLIN, 0}};
  auto next = Clock::now() + limits_.time;
  for (const Child& child : children_) {
    fds.push_back({child.ended.get(), POLLIN, 0});
    fds.push_back({child.output.get(), POLLIN, 0});  // closed: passed over
    next = std::min(next, child.began + limits_.time);
  }
  // Without children only a new command or the stop is waited for.
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
  const int timeout_ms = children_.empty() ? -1 : static_cast<int>(std::max<std::int64_t>(0, left));
  ::poll(fds.data(), fds.size(), timeout_ms);
  if (fds[0].revents != 0) wake_up_.drain();
  for (std::size_t i = 0; i < children_.size(); ++i) {
    attend(children_[i], fds[2 + 2 * i].revents != 0, fds[1 + 2 * i].revents != 0);
  }
  std::erase_if(children_, [](const Child& child) { return child.pid == 0; });
}

void Hooks::attend(Child& child, bool readable, bool over) {
  if (readable || over) {
    std::array<char, 4096> bytes{};
    for (ssize_t count = 0; (count = ::read(child.output.get(), bytes.data(), bytes.size())) != -1 || errno == EINTR;) {
      if (count == 0) child.output.reset();
      if (count <= 0) break;
      child.said.append(bytes.data(), static_cast<std::size_t>(count));
      if (child.said.size() > kMostSaid) child.said.erase(0, child.said.size() - kMostSaid);
      if (!over) break;  // the others wait too
    }
  }
  if (over) {
    conclude(child);
  } else if (!child.killed && Clock::now() - child.began >= limits_.time) {
    child.killed = true;
    ++counters_.timed_out;
    ::kill(-child.pid, SIGKILL);
  }
}

void Hooks::conclude(Child& child) {
  siginfo_t end{};
  // What it left running in its group would never be seen again. As long as nobody has asked how it ended, the group's
  // number is nobody else's.
  ::kill(-child.pid, SIGKILL);
  while (::waitid(P_PID, static_cast<id_t>(child.pid), &end, WEXITED) != 0 && errno == EINTR) {
  }
  const std::string result = child.killed                ? "killed: it took too long"
                             : end.si_code == CLD_EXITED ? "exit code " + std::to_string(end.si_status)
                                                         : "killed by signal " + std::to_string(end.si_status);
  const bool succeeded = !child.killed && end.si_code == CLD_EXITED && end.si_status == 0;
  while (!child.said.empty() && std::isspace(static_cast<unsigned char>(child.said.back())) != 0) child.said.pop_back();
  const auto took_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - child.began).count();
  if (succeeded) {
    ++counters_.succeeded;
    log::info("a command has run",
              {{"command", child.program}, {"arguments", child.arguments}, {"took_ms", took_ms}, {"said", child.said}});
  } else {
    if (!child.killed) ++counters_.failed;
    log::warning("a command failed", {{"command", child.program},
                                      {"arguments", child.arguments},
                                      {"result", result},
                                      {"took_ms", took_ms},
                                      {"said", child.said}});
  }
  child.pid = 0;
}

void Hooks::kill_all() {
  for (Child& child : children_) {
    if (std::exchange(child.killed, true)) continue;
    ++counters_.timed_out;
    ::kill(-child.pid, SIGKILL);
  }
}

}  // namespace lc::processor
