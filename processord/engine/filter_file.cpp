// What is true is written under another name, forced to disk and renamed, so that the name leads to a whole file at any
// instant.
#include "processord/engine/filter_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "common/base/text.h"
#include "common/filter/filter_set.h"

namespace lc::processor {
namespace {

using Json = nlohmann::ordered_json;
constexpr std::string_view kThing = "filter file";
constexpr std::array<std::string_view, 3> kActions = {"CAPTURE_FULL", "CAPTURE_SIGNALLING", "CAPTURE_RTP_HEADERS"};

bool take(const Json& value, std::string& into) {
  if (!value.is_string()) return false;
  into = value.get_ref<const std::string&>();
  return true;
}

bool take(const Json& value, bool& into) {
  if (!value.is_boolean()) return false;
  into = value.get<bool>();
  return true;
}

bool take(const Json& value, std::int64_t& into) {
  if (!value.is_number_integer()) return false;
  into = value.get<std::int64_t>();
  return true;
}

bool take(const Json& value, std::vector<std::string>& into) {
  if (!value.is_array()) return false;
  return std::all_of(value.begin(), value.end(), [&](const Json& entry) { return take(entry, into.emplace_back()); });
}

bool take(const Json& value, fleet::FilterType& into) {
  const auto& types = fleet::all_filter_types();
  const auto found = std::find_if(types.begin(), types.end(), [&](fleet::FilterType type) {
    return value.is_string() && value.get_ref<const std::string&>() == fleet::name_of(type);
  });
  if (found == types.end()) return false;
  into = *found;
  return true;
}

bool take(const Json& value, fleet::CaptureAction& into) {
  const auto found = std::find_if(kActions.begin(), kActions.end(), [&](std::string_view name) {
    return value.is_string() && value.get_ref<const std::string&>() == name;
  });
  if (found == kActions.end()) return false;
  into = static_cast<fleet::CaptureAction>(found - kActions.begin());
  return true;
}

Error wrong(std::string text) {
  return {Code::kInvalidArgument, std::move(text)};
}

Result<fleet::Filter> read_filter(const Json& object) {
  if (!object.is_object()) return wrong("is not an object");
  fleet::Filter filter;
  for (const auto& [key, value] : object.items()) {
    bool taken = false;
    if (key == "id") {
      taken = take(value, filter.id);
    } else if (key == "type") {
      taken = take(value, filter.type);
    } else if (key == "pattern") {
      taken = take(value, filter.pattern);
    } else if (key == "target_hunters") {
      taken = take(value, filter.target_hunters);
    } else if (key == "enabled") {
      taken = take(value, filter.enabled);
    } else if (key == "description") {
      taken = take(value, filter.description);
    } else if (key == "action") {
      taken = take(value, filter.action);
    } else if (key == "expires_at_ns") {
      taken = take(value, filter.expires_at_ns);
    } else {
      return wrong("has the unknown key " + lc::quoted(key));
    }
    if (!taken) return wrong("has a value for " + lc::quoted(key) + " that cannot be one");
  }
  for (const char* key : {"id", "type", "pattern", "enabled"}) {
    if (!object.contains(key)) return wrong("has no " + lc::quoted(key));
  }
  if (const Status status = check_user_filter(filter); !status) return wrong("is wrong: " + status.error().text);
  return filter;
}

std::string name_of(const Json& object, std::size_t number) {
  std::string name = "filter number " + std::to_string(number);
  if (object.is_object() && object.contains("id") && object["id"].is_string()) {
    name += " (id " + lc::quoted(object["id"].get_ref<const std::string&>()) + ")";
  }
  return name;
}

Result<FilterFile::Content> read_content(const Json& json) {
  if (!json.is_object()) return wrong("it is not a JSON object");
  FilterFile::Content content;
  for (const auto& [key, value] : json.items()) {
    if (key == "revision" ? !value.is_number_unsigned() : key == "filters" ? !value.is_array() : true) {
      return wrong((key == "revision" || key == "filters" ? "the value cannot be one of " : "unknown key ") +
                   lc::quoted(key));
    }
  }
  if (!json.contains("filters")) return wrong("it has no \"filters\"");
  if (json.contains("revision")) content.revision = json["revision"].get<std::uint64_t>();
  std::set<std::string> ids;
  for (const Json& object : json["filters"]) {
    Result<fleet::Filter> filter = read_filter(object);
    const std::size_t number = content.filters.size() + 1;
    if (!filter) return wrong(name_of(object, number) + ' ' + filter.error().text);
    if (!ids.insert(filter->id).second) return wrong(name_of(object, number) + " has the id of another one");
    content.filters.push_back(std::move(*filter));
  }
  return content;
}

// A key that comes twice would hide what is under the first. (A pass of its own: nlohmann's parser callbacks take a
// time that grows with the square of the number of filters.)
class RepeatedKeys final : public nlohmann::json_sax<Json> {
 public:
  std::string repeated;

  bool start_object(std::size_t) override { return seen_.emplace_back(), true; }
  bool end_object() override { return seen_.pop_back(), true; }
  bool key(std::string& name) override {
    if (!seen_.back().insert(name).second) repeated = name;
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(Json::binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  std::vector<std::set<std::string>> seen_;
};

Result<FilterFile::Content> parse(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    RepeatedKeys keys;
    Json::sax_parse(text, &keys);
    if (!keys.repeated.empty()) return wrong("the key " + lc::quoted(keys.repeated) + " comes twice in one object");
    return read_content(json);
  } catch (const nlohmann::json::exception& error) {
    const std::string what = error.what();  // "[json.exception.parse_error.101] parse error at line 1, column 5: ..."
    const std::size_t begin = what.find("] ");
    return wrong(begin == std::string::npos ? what : what.substr(begin + 2));
  }
}

}  // namespace

std::string filter_line(const fleet::Filter& filter) {
  Json json = {{"id", filter.id}, {"type", fleet::name_of(filter.type)}, {"pattern", filter.pattern}};
  if (!filter.target_hunters.empty()) json["target_hunters"] = filter.target_hunters;
  json["enabled"] = filter.enabled;
  if (!filter.description.empty()) json["description"] = filter.description;
  if (filter.action != fleet::CaptureAction::kFull)
    json["action"] = kActions.at(static_cast<std::size_t>(filter.action));
  if (filter.expires_at_ns != 0) json["expires_at_ns"] = filter.expires_at_ns;
  return json.dump();
}

Status check_user_filter(const fleet::Filter& filter) {
  if (filter.type == fleet::FilterType::kMediaEndpoint) {
    return wrong("filter " + lc::quoted(filter.id) + ": FILTER_MEDIA_ENDPOINT is made by processors only");
  }
  if (!is_utf8(filter.pattern) || !is_utf8(filter.description)) {
    return wrong("filter " + lc::quoted(filter.id) + ": pattern and description must be UTF-8");
  }
  return filter::check(filter);
}

FilterFile::FilterFile(Settings settings, FileSystem& files)
    : settings_(std::move(settings)),
      files_(files),
      directory_(std::filesystem::absolute(settings_.path).parent_path().string()) {}

Error FilterFile::failure(std::string_view action) const {
  Error error = file_error(action, kThing, settings_.path, errno);
  if (error.code != Code::kResourceExhausted) error.code = Code::kUnavailable;
  return error;
}

Status FilterFile::lock() {
  if (!settings_.exclusive || lock_) return {};
  lock_ = files_.lock(directory_);
  if (!lock_ && errno == EWOULDBLOCK) {
    return Error{Code::kFailedPrecondition, "state directory " + lc::quoted(directory_) +
                                                " is in use by another processord; give each its own --state-dir"};
  }
  return {};
}

Result<std::optional<FilterFile::Content>> FilterFile::load() {
  if (const Status locked = lock(); !locked) return locked.error();
  const std::unique_ptr<File> file = files_.open(settings_.path, FileSystem::Open::kExisting);
  if (!file && errno == ENOENT) return std::optional<Content>();
  const std::int64_t size = file ? file->size() : -1;
  if (size < 0) return failure("read");
  const auto refuse = [this](const std::string& why) {
    return wrong("filter file " + lc::quoted(settings_.path) + ": " + why + "; correct it, or move it away");
  };
  // A file that people wrote may be laid out wider than ours.
  if (static_cast<std::uint64_t>(size) > 4 * kMostBytes) return refuse("it is larger than 48 MiB");
  std::string text(static_cast<std::size_t>(size), '\0');
  const auto count = read_all(*file, reinterpret_cast<std::uint8_t*>(text.data()), text.size(), 0);
  if (!count) return failure("read");
  text.resize(*count);
  Result<Content> content = parse(text);
  if (!content) return refuse(content.error().text);
  content->durable = file->sync() == 0 && files_.sync_directory(directory_) == 0;
  return std::optional(std::move(*content));
}

Status FilterFile::save(std::uint64_t revision, const std::vector<std::string_view>& lines) {
  std::string text = "{\"revision\": " + std::to_string(revision) + ", \"filters\": [";
  for (const std::string_view line : lines) {
    text += text.back() == '[' ? "\n" : ",\n";
    text += line;
  }
  text += "\n]}\n";

  if (files_.make_directory(directory_) != 0) return failure("write");
  if (Status locked = lock(); !locked) return locked;
  const std::string aside = settings_.path + ".new";
  static_cast<void>(files_.remove(aside));  // of a process that died here
  const std::unique_ptr<File> file = files_.open(aside, FileSystem::Open::kNew);
  if (!file) return failure("write");
  if (!write_all(*file, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), 0) || file->sync() != 0 ||
      files_.rename(aside, settings_.path) != 0) {
    Error error = failure("write");
    static_cast<void>(files_.remove(aside));
    return error;
  }
  if (files_.sync_directory(directory_) != 0) return failure("write");
  return {};
}

}  // namespace lc::processor
