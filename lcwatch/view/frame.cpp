// What is around the screens: title, tabs, banner, last line.
#include <algorithm>

#include "lcwatch/view/console.h"

namespace lc::watch {
namespace {

constexpr std::chrono::seconds kSaidFor{8};
constexpr std::size_t kMostBannerLines = 3;

std::int64_t nanoseconds(Clock::duration span) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(span).count();
}

}  // namespace

void Console::draw(Canvas& canvas, Moment at) {
  now = at;
  canvas.clear();
  const Pane all(canvas);
  if (all.width() < kLeastWidth || all.height() < kLeastHeight) {
    all.put(0, 0,
            "lcwatch needs " + std::to_string(kLeastWidth) + "x" + std::to_string(kLeastHeight) + ", this is " +
                std::to_string(all.width()) + "x" + std::to_string(all.height()),
            {Style::kBanner});
    return;
  }
  draw_title(all);
  draw_tabs(all.part(0, 1, all.width(), 1));
  int top = 2;
  if (const std::string text = banner(); !text.empty()) {
    // The reason comes last and matters most: a long one goes on in more lines.
    for (const std::string_view line : wrapped(text, all.width() - 2, kMostBannerLines)) {
      all.fill(0, top, all.width(), {Style::kBanner});
      all.put(1, top++, line, {Style::kBanner}, all.width() - 2);
    }
  }
  const Pane body = all.part(0, top, all.width(), all.height() - top - 1);
  front().draw(body);
  for (const auto& overlay : overlays_) overlay->draw(body);
  draw_last_line(all.part(0, all.height() - 1, all.width(), 1));
}

void Console::draw_title(const Pane& pane) const {
  const Pen pen{Style::kTitle};
  pane.fill(0, 0, pane.width(), pen);
  const std::string clock =
      time_text(now.wall_ns, options_.time == TimeFormat::kLocal ? TimeFormat::kLocal : TimeFormat::kUtc, now)
          .substr(0, 8) +
      (options_.time == TimeFormat::kLocal ? "" : " UTC");
  int x = pane.put(1, 0, "lcwatch", pen) + 2;
  std::string servers;
  for (ServerIndex server = 0; server < model_.servers().size(); ++server) {
    servers += (server > 0 ? ", " : "") + model_.servers()[server] + (read_only(server) ? " [RO]" : "");
  }
  x = pane.put(x, 0, servers, pen, pane.width() - x - static_cast<int>(clock.size()) - 2);
  pane.put_right(pane.width() - 1, 0, clock, pen, static_cast<int>(clock.size()));
}

void Console::draw_tabs(const Pane& pane) {
  constexpr int kFull = 67;  // columns with all names
  tabs_.clear();
  int x = 1;
  for (std::size_t i = 0; i < screens_.size(); ++i) {
    const auto number = static_cast<ScreenNumber>(i);
    const std::string digit = number == ScreenNumber::kHelp ? "?" : std::to_string(i + 1);
    const std::string name(screens_[i]->name());
    const bool here = number == front_;
    const std::string label = here || pane.width() > kFull ? digit + " " + name : digit + " " + name.substr(0, 4);
    tabs_.emplace_back(x, number);
    // The brackets are for terminals without colours and reverse video.
    x = pane.put(x, 0, here ? "[" + label + "]" : " " + label + " ", {here ? Style::kAccent : Style::kDim, here}) + 0;
  }
}

std::string Console::banner() const {
  std::string text;
  int others = 0;
  for (ServerIndex server = 0; server < model_.servers().size(); ++server) {
    const StreamState* shown = nullptr;
    std::string streams;
    for (const StreamKind kind : kStreams) {
      const StreamState& state = model_.stream(server, kind);
      if (state.at != StreamState::At::kDown) continue;
      streams += (streams.empty() ? "" : ", ") + std::string(name_of(kind));
      if (shown == nullptr) shown = &state;
    }
    if (shown == nullptr) continue;
    if (!text.empty()) {
      ++others;
      continue;
    }
    text = model_.servers()[server] + ": no " + streams;
    if (shown->retry_at > now.steady)
      text += "; again in " + span_text(nanoseconds(shown->retry_at - now.steady) + 999'999'999);
    if (shown->lost) text += "; data " + span_text(nanoseconds(now.steady - shown->lost->steady)) + " old";
    text += "; " + shown->reason;
  }
  if (others > 0) text = "(+" + std::to_string(others) + " more) " + text;
  return text;
}

void Console::draw_last_line(const Pane& pane) {
  if (prompt_) {
    const int x = pane.put(0, 0, prompt_->label, {prompt_->yes_or_no ? Style::kWarning : Style::kAccent}, pane.width());
    if (!prompt_->yes_or_no) prompt_->line.draw(pane, x, 0, pane.width() - x, true);
    return;
  }
  if (!said_.empty() && now.steady - said_at_ < kSaidFor) {
    pane.put(1, 0, said_, {style_of(said_how_)}, pane.width() - 2);
    return;
  }
  if (!overlays_.empty()) {
    pane.put(1, 0, overlays_.back()->hint(), {Style::kDim}, pane.width() - 2);
    return;
  }
  int x = 1;
  for (const KeyHelp& one : front().keys()) {
    const int needed = static_cast<int>(one.keys.size() + one.text.size()) + 3;
    if (!one.hint || x + needed > pane.width()) continue;
    x = pane.put(x, 0, one.keys, {Style::kAccent}) + 1;
    x = pane.put(x, 0, one.text, {Style::kDim}) + 2;
  }
}

}  // namespace lc::watch
