#include "disclosure/adapters/cut.h"

#include <map>
#include <vector>

#include "lib/base/id.h"
#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace gp = google::protobuf;
using policy::Category;
using policy::CategorySet;

Category Of(const gp::FieldDescriptor& f) { return ToCategory(f.options().GetExtension(common::v1::category)); }

CategorySet SectionNeeds(const cases::v1::Section& s) {
  auto needs = CategorySet{}.With(ToCategory(s.section_category()));
  if (s.describes_size() > 0) needs = needs.With(Category::kThird);
  return needs;
}

bool Set(const gp::Message& m, const gp::Reflection& r, const gp::FieldDescriptor& f) {
  return f.is_repeated() ? r.FieldSize(m, &f) > 0 : r.HasField(m, &f);
}

std::map<std::string, EventType> Registry() {
  std::map<std::string, EventType> out;
  const auto* file = cases::v1::NoteWritten::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto* type = file->message_type(i);
    auto name = type->options().GetExtension(common::v1::event_type);
    if (name.empty()) continue;
    out[name] = {gp::MessageFactory::generated_factory()->GetPrototype(type),
                 type->options().GetExtension(common::v1::disclosable)};
  }
  return out;
}
}  // namespace

std::optional<EventType> FindEventType(const std::string& type) {
  static const auto registry = Registry();
  auto it = registry.find(type);
  if (it == registry.end()) return std::nullopt;
  return it->second;
}

std::unique_ptr<gp::Message> ParseEvent(const EventType& type, const std::string& bytes) {
  std::unique_ptr<gp::Message> message(type.prototype->New());
  if (!message->ParseFromString(bytes)) return nullptr;
  return message;
}

Category ToCategory(int number) {
  // Names and numbers of the two enums are the same (tests/unit/proto).
  return number > 0 && number < policy::kCategoryCount ? static_cast<Category>(number) : Category::kNone;
}

Categories CategoriesOf(const gp::Message& message) {
  Categories out;
  if (const auto* section = dynamic_cast<const cases::v1::Section*>(&message)) {
    out.all = SectionNeeds(*section);
    out.sections.push_back(out.all);
    return out;
  }
  auto add = [&](const gp::Message& sub) {
    auto inner = CategoriesOf(sub);
    out.all = out.all.Or(inner.all);
    out.outside = out.outside.Or(inner.outside);
    out.sections.insert(out.sections.end(), inner.sections.begin(), inner.sections.end());
  };
  const auto& r = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    if (!Set(message, r, f)) continue;
    if (f.cpp_type() != gp::FieldDescriptor::CPPTYPE_MESSAGE) {
      out.all = out.all.With(Of(f));
      out.outside = out.outside.With(Of(f));
    } else if (f.is_repeated()) {
      for (int k = 0; k < r.FieldSize(message, &f); ++k) add(r.GetRepeatedMessage(message, &f, k));
    } else {
      add(r.GetMessage(message, &f));
    }
  }
  return out;
}

std::optional<std::string> AddresseeOf(const gp::Message& message) {
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    if (f.options().GetExtension(common::v1::addressee)) return message.GetReflection()->GetString(message, &f);
  }
  return std::nullopt;
}

void Cut(gp::Message& message, CategorySet allowed) {
  allowed = allowed.Minus(CategorySet{}.With(Category::kNone));
  const auto& r = *message.GetReflection();
  r.MutableUnknownFields(&message)->Clear();  // what is not declared has no category
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    if (!Set(message, r, f)) continue;
    if (f.cpp_type() != gp::FieldDescriptor::CPPTYPE_MESSAGE) {
      if (!allowed.Has(Of(f))) r.ClearField(&message, &f);
      continue;
    }
    auto stays = [&](const gp::Message& sub) {
      const auto* section = dynamic_cast<const cases::v1::Section*>(&sub);
      return section == nullptr || SectionNeeds(*section).Minus(allowed).Empty();
    };
    auto cut = [&](gp::Message* sub) {
      if (dynamic_cast<cases::v1::Section*>(sub) == nullptr) {
        Cut(*sub, allowed);
      } else {
        sub->DiscardUnknownFields();
      }
    };
    if (f.is_repeated()) {
      int kept = 0;
      for (int k = 0; k < r.FieldSize(message, &f); ++k) {
        if (!stays(r.GetRepeatedMessage(message, &f, k))) continue;
        if (kept != k) r.SwapElements(&message, &f, kept, k);
        cut(r.MutableRepeatedMessage(&message, &f, kept));
        ++kept;
      }
      while (r.FieldSize(message, &f) > kept) r.RemoveLast(&message, &f);
    } else if (stays(r.GetMessage(message, &f))) {
      cut(r.MutableMessage(&message, &f));
    } else {
      r.ClearField(&message, &f);
    }
  }
}

void UseOwnNames(gp::Message& message, const std::string& case_ref) {
  const auto& r = *message.GetReflection();
  const auto& type = *message.GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    if (f.name() == "case_id") {
      r.SetString(&message, &f, case_ref);
    } else if (!Set(message, r, f)) {
      continue;
    } else if (f.options().GetExtension(common::v1::own_name)) {
      r.SetString(&message, &f, DerivedId("own", case_ref + "/" + r.GetString(message, &f)));
    } else if (f.cpp_type() == gp::FieldDescriptor::CPPTYPE_MESSAGE && f.is_repeated()) {
      for (int k = 0; k < r.FieldSize(message, &f); ++k)
        UseOwnNames(*r.MutableRepeatedMessage(&message, &f, k), case_ref);
    } else if (f.cpp_type() == gp::FieldDescriptor::CPPTYPE_MESSAGE) {
      UseOwnNames(*r.MutableMessage(&message, &f), case_ref);
    }
  }
}

}  // namespace stafett::disclosure::adapters
