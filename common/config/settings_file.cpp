#include "common/config/settings_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "common/base/text.h"
#include "common/base/unique_fd.h"
#include "common/config/yaml_document.h"

namespace lc::config {
namespace {

constexpr std::size_t kMaxFileBytes = 1 << 20;
const std::array<std::string, 5> kSections = {"hunter", "processor", "tap", "watch", "tls"};

/// "; did you mean ..." or nothing.
std::string suggestion(const std::string& word, const std::vector<std::string>& known) {
  const auto meant = word.size() <= 80 ? nearest(word, known) : std::nullopt;
  return meant ? "; did you mean " + lc::quoted(*meant) + "?" : "";
}

std::string_view name_of(YamlNode::Type type) {
  switch (type) {
    case YamlNode::Type::kNull:
      return "nothing";
    case YamlNode::Type::kScalar:
      return "a single value";
    case YamlNode::Type::kSequence:
      return "a sequence";
    case YamlNode::Type::kMapping:
      break;
  }
  return "a mapping";
}

class SettingsFile {
 public:
  SettingsFile(const Program& program, const std::string& file) : program_(program), file_(file) {
    for (const Option& option : program.options) {
      if (!option.yaml.empty()) own_sections_.insert(option.yaml.substr(0, option.yaml.find('.')));
    }
  }

  Reading read(std::string_view text) {
    const YamlDocument document(text);
    for (const YamlFault& yaml : document.faults()) fault(yaml.place, yaml.text);
    const YamlNode* root = document.root();
    if (root == nullptr || root->type == YamlNode::Type::kNull) return std::move(reading_);
    if (root->type != YamlNode::Type::kMapping) {
      fault(root->line, "the file must consist of sections such as \"" + program_.role + ":\", not of " +
                            std::string(name_of(root->type)));
      return std::move(reading_);
    }
    for (const auto& [key, value] : root->entries) read_section(*key, *value);
    return std::move(reading_);
  }

 private:
  void read_section(const YamlNode& key, const YamlNode& value) {
    const std::string& section = key.scalar;
    const bool is_own = own_sections_.contains(section);
    if (!is_own && std::find(kSections.begin(), kSections.end(), section) == kSections.end()) {
      std::vector<std::string> known(own_sections_.begin(), own_sections_.end());
      known.insert(known.end(), kSections.begin(), kSections.end());
      return fault(key.line, "unknown section " + shown(section) + suggestion(section, known));
    }
    if (value.type == YamlNode::Type::kNull) return;  // as when all its lines are comments
    if (value.type != YamlNode::Type::kMapping) {
      return fault(key.line, "section " + section + " must be a mapping of keys to values, not " +
                                 std::string(name_of(value.type)));
    }
    if (!is_own) return;
    for (const auto& [entry_key, entry_value] : value.entries) read_entry(section, *entry_key, *entry_value);
  }

  void read_entry(const std::string& section, const YamlNode& key, const YamlNode& node) {
    const auto option = std::find_if(program_.options.begin(), program_.options.end(), [&](const Option& candidate) {
      return candidate.yaml == section + "." + key.scalar;
    });
    if (option == program_.options.end()) {
      std::vector<std::string> known;
      for (const Option& candidate : program_.options) {
        if (candidate.yaml.starts_with(section + ".")) known.push_back(candidate.yaml.substr(section.size() + 1));
      }
      return fault(key.line,
                   "unknown key " + shown(key.scalar) + " in section " + section + suggestion(key.scalar, known));
    }
    Result<Value> value = parse(*option, node, file_ + ":" + std::to_string(key.line));
    if (!value) return fault(key.line, option->yaml + ": " + value.error().text);
    reading_.values[option->name] = std::move(*value);
  }

  static Result<Value> parse(const Option& option, const YamlNode& node, const std::string& origin) {
    const bool is_list = option.kind == Kind::kList;
    if (node.type == YamlNode::Type::kScalar) return parse_value(option, node.scalar, origin);
    if (node.type == YamlNode::Type::kNull) {
      return Error{Code::kInvalidArgument, "there is no value; give one or remove the line"};
    }
    if (!is_list || node.type == YamlNode::Type::kMapping) {
      return Error{Code::kInvalidArgument, std::string(name_of(node.type)) + " is not " +
                                               (is_list ? "a sequence of texts" : allowed_values(option))};
    }
    Value value{option.kind, {}, 0, origin};
    for (const YamlNode* item : node.items) {
      if (item->type != YamlNode::Type::kScalar || item->scalar.empty()) {
        return Error{Code::kInvalidArgument, "item " + std::to_string(value.texts.size() + 1) + " is not a text"};
      }
      value.texts.push_back(item->scalar);
    }
    return value;
  }

  void fault(const std::string& place, const std::string& text) {
    reading_.faults.push_back({ExitCode::kBadConfig, file_ + ":" + place + ": " + text});
  }
  void fault(int line, const std::string& text) { fault(std::to_string(line), text); }

  const Program& program_;
  const std::string file_;
  std::set<std::string> own_sections_;
  Reading reading_;
};

/// Up to one byte more than allowed, which tells that the file is too large.
Result<std::string> read_bounded(const std::filesystem::path& path) {
  const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return Error{Code::kNotFound, errno_text(errno)};
  std::string text(kMaxFileBytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(file.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error{Code::kNotFound, errno_text(errno)};
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

}  // namespace

Reading read_settings_text(const Program& program, const std::string& file, std::string_view text) {
  return SettingsFile(program, file).read(text);
}

Reading read_settings_file(const Program& program, const std::filesystem::path& path, bool required) {
  // A file in a home directory that the service may not enter is as good as missing; one that is there but not readable
  // is a fault, so that its settings are not left out unnoticed.
  struct stat unused {};
  if (!required && ::stat(path.c_str(), &unused) != 0) return {};
  const std::string file = std::any_of(path.native().begin(), path.native().end(),
                                       [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })
                               ? lc::quoted(path.native())
                               : path.native();
  const Result<std::string> text = read_bounded(path);
  if (!text) return {{}, {{ExitCode::kBadConfig, "cannot read " + file + ": " + text.error().text}}};
  if (text->size() > kMaxFileBytes) return {{}, {{ExitCode::kBadConfig, file + ": larger than 1 MiB"}}};
  return read_settings_text(program, file, *text);
}

}  // namespace lc::config
