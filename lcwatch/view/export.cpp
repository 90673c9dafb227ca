#include "lcwatch/view/export.h"

#include <cerrno>
#include <nlohmann/json.hpp>

#include "common/base/file.h"
#include "common/capture/pcapng_writer.h"
#include "lcwatch/model/text.h"

namespace lc::watch {
namespace {

Result<std::unique_ptr<File>> make(const std::string& path) {
  std::unique_ptr<File> file = RealFileSystem("export").open(path, FileSystem::Open::kNew);
  if (!file) return file_error("make", "file", path, errno);
  return file;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string field = "\"";
  for (const char c : text) field += c == '"' ? std::string("\"\"") : std::string(1, c);
  return field + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string line;
  // A cell is made safe as on the screen: who opens the file may do so in a terminal.
  for (std::size_t i = 0; i < fields.size(); ++i) line += (i > 0 ? "," : "") + csv_field(shown(fields[i]));
  return line + "\r\n";
}

std::string csv_of(const Sheet& sheet) {
  std::string text = csv_line(sheet.titles);
  for (const auto& row : sheet.rows) text += csv_line(row);
  return text;
}

std::string json_of(const Sheet& sheet) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& row : sheet.rows) {
    nlohmann::ordered_json one = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < row.size() && i < sheet.titles.size(); ++i) one[sheet.titles[i]] = row[i];
    all.push_back(std::move(one));
  }
  return all.dump(2, ' ', true, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

Result<std::string> export_packets(const std::string& path, const PacketRing& packets,
                                   const std::vector<std::uint64_t>& numbers) {
  auto file = make(path);
  if (!file) return file.error();
  capture::PcapngWriter writer(path, std::move(*file));
  for (const std::uint64_t number : numbers) {
    const PacketRing::Entry* entry = packets.find(number);
    if (entry == nullptr || !entry->row.bytes) continue;
    const PacketRow& row = entry->row;
    const auto id =
        writer.add_interface({.node = row.hunter, .name = row.interface, .link_type = row.link_type, .filter = {}});
    if (!id) return id.error();
    const auto captured = static_cast<std::uint32_t>(row.bytes->size());
    const packet::PacketView view{.data = reinterpret_cast<const std::uint8_t*>(row.bytes->data()),
                                  .captured = captured,
                                  .original = std::max(row.length, captured),
                                  .timestamp_ns = row.time_ns};
    if (const Status written = writer.write(view, *id); !written) return written.error();
  }
  const std::uint64_t count = writer.packets();
  if (const Status closed = writer.close(false); !closed) return closed.error();
  return std::to_string(count) + " packets written to " + path;
}

Result<std::string> export_sheet(const std::string& path, const Sheet& sheet) {
  const bool json = path.ends_with(".json");
  if (!json && !path.ends_with(".csv")) {
    return Error{Code::kInvalidArgument, path + ": a name that ends in .csv or .json says the format"};
  }
  auto file = make(path);
  if (!file) return file.error();
  const std::string text = json ? json_of(sheet) : csv_of(sheet);
  if (!write_all(**file, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), 0)) {
    return file_error("write", "file", path, errno);
  }
  return std::to_string(sheet.rows.size()) + " rows written to " + path;
}

}  // namespace lc::watch
