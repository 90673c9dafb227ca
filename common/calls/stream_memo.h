// What was decided for a stream of media, so that its next packet costs a few cache lines and no search.
#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/calls/call_table.h"
#include "common/calls/endpoint.h"
#include "common/calls/want.h"

namespace lc::calls {

/// Streams between two addresses of one call. An entry holds as long as the call has the same version, so nobody needs
/// to look for those that have become untrue. Of streams that fall on the same pair of entries the idlest is displaced.
/// One thread.
class StreamMemo {
 public:
  /// What is noted of a stream: which copy of a want; or what an observer says.
  using Note = std::uint32_t;
  static constexpr Note kUnwanted = 0xffff'ffff;
  static constexpr Note kNothing = 0xffff'fffe;
  struct alignas(64) Entry {  // a cache line
    Endpoint from, to;
    std::uint32_t ssrc = 0;
    CallIndex call = kNoCall;
    std::uint64_t version = 0;  // of the call
    Note note = kUnwanted;
    std::uint32_t touched = 0;  // when the call was last told that it goes on, in units of 2^30 ns
  };
  static_assert(sizeof(Entry) == 64);

  /// The stream's entry; null: there is none. `hash`: stream_hash() of both.
  Entry* find(std::size_t hash, const Endpoint& from, const Endpoint& to) {
    Entry* const pair = &entries_[pair_of(hash)];
    for (Entry* entry : {pair, pair + 1}) {
      if (entry->to == to && entry->from == from) return entry;
    }
    return nullptr;
  }

  /// The entry where that stream is, or would be.
  Entry& at(const Endpoint& from, const Endpoint& to) {
    const std::size_t hash = stream_hash(from, to);
    if (Entry* const known = find(hash, from, to)) return *known;
    Entry* const pair = &entries_[pair_of(hash)];
    return pair[0].touched <= pair[1].touched ? pair[0] : pair[1];
  }

  /// Fetches the entry from memory while something else is done.
  void prefetch(std::size_t hash) const { __builtin_prefetch(&entries_[pair_of(hash)]); }

  /// A copy of `want` for entries: one for all that are alike, as most calls are wanted by few filters. May forget
  /// every entry, so it comes before at().
  Note copy_of(const Want& want) {
    std::string key(want.encoded.begin(), want.encoded.end());
    key += static_cast<char>(want.media);
    if (const auto found = index_.find(key); found != index_.end()) return found->second;
    if (wants_.size() >= kWants) {
      entries_.assign(kEntries, {});
      index_.clear();
      wants_.clear();
    }
    const auto index = static_cast<Note>(wants_.size());
    index_.emplace(std::move(key), index);
    wants_.push_back(want);
    return index;
  }
  [[nodiscard]] const Want& want(Note index) const { return wants_[index]; }

 private:
  [[nodiscard]] static std::size_t pair_of(std::size_t hash) { return hash % kEntries & ~std::size_t{1}; }

  static constexpr std::size_t kEntries = 32'768;
  static constexpr std::size_t kWants = 4'096;

  std::vector<Entry> entries_ = std::vector<Entry>(kEntries);
  std::vector<Want> wants_;
  absl::flat_hash_map<std::string, Note> index_;
};

}  // namespace lc::calls
