#include "tests/rpc/batch_samples.h"

#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <string_view>
#include <vector>

namespace lc::samples {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::internal::WireFormatLite;

std::string any_text(Random& random) {
  constexpr std::array<std::string_view, 6> kCharacters = {
      "a", "-", "\x7f", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\xba"};
  std::string text;
  for (std::size_t left = below(random, 6); left > 0; --left) text += kCharacters[below(random, kCharacters.size())];
  return text;
}

std::string any_bytes(Random& random) {
  std::string bytes(below(random, one_in(random, 8) ? 300 : 6), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

void put_varint(std::string& out, std::uint64_t value, std::size_t least_size = 1) {
  std::size_t size = 1;
  for (; value >= 0x80 || size < least_size; value >>= 7, ++size) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}

// Tags and lengths may be padded to 5 bytes, values to 10.
void put_padded(std::string& out, std::uint64_t value, std::size_t most, Random& random) {
  put_varint(out, value, one_in(random, 5) ? 1 + below(random, most) : 1);
}

void put_tag(std::string& out, int field, WireFormatLite::WireType type, Random& random) {
  put_padded(out, WireFormatLite::MakeTag(field, type), 5, random);
}

void put_block(std::string& out, int field, std::string_view content, Random& random) {
  put_tag(out, field, WireFormatLite::WIRETYPE_LENGTH_DELIMITED, random);
  put_padded(out, content.size(), 5, random);
  out += content;
}

template <typename Number>
void put_fixed(std::string& out, Number value) {
  for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> (8 * i));
}

void put_unknown(std::string& out, int field, Random& random, int depth) {
  switch (below(random, depth > 0 ? 5 : 4)) {
    case 0:
      put_tag(out, field, WireFormatLite::WIRETYPE_VARINT, random);
      put_padded(out, any_number(random), 10, random);
      break;
    case 1:
      put_tag(out, field, WireFormatLite::WIRETYPE_FIXED64, random);
      put_fixed(out, random());
      break;
    case 2:
      put_tag(out, field, WireFormatLite::WIRETYPE_FIXED32, random);
      put_fixed(out, static_cast<std::uint32_t>(random()));
      break;
    case 3:
      put_block(out, field, any_bytes(random), random);
      break;
    default:
      put_tag(out, field, WireFormatLite::WIRETYPE_START_GROUP, random);
      for (std::size_t left = below(random, 3); left > 0; --left) {
        put_unknown(out, 1 + static_cast<int>(below(random, 20)), random, depth - 1);
      }
      put_tag(out, field, WireFormatLite::WIRETYPE_END_GROUP, random);
      break;
  }
}

void put_scalar(std::string& out, const FieldDescriptor& field, std::uint64_t bits, Random& random) {
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
    put_tag(out, field.number(), WireFormatLite::WIRETYPE_FIXED64, random);
    put_fixed(out, bits);
  } else {
    put_tag(out, field.number(), WireFormatLite::WIRETYPE_VARINT, random);
    put_padded(out, bits, 10, random);
  }
}

std::uint64_t bits_of(const Message& message, const FieldDescriptor& field) {
  const Reflection& reflection = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? 1 : 0;
    case FieldDescriptor::CPPTYPE_INT32:
      return static_cast<std::uint64_t>(std::int64_t{reflection.GetInt32(message, &field)});
    case FieldDescriptor::CPPTYPE_INT64:
      return static_cast<std::uint64_t>(reflection.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return reflection.GetUInt32(message, &field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return std::bit_cast<std::uint64_t>(reflection.GetDouble(message, &field));
    default:
      return reflection.GetUInt64(message, &field);
  }
}

// One singular field in one or more pieces whose last (or, for a message, whose sum) is its value.
std::vector<std::string> pieces_of(const Message& message, const FieldDescriptor& field, Random& random) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::string> pieces;
  const bool doubled = one_in(random, 4);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const Message& inner = reflection.GetMessage(message, &field);
    if (doubled) {
      const std::unique_ptr<Message> half(inner.New());
      half->CopyFrom(inner);
      std::vector<const FieldDescriptor*> fields;
      half->GetReflection()->ListFields(*half, &fields);
      for (const FieldDescriptor* of_half : fields) {
        // What is repeated, here or further below, would be there twice in the sum.
        const bool adds_up = of_half->is_repeated() || of_half->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
        if (adds_up || one_in(random, 2)) half->GetReflection()->ClearField(half.get(), of_half);
      }
      put_block(pieces.emplace_back(), field.number(), half->SerializeAsString(), random);
    }
    put_block(pieces.emplace_back(), field.number(), scrambled(inner, random), random);
  } else if (field.cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
    const bool text = field.type() == FieldDescriptor::TYPE_STRING;
    if (doubled) put_block(pieces.emplace_back(), field.number(), text ? any_text(random) : any_bytes(random), random);
    put_block(pieces.emplace_back(), field.number(), reflection.GetString(message, &field), random);
  } else {
    if (doubled) put_scalar(pieces.emplace_back(), field, any_number(random), random);
    put_scalar(pieces.emplace_back(), field, bits_of(message, field), random);
  }
  return pieces;
}

std::vector<std::string> elements_of(const Message& message, const FieldDescriptor& field, Random& random) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<std::string> elements;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    put_block(elements.emplace_back(), field.number(),
              field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE
                  ? scrambled(reflection.GetRepeatedMessage(message, &field, i), random)
                  : reflection.GetRepeatedString(message, &field, i),
              random);
  }
  return elements;
}

}  // namespace

void fill(Message& message, Random& random) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor& field = *message.GetDescriptor()->field(i);
    const bool text = field.type() == FieldDescriptor::TYPE_STRING;
    if (field.is_repeated()) {
      for (std::size_t left = below(random, 3); left > 0; --left) {
        if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
          fill(*reflection.AddMessage(&message, &field), random);
        } else {
          reflection.AddString(&message, &field, any_text(random));  // no other repeated fields are in data.proto
        }
      }
      continue;
    }
    if (one_in(random, 2)) continue;
    const std::uint64_t number = any_number(random);
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_MESSAGE:
        fill(*reflection.MutableMessage(&message, &field), random);
        break;
      case FieldDescriptor::CPPTYPE_STRING:
        reflection.SetString(&message, &field, text ? any_text(random) : any_bytes(random));
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(&message, &field, (number & 1) != 0);
        break;
      case FieldDescriptor::CPPTYPE_INT32:
        reflection.SetInt32(&message, &field, static_cast<std::int32_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(&message, &field, static_cast<std::int64_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_UINT32:
        reflection.SetUInt32(&message, &field, static_cast<std::uint32_t>(number));
        break;
      case FieldDescriptor::CPPTYPE_UINT64:
        reflection.SetUInt64(&message, &field, number);
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.SetDouble(&message, &field, static_cast<double>(number) / 8.0);
        break;
      default:
        break;  // no other types are in data.proto
    }
  }
}

std::string scrambled(const Message& message, Random& random) {
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);

  // Pieces of one field keep their order among themselves; `turns` says whose next piece comes when.
  std::vector<std::vector<std::string>> queues;
  for (const FieldDescriptor* field : fields) {
    queues.push_back(field->is_repeated() ? elements_of(message, *field, random) : pieces_of(message, *field, random));
  }
  for (std::size_t left = below(random, 3); left > 0; --left) {
    const int number = 1 + static_cast<int>(below(random, one_in(random, 2) ? 200 : 0x1fff'ffff));
    if (descriptor.FindFieldByNumber(number) != nullptr) continue;
    put_unknown(queues.emplace_back().emplace_back(), number, random, 3);
  }
  std::vector<std::size_t> turns;
  for (std::size_t i = 0; i < queues.size(); ++i) turns.insert(turns.end(), queues[i].size(), i);
  std::shuffle(turns.begin(), turns.end(), random);

  std::string out;
  std::vector<std::size_t> next(queues.size(), 0);
  for (const std::size_t turn : turns) out += queues[turn][next[turn]++];
  return out;
}

std::string mutated(std::string bytes, Random& random) {
  constexpr std::array<unsigned char, 14> kTelling = {0x00, 0x01, 0x07, 0x08, 0x0a, 0x0b, 0x0c,
                                                      0x22, 0x2a, 0x3a, 0x7f, 0x80, 0xc0, 0xff};
  for (std::size_t left = 1 + below(random, 3); left > 0; --left) {
    const std::size_t at = below(random, bytes.size() + 1);
    const char byte = static_cast<char>(one_in(random, 2) ? kTelling[below(random, kTelling.size())]
                                                          : static_cast<unsigned char>(random()));
    switch (below(random, 6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = byte;
        break;
      case 1:
        bytes.insert(at, 1, byte);
        break;
      case 2:
        if (at < bytes.size()) bytes.erase(at, 1 + below(random, 4));
        break;
      case 3:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(random, 8)));
        break;
      case 4:
        bytes.insert(at, bytes.substr(below(random, bytes.size() + 1), 1 + below(random, 12)));
        break;
      default:
        if (one_in(random, 4)) bytes.resize(at);
        break;
    }
  }
  return bytes;
}

}  // namespace lc::samples
