// Nothing passes that is not allowed, whatever an event holds (design §4.9; promise P1).
#include "disclosure/adapters/cut.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "random_message.h"
#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace gp = google::protobuf;
namespace cv1 = ::stafett::cases::v1;
using policy::Category;
using policy::CategorySet;

// ---- an independent reading of the options: what may be left --------------------------------------------------------

bool Allows(CategorySet allowed, int category) {
  return category > 0 && category < policy::kCategoryCount && allowed.Has(static_cast<Category>(category));
}
bool SectionAllowed(CategorySet allowed, const cv1::Section& s) {
  return Allows(allowed, s.section_category()) && (s.describes_size() == 0 || allowed.Has(Category::kThird));
}

// Paths of what must not be there.
void Forbidden(const gp::Message& m, CategorySet allowed, const std::string& path, std::vector<std::string>& out) {
  const auto& r = *m.GetReflection();
  if (r.GetUnknownFields(m).field_count() > 0) out.push_back(path + ": unknown field");
  if (const auto* section = dynamic_cast<const cv1::Section*>(&m)) {
    if (!SectionAllowed(allowed, *section)) out.push_back(path + ": section");
    return;
  }
  std::vector<const gp::FieldDescriptor*> set;
  r.ListFields(m, &set);
  for (const auto* f : set) {
    auto at = path + "." + f->name();
    if (f->message_type() == nullptr) {
      if (!Allows(allowed, f->options().GetExtension(common::v1::category))) out.push_back(at);
    } else if (f->is_repeated()) {
      for (int i = 0; i < r.FieldSize(m, f); ++i) {
        Forbidden(r.GetRepeatedMessage(m, f, i), allowed, at + "[" + std::to_string(i) + "]", out);
      }
    } else {
      Forbidden(r.GetMessage(m, f), allowed, at, out);
    }
  }
}

// Everything that is set, as "path=value"; sections as a whole.
std::multiset<std::string> Shown(const gp::Message& m, CategorySet allowed, const std::string& path = "") {
  std::multiset<std::string> out;
  const auto& r = *m.GetReflection();
  std::vector<const gp::FieldDescriptor*> set;
  r.ListFields(m, &set);
  for (const auto* f : set) {
    auto at = path + "." + f->name();
    int n = f->is_repeated() ? r.FieldSize(m, f) : 1;
    if (f->message_type() == nullptr) {
      if (!Allows(allowed, f->options().GetExtension(common::v1::category))) continue;
      for (int i = 0; i < n; ++i) {
        std::string text;
        gp::TextFormat::PrintFieldValueToString(m, f, f->is_repeated() ? i : -1, &text);
        out.insert(at + "=" + text);
      }
      continue;
    }
    for (int i = 0; i < n; ++i) {
      const auto& sub = f->is_repeated() ? r.GetRepeatedMessage(m, f, i) : r.GetMessage(m, f);
      if (const auto* section = dynamic_cast<const cv1::Section*>(&sub)) {
        auto copy = *section;
        copy.DiscardUnknownFields();
        if (SectionAllowed(allowed, *section)) out.insert(at + "=" + copy.SerializeAsString());
      } else {
        out.merge(Shown(sub, allowed, at));
      }
    }
  }
  return out;
}

std::vector<const gp::Descriptor*> Everything() {
  std::vector<const gp::Descriptor*> out;
  const auto* file = cv1::NoteWritten::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto* type = file->message_type(i);
    if (type->options().GetExtension(common::v1::disclosable) || type->name() == "ChildIdentity") out.push_back(type);
  }
  return out;
}

RC_GTEST_PROP(Cut, Leaves_nothing_outside_what_is_allowed_and_all_that_is_inside, ()) {
  auto types = Everything();
  for (const auto* type : types) {
    auto message = support::AnyMessage(*type);
    CategorySet allowed{*support::FullSize(rc::gen::inRange<std::uint32_t>(0, 1U << policy::kCategoryCount))};
    auto expected = Shown(*message, allowed);
    Cut(*message, allowed);
    std::vector<std::string> forbidden;
    Forbidden(*message, allowed, type->name(), forbidden);
    RC_ASSERT(forbidden == std::vector<std::string>{});
    RC_ASSERT(Shown(*message, allowed) == expected);
    auto once = message->SerializeAsString();
    Cut(*message, allowed);
    RC_ASSERT(message->SerializeAsString() == once);
  }
}

// What is found is enough: allowed all that it says, only what nobody may see is missing.
RC_GTEST_PROP(Cut, The_categories_of_a_message_are_those_that_it_needs, ()) {
  for (const auto* type : Everything()) {
    auto message = support::AnyMessage(*type);
    auto needs = CategoriesOf(*message).all;
    CategorySet everything{(1U << policy::kCategoryCount) - 1U};
    auto expected = Shown(*message, everything);
    Cut(*message, needs);
    RC_ASSERT(Shown(*message, everything) == expected);
  }
}

RC_GTEST_PROP(Cut, With_nothing_allowed_nothing_is_left, ()) {
  for (const auto* type : Everything()) {
    auto message = support::AnyMessage(*type);
    Cut(*message, {});
    std::vector<std::string> forbidden;
    Forbidden(*message, {}, type->name(), forbidden);
    RC_ASSERT(forbidden == std::vector<std::string>{});
  }
}

cv1::NoteWritten Note() {
  cv1::NoteWritten m;
  m.set_case_id("ca-1");
  m.set_author("p-1");
  auto add = [&](common::v1::Category c, const char* text) -> cv1::Section& {
    auto& s = *m.add_sections();
    s.set_section_category(c);
    s.set_text(text);
    return s;
  };
  add(common::v1::HEALTHD, "one");
  add(common::v1::EDUC, "two");
  add(common::v1::EDUC, "three").add_describes("p-brother");
  add(common::v1::CONCERN, "four");
  return m;
}

TEST(Cut, Sections_go_as_a_whole_and_the_others_keep_their_order) {
  auto m = Note();
  Cut(m, CategorySet{}.With(Category::kExist).With(Category::kEduc).With(Category::kConcern));
  EXPECT_EQ(m.case_id(), "ca-1");
  EXPECT_EQ(m.author(), "");
  ASSERT_EQ(m.sections_size(), 2);
  EXPECT_EQ(m.sections(0).text(), "two");
  EXPECT_EQ(m.sections(1).text(), "four");
}

TEST(Cut, What_describes_another_person_needs_THIRD_too) {
  auto m = Note();
  Cut(m, CategorySet{}.With(Category::kThird));
  EXPECT_EQ(m.sections_size(), 0);
  m = Note();
  Cut(m, CategorySet{}.With(Category::kThird).With(Category::kEduc));
  ASSERT_EQ(m.sections_size(), 2);
  EXPECT_EQ(m.sections(1).text(), "three");
}

TEST(Cut, A_section_of_no_category_or_one_of_a_later_version_is_shown_to_nobody) {
  for (int category : {0, 15, 31, 32, 33, 37, 99, 1 << 20, -1, -27}) {
    cv1::NoteWritten m;
    auto& s = *m.add_sections();
    s.set_section_category(static_cast<common::v1::Category>(category));
    s.set_text("secret");
    Cut(m, CategorySet{~0U});
    EXPECT_EQ(m.sections_size(), 0) << category;
  }
}

TEST(Cut, What_a_later_version_added_is_gone_at_every_depth) {
  auto m = Note();
  auto later = [](gp::Message& x) { x.GetReflection()->MutableUnknownFields(&x)->AddLengthDelimited(99, "secret"); };
  later(m);
  for (auto& s : *m.mutable_sections()) later(s);
  Cut(m, CategorySet{~0U});
  EXPECT_EQ(m.SerializeAsString().find("secret"), std::string::npos);
  EXPECT_EQ(m.sections_size(), 4);
}

TEST(EventTypes, Unknown_type_tells_nobody) {
  EXPECT_FALSE(FindEventType(""));
  EXPECT_FALSE(FindEventType("no.stafett.cases.invented-later.v1"));
  EXPECT_FALSE(FindEventType("no.stafett.consent.consent-answered.v1"));
  ASSERT_TRUE(FindEventType("no.stafett.cases.concern-noted.v1"));
  EXPECT_FALSE(FindEventType("no.stafett.cases.concern-noted.v1")->disclosable);
  EXPECT_TRUE(FindEventType("no.stafett.cases.note-written.v1")->disclosable);
}

}  // namespace
}  // namespace stafett::disclosure::adapters
