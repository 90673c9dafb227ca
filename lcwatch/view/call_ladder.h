// A call's signalling as a ladder, and its media.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "lcwatch/view/screen.h"

namespace lc::watch {

/// For one drawing; refers to the call.
class CallLadder {
 public:
  /// `over`: the processor has forgotten it.
  CallLadder(const fleet::Call& call, const Desk& desk, bool over);

  [[nodiscard]] std::size_t lines() const { return call_.messages.size() + (call_.more_messages > 0 ? 1 : 0); }
  /// Lines of the pane that are for the messages.
  static int height_for(const Pane& pane);
  void draw(const Pane& pane, std::size_t top) const;
  [[nodiscard]] Sheet sheet() const;

 private:
  [[nodiscard]] std::size_t host(const std::string& endpoint) const;
  [[nodiscard]] int column(std::size_t host, int width) const;
  void draw_message(const Pane& pane, int y, const fleet::CallMessage& message) const;
  void draw_media(const Pane& pane) const;

  const fleet::Call& call_;
  const Desk& desk_;
  const bool over_;
  std::vector<std::string> hosts_;  // those that speak with each other, as they come in
};

}  // namespace lc::watch
