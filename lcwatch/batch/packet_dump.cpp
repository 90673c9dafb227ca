#include "lcwatch/batch/packet_dump.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/capture/pcapng_writer.h"
#include "lcwatch/batch/output.h"
#include "lcwatch/batch/session.h"

namespace lc::watch {
namespace {

constexpr std::size_t kMostAtOnce = 256;  // batches

/// Standard output as a file that only grows.
class OutputFile final : public FileOutput {
 public:
  explicit OutputFile(Output& output) : output_(output) {}

  ssize_t write(const std::uint8_t* data, std::size_t size, std::uint64_t) override {
    if (output_.write(reinterpret_cast<const char*>(data), size)) return static_cast<ssize_t>(size);
    errno = output_.error() != 0 ? output_.error() : EPIPE;
    return -1;
  }
  int truncate(std::uint64_t) override {
    errno = EINVAL;
    return -1;
  }
  int sync() override { return 0; }

 private:
  Output& output_;
};

std::unique_ptr<FileOutput> open_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0640));
  if (!fd) throw start_error(file_error("create", "capture file", path, errno));
  return std::make_unique<RegularFile>(std::move(fd), "capture");
}

class Dump {
 public:
  Dump(const DumpSettings& settings, const std::vector<WatchedServer>& servers, const std::string& packet_filter,
       Signals& signals)
      : settings_(settings),
        to_output_(settings.file == "-"),
        output_(STDOUT_FILENO, signals),
        file_(to_output_ ? "standard output" : settings.file,
              to_output_ ? std::make_unique<OutputFile>(output_) : open_file(settings.file)),
        session_(servers,
                 {.topology = false,
                  .figures = false,
                  .calls = false,
                  .packets = true,
                  .packet_filter = packet_filter,
                  .access = false},
                 signals, &packets_) {}

  int run() {
    Status written = file_.flush();  // a reader has the header at once
    while (written && !enough()) {
      const Session::Wait wait =
          session_.wait(std::chrono::milliseconds(-1), {packets_.fd(), to_output_ ? output_.gone_fd() : -1});
      if (wait == Session::Wait::kSignal) break;
      session_.take([](const Update&) {});
      session_.report_failures();
      if (session_.hopeless()) break;
      written = write_all();
      if (wait == Session::Wait::kOther && to_output_ && output_.gone()) break;
    }
    return end(written);
  }

 private:
  [[nodiscard]] bool enough() const { return settings_.count > 0 && file_.packets() >= settings_.count; }

  Status write_all() {
    // A signal is looked for in between, however fast they come.
    for (std::size_t i = 0; i < kMostAtOnce && !enough(); ++i) {
      const auto delivery = packets_.next();
      if (!delivery) break;
      skipped_[delivery->server] = delivery->skipped;
      if (Status status = write(*delivery->batch); !status) return status;
    }
    return file_.flush();
  }

  Status write(const packet::Batch& batch) {
    std::vector<std::uint32_t> ids;
    for (const packet::BatchInterface& interface : batch.interfaces()) {
      const Result<std::uint32_t> id = file_.add_interface({.node = std::string(batch.source()),
                                                            .name = std::string(interface.name),
                                                            .link_type = interface.link_type,
                                                            .filter = {}});
      if (!id && id.error().code != Code::kInvalidArgument) return id.error();
      ids.push_back(id ? *id : capture::CaptureFile::kLeaveOut);
    }
    const std::uint64_t left = settings_.count > 0 ? settings_.count - file_.packets() : batch.packets().size();
    if (left >= batch.packets().size()) return file_.write(batch, ids);
    std::uint64_t more = left;
    for (const packet::PacketEntry& entry : batch.packets()) {
      if (more == 0) break;
      if (ids[entry.interface] == capture::CaptureFile::kLeaveOut) continue;
      if (Status status = file_.write(batch.view(entry), ids[entry.interface]); !status) return status;
      --more;
    }
    return {};
  }

  int end(Status written) {
    // Who has asked for an end, or does not read any more, has all that was wanted.
    const bool ended_by_reader = to_output_ && output_.over() && output_.error() == 0;
    if (written && !ended_by_reader) written = file_.close(!to_output_);
    std::uint64_t skipped = 0;
    for (const auto& [server, count] : skipped_) skipped += count;
    if (skipped > 0) {
      std::cerr << "lcwatch: " << skipped
                << " packets are missing: the processor skipped them, as they were read too slowly\n";
    }
    const bool ended_meanwhile = to_output_ && output_.over() && output_.error() == 0;
    if (!written && !ended_meanwhile) {
      std::cerr << "lcwatch: " << written.error().text << '\n';
      return static_cast<int>(ExitCode::kFailure);
    }
    return static_cast<int>(session_.hopeless() ? session_.code() : ExitCode::kOk);
  }

  const DumpSettings settings_;
  const bool to_output_;
  Output output_;
  capture::PcapngWriter file_;
  PacketQueue packets_;
  std::map<ServerIndex, std::uint64_t> skipped_;
  Session session_;
};

}  // namespace

int run_dump(const DumpSettings& settings, const std::vector<WatchedServer>& servers, const std::string& packet_filter,
             Signals& signals) {
  return Dump(settings, servers, packet_filter, signals).run();
}

}  // namespace lc::watch
