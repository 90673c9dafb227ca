// Where screens are drawn: a grid of cells, with no terminal in sight.
#pragma once

#include <limits>
#include <string>
#include <string_view>

namespace lc::watch {

/// What a text means; how that looks is the canvas's business.
enum class Style {
  kNormal,
  kDim,       // of less weight
  kStale,     // was so once
  kTitle,     // the top line
  kHeader,    // of a table, or of a part of a screen
  kGood,      // HEALTHY
  kWarning,   // WARNING
  kBad,       // ERROR
  kStopping,  // STOPPING
  kChosen,    // by the user, in a list
  kAccent,    // what a user looks for: keys, figures
  kBanner,    // something is wrong
  kInput,     // a field that is typed into
};

struct Pen {
  Style style = Style::kNormal;
  bool selected = false;  // the row that keys are for: reverse video
};

struct Size {
  int width = 0;
  int height = 0;
};

/// One thread.
class Canvas {
 public:
  virtual ~Canvas() = default;

  [[nodiscard]] virtual Size size() const = 0;
  [[nodiscard]] virtual bool utf8() const = 0;
  virtual void clear() = 0;
  /// Puts a glyph (model/text.h) of one or two cells, all of which are within size(). Only Pane calls it.
  virtual void cell(int x, int y, std::string_view glyph, int width, Pen pen) = 0;
  /// Where typing goes to; until the next clear().
  virtual void cursor(int x, int y) = 0;
};

/// Characters of drawings, each of which has a form in ASCII.
enum class Symbol {
  kHorizontal,
  kVertical,
  kTee,
  kCorner,
  kTopLeft,  // of a box, as the three that follow
  kTopRight,
  kBottomLeft,
  kBottomRight,
  kRight,
  kLeft,
  kOpen,
  kClosed,
  kEllipsis,
  kMark,
  kFull,
  kEmpty
};
std::string_view text_of(Symbol symbol, bool utf8);

/// A part of a canvas: what is put here is made safe, measured and cut to it.
class Pane {
 public:
  explicit Pane(Canvas& canvas) : canvas_(&canvas), size_(canvas.size()) {}

  [[nodiscard]] int width() const { return size_.width; }
  [[nodiscard]] int height() const { return size_.height; }
  [[nodiscard]] bool utf8() const { return canvas_->utf8(); }
  [[nodiscard]] int left() const { return x_; }
  [[nodiscard]] int top() const { return y_; }

  /// What of it is within this one.
  [[nodiscard]] Pane part(int x, int y, int width, int height) const;

  static constexpr int kAll = std::numeric_limits<int>::max();
  /// Of a text that is wider than `most` cells the last is an ellipsis. The column behind it.
  int put(int x, int y, std::string_view text, Pen pen = {}, int most = kAll) const;
  /// So that it ends in front of column `end`, in at most `most` cells.
  void put_right(int end, int y, std::string_view text, Pen pen, int most) const;
  int put(int x, int y, Symbol symbol, Pen pen = {}) const;
  void fill(int x, int y, int count, Pen pen, std::string_view glyph = " ") const;
  void rule(int y, Pen pen = {Style::kDim}) const;  // from side to side
  void cursor(int x, int y) const;

 private:
  Canvas* canvas_;
  int x_ = 0, y_ = 0;  // on the canvas
  Size size_;
};

}  // namespace lc::watch
