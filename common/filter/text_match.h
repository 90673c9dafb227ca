// Finds which of many patterns a short text matches.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/filter/filter_set.h"
#include "common/filter/glob.h"
#include "common/filter/sieve.h"

namespace lc::filter {

/// Adds an id to sorted ids, once.
void add_match(std::uint32_t id, Matches& matches);

/// A text in lower case. One thread; keeps its room from text to text.
class FoldedText {
 public:
  /// Behind the text there are this many bytes that may be read, of any value.
  static constexpr std::size_t kRoom = 16;

  FoldedText& clear() {
    size_ = 0;
    return *this;
  }
  FoldedText& append(std::string_view text);
  /// Leaves the first `size` bytes of it.
  void shorten(std::size_t size) { size_ = size; }

  [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::vector<char> bytes_ = std::vector<char>(256);
  std::size_t size_ = 0;
};

/// Immutable; any thread. A pattern without a star is found by a hash of the whole text, and one that names all that
/// stands before the first @ or behind the last by a hash of that part. Any other is found by one gram (a few bytes) of
/// its longest piece: a look into a sieve for each place of the text, and only where that hits, the patterns that have
/// this gram are compared.
class TextMatcher {
 public:
  struct Pattern {
    Glob glob;
    std::uint32_t id = 0;
  };

  TextMatcher() = default;
  explicit TextMatcher(std::vector<Pattern> patterns);

  [[nodiscard]] bool empty() const { return entries_.empty() && always_.empty(); }
  void match(const FoldedText& text, Matches& matches) const;

 private:
  /// A pattern as it is compared.
  struct Entry {
    enum class Kind : std::uint8_t { kWhole, kBegin, kEnd, kAnywhere, kPieces };
    explicit Entry(Pattern pattern);
    [[nodiscard]] bool matches(std::string_view text) const;

    Kind kind = Kind::kPieces;
    std::uint32_t id = 0;
    std::string literal;              // but for kPieces
    std::vector<std::string> pieces;  // kPieces
  };

  struct Slot {
    std::uint64_t key = 0;
    std::uint32_t count = 0;  // 0: free
    std::uint32_t first = 0;  // of its entries
  };

  /// Hashed with open addressing.
  struct Table {
    explicit Table(std::size_t patterns);
    [[nodiscard]] const Slot& at(std::uint64_t key) const;  // its slot, or the free one where it belongs
    [[nodiscard]] Slot& at(std::uint64_t key) { return const_cast<Slot&>(std::as_const(*this).at(key)); }
    Slot& add(std::uint64_t key);

    Sieve sieve;
    std::vector<Slot> slots;
    int slot_shift;
  };

  /// The grams of one size.
  struct Grams : Table {
    Grams(std::size_t gram_size, std::size_t patterns);
    /// For a pattern with this piece: the slot of that of its grams that the fewest others have.
    Slot& choose(std::string_view piece);

    std::size_t size;
    std::uint64_t mask;
  };

  /// Whether the pattern is found by a hash of the text or of a part of it.
  static bool is_hashed(const Entry& entry);
  void compare(const Slot& slot, std::string_view text, Matches& matches) const;
  void look_up(std::string_view part, std::string_view text, Matches& matches) const;
  template <std::size_t sizes>
  void scan(std::string_view text, Matches& matches) const;

  Table hashed_{0};
  bool any_hashed_ = false;
  bool any_parts_ = false;    // are hashed
  std::vector<Grams> grams_;  // of each size that a pattern needs, the largest first
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> always_;  // patterns without a literal
};

}  // namespace lc::filter
