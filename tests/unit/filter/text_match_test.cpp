#include "common/filter/text_match.h"

#include <catch2/catch.hpp>
#include <functional>
#include <random>
#include <string>
#include <vector>

using namespace lc;
using namespace lc::filter;

namespace {

/// The definition, character by character: every way a star can be filled.
bool naive_match(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (naive_match(pattern.substr(1), text.substr(i))) return true;
    }
    return false;
  }
  if (pattern[0] == '\\') pattern.remove_prefix(1);
  return !text.empty() && std::tolower(pattern[0]) == std::tolower(text[0]) &&
         naive_match(pattern.substr(1), text.substr(1));
}

TextMatcher matcher_of(const std::vector<std::string>& patterns) {
  std::vector<TextMatcher::Pattern> parsed;
  for (std::uint32_t i = 0; i < patterns.size(); ++i) {
    const Result<Glob> glob = parse_glob(patterns[i]);
    REQUIRE(glob);
    parsed.push_back({*glob, i});
  }
  return TextMatcher(std::move(parsed));
}

Matches matches_of(const TextMatcher& matcher, std::string_view text) {
  FoldedText folded;
  Matches matches;
  matcher.match(folded.append(text), matches);
  return matches;
}

bool is_match(const std::string& pattern, std::string_view text) {
  return !matches_of(matcher_of({pattern}), text).empty();
}

}  // namespace

TEST_CASE("A pattern matches as its stars and its case say", "[text_match]") {
  CHECK(is_match("alice", "Alice"));
  CHECK(is_match("ALICE", "alice"));
  CHECK_FALSE(is_match("alice", "alices"));
  CHECK_FALSE(is_match("alice", "alic"));
  CHECK(is_match("al*", "al"));
  CHECK(is_match("*ice", "alice"));
  CHECK_FALSE(is_match("*ice", "alicex"));
  CHECK(is_match("a*c*e", "abcde"));
  CHECK_FALSE(is_match("a*c*e", "abde"));
  CHECK_FALSE(is_match("aba*aba", "ababa"));  // the two ends may not overlap
  CHECK(is_match("aba*aba", "abaaba"));
  CHECK(is_match("*", ""));
  CHECK(is_match("**", "anything"));
  CHECK(is_match("a**b", "ab"));
  CHECK(is_match(R"(\*72)", "*72"));
  CHECK_FALSE(is_match(R"(\*72)", "x72"));
  CHECK(is_match(R"(a\\b)", R"(a\b)"));
  CHECK(is_match("J\xc3\xbcrgen", "j\xc3\xbcRGEN"));
  CHECK_FALSE(is_match("\xc3\x9c", "\xc3\xbc"));  // letters outside of ASCII are compared as they are
}

TEST_CASE("A backslash before anything but a star or a backslash is refused at its character", "[text_match]") {
  CHECK(parse_glob(R"(ab\c)").error().text.starts_with("position 3: "));
  CHECK(parse_glob("ab\\").error().text.starts_with("position 3: "));
  CHECK(parse_glob("\xc3\xbc\xc3\xbc\\x").error().text.starts_with("position 3: "));
}

TEST_CASE("All patterns that match are found, as by comparing each with the text", "[text_match]") {
  std::mt19937 random(5060);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  const auto random_text = [&](std::size_t longest, bool stars) {
    // Few letters, so that much matches; some words, so that long pieces occur too.
    static const std::vector<std::string> kWords = {"a",     "b",           "B", "ab",      "4930",
                                                    "alice", "example.com", "@", "-1234567"};
    std::string text;
    const std::size_t words = below(longest + 1);
    for (std::size_t i = 0; i < words; ++i) text += stars && below(3) == 0 ? "*" : kWords[below(kWords.size())];
    return text;
  };
  std::size_t found = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> patterns;
    const std::size_t count = 1 + below(200);
    while (patterns.size() < count) {
      if (std::string pattern = random_text(5, true); !pattern.empty()) patterns.push_back(std::move(pattern));
    }
    const TextMatcher matcher = matcher_of(patterns);
    for (int i = 0; i < 60; ++i) {
      const std::string text = random_text(6, false);
      Matches expected;
      for (std::uint32_t id = 0; id < patterns.size(); ++id) {
        if (naive_match(patterns[id], text)) expected.push_back(id);
      }
      found += expected.size();
      INFO(text);
      REQUIRE(matches_of(matcher, text) == expected);
    }
  }
  CHECK(found > 10'000);
}

TEST_CASE("Matches are added to those that are there, sorted and once", "[text_match]") {
  const TextMatcher matcher = matcher_of({"*", "a*", "*b"});
  FoldedText text;
  Matches matches = {1, 5};
  matcher.match(text.append("ab"), matches);
  CHECK(matches == Matches{0, 1, 2, 5});
}

TEST_CASE("A text of any length is folded as tolower() would", "[text_match]") {
  std::string text;
  FoldedText folded;
  for (int i = 0; i < 600; ++i) {
    std::string expected = text;
    for (char& c : expected) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    CHECK(folded.clear().append(text).view() == expected);
    text += static_cast<char>(i * 7);
  }
  CHECK(folded.clear().append("Ab").append("@").append("C").view() == "ab@c");
}

TEST_CASE("Hostile patterns and texts take bounded time", "[text_match]") {
  std::string stars;
  while (stars.size() < 1022) stars += "a*";
  std::vector<std::string> patterns;
  for (int i = 0; i < 200; ++i) patterns.push_back(stars + std::to_string(i % 10) + "b");
  const TextMatcher matcher = matcher_of(patterns);
  CHECK(matches_of(matcher, std::string(60'000, 'a').append("3b")).size() == 20);
  CHECK(matches_of(matcher, std::string(60'000, 'a')).empty());
}
