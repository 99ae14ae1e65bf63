#include "lib/host/validate.h"

#include <string>

#include "stafett/common/v1/options.pb.h"

namespace stafett::host {
namespace {
namespace gp = google::protobuf;
constexpr int kDefaultMaxBytes = 200;
constexpr int kMaxRepeated = 50;
constexpr int kMaxDepth = 8;

tl::unexpected<Error> Wrong(const std::string& path, const std::string& why) {
  return Invalid(path, path + ": " + why);
}

Status Text(const std::string& value, const gp::FieldDescriptor& field, const std::string& path) {
  int limit = field.options().GetExtension(common::v1::max_bytes);
  if (limit == 0) limit = kDefaultMaxBytes;
  if (value.size() > static_cast<std::size_t>(limit)) {
    return Wrong(path, "longer than " + std::to_string(limit) + " bytes");
  }
  for (char c : value) {
    auto u = static_cast<unsigned char>(c);
    if (u == 0 || (u < 32 && c != '\n' && c != '\t' && c != '\r')) return Wrong(path, "control characters");
  }
  return {};
}

Status Walk(const gp::Message& message, const std::string& prefix, int depth) {
  const auto& reflection = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  auto where = prefix.empty() ? std::string("request") : prefix;
  if (depth > kMaxDepth) return Wrong(where, "nested too deeply");
  if (reflection.GetUnknownFields(message).field_count() != 0) return Wrong(where, "has an unknown field");
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& field = *type.field(i);
    auto path = prefix.empty() ? field.name() : prefix + "." + field.name();
    bool required = field.options().GetExtension(common::v1::required);
    int n =
        field.is_repeated() ? reflection.FieldSize(message, &field) : (reflection.HasField(message, &field) ? 1 : 0);
    if (required && n == 0) return Wrong(path, "is required");
    if (n > kMaxRepeated && field.is_repeated()) {
      return Wrong(path, "more than " + std::to_string(kMaxRepeated) + " elements");
    }
    for (int k = 0; k < n; ++k) {
      auto at = field.is_repeated() ? path + "[" + std::to_string(k) + "]" : path;
      switch (field.cpp_type()) {
        case gp::FieldDescriptor::CPPTYPE_STRING: {
          auto value = field.is_repeated() ? reflection.GetRepeatedString(message, &field, k)
                                           : reflection.GetString(message, &field);
          STAFETT_CHECK_OK(Text(value, field, at));
          break;
        }
        case gp::FieldDescriptor::CPPTYPE_ENUM: {
          int value = field.is_repeated() ? reflection.GetRepeatedEnumValue(message, &field, k)
                                          : reflection.GetEnumValue(message, &field);
          if (field.enum_type()->FindValueByNumber(value) == nullptr) return Wrong(at, "unknown value");
          if (field.is_repeated() && value == 0) return Wrong(at, "is not specified");
          break;
        }
        case gp::FieldDescriptor::CPPTYPE_MESSAGE: {
          const auto& sub = field.is_repeated() ? reflection.GetRepeatedMessage(message, &field, k)
                                                : reflection.GetMessage(message, &field);
          STAFETT_CHECK_OK(Walk(sub, at, depth + 1));
          break;
        }
        default: break;
      }
    }
  }
  return {};
}
}  // namespace

Status Validate(const gp::Message& request) { return Walk(request, "", 0); }

}  // namespace stafett::host
