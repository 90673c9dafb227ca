#include "tapd/settings.h"

#include <algorithm>
#include <iterator>

#include "common/base/text.h"
#include "common/filter/filter_set.h"
#include "common/wire/program.h"
#include "tapd/sip_users.h"

namespace lc::tap {
namespace {

using config::Kind;
using config::Option;

constexpr const char* kName = "tapd";

std::vector<Option> own_options() {
  return {
      {.name = "hunter-id",
       .yaml = "tap.hunter_id",
       .value_name = "ID",
       .help = "Name of what is captured here, among the hunters of this processor; the host name by default.",
       .group = "Capture as a hunter"},
      {.name = "sip-user",
       .yaml = "tap.sip_user",
       .kind = Kind::kList,
       .value_name = "NAME",
       .help =
           "SIP users whose calls are wanted: filters FILTER_SIP_USER with the ids sip-user-NAME, for every hunter. "
           "One that is not given any more is taken back at the next start."},
  };
}

// With neither certificates nor --insecure there is one address that may be served: then tapd needs no other option.
std::string listen_address(const config::Settings& settings) {
  const Result<config::TlsSettings> tls = config::tls_settings(settings);
  const bool loopback_only = tls && !tls->has_tls() && !tls->insecure && !settings.is_set("listen");
  return (loopback_only ? "127.0.0.1" : "") + settings.text("listen");
}

void check_sip_users(const std::vector<std::string>& names, std::vector<std::string>& faults) {
  for (const std::string& name : names) {
    const Status status = is_utf8(name) ? filter::check(sip_user_filter(name))
                                        : Status(Error{Code::kInvalidArgument, lc::quoted(name) + " is not UTF-8"});
    if (!status) faults.push_back("--sip-user: " + status.error().text);
  }
}

}  // namespace

config::Program program() {
  config::Program program{.name = kName,
                          .role = "tap",
                          .summary = "Captures packets and stores them: hunterd and processord in one process."};
  std::vector<Option>& rows = program.options = config::in_section(processor::options(kName), "processor", "tap");
  const auto named = [&](const char* name) {
    return std::find_if(rows.begin(), rows.end(), [&](const Option& row) { return row.name == name; });
  };
  named("listen")->help += " Without TLS files, --insecure and this option: 127.0.0.1 only.";
  std::vector<Option> capture = config::in_section(capture::capture_options(), "hunter", "tap");
  config::append(capture, own_options());
  // In front of what is the last group of both.
  rows.insert(named("stats"), std::make_move_iterator(capture.begin()), std::make_move_iterator(capture.end()));
  config::append(rows, capture::listing_options());
  wire::complete_table(program);
  return program;
}

TapSettings read_settings(const config::Settings& settings, std::vector<std::string>& faults) {
  TapSettings tap;
  tap.hunter_id = settings.text("hunter-id").empty() ? wire::host_name() : settings.text("hunter-id");
  if (const Status status = check_id("hunter id (--hunter-id)", tap.hunter_id); !status) {
    faults.push_back(status.error().text);
  }
  tap.capture = capture::capture_settings(settings, faults);
  tap.sip_users = settings.list("sip-user");
  check_sip_users(tap.sip_users, faults);
  tap.processor = processor::read_settings(settings, kName, listen_address(settings), faults);
  return tap;
}

}  // namespace lc::tap
