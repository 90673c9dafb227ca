// Standard output as scripts see it: a reader that goes away, or a signal, ends it, and neither is an error.
#pragma once

#include <string>
#include <string_view>

#include "common/base/signals.h"
#include "common/base/unique_fd.h"

namespace lc::watch {

/// One thread.
class Output {
 public:
  /// `fd` is borrowed. `signals` are left to be taken by somebody else.
  Output(int fd, Signals& signals);

  /// Waits for a slow reader. False: nobody reads any more, or a signal came; nothing more is written then.
  bool write(const char* data, std::size_t size);
  bool write(std::string_view text) { return write(text.data(), text.size()); }

  [[nodiscard]] bool over() const { return over_; }
  /// Why it is over, as an errno value; 0: a signal, or the reader has gone.
  [[nodiscard]] int error() const { return error_; }
  /// Gets readable when the reader goes away while nothing is written; -1 where that can't be told.
  [[nodiscard]] int gone_fd() const { return pipe_.get(); }
  [[nodiscard]] bool gone() const;

 private:
  bool wait();

  Signals& signals_;
  UniqueFd pipe_;  // a pipe's end of our own, which does not block
  const int fd_;
  bool over_ = false;
  int error_ = 0;
};

}  // namespace lc::watch
