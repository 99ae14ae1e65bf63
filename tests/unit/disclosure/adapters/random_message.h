// Any message of a type: each field set or not, also values and fields that this version does not know.
#pragma once

#include <google/protobuf/message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>
#include <rapidcheck.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stafett::support {

// At full size from the first try: small sizes would only give the lowest values.
template <class T>
rc::Gen<T> FullSize(rc::Gen<T> gen) {
  return rc::gen::resize(rc::kNominalSize, std::move(gen));
}
inline int Pick(int n) { return *FullSize(rc::gen::inRange(0, n)); }

inline void FillAny(google::protobuf::Message& message) {
  namespace gp = google::protobuf;
  const auto& r = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    int times = f.is_repeated() ? Pick(4) : Pick(4) > 0 ? 1 : 0;
    for (int k = 0; k < times; ++k) {
      switch (f.cpp_type()) {
        case gp::FieldDescriptor::CPPTYPE_STRING: {
          auto text = "t" + std::to_string(Pick(1000));
          f.is_repeated() ? r.AddString(&message, &f, text) : r.SetString(&message, &f, text);
          break;
        }
        case gp::FieldDescriptor::CPPTYPE_BOOL: r.SetBool(&message, &f, true); break;
        case gp::FieldDescriptor::CPPTYPE_ENUM: {
          // Mostly what is declared, sometimes what a later version might write.
          int value = Pick(8) == 0 ? Pick(80) - 8 : f.enum_type()->value(Pick(f.enum_type()->value_count()))->number();
          f.is_repeated() ? r.AddEnumValue(&message, &f, value) : r.SetEnumValue(&message, &f, value);
          break;
        }
        case gp::FieldDescriptor::CPPTYPE_MESSAGE:
          FillAny(f.is_repeated() ? *r.AddMessage(&message, &f) : *r.MutableMessage(&message, &f));
          break;
        default: throw std::logic_error("no value for the kind of " + f.full_name());
      }
    }
  }
  if (Pick(4) == 0) r.MutableUnknownFields(&message)->AddLengthDelimited(900, "unknown");
}

inline std::unique_ptr<google::protobuf::Message> AnyMessage(const google::protobuf::Descriptor& type) {
  std::unique_ptr<google::protobuf::Message> m(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(&type)->New());
  FillAny(*m);
  return m;
}

}  // namespace stafett::support
