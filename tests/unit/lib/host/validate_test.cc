// What the proto options declare is what is checked, and a refusal names the field (design §8).
#include "lib/host/validate.h"

#include <gtest/gtest.h>

#include "stafett/cases/v1/cases_service.pb.h"
#include "stafett/consent/v1/consent_service.pb.h"

namespace stafett::host {
namespace {
namespace cv1 = ::stafett::cases::v1;
namespace sv1 = ::stafett::consent::v1;

constexpr char kUuid[] = "123e4567-e89b-12d3-a456-426614174000";

cv1::WriteNoteRequest Note() {
  cv1::WriteNoteRequest m;
  m.set_request_id(kUuid);
  m.set_case_("controllers/c-1/cases/ca-1");
  auto& section = *m.add_sections();
  section.set_section_category(common::v1::EDUC);
  section.set_text("leser godt");
  return m;
}
cv1::NoteConcernRequest Concern() {
  cv1::NoteConcernRequest m;
  m.set_request_id(kUuid);
  m.set_child("controllers/c-1/children/cr-1");
  m.set_concern("trekker seg unna");
  return m;
}
cv1::SetLevelRequest Level() {
  cv1::SetLevelRequest m;
  m.set_request_id(kUuid);
  m.set_case_("controllers/c-1/cases/ca-1");
  m.set_level(cv1::LEVEL_2);
  m.set_reason("to tjenester");
  return m;
}

void ExpectWrong(const google::protobuf::Message& m, const std::string& field, const std::string& why) {
  auto checked = Validate(m);
  ASSERT_FALSE(checked) << field;
  EXPECT_EQ(checked.error().code, Code::kInvalidArgument);
  EXPECT_EQ(checked.error().reason, "INVALID_FIELD");
  EXPECT_EQ(checked.error().field, field);
  EXPECT_EQ(checked.error().message, field + ": " + why);
}

TEST(Validate, What_is_whole_passes) {
  EXPECT_TRUE(Validate(Note()));
  EXPECT_TRUE(Validate(Concern()));
  EXPECT_TRUE(Validate(Level()));
}

TEST(Validate, A_required_field_must_be_there) {
  auto m = Concern();
  m.clear_child();
  ExpectWrong(m, "child", "is required");
  m = Concern();
  m.clear_request_id();
  ExpectWrong(m, "request_id", "is required");
  auto note = Note();
  note.clear_sections();
  ExpectWrong(note, "sections", "is required");
  auto level = Level();
  level.set_level(cv1::LEVEL_UNSPECIFIED);
  ExpectWrong(level, "level", "is required");
}

TEST(Validate, Length_counts_bytes_and_not_letters) {
  auto m = Concern();
  m.set_concern(std::string(8000, 'a'));
  EXPECT_TRUE(Validate(m));
  m.set_concern(std::string(8001, 'a'));
  ExpectWrong(m, "concern", "longer than 8000 bytes");
  std::string long_text;
  for (int i = 0; i < 4001; ++i) long_text += "ø";  // two bytes each
  m.set_concern(long_text);
  ExpectWrong(m, "concern", "longer than 8000 bytes");
}

TEST(Validate, Without_a_declared_length_it_is_200) {
  auto m = Concern();
  m.set_external_ref(std::string(200, 'x'));
  EXPECT_TRUE(Validate(m));
  m.set_external_ref(std::string(201, 'x'));
  ExpectWrong(m, "external_ref", "longer than 200 bytes");
}

TEST(Validate, A_refusal_never_repeats_what_was_sent) {
  auto m = Concern();
  m.set_external_ref(std::string(190, 'x') + "NAVNESEN OG LANG TEKST");
  EXPECT_EQ(Validate(m).error().message.find("NAVNESEN"), std::string::npos);
}

TEST(Validate, Control_characters_are_refused_and_line_ends_are_not) {
  auto m = Concern();
  m.set_concern("en\nto\r\n\ttre");
  EXPECT_TRUE(Validate(m));
  for (auto bad : {std::string("a\0b", 3), std::string("a\x1b[31m"), std::string("a\x07"), std::string("\x01")}) {
    m.set_concern(bad);
    ExpectWrong(m, "concern", "control characters");
  }
}

TEST(Validate, An_unknown_value_is_refused_with_its_place) {
  auto level = Level();
  level.set_level(static_cast<cv1::Level>(77));
  ExpectWrong(level, "level", "unknown value");
  auto note = Note();
  note.add_sections()->set_section_category(static_cast<common::v1::Category>(99));
  ExpectWrong(note, "sections[1].section_category", "unknown value");
}

TEST(Validate, A_list_of_kinds_names_each) {
  sv1::RequestConsentRequest m;
  m.set_request_id(kUuid);
  m.set_child("controllers/c-1/children/cr-1");
  m.set_purpose("follow-up");
  m.add_consenters("p-mother");
  auto& scope = *m.add_scopes();
  scope.set_recipient("r-ppt");
  scope.add_categories(common::v1::PLAN);
  EXPECT_TRUE(Validate(m));
  scope.add_categories(common::v1::CATEGORY_UNSPECIFIED);
  ExpectWrong(m, "scopes[0].categories[1]", "is not specified");
  scope.set_categories(1, static_cast<common::v1::Category>(200));
  ExpectWrong(m, "scopes[0].categories[1]", "unknown value");
}

TEST(Validate, An_unknown_field_is_refused_at_any_depth) {
  auto m = Concern();
  m.GetReflection()->MutableUnknownFields(&m)->AddVarint(999, 1);
  ExpectWrong(m, "request", "has an unknown field");
  auto note = Note();
  auto* section = note.mutable_sections(0);
  section->GetReflection()->MutableUnknownFields(section)->AddLengthDelimited(999, "x");
  ExpectWrong(note, "sections[0]", "has an unknown field");
}

TEST(Validate, Fifty_of_anything_are_enough) {
  auto note = Note();
  while (note.sections_size() < 50) *note.add_sections() = note.sections(0);
  EXPECT_TRUE(Validate(note));
  *note.add_sections() = note.sections(0);
  ExpectWrong(note, "sections", "more than 50 elements");
}

TEST(Validate, What_is_wrong_inside_is_named_by_its_path) {
  auto note = Note();
  *note.add_sections() = note.sections(0);
  note.mutable_sections(1)->add_describes("p-1");
  note.mutable_sections(1)->add_describes("p\x01");
  ExpectWrong(note, "sections[1].describes[1]", "control characters");
}

}  // namespace
}  // namespace stafett::host
