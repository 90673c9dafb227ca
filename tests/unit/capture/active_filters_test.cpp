#include "common/capture/active_filters.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/filters.h"
#include "tests/support/memory_source.h"
#include "tests/support/recording_sink.h"

using namespace lc;
using namespace lc::capture;
using namespace lc::test;

namespace {

/// Writes down what is put into the kernel, and what the selector had in force at that time.
class KernelSource final : public PacketSource {
 public:
  KernelSource(calls::Selector& selector, bool live) : selector_(selector), live_(live) {}

  struct Step {
    std::string kernel;
    std::uint64_t selector_revision;
    bool operator==(const Step&) const = default;
  };

  ReadOutcome dispatch(std::uint32_t, const PacketConsumer&) override { return {}; }
  [[nodiscard]] int poll_fd() const override { return -1; }
  [[nodiscard]] std::uint32_t link_type() const override { return 1; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] bool is_live() const override { return live_; }
  [[nodiscard]] SourceStats stats() const override { return {}; }
  Status set_filter(const std::string& expression) override {
    if (refuses && expression != "own" && !expression.empty()) return Error{Code::kInvalidArgument, "too long"};
    steps.push_back({expression, selector_.revision()});
    return {};
  }

  std::vector<Step> steps;
  bool refuses = false;

 private:
  const std::string name_ = "eth-test";
  calls::Selector& selector_;
  const bool live_;
};

using Step = KernelSource::Step;

struct Bench {
  explicit Bench(std::string own = "", bool live = true) {
    auto kernel_source = std::make_unique<KernelSource>(selector, live);
    kernel = kernel_source.get();
    std::vector<std::unique_ptr<PacketSource>> sources;
    sources.push_back(std::move(kernel_source));
    pipeline = std::make_unique<CapturePipeline>(std::move(sources), selector, sink, BatchLimits{}, [] {});
    filters = std::make_unique<ActiveFilters>(std::move(own), selector, *pipeline);
  }

  [[nodiscard]] bool passes_all() {
    struct Nowhere final : calls::Outlet {
      void forward(const packet::PacketView&, const calls::Origin&, std::span<const std::uint8_t>) override {}
    } nowhere;
    return calls::Selector::Turn(selector, nowhere).passes_all();
  }
  std::vector<Step> steps() { return std::exchange(kernel->steps, {}); }

  calls::Selector selector{calls::NoFilterPolicy::kAll};
  RecordingSink sink;
  KernelSource* kernel = nullptr;
  std::unique_ptr<CapturePipeline> pipeline;
  std::unique_ptr<ActiveFilters> filters;
};

fleet::Filter bpf(const std::string& id, const std::string& expression) {
  fleet::Filter filter = ip_filter(id);
  filter.type = fleet::FilterType::kBpf;
  filter.pattern = expression;
  return filter;
}

fleet::Filter sip_user(const std::string& id, const std::string& pattern) {
  fleet::Filter filter = ip_filter(id);
  filter.type = fleet::FilterType::kSipUser;
  filter.pattern = pattern;
  return filter;
}

/// What the kernel lets through of the filter, as the set itself says it.
std::string expression_of(const fleet::Filter& filter) {
  const auto set = filter::FilterSet::compile({filter}, 1, 1);
  REQUIRE(set);
  REQUIRE_FALSE((*set)->kernel_expression().empty());
  return (*set)->kernel_expression();
}

}  // namespace

TEST_CASE("The kernel's filter is widened before the selector's changes, and narrowed after it", "[active_filters]") {
  Bench bench;
  REQUIRE(bench.filters->apply({bpf("a", "udp port 1")}, 5, 1));
  const std::string first = expression_of(bpf("a", "udp port 1"));
  CHECK(bench.steps() == std::vector<Step>{{first, 5}});
  REQUIRE(bench.filters->apply({bpf("a", "udp port 2")}, 6, 1));
  const std::string second = expression_of(bpf("a", "udp port 2"));
  CHECK(bench.steps() == std::vector<Step>{{"", 5}, {second, 6}});
  REQUIRE(bench.filters->apply({bpf("a", "udp port 2")}, 7, 1));
  CHECK(bench.steps().empty());
  REQUIRE(bench.filters->apply({bpf("a", "udp port 2"), sip_user("b", "alice")}, 8, 1));
  CHECK(bench.steps() == std::vector<Step>{{"", 7}});
  REQUIRE(bench.filters->apply({}, 9, 1));
  CHECK(bench.steps().empty());
  CHECK(bench.passes_all());
}

TEST_CASE("The node's own filter stays in the kernel, before all others", "[active_filters]") {
  Bench bench("own");
  REQUIRE(bench.filters->apply({bpf("a", "udp port 1")}, 5, 1));
  const std::string both = "(own) and (" + expression_of(bpf("a", "udp port 1")) + ")";
  CHECK(bench.steps() == std::vector<Step>{{both, 5}});
  REQUIRE(bench.filters->apply({sip_user("b", "alice")}, 6, 1));
  CHECK(bench.steps() == std::vector<Step>{{"own", 5}});
}

TEST_CASE("Where the kernel refuses the filters, the node's own one is there alone", "[active_filters]") {
  Bench bench("own");
  bench.kernel->refuses = true;
  CHECK(bench.filters->apply({bpf("a", "udp port 1")}, 5, 1));
  CHECK(bench.steps() == std::vector<Step>{{"own", 5}});
  CHECK(bench.filters->error().empty());
}

TEST_CASE("A file is read whole: what is not wanted of it is counted", "[active_filters]") {
  Bench bench("", false);
  REQUIRE(bench.filters->apply({bpf("a", "udp port 1")}, 5, 1));
  CHECK(bench.steps().empty());
}

TEST_CASE("A set with one bad filter leaves the one before in force, and says why", "[active_filters]") {
  Bench bench;
  const std::vector<fleet::Filter> good = {bpf("a", "udp port 1")};
  REQUIRE(bench.filters->apply(good, 5, 1));
  bench.steps();
  const Status status = bench.filters->apply({bpf("a", "udp port 2"), bpf("b", "no such thing")}, 6, 1);
  REQUIRE_FALSE(status);
  CHECK(status.error().code == Code::kInvalidArgument);
  CHECK(bench.filters->error() == status.error().text);
  CHECK(bench.steps().empty());
  CHECK(bench.filters->revision() == 5);
  CHECK(bench.filters->count() == 1);
  CHECK(bench.filters->are(good));
  CHECK(bench.selector.revision() == 5);
  REQUIRE(bench.filters->apply(good, 7, 1));
  CHECK(bench.filters->error().empty());
}

TEST_CASE("Disabled filters are not counted, but part of what is in force", "[active_filters]") {
  Bench bench;
  fleet::Filter disabled = sip_user("b", "alice");
  disabled.enabled = false;
  REQUIRE(bench.filters->apply({disabled}, 5, 1));
  CHECK(bench.filters->count() == 0);
  CHECK(bench.filters->are({disabled}));
  CHECK_FALSE(bench.filters->are({sip_user("b", "alice")}));
  CHECK(bench.passes_all());
}

TEST_CASE("Filters whose time is up are taken out, the others stay", "[active_filters]") {
  Bench bench;
  fleet::Filter brief = sip_user("b", "alice");
  brief.expires_at_ns = 2'000;
  REQUIRE(bench.filters->apply({bpf("a", "udp port 1"), brief}, 5, 1'000));
  CHECK(bench.filters->count() == 2);
  CHECK(bench.steps().empty());
  bench.filters->expire(1'999);
  CHECK(bench.filters->count() == 2);
  bench.filters->expire(2'000);
  CHECK(bench.filters->count() == 1);
  CHECK(bench.filters->revision() == 5);
  CHECK(bench.steps() == std::vector<Step>{{expression_of(bpf("a", "udp port 1")), 5}});
  CHECK_FALSE(bench.passes_all());
}

TEST_CASE("While media endpoints are followed the kernel lets everything through", "[active_filters]") {
  Bench bench;
  REQUIRE(bench.filters->apply({bpf("a", "udp port 1")}, 5, 1));
  const std::string narrow = expression_of(bpf("a", "udp port 1"));
  bench.steps();
  bench.filters->change_endpoints({media_endpoint("m1"), media_endpoint("m2")}, {}, false);
  CHECK(bench.steps() == std::vector<Step>{{"", 5}});
  REQUIRE(bench.filters->apply({bpf("a", "udp port 2")}, 6, 1));
  CHECK(bench.steps().empty());
  bench.filters->change_endpoints({}, {"m1"}, false);
  CHECK(bench.steps().empty());
  bench.filters->change_endpoints({}, {}, true);
  CHECK(bench.steps() == std::vector<Step>{{expression_of(bpf("a", "udp port 2")), 6}});
}
