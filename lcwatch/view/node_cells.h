// What the lists of nodes say of one.
#pragma once

#include "lcwatch/view/screen.h"
#include "lcwatch/view/table.h"

namespace lc::watch {

/// For one row, while the model stays as it is.
class NodeCells {
 public:
  NodeCells(const Desk& desk, const NodeRow& row);

  [[nodiscard]] Cell state() const;
  [[nodiscard]] Cell host() const;
  [[nodiscard]] Cell version() const;
  [[nodiscard]] Cell uptime() const;
  [[nodiscard]] Cell rate() const;
  [[nodiscard]] Cell drops() const;
  [[nodiscard]] Cell spool() const;
  [[nodiscard]] Cell filters() const;  // of a hunter: has those it should have; of a processor: hunters that have
  [[nodiscard]] Cell cpu() const;
  [[nodiscard]] Cell memory() const;
  [[nodiscard]] Cell clock() const;
  [[nodiscard]] Cell certificate() const;
  [[nodiscard]] Cell why() const;  // since when it is so, and what is wrong

 private:
  const Desk& desk_;
  const NodeRow& row_;
  const ProcessorRecord* processor_ = nullptr;
  const HunterRecord* hunter_ = nullptr;
};

/// Days until then, of a certificate; with the style that it deserves.
Cell days_left(std::int64_t not_after_ns, Moment now);

}  // namespace lc::watch
