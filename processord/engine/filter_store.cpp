// A line of the file is made once for each filter, so that saving ten thousand of them is copying them.
#include "processord/engine/filter_store.h"

#include <algorithm>
#include <random>
#include <sstream>
#include <utility>

#include "common/base/exit_code.h"
#include "common/base/text.h"

namespace lc::processor {

bool targets(const fleet::Filter& filter, const std::string& hunter_id) {
  return filter.target_hunters.empty() || std::find(filter.target_hunters.begin(), filter.target_hunters.end(),
                                                    hunter_id) != filter.target_hunters.end();
}

FilterStore::FilterStore(FilterFile::Settings settings, FileSystem& files, std::function<std::int64_t()> now_ns)
    : file_(std::move(settings), files), now_ns_(std::move(now_ns)) {
  Result<std::optional<FilterFile::Content>> content = file_.load();
  if (!content) throw StartError(ExitCode::kBadConfig, content.error().text);
  if (!*content) {
    revision_ = 1;
    return;
  }
  revision_ = (*content)->revision + 1;
  unsaved_ = !(*content)->durable;
  Staged staged;
  for (fleet::Filter& filter : (*content)->filters) {
    std::string id = filter.id;
    staged[std::move(id)] = make_entry(std::move(filter));
  }
  apply(std::move(staged));
  expire();
}

FilterStore::EntryPointer FilterStore::make_entry(fleet::Filter filter) {
  std::string line = filter_line(filter);
  return std::make_shared<const Entry>(
      Entry{std::make_shared<const fleet::Filter>(std::move(filter)), std::move(line)});
}

FilterStore::EntryPointer FilterStore::find(const Staged& staged, const std::string& id) const {
  if (const auto found = staged.find(id); found != staged.end()) return found->second;
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second;
}

bool FilterStore::expired(const fleet::Filter& filter) const {
  return filter.expires_at_ns != 0 && filter.expires_at_ns <= now_ns_();
}

std::string FilterStore::new_id(const Staged& staged) const {
  for (std::random_device random;;) {
    std::ostringstream id;
    id << "filter-" << std::hex << random();
    if (!find(staged, id.str())) return id.str();
  }
}

Result<FilterChange> FilterStore::stage(FilterEdit edit, Staged& staged, std::size_t& bytes) {
  if (edit.filter && edit.id.empty()) edit.id = edit.filter->id = new_id(staged);
  const EntryPointer before = find(staged, edit.id);
  EntryPointer after;
  if (edit.filter) {
    edit.filter->follows.clear();  // of media endpoints, and not kept
    if (const Status status = check_user_filter(*edit.filter); !status) return status.error();
    if (expired(*edit.filter)) {
      return Error{Code::kInvalidArgument, "filter " + quoted(edit.id) + ": expires_at_ns has passed already"};
    }
    after = make_entry(std::move(*edit.filter));
    const std::size_t left = FilterFile::kMostBytes - std::min(bytes, FilterFile::kMostBytes);
    if (after->line.size() > left + (before ? before->line.size() : 0)) {
      return Error{Code::kResourceExhausted,
                   "the filter table is full: limit " + std::to_string(FilterFile::kMostBytes >> 20) + " MiB"};
    }
    bytes += after->line.size();
  } else if (!before) {
    return Error{Code::kNotFound, "no filter has the id " + quoted(edit.id)};
  }
  if (before) bytes -= before->line.size();
  staged[edit.id] = after;
  return FilterChange{.id = std::move(edit.id),
                      .revision = ++revision_,
                      .before = before ? before->filter : nullptr,
                      .after = after ? after->filter : nullptr};
}

std::vector<Result<FilterChange>> FilterStore::commit(std::vector<FilterEdit> edits) {
  Staged staged;
  std::size_t bytes = bytes_;
  std::vector<Result<FilterChange>> results;
  results.reserve(edits.size());
  for (FilterEdit& edit : edits) results.push_back(stage(std::move(edit), staged, bytes));
  if (staged.empty()) return results;
  if (const Status saved = save(staged); saved) {
    apply(std::move(staged));
  } else {
    for (Result<FilterChange>& result : results) {
      if (result) result = saved.error();
    }
  }
  return results;
}

// The table with what is staged, as one sorted list.
Status FilterStore::save(const Staged& staged) {
  std::vector<std::string_view> lines;
  lines.reserve(entries_.size() + staged.size());
  auto changed = staged.begin();
  const auto add_until = [&](const std::string* id) {
    for (; changed != staged.end() && (id == nullptr || changed->first < *id); ++changed) {
      if (changed->second) lines.push_back(changed->second->line);
    }
  };
  for (const auto& [id, entry] : entries_) {
    add_until(&id);
    if (changed == staged.end() || changed->first != id) lines.push_back(entry->line);
  }
  add_until(nullptr);
  Status saved = file_.save(revision_, lines);
  unsaved_ = !saved.ok();
  return saved;
}

void FilterStore::apply(Staged staged) {
  for (auto& [id, entry] : staged) {
    const auto found = entries_.find(id);
    if (found != entries_.end()) bytes_ -= found->second->line.size();
    if (entry) {
      bytes_ += entry->line.size();
      entries_[id] = std::move(entry);
    } else if (found != entries_.end()) {
      entries_.erase(found);
    }
  }
}

std::vector<FilterChange> FilterStore::expire() {
  std::vector<FilterChange> changes;
  Staged staged;
  for (const auto& [id, entry] : entries_) {
    if (!expired(*entry->filter)) continue;
    staged[id] = nullptr;
    changes.push_back({.id = id, .revision = ++revision_, .before = entry->filter, .after = nullptr});
  }
  if (changes.empty()) return changes;
  apply(std::move(staged));
  unsaved_ = true;
  return changes;
}

Result<std::vector<FilterChange>> FilterStore::reload() {
  Result<std::optional<FilterFile::Content>> content = file_.load();
  if (!content) return content.error();
  if (!*content && !entries_.empty()) {
    return Error{Code::kNotFound, "filter file " + quoted(file_.path()) + " is gone; the table stays"};
  }
  Staged staged;
  for (const auto& [id, entry] : entries_) staged[id] = nullptr;
  const std::uint64_t in_file = *content ? (*content)->revision : 0;
  for (fleet::Filter& filter : *content ? (*content)->filters : std::vector<fleet::Filter>()) {
    if (expired(filter)) continue;
    std::string id = filter.id;
    staged[std::move(id)] = make_entry(std::move(filter));
  }
  std::vector<FilterChange> changes;
  const std::uint64_t revision = std::max(in_file, revision_) + 1;
  for (const auto& [id, after] : staged) {
    const EntryPointer before = find({}, id);
    if (before && after && *before->filter == *after->filter) continue;
    changes.push_back({.id = id,
                       .revision = revision,
                       .before = before ? before->filter : nullptr,
                       .after = after ? after->filter : nullptr});
  }
  if (changes.empty()) return changes;
  revision_ = revision;
  apply(std::move(staged));
  unsaved_ = true;  // the revision
  return changes;
}

Status FilterStore::save_rest() {
  return unsaved_ ? save({}) : Status();
}

std::vector<FilterPointer> FilterStore::filters() const {
  std::vector<FilterPointer> filters;
  filters.reserve(entries_.size());
  for (const auto& [id, entry] : entries_) filters.push_back(entry->filter);
  return filters;
}

}  // namespace lc::processor
