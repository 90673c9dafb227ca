#include "common/config/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "common/config/value.h"

namespace lc::config {
namespace {

constexpr std::size_t kMaxDepth = 64;

int line_of(const YAML::Mark& mark) {
  return mark.line + 1;
}

/// The line of the first control character YAML forbids (1.2, section 5.1), or 0. yaml-cpp would take some as the end.
std::ptrdiff_t forbidden_character_line(std::string_view text) {
  const auto found = std::find_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7f;
  });
  return found == text.end() ? 0 : 1 + std::count(text.begin(), found, '\n');
}

bool indented_with_tab(std::string_view text, int line_index) {
  for (; line_index > 0; --line_index) text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  const std::string_view indentation = text.substr(0, text.find_first_not_of(" \t"));
  return indentation.find('\t') != std::string_view::npos;
}

}  // namespace

class YamlDocument::Builder : public YAML::EventHandler {
 public:
  explicit Builder(YamlDocument& document) : document_(document) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    // Also the way out of an endless loop: after "[]," yaml-cpp reports empty documents for ever.
    if (document_.root_ != nullptr) throw YAML::ParserException(mark, "a second document; a file holds one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(YamlNode::Type::kNull, mark, anchor); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
    add(YamlNode::Type::kScalar, mark, anchor).scalar = value;
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override { place(*anchors_.at(anchor), mark); }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(add(YamlNode::Type::kSequence, mark, anchor), mark);
  }
  void OnSequenceEnd() override { open_.pop_back(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(add(YamlNode::Type::kMapping, mark, anchor), mark);
  }
  void OnMapEnd() override { open_.pop_back(); }

 private:
  /// A collection whose end has not come yet.
  struct Open {
    YamlNode* node;
    const YamlNode* key = nullptr;  // of a mapping, while its value is awaited
    int key_line = 0;
    std::map<std::string_view, int> key_lines = {};
  };

  YamlNode& add(YamlNode::Type type, const YAML::Mark& mark, YAML::anchor_t anchor) {
    YamlNode& node = document_.nodes_.emplace_back(YamlNode{type, line_of(mark)});
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
    place(node, mark);
    return node;
  }

  void place(const YamlNode& node, const YAML::Mark& mark) {
    if (open_.empty()) {
      document_.root_ = &node;
      return;
    }
    Open& parent = open_.back();
    if (parent.node->type == YamlNode::Type::kSequence) {
      parent.node->items.push_back(&node);
    } else if (parent.key == nullptr) {
      parent.key = &node;
      parent.key_line = line_of(mark);
    } else {
      add_entry(parent, node);
      parent.key = nullptr;
    }
  }

  void add_entry(Open& mapping, const YamlNode& value) {
    const std::string place = std::to_string(mapping.key_line);
    if (mapping.key->type != YamlNode::Type::kScalar) {
      document_.faults_.push_back({place, "a key must be a plain word"});
      return;
    }
    const auto [first, is_new] = mapping.key_lines.try_emplace(mapping.key->scalar, mapping.key_line);
    if (is_new) {
      mapping.node->entries.emplace_back(mapping.key, &value);
    } else {
      document_.faults_.push_back({place, "key " + shown(mapping.key->scalar) +
                                              " is there twice; it is first on line " + std::to_string(first->second)});
    }
  }

  void open(YamlNode& node, const YAML::Mark& mark) {
    if (open_.size() == kMaxDepth) {
      throw YAML::ParserException(mark, "nested deeper than " + std::to_string(kMaxDepth) + " levels");
    }
    open_.push_back({&node});
  }

  YamlDocument& document_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, const YamlNode*> anchors_;
};

YamlDocument::YamlDocument(std::string_view text) {
  if (const auto line = forbidden_character_line(text); line != 0) {
    faults_.push_back({std::to_string(line), "a control character that YAML does not allow"});
    return;
  }
  // Without the comment yaml-cpp takes an open quotation mark at the end of the file as closed.
  std::istringstream stream(std::string(text) + (text.ends_with('\n') ? "#" : "\n#"));
  try {
    Builder builder(*this);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    root_ = nullptr;
    const bool has_tab = indented_with_tab(text, error.mark.line);
    faults_.push_back({std::to_string(line_of(error.mark)) + ":" + std::to_string(error.mark.column + 1),
                       error.msg + (has_tab ? " (a tab indents this line; YAML takes spaces)" : "")});
  }
}

}  // namespace lc::config
