#include "lcwatch/model/text.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>

#include "lcwatch/view/canvas.h"
#include "lcwatch/view/format.h"
#include "tests/support/memory_canvas.h"

using namespace lc;
using namespace lc::watch;
using lc::test::MemoryCanvas;

TEST_CASE("Control characters and escape sequences are shown, never sent", "[lcwatch][text]") {
  CHECK(shown("a\x1b[31mb") == "a\\x1b[31mb");
  CHECK(shown(std::string_view("\0\r\n\t\x7f", 5)) == "\\x00\\x0d\\x0a\\x09\\x7f");
  CHECK(shown("\xc2\x9b"
              "2J") == "\\x9b2J");  // CSI of C1
  CHECK(shown("\xe2\x80\xae"
              "abc") ==
        "\\u202e"
        "abc");
  CHECK(shown("\xef\xbb\xbfx") == "\\ufeffx");
  CHECK(cells("\x1b") == 4);
}

TEST_CASE("Bytes that are no UTF-8 are each one replacement", "[lcwatch][text]") {
  CHECK(shown("\xff\xfe") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(shown("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(shown("\xed\xa0\x80").find("\xef\xbf\xbd") == 0);  // a surrogate
  CHECK(cells("\xc3(") == 2);
}

TEST_CASE("Wide characters take two cells and marks none", "[lcwatch][text]") {
  CHECK(cells("日本") == 4);
  CHECK(cells("e\xcc\x81") == 1);
  CHECK(cells("\xcc\x81") == 1);  // on a blank of its own
  CHECK(cells("😀") == 2);
  CHECK(cells("한") == 2);
  std::string zalgo = "a";
  for (int i = 0; i < 100; ++i) zalgo += "\xcc\x81";
  CHECK(cells(zalgo) == 1);
  CHECK(shown(zalgo).size() < 8);
  CHECK(shown("\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa") == "\xef\xbf\xbd\xef\xbf\xbd");  // a flag
}

TEST_CASE("What is put on a pane stays within its cells", "[lcwatch][text]") {
  MemoryCanvas canvas(10, 3);
  const Pane all(canvas);
  const Pane pane = all.part(2, 1, 5, 1);
  CHECK(pane.put(0, 0, "abcdefgh") == 5);
  CHECK(canvas.line(1) == "  abcd…");
  pane.fill(0, 0, 5, {});
  pane.put(0, 0, "日本語");
  CHECK(canvas.line(1) == "  日本…");
  pane.fill(0, 0, 5, {});
  pane.put(0, 0, "日本x");
  CHECK(canvas.line(1) == "  日本x");
  pane.put(0, 1, "below");
  pane.put(-1, 0, "before");
  pane.put(9, 0, "behind");
  CHECK(canvas.line(2).empty());
  all.put_right(9, 0, "12", {}, 4);
  CHECK(canvas.line(0) == "       12");
}

TEST_CASE("Without UTF-8 there is only ASCII, of the same width", "[lcwatch][text]") {
  MemoryCanvas canvas(20, 1, false);
  const Pane pane(canvas);
  pane.put(0, 0, "日本 é ü x");
  CHECK(canvas.line(0) == "???? ? ? x");
}

TEST_CASE("Numbers that no honest peer sends are bounded", "[lcwatch][text]") {
  CHECK(decimal_text(-1e300, 1).size() < 64);
  CHECK(decimal_text(1e300, 1).size() < 64);
  CHECK(decimal_text(std::nan(""), 1) == "0.0");
}

TEST_CASE("Random bytes never leave their cells", "[lcwatch][text]") {
  std::mt19937 random(7);
  for (int round = 0; round < 3'000; ++round) {
    const bool utf8 = round % 2 == 0;
    MemoryCanvas canvas(12, 2, utf8);
    const Pane pane = Pane(canvas).part(3, 0, 6, 1);
    std::string text;
    for (auto i = random() % 24; i > 0; --i) {
      if (random() % 2 == 0) {
        append_utf8(text, static_cast<char32_t>(random() % 0x11'0000));
      } else {
        text += static_cast<char>(random() % 256);
      }
    }
    pane.put(0, 0, text);  // the canvas throws for what is not right
    for (const int x : {0, 1, 2, 9, 10, 11}) CHECK(canvas.cell_at(x, 0).glyph == " ");
    CHECK(canvas.line(1).empty());
  }
}
