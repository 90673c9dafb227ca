#include "common/config/settings_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/unit/config/sample_program.h"

namespace lc::config {
namespace {

using Texts = std::vector<std::string>;

Reading read(std::string_view text) {
  return read_settings_text(sample_program(), "F", text);
}

Texts faults(std::string_view text) {
  const Reading reading = read(text);
  for (const Fault& fault : reading.faults) CHECK(fault.code == ExitCode::kBadConfig);
  return texts(reading.faults);
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string out;
  for (; times > 0; --times) out += piece;
  return out;
}

}  // namespace

TEST_CASE("The section's keys are read with their lines", "[config]") {
  const Reading reading = read("hunter:\n  hunter_id: 007\n\n  batch_size: \"5\"\n  display_stats: False\n");
  CHECK(texts(reading.faults) == Texts{});
  CHECK(reading.values.at("hunter-id").texts == Texts{"007"});
  CHECK(reading.values.at("batch-size").number == 5);
  CHECK(reading.values.at("batch-size").origin == "F:4");
  CHECK(reading.values.at("stats").number == 0);
}

TEST_CASE("A list is a scalar with commas or a sequence, whose items are taken as they are", "[config]") {
  const auto list = [](const std::string& text) {
    return read("hunter:\n  interfaces: " + text + "\n").values.at("interface").texts;
  };
  CHECK(list("eth0") == Texts{"eth0"});
  CHECK(list("eth0, eth1") == Texts{"eth0", "eth1"});
  CHECK(list("[eth0, \"a,b\"]") == Texts{"eth0", "a,b"});
  CHECK(list("\n    - eth0\n    - lo") == Texts{"eth0", "lo"});
  CHECK(list("[]") == Texts{});
}

TEST_CASE("Sections of other roles are left alone but must be mappings", "[config]") {
  CHECK(faults("processor:\n  listen_addr: x\n  anything: {a: [1]}\nwatch:\ntap: {}\n") == Texts{});
  CHECK(faults("processor: 5\nwatch: [a]\n") ==
        Texts{"F:1: section processor must be a mapping of keys to values, not a single value",
              "F:2: section watch must be a mapping of keys to values, not a sequence"});
}

TEST_CASE("Unknown keys and sections are refused with the nearest known one", "[config]") {
  CHECK(faults("hunter:\n  procesor_addr: a:1\n  entirely_different: 1\ntls:\n  ca_fle: x\nprocesor:\nzzz: 1\n") ==
        Texts{"F:2: unknown key \"procesor_addr\" in section hunter; did you mean \"processor_addr\"?",
              "F:3: unknown key \"entirely_different\" in section hunter",
              "F:5: unknown key \"ca_fle\" in section tls; did you mean \"ca_file\"?",
              "F:6: unknown section \"procesor\"; did you mean \"processor\"?", "F:7: unknown section \"zzz\""});
}

TEST_CASE("Wrong values name file, line, key and what is allowed", "[config]") {
  CHECK(faults("hunter:\n  batch_size: many\n  display_stats: yes\n  log_format: xml\n  kernel_buffer: 1K\n"
               "  batch_timeout_ms: 2h\n") ==
        Texts{"F:2: hunter.batch_size: \"many\" is not a whole number from 1 to 10000",
              "F:3: hunter.display_stats: \"yes\" is not true or false",
              "F:4: hunter.log_format: \"xml\" is not one of text, json",
              "F:5: hunter.kernel_buffer: \"1K\" is not a size of at least 1M in bytes or as 512K, 64M, 1G",
              "F:6: hunter.batch_timeout_ms: \"2h\" is not a time from 0 to 60000 in milliseconds or as 100ms, 2s, 5m, 1h, 7d"});
  CHECK(faults("hunter:\n  batch_size: [1]\n  hunter_id: {a: b}\n  interfaces: {a: b}\n") ==
        Texts{"F:2: hunter.batch_size: a sequence is not a whole number from 1 to 10000",
              "F:3: hunter.hunter_id: a mapping is not text",
              "F:4: hunter.interfaces: a mapping is not a sequence of texts"});
  CHECK(faults("hunter:\n  interfaces: [a, [b]]\n") == Texts{"F:2: hunter.interfaces: item 2 is not a text"});
  CHECK(faults("hunter:\n  interfaces:\n  - a\n  -\n") == Texts{"F:2: hunter.interfaces: item 2 is not a text"});
}

TEST_CASE("A key without a value is a fault, an empty section is not", "[config]") {
  const std::string text = "hunter.hunter_id: there is no value; give one or remove the line";
  CHECK(faults("hunter:\n  hunter_id:\n") == Texts{"F:2: " + text});
  CHECK(faults("hunter:\n  hunter_id: ~\n") == Texts{"F:2: " + text});
  CHECK(faults("hunter:\n  # hunter_id: x\n") == Texts{});
  CHECK(faults("") == Texts{});
  CHECK(faults("---\n# nothing\n...\n") == Texts{});
  CHECK(read("hunter: {hunter_id: ''}").values.at("hunter-id").texts == Texts{""});
}

TEST_CASE("A key that is there twice is a fault with both lines, also in another role's section", "[config]") {
  CHECK(faults("hunter:\n  batch_size: 1\n  hunter_id: x\n  batch_size: 1\n") ==
        Texts{"F:4: key \"batch_size\" is there twice; it is first on line 2"});
  CHECK(faults("watch: {a: 1, a: 2}\nhunter: {}\nhunter: {}\n") ==
        Texts{"F:1: key \"a\" is there twice; it is first on line 1",
              "F:3: key \"hunter\" is there twice; it is first on line 2"});
}

TEST_CASE("A file that is no mapping of sections is a fault", "[config]") {
  CHECK(faults("hello\n") ==
        Texts{"F:1: the file must consist of sections such as \"hunter:\", not of a single value"});
  CHECK(faults("- a\n") == Texts{"F:1: the file must consist of sections such as \"hunter:\", not of a sequence"});
  CHECK(faults("? [a]\n: 1\n") == Texts{"F:1: a key must be a plain word"});
  CHECK(faults("hunter: {}\n---\nhunter: {}\n") == Texts{"F:2:1: a second document; a file holds one"});
}

TEST_CASE("Syntax errors name line and column, and a tab is called one", "[config]") {
  CHECK(faults("hunter:\n  batch_size: 1\n   hunter_id: 2\n") == Texts{"F:3:13: illegal map value"});
  CHECK(faults("hunter:\n\tbatch_size: 1\n") ==
        Texts{"F:2:12: illegal map value (a tab indents this line; YAML takes spaces)"});
  CHECK(faults("hunter:\n  batch_size: 1\n\thunter_id: 2\n") ==
        Texts{"F:3:1: illegal tab when looking for indentation (a tab indents this line; YAML takes spaces)"});
  CHECK(faults("hunter: [\n").size() == 1);
  CHECK(faults("@x: 1\n") == Texts{"F:1:1: unknown token"});
}

TEST_CASE("A quotation mark left open does not swallow the rest of the file unnoticed", "[config]") {
  for (const std::string quote : {"\"", "'"}) {
    const Reading reading = read("hunter:\n  hunter_id: " + quote + "x\n  batch_size: 5\n");
    CHECK(reading.values.empty());
    REQUIRE(reading.faults.size() == 1);
    CHECK(reading.faults.front().text.find("illegal EOF in scalar") != std::string::npos);
  }
}

TEST_CASE("Anchors and aliases work, undefined ones and merge keys are refused", "[config]") {
  const Reading reading =
      read("watch:\n  x: &list [a, b]\n  y: &id edge\nhunter:\n  interfaces: *list\n  hunter_id: *id\n");
  CHECK(texts(reading.faults) == Texts{});
  CHECK(reading.values.at("interface").texts == Texts{"a", "b"});
  CHECK(reading.values.at("hunter-id").texts == Texts{"edge"});
  CHECK(faults("hunter:\n  hunter_id: *none\n") == Texts{"F:2:14: the referenced anchor is not defined"});
  CHECK(faults("watch: &w {batch_size: 1}\nhunter:\n  <<: *w\n") == Texts{"F:3: unknown key \"<<\" in section hunter"});
}

TEST_CASE("Aliases that multiply or point at their own parents do no harm", "[config]") {
  CHECK(faults("hunter:\n  interfaces: &x [a, *x]\n") == Texts{"F:2: hunter.interfaces: item 2 is not a text"});
  CHECK(faults("hunter: &h\n  hunter_id: *h\n") == Texts{"F:2: hunter.hunter_id: a mapping is not text"});
  std::string bomb = "watch:\n  a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string below = std::to_string(i - 1), here = std::to_string(i);
    bomb += "  a" + here + ": &a" + here + " [*a" + below + ", *a" + below + "]\n";
  }
  CHECK(faults(bomb + "hunter:\n  interfaces: *a59\n").size() == 1);
}

TEST_CASE("Deep nesting is refused before it costs anything", "[config]") {
  const auto piece = GENERATE("[", "{", "- ", "? ", "{a: ");
  const Texts found = faults(repeated(piece, 200'000));
  REQUIRE(found.size() == 1);
  CHECK(found.front().find("nested deeper than 64 levels") != std::string::npos);
  CHECK(faults("watch: {a: " + repeated("[", 60) + repeated("]", 60) + "}") == Texts{});
}

TEST_CASE("Text on which the YAML library itself would loop for ever ends with a fault", "[config]") {
  const auto text = GENERATE("[],", ",", "[],[]", "{},", "a: 1\n...\n,");
  CHECK(faults(text).size() == 1);
}

TEST_CASE("Control characters are refused, as the YAML library takes one of them for the end", "[config]") {
  CHECK(faults("hunter:\n  hunter_id: x\n\x04\n  batch_size: 0\n") ==
        Texts{"F:3: a control character that YAML does not allow"});
  CHECK(faults(std::string_view("h\0:", 3)) == Texts{"F:1: a control character that YAML does not allow"});
  CHECK(read("\xef\xbb\xbfhunter:\r\n  hunter_id: \"b\u00fcro\"\r\n").values.at("hunter-id").texts ==
        Texts{"b\u00fcro"});
}

TEST_CASE("A file larger than 1 MiB is refused, one of exactly that size is read", "[config]") {
  const ScratchFolder folder;
  const std::string line = "hunter: {batch_size: 5}\n#";
  const auto file = folder.write("big.yaml", line + std::string((1 << 20) - line.size(), 'x'));
  CHECK(read_settings_file(sample_program(), file, true).values.at("batch-size").number == 5);
  folder.write("big.yaml", line + std::string((1 << 20) - line.size() + 1, 'x'));
  CHECK(texts(read_settings_file(sample_program(), file, false).faults) ==
        Texts{file.string() + ": larger than 1 MiB"});
  CHECK(read_settings_file(sample_program(), "/dev/zero", true).faults.size() == 1);
}

TEST_CASE("A usual file that is there but may not be read is a fault, not skipped", "[config]") {
  if (::geteuid() == 0) {
    WARN("skipped: the superuser may read every file");
    return;
  }
  const ScratchFolder folder;
  const auto file = folder.write("secret.yaml", "hunter:\n");
  REQUIRE(::chmod(file.c_str(), 0) == 0);
  CHECK(texts(read_settings_file(sample_program(), file, false).faults) ==
        Texts{"cannot read " + file.string() + ": Permission denied"});
}

TEST_CASE("A path with control characters keeps a fault on one line", "[config]") {
  CHECK(texts(read_settings_file(sample_program(), "/none\nx", true).faults) ==
        Texts{"cannot read \"/none\\nx\": No such file or directory"});
}

}  // namespace lc::config
