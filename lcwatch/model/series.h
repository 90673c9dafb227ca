// The latest values of a figure, for a sparkline.
#pragma once

#include <cstddef>
#include <deque>

namespace lc::watch {

/// One thread.
class Series {
 public:
  static constexpr std::size_t kMost = 240;

  void add(double value) {
    if (values_.size() == kMost) values_.pop_front();
    values_.push_back(value);
  }
  [[nodiscard]] const std::deque<double>& values() const { return values_; }  // oldest first

 private:
  std::deque<double> values_;
};

}  // namespace lc::watch
