// A processor's filters: changes are checked, saved, and then published, by one thread and in one order.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "processord/engine/filter_board.h"
#include "processord/engine/filter_store.h"

namespace lc::processor {

/// Any thread, but for construction, start() and stop().
class FilterTable {
 public:
  using Done = std::function<void(const Result<FilterChange>&)>;

  /// On the table's thread, behind the publication; also for what has expired, and was changed in the file.
  using Published = std::function<void(const FilterChange&)>;

  /// As FilterStore.
  FilterTable(FilterFile::Settings settings, FileSystem& files, std::function<std::int64_t()> now_ns = wall_ns,
              Published published = nullptr);
  ~FilterTable();

  void start();
  /// Makes the changes that were asked for before; later ones are refused. Subscriptions stay.
  void stop();

  /// Adds the filter, or replaces the one with its id; without an id it gets one. `done` is called on the table's
  /// thread (here when the table has stopped) with the change, which is saved and published, or with the errors of
  /// FilterStore::commit; kUnavailable when the table has stopped. Changes that wait share one write.
  void upsert(fleet::Filter filter, Done done);
  void erase(std::string id, Done done);

  /// Takes the file as people have edited it, in one step; logs what comes of it.
  void reload();

  // Those of FilterBoard.
  FilterBoard& board() { return board_; }
  [[nodiscard]] const FilterBoard& board() const { return board_; }
  void announce(const std::vector<fleet::Filter>& endpoints) { board_.announce(endpoints); }
  void withdraw(const std::vector<std::string>& ids) { board_.withdraw(ids); }
  void count_hits(std::string_view filter_id, std::uint64_t packets, std::int64_t last_ns) {
    board_.count_hits(filter_id, packets, last_ns);
  }

 private:
  struct Job {
    FilterEdit edit;
    Done done;            // null:
    bool reload = false;  // this instead
  };

  void add(Job job);
  void publish(const std::vector<FilterChange>& changes);
  void run();
  void work(std::deque<Job> jobs);
  void commit(std::vector<Job> jobs);
  void read_again();
  void tick();

  const std::function<std::int64_t()> now_ns_;
  const Published published_;
  FilterStore store_;  // the thread's, once it has started
  FilterBoard board_;
  std::string fault_;  // the thread's: why the file is behind

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool stop_ = false;
  std::jthread thread_;
};

}  // namespace lc::processor
