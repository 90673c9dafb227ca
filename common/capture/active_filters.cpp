// The kernel's filter may never be narrower than the selector's: it is widened before a change and narrowed after it.
#include "common/capture/active_filters.h"

#include <thread>

#include "common/base/log.h"

namespace lc::capture {
namespace {

constexpr auto kSettleLimit = std::chrono::milliseconds(200);
constexpr auto kRingLatency = std::chrono::milliseconds(5);  // more than its block time-out

}  // namespace

Status ActiveFilters::apply(std::vector<fleet::Filter> filters, std::uint64_t revision, std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  std::vector<fleet::Filter> before = std::exchange(filters_, std::move(filters));
  const std::uint64_t revision_before = std::exchange(revision_, revision);
  Status status = put_in_force(now_ns);
  if (status) {
    error_.clear();
    return status;
  }
  filters_ = std::move(before);
  revision_ = revision_before;
  error_ = status.error().text;
  log::error("the processor's filters can't be put in force; those before stay", {{"reason", error_}});
  return status;
}

Status ActiveFilters::put_in_force(std::int64_t now_ns) {
  auto set = filter::FilterSet::compile(filters_, revision_, now_ns);
  if (!set) return set.error();
  const std::string& expression = (*set)->kernel_expression();
  if (!in_kernel_.empty() && in_kernel_ != expression) {
    push_down({});
    pipeline_.settle(kSettleLimit);
  }
  expression_ = expression;
  count_ = static_cast<std::uint32_t>((*set)->filters().size());
  next_expiry_ns_ = (*set)->next_expiry_ns();
  // What was captured by now is still judged by the filters before: the kernel's ring gets time to hand it over.
  if (pipeline_.settle(kSettleLimit)) {
    std::this_thread::sleep_for(kRingLatency);
    pipeline_.settle(kSettleLimit);
  }
  selector_.use(std::move(*set));
  pipeline_.settle(kSettleLimit);
  if (endpoints_.empty()) push_down(expression_);
  return {};
}

// Files have no kernel in between; what the selector does not want is counted there.
void ActiveFilters::push_down(const std::string& expression) {
  if (in_kernel_ == expression) return;
  const std::string all = expression.empty() ? own_
                          : own_.empty()     ? expression
                                             : "(" + own_ + ") and (" + expression + ")";
  pipeline_.for_each_source([&](PacketSource& source) {
    if (!source.is_live()) return;
    if (const Status status = source.set_filter(all); !status) {
      // The selector does all of the work then.
      log::warning("filters can't be put into the kernel",
                   {{"interface", source.name()}, {"reason", status.error().text}});
      (void)source.set_filter(own_);
    }
  });
  in_kernel_ = expression;
}

void ActiveFilters::change_endpoints(std::vector<fleet::Filter> added, std::vector<std::string> removed, bool anew) {
  const std::lock_guard lock(mutex_);
  if (anew) endpoints_.clear();
  for (const std::string& id : removed) endpoints_.erase(id);
  for (const fleet::Filter& filter : added) endpoints_.insert(filter.id);
  const bool widens = !endpoints_.empty() && !in_kernel_.empty();
  if (widens) push_down({});
  selector_.change_endpoints(std::move(added), std::move(removed), anew);
  if (widens) pipeline_.settle(kSettleLimit);
  if (endpoints_.empty()) push_down(expression_);
}

void ActiveFilters::expire(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (next_expiry_ns_ == 0 || now_ns < next_expiry_ns_) return;
  (void)put_in_force(now_ns);  // it could be compiled before, with more in it
}

bool ActiveFilters::are(const std::vector<fleet::Filter>& filters) const {
  const std::lock_guard lock(mutex_);
  return filters_ == filters;
}

std::uint32_t ActiveFilters::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

std::uint64_t ActiveFilters::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

std::string ActiveFilters::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

}  // namespace lc::capture
