// Non-blocking throughout: pcap_dispatch() on an idle TPACKET_V3 ring would otherwise ignore its time-out.
#include "common/capture/live_source.h"

#include <net/if.h>
#include <pcap/pcap.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <cstring>

#include "common/base/log.h"
#include "common/base/text.h"
#include "common/filter/bpf_link_type.h"

namespace lc::capture {
namespace {

constexpr std::string_view kAny = "any";

// How long the kernel keeps a block of the ring that is not full. At 1000 packets/s the median delay is 0.6, 1.2 and
// 2.2 ms with 1, 2 and 5; the ring's blocks bridge 64, 128 and 320 ms without a reader. Immediate mode (15 us) takes
// fixed slots of the largest packet instead, and at 150,000 packets/s lost every other one.
constexpr int kBlockTimeoutMs = 2;
constexpr auto kRingGrace = std::chrono::milliseconds(5 * kBlockTimeoutMs);

constexpr auto kFirstRetry = std::chrono::milliseconds(100);
constexpr auto kLongestRetry = std::chrono::milliseconds(1000);
constexpr auto kStatsInterval = std::chrono::milliseconds(100);  // libpcap reads files in /sys for them

std::string known_interfaces() {
  std::string names;
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> list(::if_nameindex(), &::if_freenameindex);
  for (const struct if_nameindex* i = list.get(); i != nullptr && i->if_name != nullptr; ++i) {
    names += i->if_name;
    names += ", ";
  }
  return names.append(kAny);
}

Error no_interface(const std::string& name) {
  return {Code::kNotFound, "no interface " + quoted(name) + "; there are: " + known_interfaces()};
}

Error cannot_capture(const std::string& name, const char* why) {
  return {Code::kInternal, "cannot capture on " + quoted(name) + ": " + why};
}

Error error_of_activation(const std::string& name, int result, pcap_t* handle) {
  switch (result) {
    case PCAP_ERROR_NO_SUCH_DEVICE:
      return no_interface(name);
    case PCAP_ERROR_PERM_DENIED:
    case PCAP_ERROR_PROMISC_PERM_DENIED:
      return {Code::kPermissionDenied, "no permission to capture on " + quoted(name) +
                                           ": needs CAP_NET_RAW (run as root, or use the packaged unit, or setcap "
                                           "cap_net_raw+ep on the binary)"};
    case PCAP_ERROR_IFACE_NOT_UP:
      return {Code::kUnavailable, "interface " + quoted(name) + " is down"};
    default:
      return cannot_capture(name, *::pcap_geterr(handle) != '\0' ? ::pcap_geterr(handle) : ::pcap_statustostr(result));
  }
}

struct Reading {
  const PacketConsumer& consumer;
  const LiveFilter& filter;
  std::uint32_t fraction_ns;  // one unit of the header's fraction of a second
  std::uint32_t packets;
};

void on_packet(u_char* user, const pcap_pkthdr* header, const u_char* data) {
  Reading& reading = *reinterpret_cast<Reading*>(user);
  const packet::PacketView view = {
      data, header->caplen, std::max(header->caplen, header->len),
      std::int64_t{header->ts.tv_sec} * 1'000'000'000 + std::int64_t{header->ts.tv_usec} * reading.fraction_ns};
  if (!reading.filter.wants(view)) return;
  reading.consumer(view);
  ++reading.packets;
}

void name_request(ifreq& request, const std::string& name) {
  std::memcpy(request.ifr_name, name.data(), std::min(name.size(), std::size_t{IFNAMSIZ - 1}));
}

}  // namespace

Result<std::unique_ptr<LiveSource>> LiveSource::open(const std::string& interface, LiveOptions options) {
  // libpcap has devices that are not network interfaces (USB, D-Bus, netfilter), with rules of their own for waiting.
  if (interface != kAny && ::if_nametoindex(interface.c_str()) == 0) return no_interface(interface);
  std::unique_ptr<LiveSource> source(new LiveSource(interface, std::move(options)));
  if (const Status opened = source->open_handle(); !opened) {
    if (opened.error().code != Code::kUnavailable) return opened.error();  // else the interface is down
    source->fault_ = opened.error().text;
  }
  source->filter_link_type_ = source->link_type_;
  if (const Status compiled = source->set_filter(source->options_.filter); !compiled) return compiled.error();
  source->apply_filter();
  return source;
}

LiveSource::LiveSource(std::string name, LiveOptions options)
    : name_(std::move(name)), options_(std::move(options)), handle_(nullptr, &::pcap_close) {
  if (options_.snaplen == 0 || options_.snaplen > packet::kMaxPacketBytes) options_.snaplen = packet::kMaxPacketBytes;
}

LiveSource::~LiveSource() = default;

Status LiveSource::open_handle() {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Handle handle(::pcap_create(name_.c_str(), why.data()), &::pcap_close);
  if (!handle) return cannot_capture(name_, why.data());
  const unsigned index = name_ == kAny ? 0 : ::if_nametoindex(name_.c_str());
  ::pcap_set_snaplen(handle.get(), static_cast<int>(options_.snaplen));
  ::pcap_set_promisc(handle.get(), options_.promiscuous ? 1 : 0);
  ::pcap_set_buffer_size(handle.get(),
                         static_cast<int>(std::min<std::uint64_t>(options_.kernel_buffer_bytes, INT_MAX)));
  ::pcap_set_timeout(handle.get(), kBlockTimeoutMs);
  ::pcap_set_tstamp_precision(handle.get(), PCAP_TSTAMP_PRECISION_NANO);
  if (const int result = ::pcap_activate(handle.get()); result < 0) {
    return error_of_activation(name_, result, handle.get());
  }
  if (::pcap_setnonblock(handle.get(), 1, why.data()) != 0) {
    return cannot_capture(name_, why.data());
  }
  if (::pcap_datalink(handle.get()) == DLT_LINUX_SLL) ::pcap_set_datalink(handle.get(), DLT_LINUX_SLL2);

  handle_ = std::move(handle);
  interface_index_ = index;
  nanoseconds_ = ::pcap_get_tstamp_precision(handle_.get()) == PCAP_TSTAMP_PRECISION_NANO;
  link_type_ = filter::link_type_of_dlt(::pcap_datalink(handle_.get()));
  seen_ = {};
  close_at_ = {};
  retry_delay_ = {};
  return {};
}

void LiveSource::close_handle() {
  stats_due_ = {};
  read_stats();
  handle_.reset();
  retry_delay_ = kFirstRetry;
  next_attempt_ = Clock::now() + retry_delay_;
}

bool LiveSource::reopen() {
  if (Clock::now() < next_attempt_) return false;
  Status opened = open_handle();
  if (opened) {
    const std::lock_guard lock(change_);
    if (filter_link_type_ != link_type_) {
      filter_link_type_ = link_type_;
      opened = compile_filter(expression_, excluded_);
    }
  }
  if (opened) {
    if (filter_) filter_->attach(::pcap_fileno(handle_.get()));
    return true;
  }
  handle_.reset();
  fault_ = opened.error().text;
  retry_delay_ = std::clamp<Clock::duration>(2 * retry_delay_, kFirstRetry, kLongestRetry);
  next_attempt_ = Clock::now() + retry_delay_;
  return false;
}

ReadOutcome LiveSource::dispatch(std::uint32_t max_packets, const PacketConsumer& consumer) {
  assert(max_packets > 0);  // libpcap would take 0 for "all there are"
  if (!handle_ && !reopen()) return {0, ReadState::kDown, fault_};
  apply_filter();
  Reading reading = {consumer, *filter_, nanoseconds_ ? 1U : 1000U, 0};
  const int records = ::pcap_dispatch(handle_.get(), static_cast<int>(std::min<std::uint32_t>(max_packets, INT_MAX)),
                                      &on_packet, reinterpret_cast<u_char*>(&reading));
  read_stats();
  ReadOutcome outcome;
  outcome.packets = reading.packets;
  return records > 0 ? outcome : idle(std::move(outcome), records < 0);
}

/// There was nothing to read: because nothing came, or because nothing can come?
ReadOutcome LiveSource::idle(ReadOutcome outcome, bool failed) {
  const Link now = link();
  if (!failed && now == Link::kUp) return outcome;
  outcome.state = ReadState::kDown;
  if (!failed && now == Link::kDown) {
    // The handle stays: the kernel captures on as soon as the interface comes up.
    fault_ = "interface " + quoted(name_) + " is down";
  } else {
    fault_ = now == Link::kGone ? "interface " + quoted(name_) + " is gone; waiting for its return"
                                : cannot_capture(name_, ::pcap_geterr(handle_.get())).text;
    if (close_at_ == Clock::time_point{}) close_at_ = Clock::now() + kRingGrace;
    if (Clock::now() >= close_at_) close_handle();
  }
  outcome.error = fault_;
  return outcome;
}

LiveSource::Link LiveSource::link() const {
  if (name_ == kAny) return Link::kUp;
  ifreq request{};
  name_request(request, name_);
  const int fd = ::pcap_fileno(handle_.get());  // any socket answers
  if (::ioctl(fd, SIOCGIFINDEX, &request) == 0) {
    if (static_cast<unsigned>(request.ifr_ifindex) != interface_index_) return Link::kGone;  // another of this name
  } else {
    request = {};
    request.ifr_ifindex = static_cast<int>(interface_index_);
    if (::ioctl(fd, SIOCGIFNAME, &request) != 0) return Link::kGone;  // else renamed, and the request has the name
  }
  if (::ioctl(fd, SIOCGIFFLAGS, &request) != 0) return Link::kGone;
  return (static_cast<unsigned>(request.ifr_flags) & IFF_UP) != 0 ? Link::kUp : Link::kDown;
}

int LiveSource::poll_fd() const {
  return handle_ ? ::pcap_get_selectable_fd(handle_.get()) : -1;
}

void LiveSource::read_stats() {
  if (Clock::now() < stats_due_) return;
  stats_due_ = Clock::now() + kStatsInterval;
  pcap_stat now{};
  if (::pcap_stats(handle_.get(), &now) != 0) return;
  kernel_dropped_.fetch_add(now.ps_drop - seen_[0], std::memory_order_relaxed);
  interface_dropped_.fetch_add(now.ps_ifdrop - seen_[1], std::memory_order_relaxed);
  seen_ = {now.ps_drop, now.ps_ifdrop};
}

void LiveSource::refresh_stats() {
  if (!handle_) return;
  stats_due_ = {};
  read_stats();
}

SourceStats LiveSource::stats() const {
  return {kernel_dropped_.load(std::memory_order_relaxed), interface_dropped_.load(std::memory_order_relaxed)};
}

Status LiveSource::set_filter(const std::string& expression) {
  const std::lock_guard lock(change_);
  if (Status compiled = compile_filter(expression, excluded_); !compiled) return compiled;
  expression_ = expression;
  return {};
}

void LiveSource::exclude(std::vector<Connection> connections) {
  const std::lock_guard lock(change_);
  if (const Status compiled = compile_filter(expression_, connections); !compiled) {
    log::warning("the node's own traffic is captured too", {{"interface", name_}, {"reason", compiled.error().text}});
    return;
  }
  excluded_ = std::move(connections);
}

/// Under `change_`.
Status LiveSource::compile_filter(const std::string& expression, const std::vector<Connection>& excluded) {
  Result<LiveFilter> compiled = LiveFilter::compile(expression, excluded, filter_link_type_, options_.snaplen);
  if (!compiled) return compiled.error();
  auto next = std::make_shared<const LiveFilter>(std::move(*compiled));
  next_filter_.with([&](auto& waiting) { waiting = std::move(next); });
  return {};
}

void LiveSource::apply_filter() {
  auto next = next_filter_.with([](auto& waiting) { return std::exchange(waiting, nullptr); });
  if (!next) return;
  filter_ = std::move(next);
  if (handle_) filter_->attach(::pcap_fileno(handle_.get()));
}

}  // namespace lc::capture
