// The batch codec written by hand against the classes that protoc generates from data.proto.
// A failure prints its seed; LC_TEST_SEED=<seed> repeats the run.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/packet/batch.h"
#include "common/packet/batch_builder.h"
#include "lippycat/data.pb.h"
#include "tests/rpc/batch_judge.h"
#include "tests/rpc/batch_samples.h"

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using lc::samples::any_number;
using lc::samples::below;
using lc::samples::one_in;
using lc::samples::Random;
using lippycat::data::PacketBatch;
using namespace std::string_literals;

std::uint64_t new_seed() {
  const char* const given = std::getenv("LC_TEST_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device{}();
}

std::span<const std::uint8_t> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// Without Catch's assertions, which would take most of the time. Gives what the generated parser said.
bool judge(std::string_view bytes) {
  bool accepted = false;
  const std::string why = lc::judge::disagreement(as_bytes(bytes), accepted);
  if (!why.empty()) FAIL(why << " in " << bytes.size() << " bytes: " << lc::judge::hex(as_bytes(bytes)));
  return accepted;
}

std::string serialized(const PacketBatch& batch) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream out(&stream);
    out.SetSerializationDeterministic(true);
    REQUIRE(batch.SerializeToCodedStream(&out));
  }
  return bytes;
}

std::string block(std::string_view tag, const std::string& content) {
  std::string out(tag);
  std::size_t size = content.size();
  for (; size >= 0x80; size >>= 7) out += static_cast<char>(size | 0x80);
  out += static_cast<char>(size);
  return out + content;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (; times > 0; --times) out += text;
  return out;
}

// Sizes around the places where a length needs one byte more, and the largest packet.
std::string packet_of_any_size(Random& random) {
  constexpr std::array<std::size_t, 8> kSizes = {0, 1, 60, 127, 128, 1500, 16'383, 16'384};
  std::size_t size = kSizes[below(random, kSizes.size())];
  if (one_in(random, 40)) size = lc::packet::kMaxPacketBytes - below(random, 2);
  std::string data(size, '\0');
  for (char& byte : data) byte = static_cast<char>(random());
  return data;
}

void set_header(PacketBatch& expected, lc::packet::BatchHeader& header, Random& random) {
  header.sequence = any_number(random);
  header.timestamp_ns = static_cast<std::int64_t>(any_number(random));
  header.stats = {any_number(random), any_number(random), any_number(random),
                  static_cast<std::uint32_t>(any_number(random))};
  header.epoch = any_number(random);
  header.filter_revision = any_number(random);
  expected.set_hunter_id(std::string(header.hunter_id));
  expected.set_sequence(header.sequence);
  expected.set_timestamp_ns(header.timestamp_ns);
  auto& stats = *expected.mutable_stats();
  stats.set_total_captured(header.stats.total_captured);
  stats.set_filtered_matched(header.stats.filtered_matched);
  stats.set_dropped(header.stats.dropped);
  stats.set_buffer_usage(header.stats.buffer_usage);
  expected.set_epoch(header.epoch);
  expected.set_filter_revision(header.filter_revision);
}

// Calls `visit` with a batch in which exactly one field of the given type, anywhere below CapturedPacket, is set.
void visit_fields(PacketBatch& batch, Message& message, FieldDescriptor::Type type,
                  const std::function<void(Message&, const FieldDescriptor&)>& visit) {
  const auto& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    if (field.type() == type) visit(message, field);
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      visit_fields(
          batch,
          field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field),
          type, visit);
    }
    reflection.ClearField(&message, &field);
  }
}

}  // namespace

TEST_CASE("A sealed batch is byte for byte what the generated class writes", "[batch][codec]") {
  const std::uint64_t seed = new_seed();
  CAPTURE(seed);
  Random random(seed);
  lc::packet::SlabPool pool;
  for (int round = 0; round < 60; ++round) {
    const std::string name(below(random, 3) == 0 ? 0 : below(random, 200), 'e');
    const auto index = static_cast<std::uint32_t>(any_number(random));
    lc::packet::BatchBuilder builder(pool, name, index);
    // Batches follow each other in one slab: each is looked at only when all are there.
    std::vector<std::pair<lc::packet::EncodedBatch, PacketBatch>> sealed;
    for (int batches = 0; batches < 12; ++batches) {
      PacketBatch expected;
      for (std::size_t left = 1 + below(random, 40); left > 0; --left) {
        const std::string data = packet_of_any_size(random);
        const auto captured = static_cast<std::uint32_t>(data.size());
        const auto original = std::max(captured, static_cast<std::uint32_t>(any_number(random)));
        const auto timestamp = static_cast<std::int64_t>(any_number(random));
        const auto link_type = static_cast<std::uint32_t>(any_number(random));
        const bool was_empty = builder.empty();
        const bool added = builder.append(
            {reinterpret_cast<const std::uint8_t*>(data.data()), captured, original, timestamp}, link_type);
        if (!added) {
          REQUIRE_FALSE(was_empty);
          break;
        }
        auto& packet = *expected.add_packets();
        packet.set_data(data);
        packet.set_timestamp_ns(timestamp);
        packet.set_capture_length(captured);
        packet.set_original_length(original);
        packet.set_interface_index(index);
        packet.set_link_type(link_type);
        packet.set_interface_name(name);
      }
      lc::packet::BatchHeader header;
      const std::string hunter_id(below(random, 65), 'h');
      header.hunter_id = hunter_id;
      set_header(expected, header, random);
      REQUIRE(builder.packets() == static_cast<std::uint32_t>(expected.packets_size()));
      sealed.emplace_back(builder.seal(header), std::move(expected));
      REQUIRE(builder.empty());
    }
    for (const auto& [batch, expected] : sealed) {
      const std::string_view ours(reinterpret_cast<const char*>(batch.bytes.data), batch.bytes.size);
      REQUIRE((ours == serialized(expected)));
      PacketBatch read_back;
      REQUIRE(read_back.ParseFromArray(batch.bytes.data, static_cast<int>(batch.bytes.size)));
      REQUIRE((serialized(read_back) == ours));
      REQUIRE(batch.sequence == expected.sequence());
      REQUIRE(batch.packets == static_cast<std::uint32_t>(expected.packets_size()));
      REQUIRE(judge(ours));
    }
  }
}

TEST_CASE("A batch reads the same however another writer lays out its fields", "[batch][codec]") {
  lc::judge::silence_protobuf();
  const std::uint64_t seed = new_seed();
  CAPTURE(seed);
  Random random(seed);
  for (int round = 0; round < 3'000; ++round) {
    PacketBatch batch;
    lc::samples::fill(batch, random);
    const std::string bytes = lc::samples::scrambled(batch, random);
    // The sample itself is judged first: it must still be the same message.
    PacketBatch read_back;
    REQUIRE(read_back.ParseFromString(bytes));
    read_back.DiscardUnknownFields();
    REQUIRE((serialized(read_back) == serialized(batch)));
    REQUIRE(judge(bytes));
    REQUIRE(judge(serialized(batch)));
  }
}

TEST_CASE("A batch cut anywhere is accepted exactly when the generated parser accepts it", "[batch][codec]") {
  lc::judge::silence_protobuf();
  const std::uint64_t seed = new_seed();
  CAPTURE(seed);
  Random random(seed);
  std::size_t refused = 0;
  for (int round = 0; round < 60; ++round) {
    PacketBatch batch;
    lc::samples::fill(batch, random);
    const std::string bytes = lc::samples::scrambled(batch, random);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      if (!judge(std::string_view(bytes).substr(0, size))) ++refused;
    }
  }
  REQUIRE(refused > 0);
}

TEST_CASE("A damaged batch is accepted exactly when the generated parser accepts it", "[batch][codec]") {
  lc::judge::silence_protobuf();
  const std::uint64_t seed = new_seed();
  CAPTURE(seed);
  Random random(seed);
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 400; ++round) {
    PacketBatch batch;
    lc::samples::fill(batch, random);
    const std::string bytes = one_in(random, 2) ? lc::samples::scrambled(batch, random) : serialized(batch);
    for (int mutation = 0; mutation < 150; ++mutation) {
      ++(judge(lc::samples::mutated(bytes, random)) ? accepted : refused);
    }
  }
  REQUIRE(accepted > 1'000);
  REQUIRE(refused > 1'000);
}

TEST_CASE("Text that is not UTF-8 is refused in every string field of a batch", "[batch][codec]") {
  lc::judge::silence_protobuf();
  PacketBatch batch;
  std::size_t fields = 0;
  visit_fields(batch, batch, FieldDescriptor::TYPE_STRING, [&](Message& message, const FieldDescriptor& field) {
    ++fields;
    const auto& reflection = *message.GetReflection();
    CAPTURE(field.full_name());
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, "\xff");
    } else {
      reflection.SetString(&message, &field, "\xff");
    }
    const bool accepted = judge(serialized(batch));
    REQUIRE_FALSE(accepted);
  });
  REQUIRE(fields >= 43);
}

TEST_CASE("What is UTF-8 is decided as by protobuf", "[batch][codec]") {
  lc::judge::silence_protobuf();
  // Every byte at which a rule of RFC 3629, section 4, begins or ends, in every place of a sequence of four.
  constexpr std::array<unsigned char, 26> kBytes = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                                    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
  std::size_t accepted = 0;
  std::string bytes = "\x0a\x04....";
  for (const unsigned char a : kBytes) {
    for (const unsigned char b : kBytes) {
      for (const unsigned char c : kBytes) {
        for (const unsigned char d : kBytes) {
          bytes[2] = static_cast<char>(a);
          bytes[3] = static_cast<char>(b);
          bytes[4] = static_cast<char>(c);
          bytes[5] = static_cast<char>(d);
          if (judge(bytes)) ++accepted;
        }
      }
    }
  }
  REQUIRE(accepted > 0);
}

TEST_CASE("A submessage that breaks off is refused wherever it stands in a batch", "[batch][codec]") {
  PacketBatch batch;
  std::size_t fields = 0;
  visit_fields(batch, batch, FieldDescriptor::TYPE_MESSAGE, [&](Message& message, const FieldDescriptor& field) {
    if (field.is_map()) return;  // an entry does not keep unknown fields; "rare rules" has its case
    ++fields;
    CAPTURE(field.full_name());
    const auto& reflection = *message.GetReflection();
    Message& inner =
        field.is_repeated() ? *reflection.AddMessage(&message, &field) : *reflection.MutableMessage(&message, &field);
    inner.GetReflection()->MutableUnknownFields(&inner)->AddFixed32(1'000, 0x5a5a'5a5aU);
    std::string bytes = serialized(batch);
    REQUIRE(judge(bytes));
    // The unknown field's tag, 1000 as fixed32, becomes 1000 as bytes: 0x5a of them, which are not there.
    const std::size_t mark = bytes.find("\x5a\x5a\x5a\x5a");
    REQUIRE(mark != std::string::npos);
    bytes[mark - 2] = '\xc2';
    const bool accepted = judge(bytes);
    REQUIRE_FALSE(accepted);
    reflection.ClearField(&message, &field);
  });
  REQUIRE(fields >= 8);
}

TEST_CASE("The rare rules of the encoding are those of the generated parser", "[batch][codec]") {
  lc::judge::silence_protobuf();
  const std::vector<std::string> cases = {
      ""s,  // an empty batch
      "\x00"s,
      "\x00\x00"s,
      "\x01........"s,
      "\x02\x00"s,  // field number 0
      "\x80\x00"s,
      "\x80\x80\x80\x80\x00"s,  // and in a longer form
      "\x0c"s,
      "\x0b\x0c"s,
      "\x0b\x14"s,
      "\x0b"s,  // groups: end alone, whole, crossed, open
      "\x22\x01\x0c"s,
      "\x22\x02\x0b\x0c"s,  // the same in a packet
      "\x2a\x01\x0c"s,
      "\x2a\x02\x0b\x0c"s,  // and in stats
      "\x22\x01\x0b\x0c"s,  // a group that would end outside its packet
      "\x0e"s,
      "\x0f"s,
      "\x22\x01\x0e"s,              // wire types 6 and 7
      "\x90\x80\x80\x80\x00\x05"s,  // sequence, tag of 5 bytes
      "\x90\x80\x80\x80\x10\x05"s,
      "\x90\x80\x80\x80\x7f\x05"s,                          // tags with bits above the 32nd
      "\x90\x80\x80\x80\x80\x00\x05"s,                      // and of 6 bytes
      "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s,      // the largest number
      "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"s,      // bits above the 64th
      "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00"s,  // 11 bytes
      "\x22\x06\x30\xff\xff\xff\xff\x7f"s,                  // a 32-bit number with more bits
      "\x22\x0b\x30\x81\x80\x80\x80\x80\x80\x80\x80\x80\x01"s,
      "\x0a\x80\x80\x80\x80\x00"s,
      "\x0a\x80\x80\x80\x80\x80\x00"s,  // lengths of 5 and 6 bytes
      "\x0a\xff\xff\xff\xff\x07"s,
      "\x0a\xff\xff\xff\xff\x0f"s,  // lengths up to and beyond 2^31
      "\x0a\x80\x80\x80\x80\x10"s,  // a length of 0 with bits above the 32nd
      "\x08\x05"s,
      "\x12\x01\x05"s,
      "\x15...."s,
      "\x20\x01"s,
      "\x28\x01"s,  // known fields with another wire type
      "\x22\x02\x08\x01"s,
      "\x22\x03\x12\x01\x05"s,
      "\x22\x02\x40\x01"s,
      "\x2a\x03\x0a\x01\x05"s,
      "\xa0\x06\x07"s,
      "\xa8\x06\x09"s,
      "\xa2\x06\x01\x07"s,                  // epoch, filter_revision, epoch as bytes
      "\xf8\xff\xff\xff\x0f\x01"s,          // the highest field number
      "\x2a\x02\x08\x01\x2a\x02\x10\x02"s,  // stats in two pieces
      "\x22\x06\x0a\x01"
      "a"
      "\x0a\x01"
      "b"s,  // data twice
      "\x22\x02\x0a\x00"s,
      "\x22\x00"s,  // packets without data
      "\x22\x09\x0a\x03"
      "abc"
      "\x18\x09\x20\x01"s,      // capture_length too long, original_length too short
      "\x22\x03\x4a\x01\xff"s,  // matched_filter_ids not UTF-8
      "\x22\x03\x3a\x01\x08"s,
      "\x22\x03\x52\x01\x08"s,  // metadata and tls_keys cut short
      "\x22\x05\x3a\x03\x52\x01\x0a"s,
      "\x22\x06\x3a\x04\x52\x02\x0a\x05"s,  // metadata.details: an entry cut short
      "\x22\x04\x3a\x02\x52\x00"s,
      "\x22\x06\x3a\x04\x52\x02\x18\x05"s,  // an empty one, one with an unknown field
  };
  for (const std::string& bytes : cases) {
    CAPTURE(lc::judge::hex(as_bytes(bytes)));
    judge(bytes);
  }
}

TEST_CASE("Groups may nest as deep as the generated parser allows, counted from the batch", "[batch][codec]") {
  std::size_t accepted = 0;
  std::size_t refused = 0;
  for (std::size_t depth = 90; depth < 105; ++depth) {
    CAPTURE(depth);
    const std::string groups = repeated("\xbb\x3e", depth) + repeated("\xbc\x3e", depth);  // field 999
    for (const std::string& bytes :
         {groups, block("\x22", groups), block("\x2a", groups), block("\x22", block("\x3a", groups)),
          block("\x22", block("\x52", groups)), block("\x22", block("\x3a", block("\x3a", groups))),
          block("\x22", block("\x3a", block("\x3a", block("\x5a", groups)))),
          block("\x22", block("\x3a", block("\x52", groups))),
          block("\x22", block("\x3a", block("\x3a", block("\x5a", block("\x2a", groups)))))}) {
      ++(judge(bytes) ? accepted : refused);
    }
  }
  REQUIRE(accepted > 0);
  REQUIRE(refused > 0);
}

TEST_CASE("A batch with a packet larger than any capture gives is refused", "[batch][codec]") {
  PacketBatch batch;
  batch.add_packets()->set_data(std::string(lc::packet::kMaxPacketBytes, 'x'));
  REQUIRE(judge(serialized(batch)));
  batch.mutable_packets(0)->mutable_data()->push_back('x');
  judge(serialized(batch));
}
