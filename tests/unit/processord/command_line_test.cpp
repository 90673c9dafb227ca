#include "processord/engine/command_line.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace lc;
using namespace lc::processor;

namespace {

using Texts = std::vector<std::string>;

Texts arguments_of(std::string_view text, const PlaceholderValues& values = {}) {
  const Result<CommandLine> command = CommandLine::parse(text, {"pcap", "callid"});
  if (!command) FAIL(command.error().text);
  return command->arguments(values);
}

std::string error_of(std::string_view text) {
  const Result<CommandLine> command = CommandLine::parse(text, {"pcap", "callid"});
  REQUIRE_FALSE(command);
  return command.error().text;
}

}  // namespace

TEST_CASE("A command is split as sh(1) splits words, and nothing in it is expanded", "[command_line]") {
  CHECK(arguments_of("echo") == Texts{"echo"});
  CHECK(arguments_of("  echo\ta  b\n") == Texts{"echo", "a", "b"});
  CHECK(arguments_of(R"(echo 'a  b' "c 'd'" 'e "f"')") == Texts{"echo", "a  b", "c 'd'", "e \"f\""});
  CHECK(arguments_of(R"(echo a\ b \"c\" "d\"e" 'f\g')") == Texts{"echo", "a b", "\"c\"", "d\"e", "f\\g"});
  CHECK(arguments_of("echo '' a''b") == Texts{"echo", "", "ab"});
  CHECK(arguments_of("echo $HOME `id` $(id) a;b |c >d &") ==
        Texts{"echo", "$HOME", "`id`", "$(id)", "a;b", "|c", ">d", "&"});
  CHECK(arguments_of("echo 100%%") == Texts{"echo", "100%"});
}

TEST_CASE("A placeholder's value stays within its argument, whatever is in it", "[command_line]") {
  const std::string hostile = GENERATE(as<std::string>{}, "a b", "' ; rm -rf /", "$(id)", "\"", "%pcap%", "\\", "",
                                       "\n\t", "\xff\xfe", std::string(4096, 'x'));
  const PlaceholderValues values = {{"callid", hostile}, {"pcap", "/x.pcap"}};
  CHECK(arguments_of("echo %callid% --id=%callid%.%pcap% '%callid%'", values) ==
        Texts{"echo", hostile, "--id=" + hostile + "./x.pcap", hostile});
}

TEST_CASE("What can't be in an argument is replaced, and what is not known is empty", "[command_line]") {
  CHECK(arguments_of("echo %callid%", {{"callid", std::string("a\0b", 3)}}) == Texts{"echo", "a?b"});
  CHECK(arguments_of("echo %callid%") == Texts{"echo", ""});
}

TEST_CASE("A bad command is refused with the place", "[command_line]") {
  CHECK(error_of("") == R"("": no command at character 1)");
  CHECK(error_of("   ") == R"("   ": no command at character 1)");
  CHECK(error_of("echo 'a") == R"("echo 'a": a ' that is not closed at character 6)");
  CHECK(error_of("echo a\\") == R"("echo a\\": a backslash with nothing behind it at character 7)");
  CHECK(error_of("echo 5%") == R"("echo 5%": a lone %; write %% for a per cent sign at character 7)");
  CHECK(error_of("echo %calld%") ==
        R"("echo %calld%": unknown placeholder %calld%, choose from %pcap%, %callid% at character 6)");
  CHECK(error_of("%pcap% a") == R"("%pcap% a": the program can't be a placeholder at character 1)");
  CHECK(error_of("/no/such/program a") == R"("/no/such/program a": no executable file "/no/such/program")");
  CHECK(error_of("no-such-program-anywhere") ==
        R"("no-such-program-anywhere": no executable file "no-such-program-anywhere")");
  CHECK(error_of("/etc/passwd") == R"("/etc/passwd": no executable file "/etc/passwd")");
  CHECK(error_of("/usr") == R"("/usr": no executable file "/usr")");
}
