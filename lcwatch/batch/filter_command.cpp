#include "lcwatch/batch/filter_command.h"

#include <algorithm>
#include <iostream>
#include <optional>

#include "common/base/text.h"
#include "lcwatch/batch/batch_mode.h"
#include "lcwatch/batch/json.h"
#include "lcwatch/batch/session.h"
#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 40s;  // connecting, a token, the change, and once more

class Commander {
 public:
  Commander(const FilterCommand& command, const WatchedServer& server, Signals& signals)
      : command_(command),
        session_({server}, {.topology = true, .figures = false, .calls = false, .packets = false, .access = false},
                 signals) {}

  int run() {
    const Result<fleet::NodePath> path = find_processor();
    if (!path) return fail(path.error());
    ExitCode code = ExitCode::kOk;
    if (command_.verb == FilterVerb::kAdd) return say(save(*path, command_.filter));
    std::optional<std::vector<FilterRow>> rows;
    for (const std::string& id : command_.ids) {
      if (command_.verb != FilterVerb::kRemove && !rows) {
        Result<std::vector<FilterRow>> listed = list(*path);
        if (!listed) return fail(listed.error());
        rows = std::move(*listed);
      }
      const int one = say(command_.verb == FilterVerb::kRemove ? remove(*path, id) : enable(*path, *rows, id));
      if (code == ExitCode::kOk) code = static_cast<ExitCode>(one);
    }
    return static_cast<int>(code);
  }

 private:
  /// Until `ready` says so, with each update. Error: it will not.
  Status wait(const std::function<bool(const Update&)>& ready) {
    bool is_ready = false;
    const Clock::time_point give_up = Clock::now() + kPatience;
    while (!is_ready) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(give_up - Clock::now());
      if (left <= 0ms) return Error{Code::kDeadlineExceeded, "no answer in 40 s"};
      if (session_.wait(left) == Session::Wait::kSignal) return Error{Code::kCancelled, "ended by a signal"};
      session_.take([&](const Update& update) { is_ready = is_ready || ready(update); });
      if (!is_ready && !session_.reached(0) && session_.failure(0)) return *session_.failure(0);
    }
    return {};
  }

  Result<fleet::NodePath> find_processor() {
    const Status status = wait([](const Update& update) { return std::holds_alternative<TreeCame>(update); });
    if (!status) return status.error();
    return resolve(session_.model().tree(0), command_.on);
  }

  Result<std::vector<FilterRow>> list(const fleet::NodePath& path) {
    session_.remote().list_filters(0, path);
    std::optional<Result<std::vector<FilterRow>>> answer;
    const Status status = wait([&](const Update& update) {
      if (const auto* came = std::get_if<FiltersCame>(&update)) answer = came->filters;
      return answer.has_value();
    });
    if (!status) return status.error();
    return *answer;
  }

  Result<std::string> outcome_of(std::uint64_t operation) {
    OperationDone done;
    const Status status = wait([&](const Update& update) {
      const auto* one = std::get_if<OperationDone>(&update);
      if (one == nullptr || one->operation != operation) return false;
      done = *one;
      return true;
    });
    if (!status) return status.error();
    if (!done.status) return done.status.error();
    return done.done;
  }

  Result<std::string> save(const fleet::NodePath& path, const fleet::Filter& filter) {
    return outcome_of(session_.remote().save_filter(0, path, filter));
  }
  Result<std::string> remove(const fleet::NodePath& path, const std::string& id) {
    return outcome_of(session_.remote().delete_filter(0, path, id));
  }
  Result<std::string> enable(const fleet::NodePath& path, const std::vector<FilterRow>& rows, const std::string& id) {
    const auto found = std::ranges::find_if(rows, [&](const FilterRow& row) { return row.filter.id == id; });
    if (found == rows.end()) return Error{Code::kNotFound, "there is no filter " + lc::quoted(id)};
    fleet::Filter filter = found->filter;
    filter.enabled = command_.verb == FilterVerb::kEnable;
    return save(path, filter);
  }

  int say(const Result<std::string>& outcome) {
    if (!outcome) return fail(outcome.error());
    if (command_.json) {
      std::cout << text_of({{"ok", true}, {"text", *outcome}}) << '\n';
    } else {
      std::cout << shown(*outcome) << '\n';
    }
    return static_cast<int>(ExitCode::kOk);
  }

  static int fail(const Error& error) {
    std::cerr << "lcwatch: " << shown(error.text) << '\n';
    return static_cast<int>(exit_code_of(error));
  }

  const FilterCommand command_;
  Session session_;
};

}  // namespace

int run_filter_command(const FilterCommand& command, const WatchedServer& server, Signals& signals) {
  if (command.verb == FilterVerb::kList) {
    return run_batch({.what = BatchWhat::kFilters, .json = command.json, .on = command.on}, {server}, {}, signals);
  }
  return Commander(command, server, signals).run();
}

}  // namespace lc::watch
