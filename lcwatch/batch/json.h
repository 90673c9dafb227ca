// What scripts are given: objects whose names and meanings stay (see README.md).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "lcwatch/model/model.h"

namespace lc::watch {

using Json = nlohmann::ordered_json;

/// In one line. Bytes that are no UTF-8 come as U+FFFD.
std::string text_of(const Json& json);

Json json_of(const Model& model, const NodeRow& row);
/// A processor with all that is below it.
Json json_of_tree(const Model& model, ServerIndex server);
Json json_of(const std::string& server, const fleet::NodePath& path, const FilterRow& row);
Json json_of(const std::string& server, const fleet::Call& call);
Json json_of(const std::string& server, const PacketRow& packet);

/// RFC 3339 in UTC; null for 0, which is "not known" or "never".
Json time_of(std::int64_t ns);

}  // namespace lc::watch
