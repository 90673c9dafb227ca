#include "common/packet/tcp_stream.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lc::packet {
namespace {

/// Memory and bookkeeping of one kept segment, about.
constexpr std::size_t kFrameCost = 64;
/// An incomplete message of more segments is given up: frame() reads it again with each of them.
constexpr std::size_t kMaxPieces = 512;

bool overlap(std::uint32_t begin, std::uint32_t end, std::uint32_t other_begin, std::uint32_t other_end) {
  return sequence_distance(begin, other_end) > 0 && sequence_distance(other_begin, end) > 0;
}

}  // namespace

StreamContext::StreamContext(std::vector<StreamProtocol> protocols, TcpStreams::Sink& sink)
    : protocols_(std::move(protocols)), sink_(sink) {}

Framing StreamContext::frame(std::size_t protocol, std::span<const std::uint8_t> bytes) const {
  const std::size_t max_message = protocols_[protocol].max_message;
  Framing framing = protocols_[protocol].frame(bytes);
  switch (framing.kind) {
    case Framing::Kind::kMessage:
      if (framing.size != 0 && framing.size <= bytes.size() && framing.size <= max_message) return framing;
      break;
    case Framing::Kind::kMore:
      if (bytes.size() < max_message) return framing;
      break;
    case Framing::Kind::kSkip:
      framing.size = std::min(framing.size, bytes.size());
      if (framing.size != 0) return framing;
      break;
    case Framing::Kind::kLost:
      break;
  }
  return {Framing::Kind::kLost, 0};
}

std::optional<std::size_t> StreamContext::recognise(std::span<const std::uint8_t> bytes) const {
  if (bytes.empty()) return std::nullopt;
  for (std::size_t i = 0; i < protocols_.size(); ++i) {
    if (protocols_[i].begins(bytes) && frame(i, bytes).kind != Framing::Kind::kLost) return i;
  }
  return std::nullopt;
}

void StreamContext::begin(FrameId frame) {
  current_ = frame;
  is_kept_ = true;
}

bool StreamContext::end() {
  current_.reset();
  return is_kept_;
}

void StreamContext::release(FrameId frame) {
  if (current_ == frame) {
    is_kept_ = false;
  } else {
    sink_.released(frame);
  }
}

TcpStream::TcpStream(const StreamEnds& ends, std::uint32_t first_sequence, std::size_t protocol, StreamContext& context)
    : ends_(ends), first_sequence_(first_sequence), base_(first_sequence), protocol_(protocol), context_(context) {}

void TcpStream::add(const TcpSegment& segment) {
  if (is_lost() && !restart(segment)) {
    context_.release(segment.frame);
    return;
  }
  if (sequence_distance(next_sequence(), segment.sequence) > 0) {
    hold(segment);
    return;
  }
  if (!bytes_.empty() || !early_.empty()) {
    settle(join(segment));
    return;
  }
  // Nothing to put it together with: it is read where it is.
  const std::span<const std::uint8_t> fresh = take(segment);
  const std::size_t used = read(fresh);
  consume(used);
  bytes_.assign(fresh.begin() + static_cast<std::ptrdiff_t>(used), fresh.end());
  if (is_ended_) give_up();
}

void TcpStream::skip_gap() {
  drop_bytes();
  consume(static_cast<std::uint32_t>(sequence_distance(base_, early_.front().segment.sequence)));
  settle(false);
}

void TcpStream::give_up() {
  for (const Piece& piece : std::exchange(pieces_, {})) context_.release(piece.frame);
  for (const Early& early : std::exchange(early_, {})) context_.release(early.segment.frame);
  early_bytes_ = 0;
  drop_bytes();
  protocol_.reset();
}

void TcpStream::end() {
  is_ended_ = true;
  give_up();
}

std::optional<std::int64_t> TcpStream::waits_since_ns() const {
  if (early_.empty()) return std::nullopt;
  return early_.front().segment.at_ns;
}

std::size_t TcpStream::reach() const {
  if (early_.empty()) return 0;
  return static_cast<std::uint32_t>(sequence_distance(next_sequence(), early_.back().segment.sequence));
}

std::size_t TcpStream::cost() const {
  return bytes_.size() + early_bytes_ + (pieces_.size() + early_.size()) * kFrameCost;
}

/// Lost: whether a message begins in `segment`, which is at base_ then. If not, all there is to tell is told.
bool TcpStream::restart(const TcpSegment& segment) {
  std::size_t known = 0;
  for (const Judged& judged : remembered()) {
    if (overlap(judged.begin, judged.end, segment.sequence, segment.end())) {
      known = std::max(known, std::size_t{judged.end - segment.sequence});
    }
  }
  protocol_ = context_.recognise(segment.bytes.subspan(std::min(known, segment.bytes.size())));
  if (protocol_) {
    base_ = segment.sequence + static_cast<std::uint32_t>(known);
    is_ended_ = false;
    return true;
  }
  tell_repeats(segment);
  if (segment.is_last) is_ended_ = true;
  return false;
}

void TcpStream::hold(const TcpSegment& segment) {
  auto place = early_.end();
  while (place != early_.begin() && sequence_distance(segment.sequence, std::prev(place)->segment.sequence) > 0) {
    --place;
  }
  Early& early = *early_.insert(place, {segment, {segment.bytes.begin(), segment.bytes.end()}});
  early.segment.bytes = early.bytes;
  early_bytes_ += early.bytes.size();
}

/// Of a segment that begins at next_sequence() or before: makes its piece, and gives what is new in it.
std::span<const std::uint8_t> TcpStream::take(const TcpSegment& segment) {
  const auto old = static_cast<std::size_t>(sequence_distance(segment.sequence, next_sequence()));
  if (old > 0) tell_repeats(segment);
  if (segment.is_last && old <= segment.bytes.size()) is_ended_ = true;
  if (segment.bytes.empty() || sequence_distance(base_, segment.end()) <= 0) {
    context_.release(segment.frame);
    return {};
  }
  const auto place = std::upper_bound(
      pieces_.begin(), pieces_.end(), segment.sequence,
      [](std::uint32_t sequence, const Piece& piece) { return sequence_distance(sequence, piece.begin) > 0; });
  pieces_.insert(place, {segment.sequence, segment.end(), segment.frame});
  return segment.bytes.subspan(std::min(old, segment.bytes.size()));
}

bool TcpStream::join(const TcpSegment& segment) {
  const std::span<const std::uint8_t> fresh = take(segment);
  bytes_.insert(bytes_.end(), fresh.begin(), fresh.end());
  return !fresh.empty();
}

/// Puts what is early in its place where there is no gap any more, and reads bytes_ when it grew.
void TcpStream::settle(bool has_grown) {
  for (;;) {
    while (!early_.empty() && sequence_distance(next_sequence(), early_.front().segment.sequence) <= 0) {
      has_grown |= join(early_.front().segment);
      drop_first_early();
    }
    if (has_grown) {
      const std::size_t used = read(bytes_);
      bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(used));
      if (bytes_.empty()) drop_bytes();
      consume(used);
    }
    if (is_ended_) give_up();
    while (is_lost() && !early_.empty() && !restart(early_.front().segment)) {
      context_.release(early_.front().segment.frame);
      drop_first_early();
    }
    if (early_.empty() || sequence_distance(next_sequence(), early_.front().segment.sequence) > 0) return;
    has_grown = false;
  }
}

/// Delivers the messages in `view`, which is at base_; gives how much of it is done with.
std::size_t TcpStream::read(std::span<const std::uint8_t> view) {
  std::size_t at = 0;
  while (at < view.size()) {
    const std::span<const std::uint8_t> rest = view.subspan(at);
    const Framing framing = context_.frame(*protocol_, rest);
    switch (framing.kind) {
      case Framing::Kind::kMore:
        if (!is_in_too_many_pieces(at)) return at;
        protocol_.reset();
        return view.size();
      case Framing::Kind::kLost:
        at = resynchronise(view, at);
        break;
      case Framing::Kind::kMessage:
        deliver(rest.first(framing.size), base_ + static_cast<std::uint32_t>(at));
        at += framing.size;
        break;
      case Framing::Kind::kSkip:
        at += framing.size;
        break;
    }
  }
  return at;
}

/// The next place in `view`, from `at` on, where a segment begins and a protocol is recognised; its end: lost.
std::size_t TcpStream::resynchronise(std::span<const std::uint8_t> view, std::size_t at) {
  for (const Piece& piece : pieces_) {
    const std::int32_t begin = sequence_distance(base_, piece.begin);
    if (begin < 0 || static_cast<std::size_t>(begin) < at) continue;
    protocol_ = context_.recognise(view.subspan(std::min(static_cast<std::size_t>(begin), view.size())));
    if (protocol_) return static_cast<std::size_t>(begin);
  }
  protocol_.reset();
  return view.size();
}

void TcpStream::deliver(std::span<const std::uint8_t> message, std::uint32_t begin) {
  const std::uint32_t end = begin + static_cast<std::uint32_t>(message.size());
  context_.frames.clear();
  for (const Piece& piece : pieces_) {
    if (overlap(piece.begin, piece.end, begin, end)) context_.frames.push_back(piece.frame);
  }
  const std::uint32_t answer = context_.sink().message(*protocol_, ends_, message, context_.frames);
  judged_[judged_count_++ % judged_.size()] = {begin, end, answer};
}

void TcpStream::consume(std::size_t size) {
  base_ += static_cast<std::uint32_t>(size);
  std::erase_if(pieces_, [this](const Piece& piece) {
    const bool is_done = sequence_distance(base_, piece.end) <= 0;
    if (is_done) context_.release(piece.frame);
    return is_done;
  });
}

void TcpStream::drop_first_early() {
  early_bytes_ -= early_.front().bytes.size();
  early_.pop_front();
}

/// Its memory too: a stream is without bytes most of the time.
void TcpStream::drop_bytes() {
  bytes_ = {};
}

bool TcpStream::is_in_too_many_pieces(std::size_t at) const {
  const std::uint32_t begin = base_ + static_cast<std::uint32_t>(at);
  return pieces_.size() > kMaxPieces && std::count_if(pieces_.begin(), pieces_.end(), [begin](const Piece& piece) {
                                          return sequence_distance(begin, piece.end) > 0;
                                        }) > static_cast<std::ptrdiff_t>(kMaxPieces);
}

std::span<const TcpStream::Judged> TcpStream::remembered() const {
  return std::span(judged_).first(std::min(judged_count_, judged_.size()));
}

void TcpStream::tell_repeats(const TcpSegment& segment) const {
  if (segment.bytes.empty()) return;
  for (const Judged& judged : remembered()) {
    if (overlap(judged.begin, judged.end, segment.sequence, segment.end())) {
      context_.sink().repeated(segment.frame, judged.answer);
    }
  }
}

}  // namespace lc::packet
