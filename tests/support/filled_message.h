// A protobuf message with every field set, by reflection: a mapping that forgets a field, also one that is added to
// the proto file later, does not give the same bytes back.
#pragma once

#include <google/protobuf/message.h>

#include <stdexcept>
#include <string>

namespace stafett::support {

inline void FillEveryField(google::protobuf::Message& message, int& next) {
  namespace gp = google::protobuf;
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    int n = ++next;
    auto text = field.name() + "-" + std::to_string(n);
    // Two of everything repeated, so that order counts too.
    for (int k = 0; k < (field.is_repeated() ? 2 : 1); ++k) {
      switch (field.cpp_type()) {
        case gp::FieldDescriptor::CPPTYPE_STRING:
          if (field.is_repeated()) {
            reflection.AddString(&message, &field, text + "-" + std::to_string(k));
          } else {
            reflection.SetString(&message, &field, text);
          }
          break;
        case gp::FieldDescriptor::CPPTYPE_BOOL: reflection.SetBool(&message, &field, true); break;
        case gp::FieldDescriptor::CPPTYPE_INT32: reflection.SetInt32(&message, &field, n); break;
        case gp::FieldDescriptor::CPPTYPE_INT64: reflection.SetInt64(&message, &field, 1'700'000'000'000 + n); break;
        case gp::FieldDescriptor::CPPTYPE_UINT32:
          reflection.SetUInt32(&message, &field, static_cast<unsigned>(n));
          break;
        case gp::FieldDescriptor::CPPTYPE_UINT64:
          reflection.SetUInt64(&message, &field, (1ULL << 40U) + static_cast<unsigned>(n));
          break;
        case gp::FieldDescriptor::CPPTYPE_ENUM: {
          // The last values: those that a cast gets wrong first.
          int count = field.enum_type()->value_count();
          int value = field.enum_type()->value(count - 1 - k)->number();
          if (field.is_repeated()) {
            reflection.AddEnumValue(&message, &field, value);
          } else {
            reflection.SetEnumValue(&message, &field, value);
          }
          break;
        }
        case gp::FieldDescriptor::CPPTYPE_MESSAGE:
          FillEveryField(field.is_repeated() ? *reflection.AddMessage(&message, &field)
                                             : *reflection.MutableMessage(&message, &field),
                         next);
          break;
        default: throw std::logic_error("no filling for the kind of " + field.full_name());
      }
    }
  }
}

}  // namespace stafett::support
