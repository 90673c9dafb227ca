#include "tapd/sip_users.h"

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "common/filter/filter_set.h"

using namespace lc;
using processor::FilterEdit;
using processor::ListedFilter;
using tap::sip_user_edits;
using tap::sip_user_filter;

namespace {

ListedFilter listed(const fleet::Filter& filter) {
  return {.filter = std::make_shared<const fleet::Filter>(filter)};
}

}  // namespace

TEST_CASE("A SIP user's filter has the user's name in its id, or something as stable where that can't be", "[tap]") {
  CHECK(sip_user_filter("alice").id == "sip-user-alice");
  CHECK(sip_user_filter("alice").type == fleet::FilterType::kSipUser);
  CHECK(sip_user_filter("alice").pattern == "alice");
  CHECK(sip_user_filter("alice").enabled);
  CHECK(sip_user_filter("alice").target_hunters.empty());
  // FNV-1a of the name, as Python computes it.
  CHECK(sip_user_filter("+49*").id == "sip-user--49--b02b6dc0de339989");
  std::set<std::string> ids;
  for (const std::string& name : {std::string("+49*"), std::string("-49-"), std::string("*49*"), std::string(300, 'x'),
                                  std::string(299, 'x'), std::string("J\u00fcrgen")}) {
    const fleet::Filter filter = sip_user_filter(name);
    CHECK(filter.pattern == name);
    ids.insert(filter.id);
    if (name.size() < 200) CHECK(filter::check(filter).ok());
  }
  CHECK(ids.size() == 6);
}

TEST_CASE("A restart with other SIP users adds what is new, takes back what is not given, and leaves the rest",
          "[tap]") {
  fleet::Filter someone_elses = sip_user_filter("operator");
  someone_elses.description = "made by hand";
  fleet::Filter other;
  other.id = "voip";
  other.enabled = true;
  const std::vector<ListedFilter> before = {listed(sip_user_filter("alice")), listed(sip_user_filter("bob")),
                                            listed(someone_elses), listed(other)};
  const std::vector<FilterEdit> edits = sip_user_edits({"bob", "carol", "carol"}, before);
  REQUIRE(edits.size() == 2);
  CHECK(edits[0].id == "sip-user-alice");
  CHECK_FALSE(edits[0].filter);
  CHECK(edits[1].id == "sip-user-carol");
  CHECK(edits[1].filter == sip_user_filter("carol"));
}

TEST_CASE("A SIP user's filter that was changed since is put back at the next start", "[tap]") {
  fleet::Filter disabled = sip_user_filter("alice");
  disabled.enabled = false;
  const std::vector<FilterEdit> edits = sip_user_edits({"alice"}, {listed(disabled)});
  REQUIRE(edits.size() == 1);
  CHECK(edits[0].filter == sip_user_filter("alice"));
  CHECK(sip_user_edits({"alice"}, {listed(sip_user_filter("alice"))}).empty());
}
