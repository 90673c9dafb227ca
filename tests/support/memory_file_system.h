// A file system in memory whose calls fail, and whose process is killed or loses power, where a test says so.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file.h"

namespace lc::test {

/// Outlives what it opened. One thread.
class MemoryFileSystem final : public FileSystem {
 public:
  /// Thrown by the call at which the process ends, and by each one after it.
  struct Crash {};

  static constexpr std::size_t kSectorBytes = 512;
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
  /// What goes wrong. Calls are numbered as calls() counts them, whatever they are.
  struct Plan {
    std::uint64_t crash_at = kNever;  // a write of more than kSectorBytes may be done in part then
    std::uint64_t error_at = kNever;  // `errors` calls from that one on give `error`
    std::uint64_t errors = 1;
    int error = EIO;
    std::uint64_t short_write_at = kNever;  // the next write from there on is done by half
    std::uint64_t capacity = kNever;        // bytes of all files; beyond it writes are short, then ENOSPC
  };
  Plan plan;

  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  std::uint64_t bytes_read = 0;
  std::uint64_t largest_read = 0;  // asked for at once
  std::uint64_t failed_removals = 0;
  std::uint64_t short_writes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_open_files = 0;

  /// The process has ended, the system runs on: everything written is there, and nothing goes wrong any more.
  void after_kill() {
    plan = {};
    crashed_ = false;
    locked_.clear();
  }

  /// The system begins again: what was not synced, bytes and names, is there, or not, or in part.
  void after_power_loss(std::uint64_t seed) {
    after_kill();
    std::mt19937_64 random(seed);
    names_ = durable_names_;
    for (const NameChange& change : name_changes_) {
      if (random() % 2 == 0) apply(names_, change);
    }
    durable_names_ = names_;
    name_changes_.clear();
    for (const auto& [path, node] : names_) {
      node->bytes = node->durable;
      for (const Change& change : node->changes) {
        const std::uint64_t fate = random() % 4;
        if (fate == 0) continue;
        if (!change.truncate && fate == 1 && !change.data.empty()) {
          const auto kept = static_cast<std::ptrdiff_t>(random() % change.data.size());
          apply(node->bytes, {change.offset, {change.data.begin(), change.data.begin() + kept}, false});
        } else {
          apply(node->bytes, change);
        }
      }
      sync(*node);
    }
  }

  /// For tests: what lies at a path, to look at or to damage. The file must exist.
  std::vector<std::uint8_t>& bytes(const std::string& path) { return names_.at(path)->bytes; }
  [[nodiscard]] std::vector<std::string> paths() const {
    std::vector<std::string> result;
    for (const auto& [path, node] : names_) result.push_back(path);
    return result;
  }
  void put(const std::string& path, std::vector<std::uint8_t> bytes) {
    auto node = std::make_shared<Node>();
    node->bytes = std::move(bytes);
    sync(*node);
    names_[path] = durable_names_[path] = std::move(node);
  }
  void take_away(const std::string& path) {
    names_.erase(path);
    durable_names_.erase(path);
  }

  std::unique_ptr<File> open(const std::string& path, Open how) override {
    if (fails()) return nullptr;
    const auto found = names_.find(path);
    if (how == Open::kExisting && found == names_.end()) return failed<std::unique_ptr<File>>(ENOENT);
    if (how == Open::kNew && found != names_.end()) return failed<std::unique_ptr<File>>(EEXIST);
    if (how == Open::kNew) change_name({{path, std::make_shared<Node>()}});
    return std::make_unique<MemoryFile>(*this, names_.at(path));
  }

  int rename(const std::string& from, const std::string& to) override {
    if (fails()) return -1;
    const auto found = names_.find(from);
    if (found == names_.end()) return failed<int>(ENOENT);
    change_name({{to, found->second}, {from, nullptr}});
    return 0;
  }

  int remove(const std::string& path) override {
    if (fails()) {
      ++failed_removals;
      return -1;
    }
    if (!names_.contains(path)) return failed<int>(ENOENT);
    change_name({{path, nullptr}});
    return 0;
  }

  int make_directory(const std::string&) override { return fails() ? -1 : 0; }

  int sync_directory(const std::string& directory) override {
    if (fails()) return -1;
    std::vector<NameChange> others;
    for (const NameChange& change : name_changes_) {
      const bool inside = std::any_of(change.begin(), change.end(),
                                      [&](const auto& entry) { return parent_of(entry.first) == directory; });
      if (inside) {
        apply(durable_names_, change);
      } else {
        others.push_back(change);
      }
    }
    name_changes_ = std::move(others);
    return 0;
  }

  std::optional<std::vector<std::string>> list(const std::string& directory) override {
    if (fails()) return std::nullopt;
    std::vector<std::string> result;
    for (const auto& [path, node] : names_) {
      if (parent_of(path) == directory) result.push_back(path.substr(directory.size() + 1));
    }
    return result;
  }

  std::unique_ptr<Volume> volume(const std::string&) override {
    if (fails()) return nullptr;
    return std::make_unique<MemoryVolume>(*this);
  }

  std::unique_ptr<Lock> lock(const std::string& directory) override {
    if (fails()) return nullptr;
    auto held = std::make_shared<const std::string>(directory);
    const bool taken = std::any_of(locked_.begin(), locked_.end(), [&](const std::weak_ptr<const std::string>& other) {
      const auto alive = other.lock();
      return alive && *alive == directory;
    });
    if (taken) return failed<std::unique_ptr<Lock>>(EWOULDBLOCK);
    locked_.push_back(held);
    return std::make_unique<MemoryLock>(std::move(held));
  }

 private:
  struct Change {  // of a file's bytes, not synced
    std::uint64_t offset = 0;
    std::vector<std::uint8_t> data;
    bool truncate = false;
  };
  struct Node {
    std::vector<std::uint8_t> bytes;
    std::vector<std::uint8_t> durable;
    std::vector<Change> changes;  // from durable to bytes
  };
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  using NameChange = std::vector<std::pair<std::string, std::shared_ptr<Node>>>;  // null: removed

  class MemoryLock final : public Lock {
   public:
    explicit MemoryLock(std::shared_ptr<const std::string> held) : held_(std::move(held)) {}

   private:
    std::shared_ptr<const std::string> held_;
  };

  class MemoryVolume final : public Volume {
   public:
    explicit MemoryVolume(MemoryFileSystem& files) : files_(files) {}
    int sync() override {
      if (files_.fails()) return -1;
      for (const NameChange& change : files_.name_changes_) apply(files_.durable_names_, change);
      files_.name_changes_.clear();
      for (const auto& [path, node] : files_.names_) MemoryFileSystem::sync(*node);
      return 0;
    }

   private:
    MemoryFileSystem& files_;
  };

  class MemoryFile final : public File {
   public:
    MemoryFile(MemoryFileSystem& files, std::shared_ptr<Node> node) : files_(files), node_(std::move(node)) {
      files_.most_open_files = std::max(files_.most_open_files, ++files_.open_files);
    }
    ~MemoryFile() override { --files_.open_files; }

    ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t offset) override {
      const bool crash = files_.calls_ >= files_.plan.crash_at && !files_.crashed_;
      if (crash && size > kSectorBytes) put(data, size * (files_.calls_ % 4) / 4, offset);
      if (files_.fails()) return -1;
      std::size_t count = size;
      if (files_.calls_ > files_.plan.short_write_at && size > 1) {
        files_.plan.short_write_at = kNever;
        ++files_.short_writes;
        count = size / 2;
      }
      if (files_.plan.capacity != kNever) {
        const std::uint64_t used = files_.used() - node_->bytes.size();
        const std::uint64_t end = files_.plan.capacity > used ? files_.plan.capacity - used : 0;
        const std::uint64_t most = std::max<std::uint64_t>(end, node_->bytes.size());
        if (offset >= most) return failed<int>(ENOSPC);
        count = static_cast<std::size_t>(std::min<std::uint64_t>(count, most - offset));
      }
      put(data, count, offset);
      return static_cast<ssize_t>(count);
    }

    int truncate(std::uint64_t size) override {
      if (files_.fails()) return -1;
      node_->changes.push_back({size, {}, true});
      apply(node_->bytes, node_->changes.back());
      return 0;
    }

    int sync() override {
      if (files_.fails()) return -1;
      MemoryFileSystem::sync(*node_);
      return 0;
    }

    ssize_t read(std::uint8_t* data, std::size_t size, std::uint64_t offset) override {
      if (files_.fails()) return -1;
      files_.largest_read = std::max<std::uint64_t>(files_.largest_read, size);
      if (offset >= node_->bytes.size()) return 0;
      const std::size_t count = std::min<std::size_t>(size, node_->bytes.size() - static_cast<std::size_t>(offset));
      std::memcpy(data, node_->bytes.data() + offset, count);
      files_.bytes_read += count;
      return static_cast<ssize_t>(count);
    }

    std::int64_t size() override { return files_.fails() ? -1 : static_cast<std::int64_t>(node_->bytes.size()); }

   private:
    void put(const std::uint8_t* data, std::size_t size, std::uint64_t offset) {
      node_->changes.push_back({offset, {data, data + size}, false});
      apply(node_->bytes, node_->changes.back());
    }

    MemoryFileSystem& files_;
    const std::shared_ptr<Node> node_;
  };

  template <typename Nothing>
  static Nothing failed(int error) {
    errno = error;
    if constexpr (std::is_same_v<Nothing, int>) {
      return -1;
    } else {
      return nullptr;
    }
  }

  bool fails() {
    const std::uint64_t call = calls_++;
    if (crashed_ || call >= plan.crash_at) {
      crashed_ = true;
      throw Crash();
    }
    if (call < plan.error_at || call - plan.error_at >= plan.errors) return false;
    errno = plan.error;
    return true;
  }

  static void apply(std::vector<std::uint8_t>& bytes, const Change& change) {
    if (change.truncate) {
      bytes.resize(change.offset);
    } else if (!change.data.empty()) {
      bytes.resize(std::max<std::size_t>(bytes.size(), change.offset + change.data.size()));
      std::memcpy(bytes.data() + change.offset, change.data.data(), change.data.size());
    }
  }
  static void apply(Names& names, const NameChange& change) {
    for (const auto& [path, node] : change) {
      if (node) {
        names[path] = node;
      } else {
        names.erase(path);
      }
    }
  }
  static void sync(Node& node) {
    node.durable = node.bytes;
    node.changes.clear();
  }
  void change_name(NameChange change) {
    apply(names_, change);
    name_changes_.push_back(std::move(change));
  }
  static std::string parent_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const auto& [path, node] : names_) sum += node->bytes.size();
    return sum;
  }

  std::uint64_t calls_ = 0;
  bool crashed_ = false;
  Names names_;
  Names durable_names_;
  std::vector<NameChange> name_changes_;  // not synced
  std::vector<std::weak_ptr<const std::string>> locked_;
};

}  // namespace lc::test
