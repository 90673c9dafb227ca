#include "common/capture/interfaces.h"

#include <net/if.h>
#include <netdb.h>
#include <pcap/pcap.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <string_view>

#include "common/filter/bpf_link_type.h"

namespace lc::capture {
namespace {

std::vector<std::string> addresses_of(const pcap_if_t& device) {
  std::vector<std::string> texts;
  for (const int family : {AF_INET, AF_INET6}) {
    for (const pcap_addr* entry = device.addresses; entry != nullptr; entry = entry->next) {
      if (entry->addr == nullptr || entry->addr->sa_family != family) continue;
      std::array<char, NI_MAXHOST> text{};
      const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
      if (::getnameinfo(entry->addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) != 0) continue;
      texts.emplace_back(text.data());
    }
  }
  return texts;
}

std::vector<std::uint32_t> link_types_of(const char* name) {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  const std::unique_ptr<pcap_t, decltype(&::pcap_close)> handle(::pcap_create(name, why.data()), &::pcap_close);
  if (!handle || ::pcap_activate(handle.get()) < 0) return {};
  int* list = nullptr;
  const int count = ::pcap_list_datalinks(handle.get(), &list);
  if (count < 0) return {};
  std::vector<std::uint32_t> types;
  std::transform(list, list + count, std::back_inserter(types), filter::link_type_of_dlt);
  ::pcap_free_datalinks(list);
  return types;
}

// RFC 8259 section 7. Interface names may hold any byte but blanks and slashes.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte >= 0x7f) {
      std::array<char, 8> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\u%04x", byte);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

template <typename Range, typename Function>
std::string joined(const Range& range, std::string_view separator, Function&& text_of) {
  std::string out;
  for (const auto& item : range) {
    if (!out.empty()) out += separator;
    out += text_of(item);
  }
  return out;
}

std::string state_text(const Interface& interface) {
  std::string text = !interface.up ? "down" : interface.running ? "up" : "up, no carrier";
  if (interface.loopback) text += ", loopback";
  return text;
}

}  // namespace

Result<std::vector<Interface>> list_interfaces() {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  pcap_if_t* first = nullptr;
  if (::pcap_findalldevs(&first, why.data()) != 0) {
    return Error{Code::kUnavailable, std::string("cannot list interfaces: ") + why.data()};
  }
  const std::unique_ptr<pcap_if_t, decltype(&::pcap_freealldevs)> devices(first, &::pcap_freealldevs);
  std::vector<Interface> interfaces;
  for (const pcap_if_t* device = first; device != nullptr; device = device->next) {
    const bool is_any = std::string_view(device->name) == "any";
    if (!is_any && ::if_nametoindex(device->name) == 0) continue;  // USB, D-Bus, netfilter: not captured from here
    Interface& interface = interfaces.emplace_back();
    interface.name = device->name;
    if (device->description != nullptr) interface.description = device->description;
    interface.up = (device->flags & PCAP_IF_UP) != 0;
    interface.running = (device->flags & PCAP_IF_RUNNING) != 0;
    interface.loopback = (device->flags & PCAP_IF_LOOPBACK) != 0;
    interface.addresses = addresses_of(*device);
    interface.link_types = link_types_of(device->name);
  }
  return interfaces;
}

std::string as_text(const std::vector<Interface>& interfaces) {
  std::size_t name_width = 0;
  std::size_t state_width = 0;
  for (const Interface& interface : interfaces) {
    name_width = std::max(name_width, interface.name.size());
    state_width = std::max(state_width, state_text(interface).size());
  }
  std::string out;
  for (const Interface& interface : interfaces) {
    std::string line = interface.name + std::string(name_width - interface.name.size() + 2, ' ');
    const std::string state = state_text(interface);
    line += state + std::string(state_width - state.size(), ' ');
    for (const std::string& part :
         {joined(interface.addresses, " ", [](const std::string& address) { return address; }),
          joined(interface.link_types, ",", filter::link_type_name), interface.description}) {
      if (!part.empty()) line += "  " + part;
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return out;
}

std::string as_json(const std::vector<Interface>& interfaces) {
  const auto boolean = [](bool value) { return value ? "true" : "false"; };
  return "[" +
         joined(interfaces, ",\n ",
                [&](const Interface& interface) {
                  return "{\"name\":" + json_string(interface.name) +
                         ",\"description\":" + json_string(interface.description) + ",\"up\":" + boolean(interface.up) +
                         ",\"running\":" + boolean(interface.running) + ",\"loopback\":" + boolean(interface.loopback) +
                         ",\"addresses\":[" + joined(interface.addresses, ",", json_string) + "],\"link_types\":[" +
                         joined(interface.link_types, ",", [](std::uint32_t type) { return std::to_string(type); }) +
                         "]}";
                }) +
         "]\n";
}

}  // namespace lc::capture
