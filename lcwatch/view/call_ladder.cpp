#include "lcwatch/view/call_ladder.h"

#include <algorithm>

#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

constexpr int kTimeWidth = 13;
constexpr int kMostMedia = 6;  // lines

std::string text_of(const fleet::CallMessage& message) {
  std::string text =
      message.response_code != 0 ? std::to_string(message.response_code) + " " + message.method : message.method;
  if (message.sdp) text += " +SDP";
  if (message.retransmission) text += " again";
  return text;
}

Style style_of(const fleet::CallMessage& message) {
  if (message.retransmission) return Style::kWarning;
  if (message.response_code >= 400) return Style::kBad;
  if (message.response_code >= 200) return Style::kGood;
  return message.response_code > 0 ? Style::kDim : Style::kNormal;
}

int media_lines(const Pane& pane) {
  return std::min(kMostMedia, pane.height() / 3);
}

}  // namespace

CallLadder::CallLadder(const fleet::Call& call, const Desk& desk, bool over) : call_(call), desk_(desk), over_(over) {
  for (const fleet::CallMessage& message : call.messages) {
    for (const std::string* end : {&message.source, &message.destination}) {
      if (std::ranges::find(hosts_, *end) == hosts_.end()) hosts_.push_back(*end);
    }
  }
}

std::size_t CallLadder::host(const std::string& endpoint) const {
  return static_cast<std::size_t>(std::ranges::find(hosts_, endpoint) - hosts_.begin());
}

int CallLadder::height_for(const Pane& pane) {
  return pane.height() - 3 - media_lines(pane);
}

int CallLadder::column(std::size_t host, int width) const {
  const int room = width - kTimeWidth;
  const auto count = static_cast<int>(hosts_.size());
  return kTimeWidth + room * (2 * static_cast<int>(host) + 1) / (2 * std::max(count, 1));
}

void CallLadder::draw(const Pane& pane, std::size_t top) const {
  const std::string ends = call_.from_user + " to " + call_.to_user;
  int x = pane.put(1, 0, call_.state, {over_ ? Style::kStale : Style::kHeader}) + 2;
  x = pane.put(x, 0, ends, {}, pane.width() - x) + 2;
  if (over_) pane.put(x, 0, "(no longer followed)", {Style::kStale}, pane.width() - x);
  const auto count = static_cast<int>(hosts_.size());
  const int share = (pane.width() - kTimeWidth) / std::max(count, 1);
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    const int wide = std::min(static_cast<int>(cells(hosts_[i])), share - 1);
    pane.put(column(i, pane.width()) - wide / 2, 1, hosts_[i], {Style::kHeader}, wide);
  }
  const int height = height_for(pane);
  for (int y = 0; y < height; ++y) {
    const std::size_t line = top + static_cast<std::size_t>(y);
    for (std::size_t i = 0; i < hosts_.size() && line < lines(); ++i) {
      pane.put(column(i, pane.width()), y + 2, Symbol::kVertical, {Style::kDim});
    }
    if (line < call_.messages.size()) {
      draw_message(pane, y + 2, call_.messages[line]);
    } else if (line < lines()) {
      pane.put(kTimeWidth, y + 2, "and " + std::to_string(call_.more_messages) + " more", {Style::kDim});
    }
  }
  if (call_.messages.empty()) pane.put(2, 3, "waiting for its messages", {Style::kDim});
  draw_media(pane.part(0, 2 + std::max(height, 0), pane.width(), pane.height() - 2 - std::max(height, 0)));
}

void CallLadder::draw_message(const Pane& pane, int y, const fleet::CallMessage& message) const {
  pane.put(0, y, time_text(message.time_ns, desk_.options.time, desk_.now), {Style::kDim}, kTimeWidth - 1);
  const int from = column(host(message.source), pane.width());
  const int to = column(host(message.destination), pane.width());
  const Pen pen{style_of(message)};
  const std::string text = text_of(message);
  if (from == to) {
    pane.put(from + 1, y, " " + text, pen, pane.width() - from - 1);
    return;
  }
  const int left = std::min(from, to) + 1;
  const int right = std::max(from, to) - 1;  // the last column of the arrow
  for (int x = left; x <= right; ++x) pane.put(x, y, Symbol::kHorizontal, pen);
  if (to > from) {
    pane.put(right, y, Symbol::kRight, pen);
  } else {
    pane.put(left, y, Symbol::kLeft, pen);
  }
  const std::string padded = " " + text + " ";
  const int room = right - left - 3;
  const int wide = std::min(static_cast<int>(cells(padded)), room);
  if (wide > 0) pane.put(left + 2 + (room - wide) / 2, y, padded, pen, wide);
}

void CallLadder::draw_media(const Pane& pane) const {
  if (pane.height() < 2) return;
  pane.rule(0);
  if (call_.streams.empty()) pane.put(1, 1, "no media", {Style::kDim});
  for (int y = 1; y < pane.height() && static_cast<std::size_t>(y) <= call_.streams.size(); ++y) {
    const bool last = y + 1 == pane.height() && static_cast<std::size_t>(y) < call_.streams.size();
    if (last) {
      const std::size_t more = call_.streams.size() - static_cast<std::size_t>(y) + 1;
      pane.put(1, y, "and " + std::to_string(more) + " more streams", {Style::kDim});
      return;
    }
    const fleet::CallStream& stream = call_.streams[static_cast<std::size_t>(y - 1)];
    const double all = static_cast<double>(stream.packets + stream.lost);
    std::string text = (stream.codec.empty() ? "payload " + std::to_string(stream.payload_type) : stream.codec) + "  " +
                       stream.source + " to " + stream.destination + "  " + count_text(stream.packets) +
                       " packets, loss " + percent_text(all > 0 ? 100 * static_cast<double>(stream.lost) / all : 0) +
                       " %, jitter " + decimal_text(stream.jitter_ms, 1) + " ms";
    if (stream.mos > 0) text += ", MOS " + decimal_text(stream.mos, 1);
    text += "  " + stream.hunter_id;
    pane.put(1, y, text, {stream.mos > 0 && stream.mos < 3 ? Style::kBad : Style::kNormal}, pane.width() - 1);
  }
}

Sheet CallLadder::sheet() const {
  Sheet sheet{.titles = {"TIME", "NODE", "CALL-ID", "SOURCE", "DESTINATION", "MESSAGE"}, .rows = {}};
  for (const fleet::CallMessage& message : call_.messages) {
    sheet.rows.push_back({time_text(message.time_ns, desk_.options.time, desk_.now), message.hunter_id, message.call_id,
                          message.source, message.destination, text_of(message)});
  }
  return sheet;
}

}  // namespace lc::watch
