// The table of a binary's settings: one row each, and the one source for --help, man pages, completion, YAML and
// environment names.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace lc::config {

enum class Kind {
  kText,
  kList,          // commas between values; may be repeated on the command line; a scalar or a sequence in YAML
  kInteger,       // decimal
  kBoolean,       // true or false; as an option also bare, which means true
  kSize,          // bytes, or with K, M, G, T in multiples of 1024
  kMilliseconds,  // a bare number, or with ms, s, m, h or d
};

enum class Where {
  kEverywhere,  // option, environment, and the file if the row has a YAML key
  kOptionOnly,  // acts instead of setting something: --help, --list-interfaces
  kFileOnly,    // a key of the file that has no option; its name is for Settings alone
};

struct Option {
  std::string name = {};  // "batch-size"
  char letter = 0;        // 'i', or 0 for none
  std::string yaml = {};  // "section.key"; empty: not in the file
  Kind kind = Kind::kText;
  std::string default_value = {};  // as it would be typed; empty only for text and lists, where it means "not set"
  std::string value_name = {};     // "PACKETS", for help
  std::string help = {};           // a sentence
  std::int64_t min = 0;            // of numbers: bytes for sizes, milliseconds for times
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> choices = {};  // of kText with a closed set
  std::string group = {};                 // heading in --help, on the first row of the group
  Where where = Where::kEverywhere;
};

struct Program {
  std::string name = {};     // "hunterd"
  std::string role = {};     // "hunter", for /etc/lippycat/hunter.yaml
  std::string summary = {};  // a sentence for --help
  std::vector<Option> options = {};
};

/// Puts `more` behind the rows that are there.
void append(std::vector<Option>& rows, std::vector<Option> more);

/// The rows with their keys in section `to` of the file instead of `from`.
std::vector<Option> in_section(std::vector<Option> rows, std::string_view from, std::string_view to);

/// LIPPYCAT_BATCH_SIZE for "batch-size".
std::string environment_name(const Option& option);

/// What a value may be, to follow "is not": "a whole number from 1 to 10000", "one of text, json".
std::string allowed_values(const Option& option);

/// Rows for every binary: config, check-config, print-config, version, help. load() acts on config itself.
std::vector<Option> standard_options();

/// Throws std::logic_error when the table contradicts itself: a name, letter or key twice, a default that is not
/// allowed.
void check_table(const Program& program);

}  // namespace lc::config
