#include "common/filter/text_match.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace lc::filter {
namespace {

// A piece is found by a gram of the largest of these sizes that fits into it. Eight bytes are one read; 5 is the least
// that a phone number has as a suffix; more sizes would mean more looks for each byte of a text.
constexpr std::array<std::size_t, 4> kGramSizes = {8, 5, 3, 1};
constexpr std::size_t kPlacesTried = 32;

std::uint64_t read_word(const char* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}

std::uint64_t fold_word(std::uint64_t word) {
  constexpr std::uint64_t kOnes = 0x0101'0101'0101'0101;
  const std::uint64_t low = word & (0x7f * kOnes);
  const std::uint64_t is_past_z = low + (0x7f - 'Z') * kOnes;
  const std::uint64_t is_from_a = low + (0x80 - 'A') * kOnes;
  const std::uint64_t is_upper = ~word & (is_from_a ^ is_past_z) & (0x80 * kOnes);
  return word | is_upper >> 2;
}

/// memmem(3) is linear whatever the two texts are, unlike string_view::find().
std::size_t find(std::string_view text, std::string_view piece) {
  if (piece.empty()) return 0;
  const void* found = text.empty() ? nullptr : ::memmem(text.data(), text.size(), piece.data(), piece.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool matches_pieces(std::string_view text, std::span<const std::string> pieces) {
  const std::string& first = pieces.front();
  const std::string& last = pieces.back();
  if (text.size() < first.size() + last.size() || !text.starts_with(first) || !text.ends_with(last)) return false;
  text = text.substr(first.size(), text.size() - first.size() - last.size());
  for (const std::string& piece : pieces.subspan(1, pieces.size() - 2)) {
    const std::size_t at = find(text, piece);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.size());
  }
  return true;
}

const std::string& longest(const std::vector<std::string>& pieces) {
  return *std::max_element(pieces.begin(), pieces.end(),
                           [](const auto& a, const auto& b) { return a.size() < b.size(); });
}

/// Which of kGramSizes.
std::size_t gram_class_of(std::string_view piece) {
  return static_cast<std::size_t>(
      std::find_if(kGramSizes.begin(), kGramSizes.end(), [&](std::size_t size) { return size <= piece.size(); }) -
      kGramSizes.begin());
}

/// `part` must be of a FoldedText: what is behind it is read.
std::uint64_t hash_of(std::string_view part) {
  std::uint64_t hash = part.size();
  const auto add = [&](std::uint64_t word) {
    hash = mixed(hash ^ word);
    hash ^= hash >> 32;
  };
  for (; part.size() > sizeof(std::uint64_t); part.remove_prefix(sizeof(std::uint64_t))) add(read_word(part.data()));
  if (!part.empty()) add(read_word(part.data()) << 8 * (sizeof(std::uint64_t) - part.size()));
  return hash;
}

}  // namespace

void add_match(std::uint32_t id, Matches& matches) {
  const auto at = std::lower_bound(matches.begin(), matches.end(), id);
  if (at == matches.end() || *at != id) matches.insert(at, id);
}

FoldedText& FoldedText::append(std::string_view text) {
  if (bytes_.size() < size_ + text.size() + kRoom) bytes_.resize(2 * (size_ + text.size()) + kRoom);
  char* const out = bytes_.data() + size_;
  size_ += text.size();
  if (text.size() < sizeof(std::uint64_t)) {
    for (std::size_t i = 0; i < text.size(); ++i) out[i] = lower(text[i]);
    return *this;
  }
  const auto fold_at = [&](std::size_t place) {
    const std::uint64_t word = fold_word(read_word(text.data() + place));
    std::memcpy(out + place, &word, sizeof word);
  };
  const std::size_t last = text.size() - sizeof(std::uint64_t);
  for (std::size_t place = 0; place < last; place += sizeof(std::uint64_t)) fold_at(place);
  fold_at(last);  // some bytes twice
  return *this;
}

TextMatcher::Entry::Entry(Pattern pattern) : id(pattern.id) {
  std::vector<std::string>& parts = pattern.glob.pieces;
  if (parts.size() == 1) {
    kind = Kind::kWhole;
    literal = std::move(parts[0]);
  } else if (parts.size() == 2 && parts[0].empty()) {
    kind = Kind::kEnd;
    literal = std::move(parts[1]);
  } else if (parts.size() == 2 && parts[1].empty()) {
    kind = Kind::kBegin;
    literal = std::move(parts[0]);
  } else if (parts.size() == 3 && parts[0].empty() && parts[2].empty()) {
    kind = Kind::kAnywhere;
    literal = std::move(parts[1]);
  } else {
    pieces = std::move(parts);
  }
}

bool TextMatcher::Entry::matches(std::string_view text) const {
  switch (kind) {
    case Kind::kWhole:
      return text == literal;
    case Kind::kBegin:
      return text.starts_with(literal);
    case Kind::kEnd:
      return text.ends_with(literal);
    case Kind::kAnywhere:
      return find(text, literal) != std::string_view::npos;
    case Kind::kPieces:
      break;
  }
  return matches_pieces(text, pieces);
}

TextMatcher::Table::Table(std::size_t patterns)
    : sieve(patterns),
      slots(std::bit_ceil(2 * std::max<std::size_t>(patterns, 1))),
      slot_shift(64 - std::countr_zero(slots.size())) {}

const TextMatcher::Slot& TextMatcher::Table::at(std::uint64_t key) const {
  std::size_t slot = mixed(key) >> slot_shift;
  while (slots[slot].count != 0 && slots[slot].key != key) slot = (slot + 1) & (slots.size() - 1);
  return slots[slot];
}

TextMatcher::Slot& TextMatcher::Table::add(std::uint64_t key) {
  Slot& slot = at(key);
  slot.key = key;
  ++slot.count;
  sieve.add(mixed(key));
  return slot;
}

TextMatcher::Grams::Grams(std::size_t gram_size, std::size_t patterns)
    : Table(patterns),
      size(gram_size),
      mask(gram_size == 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * gram_size)) - 1) {}

TextMatcher::Slot& TextMatcher::Grams::choose(std::string_view piece) {
  std::array<char, sizeof(std::uint64_t)> room{};
  std::uint64_t best = 0;
  std::uint32_t best_count = UINT32_MAX;
  const std::size_t places = std::min(piece.size() - size + 1, kPlacesTried);
  for (std::size_t place = 0; place < places && best_count != 0; ++place) {
    std::copy_n(piece.data() + place, size, room.data());
    const std::uint64_t gram = read_word(room.data());
    const std::uint32_t count = at(gram).count;
    if (count >= best_count) continue;
    best = gram;
    best_count = count;
  }
  return add(best);
}

bool TextMatcher::is_hashed(const Entry& entry) {
  switch (entry.kind) {
    case Entry::Kind::kWhole:
      return true;
    case Entry::Kind::kBegin:
      return entry.literal.find('@') == entry.literal.size() - 1;
    case Entry::Kind::kEnd:
      return entry.literal.rfind('@') == 0;
    default:
      return false;
  }
}

TextMatcher::TextMatcher(std::vector<Pattern> patterns) {
  std::erase_if(patterns, [&](const Pattern& pattern) {
    const bool is_always = pattern.glob.has_star() && longest(pattern.glob.pieces).empty();
    if (is_always) always_.push_back(pattern.id);
    return is_always || longest(pattern.glob.pieces).empty();
  });
  std::vector<Entry> entries;
  entries.reserve(patterns.size());
  for (Pattern& pattern : patterns) entries.emplace_back(std::move(pattern));
  const auto piece_of = [](const Entry& entry) -> const std::string& {
    return entry.kind == Entry::Kind::kPieces ? longest(entry.pieces) : entry.literal;
  };

  std::size_t hashed = 0;
  std::array<std::size_t, kGramSizes.size()> counts{};
  for (const Entry& entry : entries) ++(is_hashed(entry) ? hashed : counts[gram_class_of(piece_of(entry))]);
  hashed_ = Table(hashed);
  any_hashed_ = hashed > 0;
  std::array<std::size_t, kGramSizes.size()> index_of{};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    index_of[i] = grams_.size();
    if (counts[i] > 0) grams_.emplace_back(kGramSizes[i], counts[i]);
  }

  std::vector<Slot*> slots;  // of each entry
  slots.reserve(entries.size());
  FoldedText text;
  for (const Entry& entry : entries) {
    if (is_hashed(entry)) {
      any_parts_ = any_parts_ || entry.kind != Entry::Kind::kWhole;
      slots.push_back(&hashed_.add(hash_of(text.clear().append(entry.literal).view())));
    } else {
      const std::string& piece = piece_of(entry);
      slots.push_back(&grams_[index_of[gram_class_of(piece)]].choose(piece));
    }
  }

  // The entries of a slot stand side by side.
  const auto for_each_slot = [&](auto each) {
    std::for_each(hashed_.slots.begin(), hashed_.slots.end(), each);
    for (Grams& grams : grams_) std::for_each(grams.slots.begin(), grams.slots.end(), each);
  };
  std::uint32_t next = 0;
  for_each_slot([&](Slot& slot) { slot.first = std::exchange(next, next + slot.count); });
  std::vector<std::size_t> order(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) order[slots[i]->first++] = i;
  for_each_slot([](Slot& slot) { slot.first -= slot.count; });
  entries_.reserve(entries.size());
  for (const std::size_t i : order) entries_.push_back(std::move(entries[i]));
}

void TextMatcher::compare(const Slot& slot, std::string_view text, Matches& matches) const {
  for (const Entry& entry : std::span(entries_).subspan(slot.first, slot.count)) {
    if (entry.matches(text)) add_match(entry.id, matches);
  }
}

void TextMatcher::look_up(std::string_view part, std::string_view text, Matches& matches) const {
  const std::uint64_t hash = hash_of(part);
  if (hashed_.sieve.view().may_have(mixed(hash))) compare(hashed_.at(hash), text, matches);
}

// All sizes in one pass, several places at a time, without a look at where the text ends: a gram that reaches behind it
// may be found by mistake, which comparing whole texts makes good.
template <std::size_t sizes>
void TextMatcher::scan(std::string_view text, Matches& matches) const {
  constexpr std::size_t kPlaces = 4;
  static_assert(FoldedText::kRoom >= sizeof(std::uint64_t) + kPlaces);
  if (text.size() < grams_[sizes - 1].size) return;
  std::array<std::uint64_t, sizes> masks{};
  std::array<Sieve::View, sizes> sieves{};
  for (std::size_t i = 0; i < sizes; ++i) {
    masks[i] = grams_[i].mask;
    sieves[i] = grams_[i].sieve.view();
  }
  std::array<const Slot*, 8> compared{};  // the last ones, which need no second look in the same text
  std::size_t oldest = 0;
  const char* const end = text.data() + text.size() - grams_[sizes - 1].size + 1;
  for (const char* at = text.data(); at < end; at += kPlaces) {
    std::uint64_t found = 0;
#pragma GCC unroll 4
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const std::uint64_t word = read_word(at + place);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < sizes; ++i) found |= sieves[i].look(mixed(word & masks[i]));
    }
    if ((found & 1) == 0) [[likely]]
      continue;
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const std::uint64_t word = read_word(at + place);
      for (std::size_t i = 0; i < sizes; ++i) {
        if (!sieves[i].may_have(mixed(word & masks[i]))) continue;
        const Slot& slot = grams_[i].at(word & masks[i]);
        if (slot.count == 0 || std::find(compared.begin(), compared.end(), &slot) != compared.end()) continue;
        compared[oldest++ % compared.size()] = &slot;
        compare(slot, text, matches);
      }
    }
  }
}

void TextMatcher::match(const FoldedText& text, Matches& matches) const {
  for (const std::uint32_t id : always_) add_match(id, matches);
  const std::string_view whole = text.view();
  if (any_hashed_) look_up(whole, whole, matches);
  if (const std::size_t at = any_parts_ ? whole.find('@') : std::string_view::npos; at != std::string_view::npos) {
    const auto* const last = static_cast<const char*>(::memrchr(whole.data(), '@', whole.size()));
    look_up(whole.substr(0, at + 1), whole, matches);
    look_up(whole.substr(static_cast<std::size_t>(last - whole.data())), whole, matches);
  }
  static_assert(kGramSizes.size() == 4);
  switch (grams_.size()) {
    case 1:
      return scan<1>(whole, matches);
    case 2:
      return scan<2>(whole, matches);
    case 3:
      return scan<3>(whole, matches);
    case 4:
      return scan<4>(whole, matches);
    default:
      return;
  }
}

}  // namespace lc::filter
