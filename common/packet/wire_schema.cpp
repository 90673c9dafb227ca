// Keeps step with protos/lippycat/data.proto: tests/rpc/batch_codec_test.cpp goes through every field of the generated
// classes and finds what is missing here.
#include "common/packet/wire_schema.h"

#include <array>

namespace lc::packet::wire_format {
namespace {

template <typename... Fields>
constexpr std::uint32_t fields(Fields... numbers) {
  return (... | (std::uint32_t{1} << numbers));
}

constexpr Shape kTextMapEntry{fields(1, 2), {}};

constexpr std::array<SubMessage, 1> kAccessNetworkInfoMessages{{{5, &kTextMapEntry}}};
constexpr Shape kAccessNetworkInfo{fields(1, 2, 3, 4), kAccessNetworkInfoMessages};

constexpr std::array<SubMessage, 1> kSipMessages{{{11, &kAccessNetworkInfo}}};
constexpr Shape kSip{fields(1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 13), kSipMessages};

constexpr Shape kRtp{0, {}};
constexpr Shape kEmail{fields(1, 2, 3, 4, 5), {}};

constexpr Shape kDnsAnswer{fields(1, 2, 3, 5), {}};
constexpr std::array<SubMessage, 1> kDnsMessages{{{18, &kDnsAnswer}}};
constexpr Shape kDns{fields(3, 4, 15, 16, 17), kDnsMessages};

constexpr std::array<SubMessage, 5> kMetadataMessages{
    {{7, &kSip}, {8, &kRtp}, {10, &kTextMapEntry}, {11, &kEmail}, {12, &kDns}}};
constexpr Shape kMetadata{fields(1, 2, 3, 6, 9), kMetadataMessages};

constexpr Shape kTlsSessionKeys{fields(13, 15), {}};

constexpr std::array<SubMessage, 2> kCapturedPacketMessages{{{7, &kMetadata}, {10, &kTlsSessionKeys}}};

}  // namespace

constexpr Shape kCapturedPacket{fields(8, 9), kCapturedPacketMessages};

}  // namespace lc::packet::wire_format
