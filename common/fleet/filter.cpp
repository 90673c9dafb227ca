#include "common/fleet/filter.h"

#include <array>
#include <utility>

namespace lc::fleet {
namespace {

constexpr std::array<std::pair<FilterType, std::string_view>, 19> kNames = {{
    {FilterType::kSipUser, "FILTER_SIP_USER"},
    {FilterType::kPhoneNumber, "FILTER_PHONE_NUMBER"},
    {FilterType::kIpAddress, "FILTER_IP_ADDRESS"},
    {FilterType::kCallId, "FILTER_CALL_ID"},
    {FilterType::kCodec, "FILTER_CODEC"},
    {FilterType::kBpf, "FILTER_BPF"},
    {FilterType::kSipUri, "FILTER_SIP_URI"},
    {FilterType::kDnsDomain, "FILTER_DNS_DOMAIN"},
    {FilterType::kEmailAddress, "FILTER_EMAIL_ADDRESS"},
    {FilterType::kEmailSubject, "FILTER_EMAIL_SUBJECT"},
    {FilterType::kTlsSni, "FILTER_TLS_SNI"},
    {FilterType::kTlsJa3, "FILTER_TLS_JA3"},
    {FilterType::kTlsJa3s, "FILTER_TLS_JA3S"},
    {FilterType::kTlsJa4, "FILTER_TLS_JA4"},
    {FilterType::kHttpHost, "FILTER_HTTP_HOST"},
    {FilterType::kHttpUrl, "FILTER_HTTP_URL"},
    {FilterType::kImsi, "FILTER_IMSI"},
    {FilterType::kImei, "FILTER_IMEI"},
    {FilterType::kMediaEndpoint, "FILTER_MEDIA_ENDPOINT"},
}};

}  // namespace

std::string_view name_of(FilterType type) {
  for (const auto& [known, name] : kNames) {
    if (known == type) return name;
  }
  return {};
}

const std::vector<FilterType>& all_filter_types() {
  static const std::vector<FilterType> kTypes = [] {
    std::vector<FilterType> types;
    for (const auto& [type, name] : kNames) types.push_back(type);
    return types;
  }();
  return kTypes;
}

}  // namespace lc::fleet
