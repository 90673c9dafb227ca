#include "processord/engine/filter_table.h"

#include <pthread.h>

#include <utility>

#include "common/base/log.h"

namespace lc::processor {
namespace {

// What has expired is gone within a second.
constexpr auto kTick = std::chrono::milliseconds(250);

}  // namespace

FilterTable::FilterTable(FilterFile::Settings settings, FileSystem& files, std::function<std::int64_t()> now_ns,
                         Published published)
    : now_ns_(std::move(now_ns)),
      published_(std::move(published)),
      store_(std::move(settings), files, now_ns_),
      board_(store_.filters(), store_.revision()) {}

FilterTable::~FilterTable() {
  stop();
}

void FilterTable::start() {
  if (board_.size() > 0) log::info("filters loaded", {{"filters", board_.size()}, {"file", store_.path()}});
  thread_ = std::jthread([this] {
    ::pthread_setname_np(::pthread_self(), "filters");
    run();
  });
}

void FilterTable::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::deque<Job> rest;
  {
    const std::lock_guard lock(mutex_);
    rest = std::exchange(jobs_, {});
  }
  work(std::move(rest));  // those of a table that was never started
}

void FilterTable::upsert(fleet::Filter filter, Done done) {
  std::string id = filter.id;
  add({.edit = {std::move(id), std::move(filter)}, .done = std::move(done)});
}

void FilterTable::erase(std::string id, Done done) {
  add({.edit = {std::move(id), std::nullopt}, .done = std::move(done)});
}

void FilterTable::reload() {
  add({.edit = {}, .done = nullptr, .reload = true});
}

void FilterTable::add(Job job) {
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (!stop_) {
      jobs_.push_back(std::move(job));
      taken = true;
    }
  }
  if (taken) {
    changed_.notify_all();
  } else if (job.done) {
    job.done(Error{Code::kUnavailable, "the processor is stopping"});
  }
}

void FilterTable::run() {
  for (bool last = false; !last;) {
    std::deque<Job> jobs;
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kTick, [this] { return stop_ || !jobs_.empty(); });
      jobs = std::exchange(jobs_, {});
      last = stop_;
    }
    work(std::move(jobs));
    tick();
  }
}

void FilterTable::work(std::deque<Job> jobs) {
  while (!jobs.empty()) {
    std::vector<Job> edits;
    for (; !jobs.empty() && !jobs.front().reload; jobs.pop_front()) edits.push_back(std::move(jobs.front()));
    if (!edits.empty()) commit(std::move(edits));
    if (jobs.empty()) return;
    jobs.pop_front();
    read_again();
  }
}

void FilterTable::publish(const std::vector<FilterChange>& changes) {
  board_.publish(changes);
  if (!published_) return;
  for (const FilterChange& change : changes) published_(change);
}

void FilterTable::commit(std::vector<Job> jobs) {
  std::vector<FilterEdit> edits;
  edits.reserve(jobs.size());
  for (Job& job : jobs) edits.push_back(std::move(job.edit));
  const std::vector<Result<FilterChange>> results = store_.commit(std::move(edits));
  std::vector<FilterChange> changes;
  for (const Result<FilterChange>& result : results) {
    if (!result) continue;
    changes.push_back(*result);
    log::info(result->after ? "filter changed" : "filter deleted",
              {{"filter_id", result->id}, {"revision", result->revision}, {"new", result->before ? "no" : "yes"}});
  }
  publish(changes);
  for (std::size_t i = 0; i < jobs.size(); ++i) jobs[i].done(results[i]);
}

void FilterTable::read_again() {
  const Result<std::vector<FilterChange>> changes = store_.reload();
  if (!changes) {
    log::error("filters not reloaded: " + changes.error().text);
    return;
  }
  publish(*changes);
  log::info("filters reloaded", {{"file", store_.path()},
                                 {"filters", board_.size()},
                                 {"changed", changes->size()},
                                 {"revision", store_.revision()}});
}

void FilterTable::tick() {
  const std::vector<FilterChange> expired = store_.expire();
  publish(expired);
  for (const FilterChange& change : expired) {
    log::info("filter expired", {{"filter_id", change.id}, {"revision", change.revision}});
  }
  board_.expire_endpoints(now_ns_());
  const Status saved = store_.save_rest();
  if (!saved && saved.error().text != fault_) log::error(saved.error().text);
  fault_ = saved ? "" : saved.error().text;
}

}  // namespace lc::processor
