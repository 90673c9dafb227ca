// Thousands of files change between two commits, so everything that costs something is done once for all of them: one
// entry that makes new files known, one call that brings all to the disk, one entry with the lengths.
#include "processord/engine/call_files.h"

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"
#include "processord/engine/left_over.h"

namespace lc::processor {
namespace {

using capture::CaptureFile;
using capture::without_part;

constexpr std::string_view kThing = "call directory";
constexpr std::size_t kCallsAtOnce = 400;  // that are closed, with a few files each
// Up to so many fdatasync(2) disturb others on the filesystem less than one syncfs(2).
constexpr std::size_t kFewFiles = 32;
constexpr std::uint32_t kUnset = CaptureFile::kLeaveOut;

}  // namespace

CallFiles::CallFiles(CallTarget target, Journal& journal, FileSystem& files, SyncPolicy policy, Events events)
    : target_(std::move(target)),
      journal_(journal),
      files_(files),
      policy_(policy),
      events_(std::move(events)),
      pool_(target_.max_open) {}

Result<std::unique_ptr<CallFiles>> CallFiles::open(CallTarget target, Journal& journal, FileSystem& files,
                                                   SyncPolicy policy, Events events) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(target.directory, error) / "";
  target.directory = absolute.lexically_normal().parent_path().string();
  if (error) return file_error("write", kThing, target.directory, error.value());
  const std::string& directory = target.directory;
  if (const Status checked = capture::check_directory(directory); !checked) return checked.error();
  std::unique_ptr<CallFiles> calls(new CallFiles(std::move(target), journal, files, policy, std::move(events)));
  const std::string& path = calls->target_.directory;
  calls->lock_ = files.lock(path);
  if (!calls->lock_ && errno == EWOULDBLOCK) {
    return Error{Code::kFailedPrecondition, "call directory " + lc::quoted(path) +
                                                " is in use by another process; give each its own --per-call-dir"};
  }
  if (!calls->lock_) return file_error("lock", kThing, path, errno);
  calls->volume_ = files.volume(path);
  if (!calls->volume_) return file_error("open", kThing, path, errno);
  if (const Status left = finish_unknown_parts(path, calls->events_.closed); !left) return left.error();
  return calls;
}

// In the order of calls, and within one in that of the batch. Those that no file can hold are left out.
void CallFiles::choose_places(const packet::Batch& batch, const CallRoutes& routes) {
  constexpr auto kNone = ~std::uint32_t{0};
  chosen_packets_ = 0;
  done_places_ = 0;
  std::uint32_t before = kNone;
  for (const CallRoutes::Entry& entry : routes.entries) {
    assert(entry.packet < batch.packets().size() && entry.call < routes.calls.size());
    const packet::BatchInterface& interface = batch.interfaces()[batch.packets()[entry.packet].interface];
    const Result<std::uint32_t> link_type = capture::file_link_type(interface.link_type);
    if (!link_type) continue;
    places_.push_back({.call = entry.call,
                       .part = target_.split ? entry.part : CallPart::kSignalling,
                       .link_type = target_.format == capture::CaptureFormat::kPcapng ? 0 : *link_type,
                       .packet = entry.packet});
    if (std::exchange(before, entry.packet) != entry.packet) ++chosen_packets_;
  }
  std::sort(places_.begin(), places_.end());
  places_.erase(std::unique(places_.begin(), places_.end()), places_.end());
}

Result<std::uint64_t> CallFiles::write(const packet::Batch& batch, const CallRoutes& routes) {
  if (places_.empty()) choose_places(batch, routes);
  while (done_places_ < places_.size()) {
    const auto begin = places_.begin() + static_cast<std::ptrdiff_t>(done_places_);
    const auto end = std::find_if(begin, places_.end(), [&](const Place& place) {
      return place.call != begin->call || place.part != begin->part || place.link_type != begin->link_type;
    });
    const std::shared_ptr<const CallLabel>& label = routes.calls[begin->call];
    Call& call = calls_.try_emplace(label->number, Call{label, {}}).first->second;
    if (const Status status = write(batch, {begin, end}, call); !status) return status.error();
    done_places_ += static_cast<std::size_t>(end - begin);
  }
  places_.clear();
  return std::exchange(chosen_packets_, 0);
}

Status CallFiles::write(const packet::Batch& batch, std::span<const Place> places, Call& call) {
  const Result<Output*> output = output_for(call, places.front().part, places.front().link_type);
  if (!output) return output.error();
  CaptureFile& file = *(*output)->file;
  ids_.assign(batch.interfaces().size(), kUnset);
  numbers_.clear();
  for (const Place& place : places) {
    const std::uint16_t number = batch.packets()[place.packet].interface;
    numbers_.push_back(place.packet);
    if (ids_[number] != kUnset) continue;
    const Result<std::uint32_t> id =
        (*output)->interfaces.id_of(batch.source(), batch.interfaces()[number], file, events_.reports);
    if (!id) return id.error();
    ids_[number] = *id;
  }
  if (const Status written = file.write(batch, ids_, numbers_); !written) return written;
  if (!std::exchange((*output)->is_dirty, true)) dirty_.push_back(*output);
  return {};
}

Result<CallFiles::Output*> CallFiles::output_for(Call& call, CallPart part, std::uint32_t link_type) {
  bool is_beside = false;
  for (const std::unique_ptr<Output>& output : call.outputs) {
    if (output->part != part) continue;
    if (output->link_type == link_type) return output.get();
    is_beside = true;
  }
  std::string name = target_.name.name_for(*call.label);
  if (target_.split) name += part == CallPart::kSignalling ? "_sip" : "_rtp";
  if (is_beside) name += "-" + filter::link_type_name(link_type);
  Result<capture::NewCaptureFile> created = capture::create_part(target_.directory, name, target_.format, &pool_);
  if (!created) return created.error();
  created->file->hold();
  name_is_new_ = true;
  auto output = std::make_unique<Output>();
  output->file = std::move(created->file);
  output->committed = std::move(created->committed);
  output->link_type = link_type;
  output->part = part;
  call.outputs.push_back(std::move(output));
  return call.outputs.back().get();
}

void CallFiles::end(std::shared_ptr<const CallLabel> label) {
  Call ended{std::move(label), {}};
  if (const auto call = calls_.find(ended.label->number); call != calls_.end()) {
    ended.outputs = std::move(call->second.outputs);
    calls_.erase(call);
  }
  ended_.push_back(std::move(ended));
}

// Before a file holds a packet, so that one which nobody knows of never holds one that was not acknowledged.
Status CallFiles::enter_in_journal() {
  JournalEntry entry;
  std::vector<Output*> entered;
  const auto enter = [&]() -> Status {
    if (entered.empty()) return {};
    if (Status noted = journal_.append(std::exchange(entry, {})); !noted) return noted;
    for (Output* output : entered) output->in_journal = true;
    entered.clear();
    return {};
  };
  for (Output* output : dirty_) {
    if (output->in_journal) continue;
    entry.call_files.push_back(output->committed);
    entered.push_back(output);
    if (entered.size() < kEntryPaths) continue;
    if (Status noted = enter(); !noted) return noted;
  }
  return enter();
}

Status CallFiles::save(JournalEntry& entry) {
  if (dirty_.empty()) return {};
  if (Status entered = enter_in_journal(); !entered) return entered;
  for (Output* output : dirty_) {
    if (Status flushed = output->file->flush(); !flushed) return flushed;
  }
  if (policy_ != SyncPolicy::kNever) {
    if (Status synced = sync(); !synced) return synced;
  }
  for (const Output* output : dirty_) {
    capture::CommittedFile& now = entry.call_files.emplace_back(output->committed);
    now.bytes = output->file->size_bytes();
    now.packets = output->file->packets();
  }
  return {};
}

// A file that is closed by now can't be asked what became of its pages: its filesystem can.
Status CallFiles::sync() {
  if (dirty_.size() <= kFewFiles && pool_.evictions() == evictions_saved_) {
    for (Output* output : dirty_) {
      if (Status synced = output->file->sync(); !synced) return synced;
    }
    if (name_is_new_ && files_.sync_directory(target_.directory) != 0) {
      return file_error("write", kThing, target_.directory, errno);
    }
    return {};
  }
  int result = volume_->sync();
  while (result != 0 && errno == EINTR) result = volume_->sync();
  if (result != 0) {
    return Error{Code::kDataLoss, "cannot make the files in " + lc::quoted(target_.directory) +
                                      " durable: " + errno_text(errno) +
                                      "; they are cut back to what is safe, and others follow them"};
  }
  for (Output* output : dirty_) output->file->synced_by_other();
  return {};
}

void CallFiles::saved() {
  for (Output* output : dirty_) {
    output->committed.bytes = output->file->size_bytes();
    output->committed.packets = output->file->packets();
    output->is_dirty = false;
  }
  dirty_.clear();
  name_is_new_ = false;
  evictions_saved_ = pool_.evictions();
}

// Its packets are committed: what the file says of its interfaces behind them is worth neither a sync nor a fault.
void CallFiles::end_of_file(Output& output) {
  output.interfaces.tell_drops(*output.file, events_.reports);
  if (const Status closed = output.file->close(false); !closed) {
    log::warning("the file of a call ends without counts of drops: " + closed.error().text);
  }
}

// The name comes last: whoever dies before it finds the file complete, and gives it its name then.
Status CallFiles::finish(std::span<Call> calls, bool interrupted) {
  JournalEntry entry;
  for (const Call& call : calls) {
    for (const std::unique_ptr<Output>& output : call.outputs) {
      if (!output->file || !output->in_journal) continue;
      end_of_file(*output);
      entry.finished.push_back(output->committed.path);
      if (interrupted) entry.interrupted.push_back(without_part(output->committed.path));
    }
  }
  if (!entry.finished.empty()) {
    if (Status noted = journal_.append(std::move(entry)); !noted) return noted;
  }
  bool any = false;
  for (const Call& call : calls) {
    for (const std::unique_ptr<Output>& output : call.outputs) {
      if (!output->file) continue;
      output->in_journal = false;
      const std::string& part = output->committed.path;
      const Result<std::string> whole = capture::finish_part(part, false);
      if (!whole && whole.error().code == Code::kNotFound) {  // trying again would stop everything, for good
        log::warning("the file of a call has been moved or removed while it was written", {{"file", part}});
        output->file.reset();
        continue;
      }
      if (!whole) return whole.error();
      if (interrupted && *whole != without_part(part)) {
        static_cast<void>(journal_.append({.interrupted = {*whole}, .forgotten = {without_part(part)}}));
      }
      output->file.reset();
      any = true;
      events_.closed(*whole);
    }
  }
  if (any && policy_ != SyncPolicy::kNever) static_cast<void>(files_.sync_directory(target_.directory));
  return {};
}

Status CallFiles::finish_ended() {
  assert(dirty_.empty());
  while (!ended_.empty()) {
    const std::span<Call> some(ended_.data(), std::min(ended_.size(), kCallsAtOnce));
    if (Status finished = finish(some, false); !finished) return finished;
    for (const Call& call : some) events_.ended(*call.label, target_.directory);
    ended_.erase(ended_.begin(), ended_.begin() + static_cast<std::ptrdiff_t>(some.size()));
  }
  return {};
}

Status CallFiles::stop() {
  Status result;
  std::vector<Call> calls;
  const auto finish_these = [&] {
    if (const Status finished = finish(calls, true); !finished) result = finished;
    calls.clear();
  };
  for (auto& [number, call] : calls_) {
    const bool any_dirty = std::any_of(call.outputs.begin(), call.outputs.end(),
                                       [](const std::unique_ptr<Output>& output) { return output->is_dirty; });
    if (any_dirty) {
      result = Error{Code::kUnavailable, "files of calls in " + lc::quoted(target_.directory) +
                                             " end with packets that could not be acknowledged; the next start with "
                                             "this state directory cuts them off"};
      continue;
    }
    calls.push_back(std::move(call));
    if (calls.size() >= kCallsAtOnce) finish_these();
  }
  finish_these();
  dirty_.clear();
  calls_.clear();
  return result;
}

Status CallFiles::start_anew() {
  dirty_.clear();
  places_.clear();
  calls_.clear();
  for (Call& call : ended_) call.outputs.clear();
  name_is_new_ = false;
  if (const Status left = finish_left_calls(journal_, false, events_.closed); !left) return left;
  evictions_saved_ = pool_.evictions();
  return finish_unknown_parts(target_.directory, events_.closed);
}

}  // namespace lc::processor
