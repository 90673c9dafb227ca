#include "lcwatch/nodes_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <utility>

#include "common/base/text.h"
#include "common/config/yaml_document.h"
#include "common/wire/credentials.h"
#include "common/wire/endpoint.h"

namespace lc::watch {
namespace {

using config::YamlNode;

constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostServers = 100;

class NodesReader {
 public:
  NodesReader(const std::string& file, const config::TlsSettings& tls, bool production,
              std::vector<std::string>& faults)
      : file_(file), tls_(tls), production_(production), faults_(faults) {}

  std::vector<WatchedServer> read(std::string_view text) {
    const config::YamlDocument document(text);
    for (const config::YamlFault& one : document.faults()) faults_.push_back(file_ + ":" + one.place + ": " + one.text);
    const YamlNode* root = document.root();
    if (root == nullptr) {
      if (document.faults().empty()) faults_.push_back(file_ + ": there is nothing in it; it needs processors:");
      return {};
    }
    if (!is(*root, YamlNode::Type::kMapping, "the file must be a mapping with the key processors")) return {};
    for (const auto& [key, value] : root->entries) {
      if (key->scalar == "processors") {
        processors(*value);
      } else if (key->scalar == "hunters") {
        fault(*key, "consoles connect to processors, not to hunters; name the hunters' processors");
      } else {
        unknown(*key, {"processors"});
      }
    }
    if (servers_.empty() && faults_.empty()) faults_.push_back(file_ + ": it names no processors");
    return std::move(servers_);
  }

 private:
  void fault(const YamlNode& at, const std::string& text) {
    faults_.push_back(file_ + ":" + std::to_string(at.line) + ": " + text);
  }
  void unknown(const YamlNode& key, std::vector<std::string> known) {
    const auto meant = nearest(key.scalar, known);
    fault(key, "unknown key " + quoted(key.scalar) + (meant ? "; did you mean " + quoted(*meant) + "?" : ""));
  }
  bool is(const YamlNode& node, YamlNode::Type type, const std::string& otherwise) {
    if (node.type != type) fault(node, otherwise);
    return node.type == type;
  }
  std::string scalar(const YamlNode& key, const YamlNode& value) {
    return is(value, YamlNode::Type::kScalar, key.scalar + " must be a text") ? value.scalar : std::string();
  }
  bool boolean(const YamlNode& key, const YamlNode& value) {
    const std::string text = scalar(key, value);
    if (text != "true" && text != "false") fault(value, key.scalar + " must be true or false, not " + quoted(text));
    return text == "true";
  }

  void processors(const YamlNode& list) {
    if (!is(list, YamlNode::Type::kSequence, "processors must be a list")) return;
    if (list.items.size() > kMostServers) return fault(list, "more than 100 processors");
    for (const YamlNode* item : list.items) {
      if (is(*item, YamlNode::Type::kMapping, "a processor must be a mapping with name and address")) processor(*item);
    }
  }

  void processor(const YamlNode& item) {
    WatchedServer server{.name = {}, .address = {}, .tls = tls_, .hunters = {}};
    for (const auto& [key, value] : item.entries) {
      if (key->scalar == "name") {
        server.name = scalar(*key, *value);
      } else if (key->scalar == "address") {
        server.address = scalar(*key, *value);
      } else if (key->scalar == "tls") {
        server.tls = {};
        if (is(*value, YamlNode::Type::kMapping, "tls must be a mapping")) server.tls = tls(*value);
      } else if (key->scalar == "subscribed_hunters") {
        server.hunters = hunters(*value);
      } else {
        unknown(*key, {"name", "address", "tls", "subscribed_hunters"});
      }
    }
    check(item, server);
    servers_.push_back(std::move(server));
  }

  config::TlsSettings tls(const YamlNode& mapping) {
    config::TlsSettings tls;
    bool enabled = true;
    for (const auto& [key, value] : mapping.entries) {
      if (key->scalar == "enabled") {
        enabled = boolean(*key, *value);
      } else if (key->scalar == "ca_file") {
        tls.ca_file = scalar(*key, *value);
      } else if (key->scalar == "cert_file") {
        tls.cert_file = scalar(*key, *value);
      } else if (key->scalar == "key_file") {
        tls.key_file = scalar(*key, *value);
      } else if (key->scalar == "insecure") {
        tls.insecure = boolean(*key, *value);
      } else if (key->scalar == "skip_verify") {
        if (boolean(*key, *value)) fault(*key, "the verification of certificates cannot be switched off");
      } else {
        unknown(*key, {"enabled", "ca_file", "cert_file", "key_file", "insecure", "skip_verify"});
      }
    }
    if (enabled && !tls.has_tls() && !tls.insecure) fault(mapping, "tls is enabled but there is no ca_file");
    if (!enabled) tls = {.cert_file = {}, .key_file = {}, .ca_file = {}, .insecure = tls.insecure || tls_.insecure};
    return tls;
  }

  std::optional<std::set<std::string>> hunters(const YamlNode& list) {
    std::set<std::string> ids;
    if (list.type == YamlNode::Type::kNull) return std::nullopt;
    if (!is(list, YamlNode::Type::kSequence, "subscribed_hunters must be a list")) return std::nullopt;
    for (const YamlNode* item : list.items) {
      if (is(*item, YamlNode::Type::kScalar, "a hunter must be an id")) ids.insert(item->scalar);
    }
    return ids;
  }

  void check(const YamlNode& item, WatchedServer& server) {
    const Result<wire::Address> address = wire::parse_address(server.address);
    if (!address) return fault(item, address.error().text);
    if (server.name.empty()) server.name = server.address;
    const bool twice = std::ranges::any_of(servers_, [&](const auto& other) { return other.name == server.name; });
    if (twice) fault(item, "there are two processors with the name " + quoted(server.name));
    const bool loopback = wire::is_loopback(*address);
    if (server.tls.has_tls() && server.tls.ca_file.empty()) fault(item, "ca_file is missing, to know the processor by");
    if (const Status files = wire::check_tls_files(server.tls); !files) fault(item, files.error().text);
    if (const Status status = config::check_transport(server.tls.has_tls(), loopback, server.tls.insecure, production_);
        !status) {
      fault(item, status.error().text);
    }
  }

  const std::string& file_;
  const config::TlsSettings& tls_;
  const bool production_;
  std::vector<std::string>& faults_;
  std::vector<WatchedServer> servers_;
};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::vector<WatchedServer> parse_nodes(const std::string& file, std::string_view text, const config::TlsSettings& tls,
                                       bool production, std::vector<std::string>& faults) {
  return NodesReader(file, tls, production, faults).read(text);
}

std::vector<WatchedServer> read_nodes_file(const std::string& path, const config::TlsSettings& tls, bool production,
                                           std::vector<std::string>& faults) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMostBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (text.empty() && !file.eof()) {
    faults.push_back("cannot read nodes file " + quoted(path) + ": " + errno_text(errno));
    return {};
  }
  if (text.size() > kMostBytes) {
    faults.push_back("nodes file " + quoted(path) + " is larger than 1 MiB");
    return {};
  }
  return parse_nodes(path, text, tls, production, faults);
}

std::string default_nodes_file() {
  const std::string config = environment("XDG_CONFIG_HOME");
  return (config.empty() ? environment("HOME") + "/.config" : config) + "/lippycat/nodes.yaml";
}

}  // namespace lc::watch
