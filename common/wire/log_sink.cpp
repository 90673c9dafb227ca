#include "common/wire/log_sink.h"

#include <grpc/support/log.h>

#include <atomic>
#include <boost/log/core.hpp>
#include <boost/log/expressions.hpp>
#include <boost/log/sinks/sync_frontend.hpp>
#include <boost/log/sinks/text_ostream_backend.hpp>
#include <boost/log/sources/logger.hpp>
#include <boost/log/sources/record_ostream.hpp>
#include <boost/smart_ptr/make_shared.hpp>
#include <boost/smart_ptr/shared_ptr.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "common/base/clock.h"

namespace lc::wire {
namespace {

namespace logging = boost::log;

std::string json_line(log::Level level, std::string_view message, log::Fields fields) {
  nlohmann::ordered_json line = {{"time", utc_text(wall_ns())}, {"level", log::name_of(level)}, {"message", message}};
  for (const log::Field& field : fields) line[std::string(field.key)] = field.value;
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string text_line(log::Level level, std::string_view message, log::Fields fields) {
  return utc_text(wall_ns()) + " " + std::string(log::name_of(level)) + " " + log::as_text(message, fields);
}

std::atomic<bool> handshakes_matter{false};

void from_grpc(gpr_log_func_args* args) {
  const std::string_view message = args->message;
  if (handshakes_matter && message.starts_with("Handshake failed with fatal error")) {
    // "... SSL_ERROR_SSL: error:0A000086:SSL routines::certificate verify failed."
    const std::size_t reason = message.rfind("::");
    log::warning("a client's TLS handshake is refused",
                 {{"reason", reason == std::string_view::npos ? message : message.substr(reason + 2)}});
    return;
  }
  log::debug(std::string("grpc: ").append(message));
}

}  // namespace

void start_logging(log::Level level, LogFormat format) {
  using Backend = logging::sinks::text_ostream_backend;
  auto backend = boost::make_shared<Backend>();
  backend->add_stream(boost::shared_ptr<std::ostream>(&std::clog, [](std::ostream*) {}));
  backend->auto_flush(true);
  auto sink = boost::make_shared<logging::sinks::synchronous_sink<Backend>>(backend);
  sink->set_formatter(logging::expressions::stream << logging::expressions::smessage);
  logging::core::get()->remove_all_sinks();
  logging::core::get()->add_sink(sink);

  log::set_level(level);
  log::set_sink([format](log::Level line_level, std::string_view message, log::Fields fields) {
    static logging::sources::logger logger;  // lc::log calls its sink one line at a time
    BOOST_LOG(logger) << (format == LogFormat::kJson ? json_line(line_level, message, fields)
                                                     : text_line(line_level, message, fields));
  });
  gpr_set_log_function(&from_grpc);
}

void log_refused_handshakes() {
  handshakes_matter = true;
}

}  // namespace lc::wire
