#include "lcwatch/batch/session.h"

#include <poll.h>

#include <algorithm>
#include <iostream>

#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

std::vector<std::string> names_of(const std::vector<WatchedServer>& servers) {
  std::vector<std::string> names;
  for (const WatchedServer& server : servers) names.push_back(server.name);
  return names;
}

}  // namespace

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return ExitCode::kNoPermission;
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    default:
      return ExitCode::kFailure;
  }
}

Session::Session(const std::vector<WatchedServer>& servers, const WatchedStreams& streams, Signals& signals,
                 PacketQueue* packets)
    : signals_(signals),
      servers_(servers.size()),
      model_(names_of(servers)),
      remote_(servers, streams, inbox_, packets) {}

Session::Wait Session::wait(std::chrono::milliseconds limit, std::initializer_list<int> fds) {
  std::vector<pollfd> ready = {{signals_.fd(), POLLIN, 0}, {inbox_.fd(), POLLIN, 0}};
  for (const int fd : fds) ready.push_back({fd, POLLIN, 0});  // one below 0 is passed over
  if (::poll(ready.data(), ready.size(), static_cast<int>(limit.count())) <= 0) return Wait::kNothing;
  if (ready[0].revents != 0) return Wait::kSignal;
  return ready[1].revents != 0 ? Wait::kCame : Wait::kOther;
}

void Session::take(const std::function<void(const Update&)>& took) {
  const Moment now = Moment::now();
  for (const Update& update : inbox_.take()) {
    if (const auto* changed = std::get_if<StreamChanged>(&update)) note(*changed);
    model_.apply(update, now);
    took(update);
  }
}

void Session::note(const StreamChanged& changed) {
  Server& server = servers_[changed.server];
  if (server.for_good) return;
  if (changed.up) {
    server.reached = true;
    server.failure.reset();
    server.reported.clear();
  } else {
    server.failure = Error{changed.code, changed.reason};
  }
}

bool Session::hopeless() const {
  return std::ranges::all_of(
      servers_, [](const Server& server) { return server.failure && (!server.reached || server.for_good); });
}

void Session::report_failures() {
  for (std::size_t i = 0; i < servers_.size(); ++i) {
    Server& server = servers_[i];
    if (!server.failure || server.failure->text == server.reported) continue;
    server.reported = server.failure->text;
    if (code_ == ExitCode::kOk) code_ = exit_code_of(*server.failure);
    std::cerr << "lcwatch: " << model_.servers()[i] << ": " << shown(server.reported) << '\n';
  }
}

}  // namespace lc::watch
