// A YAML file as a tree that remembers lines, for settings and for files of their own form; the only place that knows
// yaml-cpp.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lc::config {

struct YamlNode {
  enum class Type { kNull, kScalar, kSequence, kMapping };
  Type type = Type::kNull;
  int line = 0;             // from 1
  std::string scalar = {};  // unquoted
  std::vector<const YamlNode*> items = {};
  std::vector<std::pair<const YamlNode*, const YamlNode*>> entries = {};  // keys are scalars, each there once
};

struct YamlFault {
  std::string place;  // "LINE" or "LINE:COLUMN", from 1
  std::string text;
};

/// The one document of a file. Aliases point at the node they name, so a tree can be large or even circular: walk it
/// only as deep as something is expected.
class YamlDocument {
 public:
  /// At most 64 levels; the caller bounds the size.
  explicit YamlDocument(std::string_view text);

  [[nodiscard]] const YamlNode* root() const { return root_; }  // nullptr: empty, or not readable
  [[nodiscard]] const std::vector<YamlFault>& faults() const { return faults_; }

 private:
  class Builder;

  std::deque<YamlNode> nodes_;  // pointers into a deque stay valid while it grows
  const YamlNode* root_ = nullptr;
  std::vector<YamlFault> faults_;
};

}  // namespace lc::config
