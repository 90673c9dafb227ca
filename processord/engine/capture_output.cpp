// A batch nearly always has one interface, and so one link type. The rare one with several goes into pcap files one
// link type after the other.
#include "processord/engine/capture_output.h"

#include <algorithm>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/filter/link_type.h"

namespace lc::processor {

using capture::CaptureFile;

namespace {

void tell(const capture::SetAside& kept) {
  log::info("capture file of an earlier run kept under another name",
            {{"file", kept.path}, {"packets", kept.packets}, {"cut_bytes", kept.cut_bytes}});
}

}  // namespace

Result<std::unique_ptr<CaptureOutput>> CaptureOutput::open(CaptureTarget target, Journal& journal, SyncPolicy policy,
                                                           Closed closed) {
  std::unique_ptr<CaptureOutput> output(new CaptureOutput(std::move(target), journal, policy, std::move(closed)));
  output->format_ = output->target_.format;
  if (!output->rotates()) {
    const Result<capture::CaptureFormat> format = capture::capture_format(output->target_.path);
    if (!format) return format.error();
    output->format_ = *format;
  }
  if (const Status opened = output->start_anew(); !opened) return opened.error();
  return output;
}

Status CaptureOutput::start_anew() {
  by_link_type_.clear();
  outputs_.clear();  // first: nobody may cut or set aside a file that is being written
  done_link_types_.clear();
  done_packets_ = 0;
  if (Status cut = cut_back_unfinished(); !cut) return cut;
  if (rotates()) return finish_left();
  if (Status kept = set_aside_unfinished(); !kept) return kept;
  const Result<Output*> first = create_first();
  return first ? Status() : first.error();
}

// Before anything else is done with these files: what they hold beyond that comes again.
Status CaptureOutput::cut_back_unfinished() {
  using Outcome = capture::CutBack::Outcome;
  JournalEntry entry;
  for (const capture::CommittedFile& file : journal_.unfinished()) {
    const Result<capture::CutBack> cut = capture::cut_back(file);
    if (!cut) return cut.error();
    switch (cut->outcome) {
      case Outcome::kCommitted:
      case Outcome::kRemoved:
        if (cut->size_bytes == file.bytes) break;
        log::info("capture file cut back to what was acknowledged",
                  {{"file", file.path}, {"packets", file.packets}, {"cut_bytes", cut->size_bytes - file.bytes}});
        break;
      case Outcome::kShorter:
        log::error("a capture file is shorter than what was acknowledged",
                   {{"file", file.path}, {"acknowledged_bytes", file.bytes}, {"bytes", cut->size_bytes}});
        break;
      case Outcome::kGone:
        if (file.packets == 0) break;
        log::warning("a capture file that was being written has been moved or removed",
                     {{"file", file.path}, {"packets", file.packets}});
        break;
    }
    entry.finished.push_back(file.path);
    if (cut->outcome == Outcome::kCommitted || cut->outcome == Outcome::kShorter) left_over_.push_back(file.path);
  }
  if (entry.finished.empty()) return {};
  // Not an Error: cutting again does no harm.
  if (const Status noted = journal_.append(entry); !noted) log::warning(noted.error().text);
  return {};
}

// They end here: nothing will be added to them, whichever link types come now.
Status CaptureOutput::set_aside_unfinished() {
  for (; !left_over_.empty(); left_over_.pop_back()) {
    if (left_over_.back().ends_with(capture::kPartSuffix)) {  // of a directory, which is not asked for any more
      const Result<std::string> whole = capture::finish_part(left_over_.back());
      if (!whole) return whole.error();
      closed_(*whole);
      continue;
    }
    const Result<std::optional<capture::SetAside>> kept = capture::set_aside(left_over_.back());
    if (!kept) return kept.error();
    if (!*kept) continue;
    tell(**kept);
    closed_((*kept)->path);
  }
  return {};
}

// Also of a directory that cannot be written, which is known at the start in this way.
Status CaptureOutput::finish_left() {
  left_over_.clear();  // they are among these
  const Result<std::vector<std::string>> finished = capture::finish_left_parts(target_.directory);
  if (!finished) return finished.error();
  for (const std::string& path : *finished) {
    log::info("capture file of an earlier run finished", {{"file", path}});
    closed_(path);
  }
  return capture::check_directory(target_.directory);
}

Result<CaptureOutput::Output*> CaptureOutput::create_first() {
  if (!rotates()) return create(target_.path);
  name_ = utc_compact(wall_ns());
  opened_at_ = Clock::now();
  return add(capture::create_part(target_.directory, name_, format_));
}

Result<CaptureOutput::Output*> CaptureOutput::create_beside(const std::string& link_type) {
  if (rotates()) return add(capture::create_part(target_.directory, name_ + "-" + link_type, format_));
  return create(target_.path.substr(0, target_.path.rfind('.')) + "-" + link_type + ".pcap");
}

Result<CaptureOutput::Output*> CaptureOutput::create(const std::string& path) {
  Result<capture::NewCaptureFile> created = capture::create_capture_file(path);
  if (created && created->set_aside) tell(*created->set_aside);
  return add(std::move(created));
}

Result<CaptureOutput::Output*> CaptureOutput::add(Result<capture::NewCaptureFile> created) {
  if (!created) return created.error();
  outputs_.push_back(std::make_unique<Output>(Output{std::move(created->file), std::move(created->committed)}));
  return outputs_.back().get();
}

// Before the file holds a packet, so that a file which nobody knows of never holds one that was not acknowledged.
Status CaptureOutput::enter_in_journal(Output& output) {
  if (output.in_journal) return {};
  JournalEntry entry;
  entry.files.push_back(output.committed);
  if (Status noted = journal_.append(entry); !noted) return noted;
  output.in_journal = true;
  return {};
}

Result<CaptureOutput::Output*> CaptureOutput::output_for(std::uint32_t link_type) {
  if (outputs_.empty()) {
    if (Result<Output*> first = create_first(); !first) return first;
  }
  if (format_ == capture::CaptureFormat::kPcapng) return outputs_.front().get();
  const auto found = by_link_type_.find(link_type);
  if (found != by_link_type_.end()) return found->second;
  Output* output = outputs_.front().get();
  if (!by_link_type_.empty()) {
    Result<Output*> created = create_beside(filter::link_type_name(link_type));
    if (!created) return created;
    output = *created;
    log::info("a second link type goes into a pcap file of its own", {{"file", output->file->path()}});
  }
  by_link_type_[link_type] = output;
  return output;
}

// Fills ids_ with what belongs into this file, and gives the number of packets that do. Describing an interface writes
// to the file, so it can fail like every write.
Result<std::uint64_t> CaptureOutput::choose_ids(const packet::Batch& batch, CaptureFile& file,
                                                std::uint32_t link_type) {
  ids_.clear();
  bool any = false;
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    std::uint32_t id = CaptureFile::kLeaveOut;
    const Result<std::uint32_t> type = capture::file_link_type(interface.link_type);
    if (type && (format_ == capture::CaptureFormat::kPcapng || *type == link_type)) {
      const Result<std::uint32_t> added = file.add_interface({.node = std::string(batch.header().hunter_id),
                                                              .name = std::string(interface.name),
                                                              .link_type = interface.link_type,
                                                              .filter = {}});
      if (!added) return added.error();
      id = *added;
    }
    any = any || id != CaptureFile::kLeaveOut;
    ids_.push_back(id);
  }
  if (!any) return 0;
  if (ids_.size() == 1) return batch.packets().size();
  return static_cast<std::uint64_t>(std::count_if(
      batch.packets().begin(), batch.packets().end(),
      [this](const packet::PacketEntry& entry) { return ids_[entry.interface] != CaptureFile::kLeaveOut; }));
}

Result<std::uint64_t> CaptureOutput::write(const packet::Batch& batch) {
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    const Result<std::uint32_t> stored = capture::file_link_type(interface.link_type);
    if (!stored) continue;  // left out
    const std::uint32_t type = format_ == capture::CaptureFormat::kPcapng ? 0 : *stored;
    if (std::find(done_link_types_.begin(), done_link_types_.end(), type) != done_link_types_.end()) continue;
    const Result<Output*> output = output_for(type);
    if (!output) return output.error();
    if (const Status entered = enter_in_journal(**output); !entered) return entered.error();
    CaptureFile& file = *(*output)->file;
    const Result<std::uint64_t> packets = choose_ids(batch, file, type);
    if (!packets) return packets.error();
    if (*packets > 0) {
      if (Status status = file.write(batch, ids_); !status) return status.error();
    }
    done_packets_ += *packets;
    done_link_types_.push_back(type);
  }
  done_link_types_.clear();
  if (rotates()) written_at_ = Clock::now();
  return std::exchange(done_packets_, 0);
}

Status CaptureOutput::flush() {
  for (const auto& output : outputs_) {
    if (Status status = output->file->flush(); !status) return status;
  }
  return {};
}

Status CaptureOutput::commit(std::vector<StoredPosition> positions) {
  JournalEntry entry{.positions = std::move(positions)};
  for (const auto& output : outputs_) {
    CaptureFile& file = *output->file;
    if (Status status = policy_ == SyncPolicy::kNever ? file.flush() : file.sync(); !status) return status;
    if (file.size_bytes() == output->committed.bytes) continue;
    capture::CommittedFile& now = entry.files.emplace_back(output->committed);
    now.bytes = file.size_bytes();
    now.packets = file.packets();
  }
  if (entry.files.empty() && entry.positions.empty()) return {};
  if (Status noted = journal_.append(entry); !noted) return noted;
  for (const auto& output : outputs_) {
    output->committed.bytes = output->file->size_bytes();
    output->committed.packets = output->file->packets();
    output->in_journal = output->in_journal || output->committed.bytes > 0;
  }
  return {};
}

Status CaptureOutput::close() {
  Status result;
  for (const auto& output : outputs_) {
    if (const Status finished = finish(*output); !finished) result = finished;
  }
  if (result) {
    outputs_.clear();
    by_link_type_.clear();
  }
  return result;
}

// In a directory the name comes last: whoever dies before it finds the file complete, and gives it its name then.
Status CaptureOutput::finish(Output& output) {
  CaptureFile& file = *output.file;
  if (file.packets() != output.committed.packets) {
    return Error{Code::kUnavailable, "capture file " + quoted(file.path()) +
                                         " ends with packets that could not be acknowledged; the next start with "
                                         "this state directory cuts them off"};
  }
  if (!output.closed) {
    if (const Status closed = file.close(policy_ != SyncPolicy::kNever); !closed) return closed;
    output.closed = true;
  }
  if (!output.in_journal) return {};  // nothing is in it, or all this was done
  std::string path = output.committed.path;
  if (const Status noted = journal_.append({.finished = {path}}); !noted) return noted;
  if (rotates()) {
    const Result<std::string> whole = capture::finish_part(path);
    if (!whole) return whole.error();
    path = *whole;
  }
  output.in_journal = false;
  closed_(path);
  return {};
}

std::optional<Clock::time_point> CaptureOutput::rotation_at() const {
  if (!rotates() || outputs_.empty()) return std::nullopt;
  const bool is_full = target_.size_bytes > 0 && std::any_of(outputs_.begin(), outputs_.end(), [&](const auto& output) {
                         return output->file->size_bytes() >= target_.size_bytes;
                       });
  if (is_full) return Clock::time_point::min();
  std::optional<Clock::time_point> at;
  if (target_.age.count() > 0) at = opened_at_ + target_.age;
  if (target_.idle.count() > 0) at = std::min(at.value_or(Clock::time_point::max()), written_at_ + target_.idle);
  return at;
}

}  // namespace lc::processor
