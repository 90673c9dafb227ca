// The filters that are kept: what is in force is what is on disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "processord/engine/filter_file.h"

namespace lc::processor {

using FilterPointer = std::shared_ptr<const fleet::Filter>;

/// Whether the filter is one of this hunter's.
bool targets(const fleet::Filter& filter, const std::string& hunter_id);

/// One filter's change, in force.
struct FilterChange {
  std::string id;
  std::uint64_t revision = 0;
  FilterPointer before;  // null: there was none
  FilterPointer after;   // null: there is none

  [[nodiscard]] bool concerns(const std::string& hunter_id) const {
    return (before && targets(*before, hunter_id)) || (after && targets(*after, hunter_id));
  }
};

/// What somebody wants: to have this filter (with an empty id: as a new one), or to have none with the id.
struct FilterEdit {
  std::string id;
  std::optional<fleet::Filter> filter;
};

/// One thread. Revisions only rise: a failed change's is not used again, and a start takes a new one, because people
/// may have edited the file.
class FilterStore {
 public:
  /// Reads the file; throws StartError when it is damaged. `files` must outlive it; `now_ns` gives the wall clock.
  FilterStore(FilterFile::Settings settings, FileSystem& files, std::function<std::int64_t()> now_ns);

  /// In this order, saved with one write; nothing of it is in force when that fails. For each edit its change, or
  /// kInvalidArgument (what is wrong, and where), kNotFound (nothing to delete), kResourceExhausted (the table or the
  /// disk is full), kUnavailable (cannot be saved).
  std::vector<Result<FilterChange>> commit(std::vector<FilterEdit> edits);

  /// Takes out what has expired. That is in force at once: until it is saved, a restart would do the same.
  std::vector<FilterChange> expire();

  /// The file, as people have edited it, in place of the table; all changes have one revision. An Error (also when the
  /// file is gone) leaves the table as it was.
  Result<std::vector<FilterChange>> reload();

  /// Writes what a failure has kept from being written; otherwise nothing.
  Status save_rest();

  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  [[nodiscard]] std::vector<FilterPointer> filters() const;  // by id
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  struct Entry {
    FilterPointer filter;
    std::string line;
  };
  using EntryPointer = std::shared_ptr<const Entry>;
  using Staged = std::map<std::string, EntryPointer>;  // null: to be taken out

  static EntryPointer make_entry(fleet::Filter filter);
  [[nodiscard]] EntryPointer find(const Staged& staged, const std::string& id) const;
  Result<FilterChange> stage(FilterEdit edit, Staged& staged, std::size_t& bytes);
  std::string new_id(const Staged& staged) const;
  Status save(const Staged& staged);
  void apply(Staged staged);
  [[nodiscard]] bool expired(const fleet::Filter& filter) const;

  FilterFile file_;
  const std::function<std::int64_t()> now_ns_;
  std::map<std::string, EntryPointer> entries_;
  std::size_t bytes_ = 0;  // of the lines
  std::uint64_t revision_ = 0;
  bool unsaved_ = false;  // the file may say something else
};

}  // namespace lc::processor
