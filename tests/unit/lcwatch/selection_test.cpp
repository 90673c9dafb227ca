#include "lcwatch/view/selection.h"

#include <catch2/catch.hpp>
#include <string>

using namespace lc::watch;

namespace {

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("The selection follows the object when others come, go or are sorted", "[lcwatch][selection]") {
  Selection<std::string> selection;
  selection.settle({"a", "b", "c", "d"}, 3);
  selection.key({KeyCode::kDown});
  selection.key({KeyCode::kDown});
  REQUIRE(*selection.selected() == "c");
  selection.settle({"x", "y", "a", "b", "c", "d"}, 3);
  CHECK(*selection.selected() == "c");
  CHECK(selection.at() - selection.top() == 2);  // on the line where it was
  selection.settle({"d", "c", "b"}, 3);
  CHECK(*selection.selected() == "c");
  selection.settle({"d", "b"}, 3);
  CHECK(*selection.selected() == "b");  // it is gone
  selection.settle({"a", "b", "c", "d"}, 3);
  CHECK(*selection.selected() == "c");  // and back, as after a reconnect
  selection.settle({}, 3);
  CHECK(selection.selected() == nullptr);
  selection.settle({"z", "c"}, 3);
  CHECK(*selection.selected() == "c");
}

TEST_CASE("A list that is followed shows what came last, until one goes up", "[lcwatch][selection]") {
  Selection<std::string> selection(true);
  selection.settle({"a", "b", "c"}, 2);
  CHECK(*selection.selected() == "c");
  selection.settle({"a", "b", "c", "d"}, 2);
  CHECK(*selection.selected() == "d");
  selection.key({KeyCode::kUp});
  CHECK_FALSE(selection.follows());
  selection.settle({"a", "b", "c", "d", "e"}, 2);
  CHECK(*selection.selected() == "c");
  selection.key({KeyCode::kCharacter, 'G'});
  CHECK(selection.follows());
  selection.settle({"b", "c", "d", "e", "f"}, 2);
  CHECK(*selection.selected() == "f");
}

TEST_CASE("Every key of moving stays within the list", "[lcwatch][selection]") {
  Selection<std::string> selection;
  for (const KeyCode code : {KeyCode::kUp, KeyCode::kDown, KeyCode::kPageUp, KeyCode::kPageDown, KeyCode::kEnd}) {
    selection.key({code});  // in an empty one
  }
  selection.settle({"a", "b", "c", "d", "e"}, 2, 4);
  selection.key({KeyCode::kPageDown});
  CHECK(*selection.selected() == "c");
  selection.key({KeyCode::kEnd});
  selection.key({KeyCode::kDown});
  CHECK(*selection.selected() == "e");
  selection.key({KeyCode::kPageUp});
  CHECK(*selection.selected() == "c");
  selection.key({KeyCode::kHome});
  selection.key({KeyCode::kUp});
  CHECK(*selection.selected() == "a");
  selection.key({KeyCode::kClick, 0, 3, 5});
  CHECK(*selection.selected() == "b");
  CHECK_FALSE(selection.key({KeyCode::kClick, 0, 3, 2}));
  selection.step(false);
  selection.step(false);
  CHECK(*selection.selected() == "e");
}
