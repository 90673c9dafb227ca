#include "processord/engine/journal_entry.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <variant>

#include "common/base/text.h"
#include "common/spool/record.h"
#include "processord/engine/hunter_key.h"

namespace lc::processor {
namespace {

constexpr std::uint64_t kSeed = 0x314a'636c;  // "lcJ1": another format gets another one
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

/// Takes a line apart; each part is followed by a blank, the last one by the line's end.
class Line {
 public:
  explicit Line(std::string_view text) : left_(text) {}

  std::string_view word() {
    const std::size_t end = std::min(left_.find(' '), left_.size());
    const std::string_view word = left_.substr(0, end);
    pass(end);
    return word;
  }

  template <typename Number>
  Number number() {
    const std::string_view text = word();
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    good_ = good_ && error == std::errc() && end == text.data() + text.size();
    return value;
  }

  // As lc::quoted() writes it.
  std::string quoted_text() {
    std::string text;
    std::size_t at = 1;
    for (; at < left_.size() && left_[at] != '"'; ++at) {
      if (left_[at] != '\\') {
        text += left_[at];
        continue;
      }
      const char escaped = ++at < left_.size() ? left_[at] : '\0';
      if (escaped == 'n') {
        text += '\n';
      } else if (escaped == 'x') {
        unsigned value = 0;
        const char* const digits = left_.data() + at + 1;
        good_ = good_ && left_.size() - at > 2 && std::from_chars(digits, digits + 2, value, 16).ptr == digits + 2;
        text += static_cast<char>(value);
        at += 2;
      } else {
        good_ = good_ && (escaped == '"' || escaped == '\\');
        text += escaped;
      }
    }
    good_ = good_ && at < left_.size() && left_.front() == '"' && text.find('\0') == std::string::npos;
    pass(std::min(at + 1, left_.size()));
    return text;
  }

  [[nodiscard]] bool at_quote() const { return left_.starts_with('"'); }
  [[nodiscard]] bool ended_well() const { return good_ && ended_; }

 private:
  void pass(std::size_t count) {
    good_ = good_ && !ended_;
    ended_ = count == left_.size();
    good_ = good_ && (ended_ || left_[count] == ' ');
    left_.remove_prefix(std::min(count + 1, left_.size()));
  }

  std::string_view left_;
  bool good_ = true;
  bool ended_ = false;
};

void append_number(std::string& text, auto value) {
  text.append(1, ' ').append(std::to_string(value));
}

void append_file(std::string& text, const capture::CommittedFile& file) {
  text.append(1, ' ').append(quoted(file.path));
  append_number(text, file.identity.device);
  append_number(text, file.identity.inode);
  append_number(text, file.identity.birth_ns);
  append_number(text, file.bytes);
  append_number(text, file.packets);
  text += '\n';
}

void append_paths(std::string& text, std::string_view kind, const std::vector<std::string>& paths) {
  for (const std::string& path : paths) text.append(kind).append(quoted(path)).append(1, '\n');
}

capture::CommittedFile read_file(Line& line) {
  capture::CommittedFile file;
  file.path = line.quoted_text();
  file.identity.device = line.number<std::uint64_t>();
  file.identity.inode = line.number<std::uint64_t>();
  file.identity.birth_ns = line.number<std::int64_t>();
  file.bytes = line.number<std::uint64_t>();
  file.packets = line.number<std::uint64_t>();
  return file;
}

}  // namespace

std::string to_text(const JournalEntry& entry) {
  std::string text;
  append_paths(text, "finished ", entry.finished);
  append_paths(text, "interrupted ", entry.interrupted);
  append_paths(text, "forgotten ", entry.forgotten);
  for (const capture::CommittedFile& file : entry.files) {
    text += "file";
    append_file(text, file);
  }
  for (const NumberedFile& begun : entry.begun) {
    text += begun.of_call ? "call" : "file";
    append_number(text, begun.number);
    append_file(text, begun.file);
  }
  for (const FileGrowth& growth : entry.grown) {
    text += "grown";
    append_number(text, growth.number);
    append_number(text, growth.bytes);
    append_number(text, growth.packets);
    text += '\n';
  }
  for (const StoredPosition& position : entry.positions) {
    text.append("position ").append(position.hunter_id);
    append_number(text, position.epoch);
    append_number(text, position.sequence);
    text += '\n';
  }
  return text;
}

std::optional<JournalEntry> journal_entry(std::string_view text) {
  JournalEntry entry;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    Line line(text.substr(0, end));
    text.remove_prefix(end + 1);
    const std::string_view kind = line.word();
    if (kind == "position") {
      StoredPosition& position = entry.positions.emplace_back();
      position.hunter_id = line.word();
      position.epoch = line.number<std::uint64_t>();
      position.sequence = line.number<std::uint64_t>();
      if (!is_hunter_key(position.hunter_id)) return std::nullopt;
    } else if (kind == "grown") {
      FileGrowth& growth = entry.grown.emplace_back();
      growth.number = line.number<std::uint64_t>();
      growth.bytes = line.number<std::uint64_t>();
      growth.packets = line.number<std::uint64_t>();
    } else if (kind == "file" && line.at_quote()) {
      entry.files.push_back(read_file(line));
    } else if (kind == "file" || kind == "call") {
      NumberedFile& begun = entry.begun.emplace_back();
      begun.number = line.number<std::uint64_t>();
      begun.of_call = kind == "call";
      begun.file = read_file(line);
    } else if (kind == "finished") {
      entry.finished.push_back(line.quoted_text());
    } else if (kind == "interrupted") {
      entry.interrupted.push_back(line.quoted_text());
    } else if (kind == "forgotten") {
      entry.forgotten.push_back(line.quoted_text());
    } else {
      return std::nullopt;
    }
    if (!line.ended_well()) return std::nullopt;
  }
  return entry;
}

void append_twice(std::vector<std::uint8_t>& bytes, std::uint64_t number, const JournalEntry& entry) {
  const std::string text = to_text(entry);
  const spool::Record record{{.number = number}, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}};
  spool::append_record(bytes, kSeed, record);
  spool::append_record(bytes, kSeed, record);
}

// A window over the file that holds one record at least, however long that one is.
std::optional<JournalExtent> read_journal(File& file, const std::function<void(const JournalEntry&)>& take) {
  JournalExtent extent;
  std::vector<std::uint8_t> window;
  std::uint64_t window_begin = 0;  // in the file
  std::size_t at = 0;              // in the window
  std::size_t needed = kReadBytes;
  bool at_end = false;
  std::uint64_t passed_over = 0;  // since the last good record
  for (;;) {
    if (window.size() - at < needed && !at_end) {
      window.erase(window.begin(), window.begin() + static_cast<std::ptrdiff_t>(at));
      window_begin += at;
      at = 0;
      const std::size_t have = window.size();
      window.resize(std::max(needed, kReadBytes));
      const auto got = read_all(file, window.data() + have, window.size() - have, window_begin + have);
      if (!got) return std::nullopt;
      at_end = *got < window.size() - have;
      window.resize(have + *got);
    }
    needed = spool::kRecordHeaderBytes;
    const std::span<const std::uint8_t> left = std::span(window).subspan(at);
    if (left.empty() && at_end) break;
    const auto parsed = spool::parse_record(left, kSeed);
    std::size_t skip = 0;
    if (const auto* record = std::get_if<spool::Record>(&parsed)) {
      if (record->info.number > extent.last_number) {  // and no copy
        const auto entry =
            journal_entry({reinterpret_cast<const char*>(record->payload.data()), record->payload.size()});
        if (entry) take(*entry);
        extent.lost_entries += record->info.number - extent.last_number - (entry ? 1 : 0);
        extent.last_number = record->info.number;
      }
      at += spool::record_bytes(record->payload.size());
      extent.damaged_bytes += std::exchange(passed_over, 0);
      extent.whole_bytes = window_begin + at;
      continue;
    }
    if (const auto* incomplete = std::get_if<spool::Incomplete>(&parsed)) {
      if (!at_end) {
        needed = incomplete->needed;
        continue;
      }
      // Torn; or its length was damaged, and a whole one follows.
      skip = 1;
    } else {
      skip = std::get<spool::Damaged>(parsed).skip;
    }
    const std::size_t next = std::max(spool::find_record(window, std::min(at + skip, window.size())), at + 1);
    passed_over += next - at;
    at = next;
  }
  extent.torn_bytes = passed_over;
  return extent;
}

}  // namespace lc::processor
