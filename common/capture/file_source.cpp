#include "common/capture/file_source.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>

#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"

namespace lc::capture {
namespace {

/// libpcap passes on whatever a damaged file says. Seconds beyond these would not fit into nanoseconds, nor would the
/// distance between two of them; a fraction of more than a second is added as it is.
constexpr std::int64_t kMaxSeconds = 4'600'000'000;

/// The C library's 4 KiB are a system call for every twenty packets of media.
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

packet::PacketView view_of(const pcap_pkthdr& header, const u_char* data) {
  const std::int64_t seconds = std::clamp<std::int64_t>(header.ts.tv_sec, -kMaxSeconds, kMaxSeconds);
  const std::int64_t nanoseconds = std::clamp<std::int64_t>(header.ts.tv_usec, 0, 0xffff'ffff);
  return {data, std::min<std::uint32_t>(header.caplen, packet::kMaxPacketBytes), std::max(header.caplen, header.len),
          seconds * 1'000'000'000 + nanoseconds};
}

std::string in_plain_words(const std::string& path, std::string_view libpcap_says) {
  if (libpcap_says.find("different from the type of the first interface") != std::string_view::npos) {
    return path + ": its interfaces have different link types, which libpcap cannot read (" +
           std::string(libpcap_says) + ")";
  }
  return path + ": " + std::string(libpcap_says);
}

Error error_of_open(const std::string& path, int error) {
  const Code code = error == ENOENT || error == ENOTDIR ? Code::kNotFound
                    : error == EACCES || error == EPERM ? Code::kPermissionDenied
                                                        : Code::kUnavailable;
  return {code, path + ": " + errno_text(error)};
}

}  // namespace

Result<std::unique_ptr<FileSource>> FileSource::open(const std::string& path, FileOptions options,
                                                     const TimeSource& time) {
  // Not to wait for the writer of a named pipe, which is refused below.
  UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return error_of_open(path, errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return error_of_open(path, errno);
  if (S_ISDIR(status.st_mode)) return Error{Code::kInvalidArgument, path + ": is a directory, not a capture file"};
  if (!S_ISREG(status.st_mode)) return Error{Code::kInvalidArgument, path + ": is not a regular file"};
  if (status.st_size == 0) return Error{Code::kInvalidArgument, path + ": is empty, not a capture file"};

  std::unique_ptr<FileSource> source(new FileSource(path, std::move(file), options, time));
  if (const Status begun = source->begin_pass(); !begun) return begun.error();
  source->link_type_ = filter::link_type_of_dlt(::pcap_datalink(source->handle_.get()));
  return source;
}

FileSource::FileSource(std::string path, UniqueFd file, FileOptions options, const TimeSource& time)
    : path_(std::move(path)), file_(std::move(file)), options_(options), time_(time), handle_(nullptr, &::pcap_close) {
  if (!options_.pace) return;
  timer_.reset(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  arm_timer({});
}

Status FileSource::begin_pass() {
  handle_.reset();
  if (::lseek(file_.get(), 0, SEEK_SET) != 0) return error_of_open(path_, errno);
  UniqueFd copy(::fcntl(file_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return error_of_open(path_, errno);
  std::FILE* stream = ::fdopen(copy.get(), "rb");
  if (stream == nullptr) return error_of_open(path_, errno);
  static_cast<void>(copy.release());  // the stream's now
  static_cast<void>(std::setvbuf(stream, nullptr, _IOFBF, kReadBytes));

  std::array<char, PCAP_ERRBUF_SIZE> why{};
  handle_.reset(::pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, why.data()));
  if (!handle_) {
    std::fclose(stream);
    return Error{Code::kInvalidArgument, path_ + ": not a capture file that libpcap can read: " + why.data()};
  }
  records_of_pass_ = 0;
  return {};
}

ReadOutcome FileSource::dispatch(std::uint32_t max_packets, const PacketConsumer& consumer) {
  const std::shared_ptr<const filter::BpfFilter> filter = filter_.with([](const auto& current) { return current; });
  ReadOutcome outcome;
  for (std::uint32_t i = 0; i < max_packets; ++i) {
    const Step step = held_ ? Step::kRecord : next();
    if (step == Step::kEnd) {
      outcome.state = ReadState::kEnded;
      return outcome;
    }
    if (step == Step::kError) {
      outcome.state = ReadState::kFailed;
      outcome.error = error_;
      return outcome;
    }
    if (options_.pace) {
      if (const auto wait = due() - time_.now(); wait > Clock::duration::zero()) {
        arm_timer(wait);
        return outcome;
      }
    }
    if (!filter || filter->matches(*held_)) {
      consumer(*held_);
      ++outcome.packets;
    }
    held_.reset();
  }
  if (options_.pace) arm_timer({});
  return outcome;
}

FileSource::Step FileSource::next() {
  if (!error_.empty()) return Step::kError;
  if (ended_) return Step::kEnd;
  while (true) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = ::pcap_next_ex(handle_.get(), &header, &data);
    if (result == 1) {
      held_ = view_of(*header, data);
      if (records_of_pass_++ == 0) {
        pass_began_ = time_.now();
        first_ns_ = held_->timestamp_ns;
      }
      return Step::kRecord;
    }
    if (result != PCAP_ERROR_BREAK) return fail(in_plain_words(path_, ::pcap_geterr(handle_.get())));
    if (const Step step = end_of_pass(); step != Step::kRecord) return step;
  }
}

/// kRecord: another pass has begun. A file without any packet ends, however many passes were asked for.
FileSource::Step FileSource::end_of_pass() {
  ended_ = records_of_pass_ == 0 || (options_.loop != 0 && ++passes_done_ == options_.loop);
  if (ended_) return Step::kEnd;
  const Status begun = begin_pass();
  return begun ? Step::kRecord : fail(begun.error().text);
}

FileSource::Step FileSource::fail(std::string why) {
  error_ = std::move(why);
  return Step::kError;
}

Clock::time_point FileSource::due() {
  return pass_began_ + std::chrono::nanoseconds(held_->timestamp_ns - first_ns_);
}

void FileSource::arm_timer(Clock::duration wait) const {
  const auto ns = std::max<std::int64_t>(1, std::chrono::nanoseconds(wait).count());  // 0 would disarm it
  itimerspec when{};
  when.it_value.tv_sec = ns / 1'000'000'000;
  when.it_value.tv_nsec = ns % 1'000'000'000;
  ::timerfd_settime(timer_.get(), 0, &when, nullptr);
}

Status FileSource::set_filter(const std::string& expression) {
  std::shared_ptr<const filter::BpfFilter> filter;
  if (!expression.empty()) {
    Result<filter::BpfFilter> compiled = filter::BpfFilter::compile(expression, link_type_);
    if (!compiled) return compiled.error();
    filter = std::make_shared<const filter::BpfFilter>(std::move(*compiled));
  }
  filter_.with([&](auto& current) { current = std::move(filter); });
  return {};
}

}  // namespace lc::capture
