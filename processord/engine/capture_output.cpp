// A batch nearly always has one interface, and so one link type. The rare one with several goes into pcap files one
// link type after the other.
#include "processord/engine/capture_output.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"
#include "processord/engine/left_over.h"

namespace lc::processor {

using capture::CaptureFile;

namespace {

void tell(const capture::SetAside& kept) {
  log::info("capture file of an earlier run kept under another name",
            {{"file", kept.path}, {"packets", kept.packets}, {"cut_bytes", kept.cut_bytes}});
}

std::uint64_t storable_packets(const packet::Batch& batch) {
  const auto can_be_stored = [](const packet::BatchInterface& interface) {
    return capture::file_link_type(interface.link_type).ok();
  };
  const auto interfaces = batch.interfaces();
  const auto packets = batch.packets();
  if (std::all_of(interfaces.begin(), interfaces.end(), can_be_stored)) return packets.size();
  return static_cast<std::uint64_t>(std::count_if(
      packets.begin(), packets.end(), [&](const auto& entry) { return can_be_stored(interfaces[entry.interface]); }));
}

}  // namespace

Result<std::unique_ptr<CaptureOutput>> CaptureOutput::open(CaptureTarget target, Journal& journal, SyncPolicy policy,
                                                           Events events) {
  std::unique_ptr<CaptureOutput> output(new CaptureOutput(std::move(target), journal, policy, std::move(events)));
  output->format_ = output->target_.format;
  if (!output->target_.path.empty()) {
    const Result<capture::CaptureFormat> format = capture::capture_format(output->target_.path);
    if (!format) return format.error();
    output->format_ = *format;
  }
  if (const Status opened = output->open_calls(); !opened) return opened.error();
  if (const Status opened = output->start_anew(); !opened) return opened.error();
  return output;
}

Status CaptureOutput::open_calls() {
  const bool wanted = !target_.calls.directory.empty();
  if (Status left = finish_left_calls(journal_, wanted, events_.closed); !left) return left;
  const auto forget_gone = [&] {
    std::vector<std::string> gone = journal_.interrupted();
    std::error_code none;
    if (wanted) std::erase_if(gone, [&](const std::string& path) { return std::filesystem::exists(path, none); });
    if (Status forgotten = forget_interrupted(std::move(gone)); !forgotten) log::warning(forgotten.error().text);
  };
  if (!wanted) {
    forget_gone();
    return {};
  }
  Result<std::unique_ptr<CallFiles>> opened =
      CallFiles::open(target_.calls, journal_, call_system_, policy_,
                      {.closed = events_.closed, .ended = events_.call_ended, .reports = events_.reports});
  if (!opened) return opened.error();
  calls_ = std::move(*opened);
  forget_gone();  // now that those which a killed process had not renamed have their names
  return {};
}

Status CaptureOutput::start_anew() {
  by_link_type_.clear();
  outputs_.clear();  // first: nobody may cut or set aside a file that is being written
  done_link_types_.clear();
  in_calls_.reset();
  if (calls_) {
    if (Status started = calls_->start_anew(); !started) return started;
  }
  if (Status cut = cut_back_unfinished(); !cut) return cut;
  if (rotates()) {
    left_over_.clear();  // they are in the directory, or another one is asked for now
    return finish_unknown_parts(target_.directory, events_.closed);
  }
  if (Status kept = set_aside_unfinished(); !kept) return kept;
  if (has_calls_only()) return {};
  const Result<Output*> first = create_first();
  return first ? Status() : first.error();
}

// Before anything else is done with these files: what they hold beyond that comes again.
Status CaptureOutput::cut_back_unfinished() {
  using Outcome = capture::CutBack::Outcome;
  JournalEntry entry;
  for (const capture::CommittedFile& file : journal_.unfinished()) {
    const Result<capture::CutBack> cut = cut_back_and_tell(file);
    if (!cut) return cut.error();
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
      events_.closed(*whole);
      continue;
    }
    const Result<std::optional<capture::SetAside>> kept = capture::set_aside(left_over_.back());
    if (!kept) return kept.error();
    if (!*kept) continue;
    tell(**kept);
    events_.closed((*kept)->path);
  }
  return {};
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

// Fills ids_ with what belongs into this file. Describing an interface writes to the file, so it can fail like every
// write.
Status CaptureOutput::choose_ids(const packet::Batch& batch, Output& output, std::uint32_t link_type) {
  ids_.clear();
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    std::uint32_t id = CaptureFile::kLeaveOut;
    const Result<std::uint32_t> type = capture::file_link_type(interface.link_type);
    if (type && (format_ == capture::CaptureFormat::kPcapng || *type == link_type)) {
      const Result<std::uint32_t> added =
          output.interfaces.id_of(batch.source(), interface, *output.file, events_.reports);
      if (!added) return added.error();
      id = *added;
    }
    ids_.push_back(id);
  }
  return {};
}

void CaptureOutput::choose_rest(const packet::Batch& batch, const CallRoutes& routes) {
  rest_.clear();
  auto next = routes.entries.begin();
  for (std::uint32_t packet = 0; packet < batch.packets().size(); ++packet) {
    while (next != routes.entries.end() && next->packet < packet) ++next;
    if (next == routes.entries.end() || next->packet != packet) rest_.push_back(packet);
  }
}

// Calls come first; what is in their files then is known by in_calls_, should another file fail.
Result<CaptureOutput::Written> CaptureOutput::write(const packet::Batch& batch, const CallRoutes* routes) {
  const bool has_calls = calls_ && routes != nullptr && !routes->entries.empty();
  if (!in_calls_ && has_calls) {
    const Result<std::uint64_t> packets = calls_->write(batch, *routes);
    if (!packets) return packets.error();
    in_calls_ = *packets;
    if (rotates()) choose_rest(batch, *routes);
  }
  only_rest_ = has_calls && rotates();
  if (!has_calls_only() && !(only_rest_ && rest_.empty())) {
    if (const Status written = write_to_outputs(batch); !written) return written.error();
  }
  const std::uint64_t in_calls = std::exchange(in_calls_, std::nullopt).value_or(0);
  const std::uint64_t storable = storable_packets(batch);
  return has_calls_only() ? Written{in_calls, storable - in_calls} : Written{storable, 0};
}

Status CaptureOutput::write_to_outputs(const packet::Batch& batch) {
  for (const packet::BatchInterface& interface : batch.interfaces()) {
    const Result<std::uint32_t> stored = capture::file_link_type(interface.link_type);
    if (!stored) continue;  // left out
    const std::uint32_t type = format_ == capture::CaptureFormat::kPcapng ? 0 : *stored;
    if (std::find(done_link_types_.begin(), done_link_types_.end(), type) != done_link_types_.end()) continue;
    const auto is_of_type = [&](const packet::PacketEntry& entry) {
      const Result<std::uint32_t> its = capture::file_link_type(batch.interfaces()[entry.interface].link_type);
      return its && (format_ == capture::CaptureFormat::kPcapng || *its == type);
    };
    if (only_rest_) {
      rest_of_type_.clear();
      std::copy_if(rest_.begin(), rest_.end(), std::back_inserter(rest_of_type_),
                   [&](std::uint32_t packet) { return is_of_type(batch.packets()[packet]); });
      if (rest_of_type_.empty()) continue;
    }
    const Result<Output*> output = output_for(type);
    if (!output) return output.error();
    if (const Status entered = enter_in_journal(**output); !entered) return entered;
    CaptureFile& file = *(*output)->file;
    if (const Status chosen = choose_ids(batch, **output, type); !chosen) return chosen;
    const Status written = only_rest_ ? file.write(batch, ids_, rest_of_type_) : file.write(batch, ids_);
    if (!written) return written;
    done_link_types_.push_back(type);
  }
  done_link_types_.clear();
  if (rotates()) written_at_ = Clock::now();
  return {};
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
  if (calls_) {
    if (Status saved = calls_->save(entry); !saved) return saved;
  }
  if (entry.files.empty() && entry.call_files.empty() && entry.positions.empty()) return {};
  if (Status noted = journal_.append(std::move(entry)); !noted) return noted;
  if (calls_) calls_->saved();
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

void CaptureOutput::end_call(std::shared_ptr<const CallLabel> call) {
  if (calls_) calls_->end(std::move(call));
}

Status CaptureOutput::finish_ended_calls() {
  return calls_ ? calls_->finish_ended() : Status();
}

Status CaptureOutput::close_calls() {
  if (!calls_) return {};
  if (calls_->dirty_files() == 0) {
    if (Status finished = calls_->finish_ended(); !finished) return finished;
  }
  return calls_->stop();
}

Status CaptureOutput::forget_interrupted(std::vector<std::string> paths) {
  while (!paths.empty()) {
    const auto first = paths.end() - static_cast<std::ptrdiff_t>(std::min(paths.size(), kEntryPaths));
    if (Status noted = journal_.append({.forgotten = {first, paths.end()}}); !noted) return noted;
    paths.erase(first, paths.end());
  }
  return {};
}

// In a directory the name comes last: whoever dies before it finds the file complete, and gives it its name then.
Status CaptureOutput::finish(Output& output) {
  CaptureFile& file = *output.file;
  if (file.packets() != output.committed.packets) {
    return Error{Code::kUnavailable, "capture file " + lc::quoted(file.path()) +
                                         " ends with packets that could not be acknowledged; the next start with "
                                         "this state directory cuts them off"};
  }
  if (!output.closed) {
    output.interfaces.tell_drops(file, events_.reports);
    if (const Status closed = file.close(policy_ != SyncPolicy::kNever); !closed) {
      if (!output.in_journal) return closed;
      // Its packets are committed.
      log::warning("a capture file ends without counts of drops: " + closed.error().text);
    }
    output.closed = true;
  }
  if (!output.in_journal) return {};  // nothing is in it, or all this was done
  std::string path = output.committed.path;
  if (const Status noted = journal_.append({.finished = {path}}); !noted) return noted;
  if (rotates()) {
    const Result<std::string> whole = capture::finish_part(path);
    if (!whole && whole.error().code == Code::kNotFound) {  // trying again would stop everything, for good
      log::warning("a capture file has been moved or removed while it was written", {{"file", path}});
      output.in_journal = false;
      return {};
    }
    if (!whole) return whole.error();
    path = *whole;
  }
  output.in_journal = false;
  events_.closed(path);
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
