// Columns of text for terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lc::watch {

/// Cells are made safe for a terminal, whatever is in them. One thread.
class TextTable {
 public:
  struct Column {
    std::string title;
    bool right = false;     // numbers
    std::size_t most = 60;  // cells; what is longer is cut, with "~" at its end
  };
  explicit TextTable(std::vector<Column> columns);

  void add(std::vector<std::string> row);
  /// The title and the rows so far, each column as wide as its widest cell; what comes later is as wide as that.
  std::string take();

 private:
  std::string line(const std::vector<std::string>& cells) const;

  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> rows_;
  bool titled_ = false;
};

}  // namespace lc::watch
