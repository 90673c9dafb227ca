#include "common/wire/figures_messages.h"

#include <google/protobuf/util/message_differencer.h>

#include <catch2/catch.hpp>
#include <string>

#include "common/wire/call_messages.h"
#include "common/wire/convert.h"

using namespace lc;
namespace data = lippycat::data;
namespace pb = lippycat::management;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

namespace {

/// Something in every field, twice where it is repeated, so that a field that is forgotten in a conversion is missed.
void fill(Message& message, int& last) {
  const auto& reflection = *message.GetReflection();
  const auto& descriptor = *message.GetDescriptor();
  for (int at = 0; at < descriptor.field_count(); ++at) {
    const FieldDescriptor* const field = descriptor.field(at);
    for (int times = field->is_repeated() ? 2 : 1; times > 0; --times) {
      const int value = ++last;
      const auto set = [&](auto&& add, auto&& set_to, auto what) {
        if (field->is_repeated()) {
          (reflection.*add)(&message, field, what);
        } else {
          (reflection.*set_to)(&message, field, what);
        }
      };
      using R = google::protobuf::Reflection;
      switch (field->cpp_type()) {
        case FieldDescriptor::CPPTYPE_INT32:
          set(&R::AddInt32, &R::SetInt32, value);
          break;
        case FieldDescriptor::CPPTYPE_INT64:
          set(&R::AddInt64, &R::SetInt64, std::int64_t{value});
          break;
        case FieldDescriptor::CPPTYPE_UINT32:
          set(&R::AddUInt32, &R::SetUInt32, static_cast<std::uint32_t>(value));
          break;
        case FieldDescriptor::CPPTYPE_UINT64:
          set(&R::AddUInt64, &R::SetUInt64, static_cast<std::uint64_t>(value));
          break;
        case FieldDescriptor::CPPTYPE_DOUBLE:
          set(&R::AddDouble, &R::SetDouble, double{1} * value);
          break;
        case FieldDescriptor::CPPTYPE_FLOAT:
          set(&R::AddFloat, &R::SetFloat, float{1} * static_cast<float>(value));
          break;
        case FieldDescriptor::CPPTYPE_BOOL:
          set(&R::AddBool, &R::SetBool, true);
          break;
        case FieldDescriptor::CPPTYPE_ENUM:
          set(&R::AddEnumValue, &R::SetEnumValue, 1);
          break;
        case FieldDescriptor::CPPTYPE_STRING:
          set(&R::AddString, &R::SetString, "text " + std::to_string(value));
          break;
        case FieldDescriptor::CPPTYPE_MESSAGE:
          fill(field->is_repeated() ? *reflection.AddMessage(&message, field)
                                    : *reflection.MutableMessage(&message, field),
               last);
          break;
      }
    }
  }
}

template <typename What>
What filled() {
  What message;
  int last = 0;
  fill(message, last);
  return message;
}

std::string difference(const Message& before, const Message& after) {
  std::string text;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&text);
  differencer.Compare(before, after);
  return text;
}

void clear_what_is_no_figure(pb::ProcessorStats& stats) {
  stats.clear_processor_id();
  stats.clear_status();
  stats.clear_status_reason();
  stats.clear_upstream_processor();
  stats.clear_total_hunters();
  stats.clear_healthy_hunters();
  stats.clear_warning_hunters();
  stats.clear_error_hunters();
}

}  // namespace

TEST_CASE("Figures of nodes arrive whole", "[figures_messages]") {
  auto figures = filled<pb::NodeFigures>();
  clear_what_is_no_figure(*figures.mutable_processor());
  CHECK(difference(figures, wire::to_proto(wire::from_proto(figures))).empty());
}

TEST_CASE("Figures come as updates of the topology without a revision", "[figures_messages]") {
  fleet::FiguresAt told;
  told.path = {"east", "lab"};
  told.figures.taken_ns = 7;
  const pb::TopologyUpdate message = wire::to_proto(told, {.id = "root"});
  CHECK(message.update_type() == pb::TOPOLOGY_FIGURES);
  CHECK(message.revision() == 0);
  CHECK(message.timestamp_ns() == 7);
  CHECK(message.processor_id() == "lab");
  const auto read = wire::figures_in(message);
  REQUIRE(read);
  CHECK(read->path == told.path);
  CHECK(read->figures.taken_ns == 7);
  CHECK(wire::to_proto(fleet::FiguresAt{}, {.id = "root"}).processor_id() == "root");

  CHECK_FALSE(wire::figures_in(pb::TopologyUpdate()));
}

TEST_CASE("A call arrives whole, with its messages if they are asked for", "[call_messages]") {
  auto call = filled<data::CorrelatedCallUpdate>();
  call.clear_update_type();
  call.clear_revision();
  CHECK(difference(call, wire::to_proto(wire::from_proto(call), true)).empty());
  call.clear_messages();
  call.clear_messages_omitted();
  CHECK(difference(call, wire::to_proto(wire::from_proto(call), false)).empty());
}
