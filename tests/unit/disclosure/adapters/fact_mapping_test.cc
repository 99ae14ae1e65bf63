// What other services say becomes facts and items; what disclosure says comes back from the ledger as it was.
#include "disclosure/adapters/fact_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "lib/base/id.h"
#include "stafett/cases/v1/case_events.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/consent/v1/consent_events.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"
#include "support/filled_message.h"

namespace stafett::disclosure::adapters {
namespace {
namespace gp = google::protobuf;
namespace cv1 = ::stafett::cases::v1;
namespace sv1 = ::stafett::consent::v1;
namespace v1 = ::stafett::disclosure::v1;
using policy::Category;
using policy::CategorySet;
using testing::ElementsAre;

std::string TypeOf(const gp::Descriptor& type) { return type.options().GetExtension(common::v1::event_type); }
template <class Message>
std::string TypeOf() {
  return TypeOf(*Message::descriptor());
}

// Whoever adds a type thinks of it here: is it a fact? Then nobody may leave one out (lib/gate/parking.h).
TEST(IsContentAlone, Is_said_of_what_tells_nobody_who_may_see_what) {
  std::vector<std::string> content;
  for (const auto* file : {cv1::NoteWritten::descriptor()->file(), sv1::ConsentRequested::descriptor()->file(),
                           v1::Decided::descriptor()->file()}) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const auto type = TypeOf(*file->message_type(i));
      if (!type.empty() && IsContentAlone(type)) content.push_back(type);
    }
  }
  EXPECT_THAT(content, testing::UnorderedElementsAre(
                           "no.stafett.cases.concern-noted.v1", "no.stafett.cases.conversation-held.v1",
                           "no.stafett.cases.baton-offered.v1", "no.stafett.cases.baton-declined.v1",
                           "no.stafett.cases.baton-offer-ended.v1", "no.stafett.cases.note-written.v1",
                           "no.stafett.cases.bright-spot-added.v1", "no.stafett.cases.contribution-submitted.v1",
                           "no.stafett.cases.contribution-accepted.v1", "no.stafett.cases.contribution-declined.v1",
                           "no.stafett.cases.case-snapshot.v1"));
  EXPECT_FALSE(IsContentAlone("no.stafett.cases.yet-to-come.v1"));
  EXPECT_FALSE(IsContentAlone(""));
}

gate::Envelope Envelope(const std::string& type) {
  gate::Envelope e;
  e.event_id = "ev-1";
  e.type = type;
  e.child = "ch-1";
  e.subject = "ca-1";
  e.recorded = Time{1000};
  return e;
}

// ---- the ledger
// ------------------------------------------------------------------------------------------------------

TEST(Ledger, Every_event_type_comes_back_with_every_field) {
  const auto* file = v1::Decided::descriptor()->file();
  int checked = 0;
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto& type = *file->message_type(i);
    if (TypeOf(type).empty()) continue;
    // These two are said on the log.
    if (TypeOf(type) == TypeOf<v1::PolicyActivated>() || TypeOf(type) == TypeOf<v1::ReceiptsAwaited>()) continue;
    SCOPED_TRACE(type.name());
    std::unique_ptr<gp::Message> m(gp::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    int next = 0;
    support::FillEveryField(*m, next);
    // Sets of categories have one order.
    if (auto* decided = dynamic_cast<v1::Decided*>(m.get())) {
      for (auto& line : *decided->mutable_lines())
        std::sort(line.mutable_fields()->begin(), line.mutable_fields()->end());
    }
    if (auto* fetched = dynamic_cast<v1::Fetched*>(m.get())) {
      std::sort(fetched->mutable_fields()->begin(), fetched->mutable_fields()->end());
    }
    auto bytes = m->SerializeAsString();
    auto event = FromBody(TypeOf(type), bytes);
    ASSERT_TRUE(event && *event);
    auto body = ToBody(**event);
    EXPECT_EQ(body.type, TypeOf(type));
    EXPECT_EQ(body.bytes, bytes);
    ++checked;
  }
  EXPECT_EQ(checked, static_cast<int>(std::variant_size_v<domain::LedgerEvent>));
}

TEST(Ledger, Every_verdict_kind_and_category_comes_back) {
  domain::Decided decided;
  for (auto verdict : {policy::Verdict::kDisclose, policy::Verdict::kHuman, policy::Verdict::kWithhold}) {
    for (auto kind :
         {domain::DeliveryKind::kEvent, domain::DeliveryKind::kSnapshot, domain::DeliveryKind::kRetraction}) {
      for (int c = 1; c < policy::kCategoryCount; ++c) {
        domain::Line line;
        line.verdict = verdict;
        line.kind = kind;
        line.fields = CategorySet{}.With(static_cast<Category>(c));
        decided.lines.push_back(line);
      }
    }
  }
  auto body = ToBody(decided);
  auto back = FromBody(body.type, body.bytes);
  const auto& lines = std::get<domain::Decided>(**back).lines;
  ASSERT_EQ(lines.size(), decided.lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(lines[i].verdict, decided.lines[i].verdict);
    EXPECT_EQ(lines[i].kind, decided.lines[i].kind);
    EXPECT_EQ(lines[i].fields, decided.lines[i].fields);
  }
}

TEST(Ledger, An_unknown_verdict_is_no) {
  v1::Decided m;
  m.add_lines()->set_verdict(static_cast<v1::Verdict>(9));
  auto& line = *m.add_lines();
  line.add_fields(static_cast<common::v1::Category>(99));
  line.add_fields(static_cast<common::v1::Category>(-1));
  line.add_fields(common::v1::CATEGORY_UNSPECIFIED);
  auto back = FromBody(TypeOf<v1::Decided>(), m.SerializeAsString());
  EXPECT_EQ(std::get<domain::Decided>(**back).lines[0].verdict, policy::Verdict::kWithhold);
  EXPECT_TRUE(std::get<domain::Decided>(**back).lines[1].fields.Empty());
}

TEST(Ledger, A_later_versions_event_is_passed_over_and_a_broken_one_is_a_fault) {
  EXPECT_TRUE(FromBody("no.stafett.disclosure.invented-later.v1", "x") && true);
  EXPECT_FALSE(*FromBody("no.stafett.disclosure.invented-later.v1", "x"));
  auto broken = FromBody(TypeOf<v1::Decided>(), "\xff\xff\xff");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().reason, "BAD_BODY");
}

// ---- facts
// -----------------------------------------------------------------------------------------------------------

TEST(Facts, Of_every_type_that_carries_one) {
  auto fact = [](const gp::Message& m) { return ToFact(TypeOf(*m.GetDescriptor()), m.SerializeAsString()).value(); };
  cv1::LogOpened opened;
  int next = 0;
  support::FillEveryField(opened, next);
  auto a = std::get<domain::CaseOpened>(fact(opened));
  EXPECT_EQ(a.case_id, opened.case_id());
  EXPECT_EQ(a.holder, opened.holder());
  EXPECT_EQ(a.holder_recipient, opened.holder_recipient());
  EXPECT_EQ(a.goal, opened.goal());
  EXPECT_EQ(a.next_date, opened.next_date());
  EXPECT_EQ(a.level, 3);  // LEVEL_3
  EXPECT_EQ(a.goal_id, opened.goal_id());
  opened.clear_goal_id();  // a record of 0.1.0
  EXPECT_EQ(std::get<domain::CaseOpened>(fact(opened)).goal_id, DerivedId("go", opened.case_id()));
  cv1::MeasureStarted started;
  support::FillEveryField(started, next);
  const auto& measure = started.measure();
  const domain::MeasureFacts expected{measure.measure_id(),
                                      measure.goal_id(),
                                      measure.title(),
                                      measure.responsible(),
                                      measure.responsible_recipient(),
                                      measure.start(),
                                      measure.due_date(),
                                      measure.evaluation_date()};
  EXPECT_EQ(std::get<domain::MeasureSet>(fact(started)).measure, expected);
  cv1::MeasureChanged changed;
  changed.set_case_id(started.case_id());
  *changed.mutable_measure() = measure;
  EXPECT_EQ(std::get<domain::MeasureSet>(fact(changed)).measure, expected);
  cv1::MeasureEvaluated evaluated;
  support::FillEveryField(evaluated, next);
  EXPECT_EQ(std::get<domain::MeasureEnded>(fact(evaluated)).measure_id, evaluated.measure_id());
  evaluated.set_ended(false);
  EXPECT_EQ(std::get<domain::MeasureDated>(fact(evaluated)).measure_id, evaluated.measure_id());
  EXPECT_EQ(std::get<domain::MeasureDated>(fact(evaluated)).evaluation_date, evaluated.evaluation_date());
  cv1::GoalAdded goal;
  support::FillEveryField(goal, next);
  EXPECT_EQ(std::get<domain::GoalSet>(fact(goal)).goal, (domain::GoalFacts{goal.goal().goal_id(), goal.goal().goal()}));
  EXPECT_TRUE(std::holds_alternative<domain::GoalEnded>(fact(cv1::GoalEnded())));
  EXPECT_TRUE(std::holds_alternative<domain::MeasureEnded>(fact(cv1::MeasureEnded())));
  cv1::LevelSet level;
  level.set_level(cv1::LEVEL_0);
  EXPECT_EQ(std::get<domain::LevelChanged>(fact(level)).level, 0);
  cv1::BatonAccepted baton;
  support::FillEveryField(baton, next);
  auto b = std::get<domain::Handed>(fact(baton));
  EXPECT_EQ(b.holder, baton.holder());
  EXPECT_EQ(b.holder_recipient, baton.holder_recipient());
  EXPECT_EQ(b.next_date, baton.next_date());
  EXPECT_TRUE(std::holds_alternative<domain::Joined>(fact(cv1::ParticipantAdded())));
  EXPECT_TRUE(std::holds_alternative<domain::Left>(fact(cv1::ParticipantRemoved())));
  EXPECT_TRUE(std::holds_alternative<domain::CaseEnded>(fact(cv1::LogSuspended())));
  EXPECT_TRUE(std::holds_alternative<domain::CaseEnded>(fact(cv1::CaseClosed())));
  EXPECT_TRUE(std::holds_alternative<domain::Identified>(fact(cv1::ChildRegistered())));
  sv1::ConsentWithdrawn withdrawn;
  support::FillEveryField(withdrawn, next);
  EXPECT_EQ(std::get<domain::Withdrawn>(fact(withdrawn)).recipients.size(), 2U);
  sv1::ConsentAnswered answered;
  support::FillEveryField(answered, next);
  EXPECT_EQ(std::get<domain::Answered>(fact(answered)).granted.size(), 2U);
  EXPECT_EQ(std::get<domain::Answered>(fact(answered)).refused.size(), 2U);
  // What carries none.
  for (const gp::Message* m : std::initializer_list<const gp::Message*>{
           &cv1::ConcernNoted::default_instance(), &cv1::ConversationHeld::default_instance(),
           &cv1::NoteWritten::default_instance(), &cv1::BatonOffered::default_instance()}) {
    EXPECT_TRUE(std::holds_alternative<std::monostate>(fact(*m))) << m->GetTypeName();
  }
  EXPECT_TRUE(std::holds_alternative<std::monostate>(ToFact("no.stafett.cases.invented-later.v1", "x").value()));
  EXPECT_FALSE(ToFact(TypeOf<cv1::LevelSet>(), "\xff\xff\xff"));
}

TEST(Facts, A_consent_for_a_category_of_a_later_version_does_not_cover_another) {
  sv1::ConsentRequested m;
  auto& scope = *m.add_scopes();
  scope.set_recipient("r-ppt");
  scope.add_categories(common::v1::EDUC);
  for (int later : {0, 15, 31, 32, 33, 37, 99, -1}) scope.add_categories(static_cast<common::v1::Category>(later));
  auto fact = ToFact(TypeOf<sv1::ConsentRequested>(), m.SerializeAsString()).value();
  EXPECT_EQ(std::get<domain::Requested>(fact).consent.scopes.at("r-ppt").categories,
            CategorySet{}.With(Category::kEduc));
}

// ---- items
// -----------------------------------------------------------------------------------------------------------

TEST(Items, Only_what_is_declared_disclosable) {
  EXPECT_FALSE(ToItem(Envelope(TypeOf<cv1::ConcernNoted>()), "", 1));
  EXPECT_FALSE(ToItem(Envelope(TypeOf<cv1::ChildRegistered>()), "", 1));
  EXPECT_FALSE(ToItem(Envelope(TypeOf<sv1::ConsentAnswered>()), "", 1));
  EXPECT_FALSE(ToItem(Envelope("no.stafett.cases.invented-later.v1"), "", 1));
  EXPECT_FALSE(ToItem(Envelope(TypeOf<cv1::NoteWritten>()), "\xff\xff", 1));  // does not parse
  cv1::NoteWritten note;
  note.set_case_id("ca-1");
  auto& section = *note.add_sections();
  section.set_section_category(common::v1::EDUC);
  section.add_describes("p-brother");
  auto e = Envelope(TypeOf<cv1::NoteWritten>());
  e.happened = Time{500};
  e.actor.organisation = "974760673";
  auto item = ToItem(e, note.SerializeAsString(), 17);
  ASSERT_TRUE(item);
  EXPECT_EQ(item->id, "ev-1");
  EXPECT_EQ(item->case_id, "ca-1");
  EXPECT_EQ(item->origin, "");  // whose organisation it is, the version in force says
  EXPECT_EQ(item->organisation, "974760673");
  EXPECT_EQ(item->offset, 17);
  EXPECT_EQ(item->happened, Time{500});
  EXPECT_EQ(item->categories, CategorySet{}.With(Category::kExist).With(Category::kEduc).With(Category::kThird));
  EXPECT_EQ(item->outside, CategorySet{}.With(Category::kExist));
  EXPECT_THAT(item->sections, ElementsAre(CategorySet{}.With(Category::kEduc).With(Category::kThird)));
}

// Through whatever portal a parent writes, its owner gives nothing away: the words are the family's, told by the
// holder.
TEST(Items, What_a_guardian_adds_is_told_by_whoever_holds_the_baton) {
  domain::View view;
  view.cases["ca-1"].holder_recipient = "r-school";
  cv1::BrightSpotAdded m;
  m.set_case_id("ca-1");
  m.set_author("p-mother");
  auto e = Envelope(TypeOf<cv1::BrightSpotAdded>());
  ASSERT_TRUE(LearnRecord(view, e, m.SerializeAsString(), 3, Time{7}));
  EXPECT_EQ(view.items.at("ev-1").origin, "r-school");
  EXPECT_TRUE(view.items.at("ev-1").from_family);
  m.set_author_recipient("r-health");
  e.event_id = "ev-2";
  ASSERT_TRUE(LearnRecord(view, e, m.SerializeAsString(), 4, Time{7}));
  EXPECT_EQ(view.items.at("ev-2").origin, "");
  EXPECT_FALSE(view.items.at("ev-2").from_family);
}

// Found by reading: whose part of a consent was whole before the holder's never got the state of the log.
TEST(Items, The_holders_own_yes_makes_a_snapshot_for_whoever_had_theirs) {
  domain::View view;
  view.cases["ca-1"].open = true;
  view.cases["ca-1"].holder_recipient = "r-school";
  std::int64_t offset = 0;
  auto learn = [&](const auto& m, const std::string& id) {
    auto e = Envelope(TypeOf<std::decay_t<decltype(m)>>());
    e.event_id = id;
    return LearnRecord(view, e, m.SerializeAsString(), ++offset, Time{7})->snapshots;
  };
  sv1::ConsentRequested asked;
  asked.set_consent_id("co-1");
  asked.set_asking_recipient("r-ppt");
  asked.add_consenters("p-mother");
  for (const auto* r : {"r-school", "r-health", "r-ppt"}) asked.add_scopes()->set_recipient(r);
  learn(asked, "ev-1");
  auto yes = [](const char* recipient) {
    sv1::ConsentAnswered m;
    m.set_consent_id("co-1");
    m.set_consenter("p-mother");
    m.add_granted(recipient);
    return m;
  };
  using testing::Pair;
  EXPECT_THAT(learn(yes("r-health"), "ev-2"), ElementsAre(Pair("ev-2/ca-1", "r-health")));
  EXPECT_THAT(learn(yes("r-school"), "ev-3"),
              ElementsAre(Pair("ev-3/ca-1", "r-health"), Pair("ev-3/ca-1", "r-school")));
  EXPECT_THAT(learn(yes("r-ppt"), "ev-4"), ElementsAre(Pair("ev-4/ca-1", "r-ppt")));
}

TEST(Items, A_record_whose_key_was_destroyed_brings_nothing) {
  domain::View view;
  auto learned = LearnRecord(view, Envelope(TypeOf<cv1::NoteWritten>()), std::nullopt, 3, Time{7});
  ASSERT_TRUE(learned);
  EXPECT_TRUE(learned->items.empty());
  EXPECT_TRUE(view.items.empty());
  EXPECT_EQ(view.offsets.at("ev-1"), 3);  // a fence may still be asked for it
  EXPECT_EQ(view.latest, Time{7});
}

// ---- what a recipient gets
// -------------------------------------------------------------------------------------------

struct Showing : testing::Test {
  std::string who;
  domain::Item item;
  CutContents contents;
  void SetUp() override {
    cv1::ChildIdentity identity;
    identity.set_name("Mina Prøve");
    auto& mother = *identity.add_guardians();
    mother.set_name("Mor Prøve");
    who = identity.SerializeAsString();
    domain::CaseFacts facts;
    facts.level = 2;
    facts.goal = "sove godt";
    facts.holder = "p-teacher";
    facts.holder_recipient = "r-school";
    facts.next_date = "2026-12-01";
    facts.participants = {"r-health", "r-ppt"};
    facts.goals = {{"go-global", "sove godt"}};
    facts.measures = {
        {"ms-global", "go-global", "leggetid", "p-nurse", "r-health", "2026-11-18", "2026-12-24", "2026-12-20"}};
    item = ToSnapshot(Envelope("any"), "ca-global", facts, 5);
  }
};

TEST_F(Showing, A_snapshot_is_the_state_of_the_case) {
  EXPECT_EQ(item.id, "ev-1/ca-global");
  EXPECT_EQ(item.origin, "r-school");
  EXPECT_EQ(item.categories, CategorySet{}.With(Category::kExist).With(Category::kPlan));
  auto shown = contents.Show(who, item, CategorySet{~1U}, "k-own").value();
  EXPECT_EQ(shown.type_url, "type.googleapis.com/stafett.cases.v1.CaseSnapshot");
  cv1::CaseSnapshot m;
  ASSERT_TRUE(m.ParseFromString(shown.value));
  EXPECT_EQ(m.level(), cv1::LEVEL_2);
  EXPECT_EQ(m.goal(), "sove godt");
  EXPECT_EQ(m.holder(), "p-teacher");
  EXPECT_THAT(m.participants(), ElementsAre("r-health", "r-ppt"));
  EXPECT_EQ(m.next_date(), "2026-12-01");
  ASSERT_EQ(m.goals_size(), 1);
  EXPECT_EQ(m.goals(0).goal(), "sove godt");
  ASSERT_EQ(m.measures_size(), 1);
  const auto& measure = m.measures(0);
  EXPECT_EQ(measure.goal_id(), m.goals(0).goal_id());  // under whatever name, it serves that goal
  EXPECT_EQ(measure.title(), "leggetid");
  EXPECT_EQ(measure.responsible(), "p-nurse");
  EXPECT_EQ(measure.responsible_recipient(), "r-health");
  EXPECT_EQ(measure.start(), "2026-11-18");
  EXPECT_EQ(measure.due_date(), "2026-12-24");
  EXPECT_EQ(measure.evaluation_date(), "2026-12-20");
}

// Two recipients that compare what they were shown find nothing in it by which they know the same case; one that
// compares what it was shown twice finds the same measure.
TEST_F(Showing, Goals_and_measures_stand_under_names_that_are_the_recipients_own) {
  auto read = [&](const std::string& case_ref) {
    auto shown = contents.Show(who, item, CategorySet{~1U}, case_ref).value();
    EXPECT_EQ(shown.value.find("ms-global"), std::string::npos);
    EXPECT_EQ(shown.value.find("go-global"), std::string::npos);
    cv1::CaseSnapshot m;
    EXPECT_TRUE(m.ParseFromString(shown.value));
    return m;
  };
  auto mine = read("k-own"), yours = read("k-other");
  EXPECT_NE(mine.measures(0).measure_id(), yours.measures(0).measure_id());
  EXPECT_NE(mine.goals(0).goal_id(), yours.goals(0).goal_id());
  cv1::MeasureEnded ended;
  ended.set_case_id("ca-global");
  ended.set_measure_id("ms-global");
  domain::Item later;
  later.type = TypeOf<cv1::MeasureEnded>();
  later.body = ended.SerializeAsString();
  ASSERT_TRUE(ended.ParseFromString(contents.Show(who, later, CategorySet{~1U}, "k-own").value().value));
  EXPECT_EQ(ended.measure_id(), mine.measures(0).measure_id());
}

TEST_F(Showing, The_case_stands_under_the_recipients_own_pseudonym) {
  for (auto fields : {CategorySet{}, CategorySet{}.With(Category::kExist), CategorySet{~1U}}) {
    auto shown = contents.Show(who, item, fields, "k-own").value();
    EXPECT_EQ(shown.value.find("ca-global"), std::string::npos);
    cv1::CaseSnapshot m;
    ASSERT_TRUE(m.ParseFromString(shown.value));
    EXPECT_EQ(m.case_id(), "k-own");
  }
}

TEST_F(Showing, Identity_comes_only_with_IDENT) {
  EXPECT_TRUE(contents.Show(who, item, CategorySet{}.With(Category::kPlan), "k").value().identity.empty());
  auto shown = contents.Show(who, item, CategorySet{}.With(Category::kIdent), "k").value();
  cv1::ChildIdentity identity;
  ASSERT_TRUE(identity.ParseFromString(shown.identity));
  EXPECT_EQ(identity.name(), "Mina Prøve");
  EXPECT_EQ(identity.guardians(0).name(), "Mor Prøve");
  who.clear();
  EXPECT_TRUE(contents.Show(who, item, CategorySet{}.With(Category::kIdent), "k").value().identity.empty());
}

TEST_F(Showing, A_type_that_this_version_does_not_know_is_not_shown) {
  item.type = "no.stafett.cases.invented-later.v1";
  EXPECT_FALSE(contents.Show(who, item, CategorySet{~1U}, "k"));
}

// Every disclosable event stands for a case, and no global id of it gets out.
TEST(Contents, No_disclosable_event_shows_the_global_case_id) {
  const auto* file = cv1::NoteWritten::descriptor()->file();
  for (int i = 0; i < file->message_type_count(); ++i) {
    const auto& type = *file->message_type(i);
    if (!type.options().GetExtension(common::v1::disclosable)) continue;
    SCOPED_TRACE(type.name());
    std::unique_ptr<gp::Message> m(gp::MessageFactory::generated_factory()->GetPrototype(&type)->New());
    int next = 0;
    support::FillEveryField(*m, next);
    const auto* case_id = type.FindFieldByName("case_id");
    ASSERT_NE(case_id, nullptr);
    m->GetReflection()->SetString(m.get(), case_id, "ca-global");
    domain::Item item;
    item.type = TypeOf(type);
    item.body = m->SerializeAsString();
    auto shown = CutContents().Show("", item, CategorySet{~1U}, "k-own").value();
    EXPECT_EQ(shown.value.find("ca-global"), std::string::npos);
    EXPECT_NE(shown.value.find("k-own"), std::string::npos);
  }
}

}  // namespace
}  // namespace stafett::disclosure::adapters
