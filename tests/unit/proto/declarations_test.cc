// What proto/ declares is whole: categories, event types, causes, request ids (design §3.10, §4.9). A field that is
// added without its category fails here and not at a child's expense.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <regex>
#include <set>

#include "files.h"
#include "lib/policy/policy.h"

namespace stafett::proto_check {
namespace {

// Fields without a category, by their path; messages are walked into.
void WithoutCategory(const gp::Descriptor& type, const std::string& path, std::set<const gp::Descriptor*> above,
                     std::vector<std::string>& out) {
  if (!above.insert(&type).second) return;
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    auto at = path + "." + f.name();
    if (f.message_type() != nullptr) {
      WithoutCategory(*f.message_type(), at, above, out);
    } else if (f.options().GetExtension(common::v1::category) == common::v1::CATEGORY_UNSPECIFIED) {
      out.push_back(at);
    }
  }
}

TEST(Categories, Every_field_of_every_event_has_one) {
  std::vector<std::string> without;
  for (const auto* type : Events()) WithoutCategory(*type, type->full_name(), {}, without);
  WithoutCategory(*cases::v1::ChildIdentity::descriptor(), "stafett.cases.v1.ChildIdentity", {}, without);
  EXPECT_EQ(without, std::vector<std::string>{})
      << "say what kind of information it is: [(common.v1.category) = …] (proto/stafett/common/v1/options.proto)";
}

TEST(Categories, Are_the_same_in_proto_and_in_policy) {
  const auto& values = *common::v1::Category_descriptor();
  ASSERT_EQ(values.value_count(), policy::kCategoryCount);
  for (int i = 0; i < values.value_count(); ++i) {
    const auto& value = *values.value(i);
    auto category = static_cast<policy::Category>(value.number());
    EXPECT_EQ(value.number(), i);
    EXPECT_EQ(policy::Name(category), i == 0 ? "NONE" : value.name());
    if (i == 0) continue;
    EXPECT_EQ(policy::CategoryFromName(value.name()), category);
  }
}

// Free text stands in sections and nowhere else: only they say whom else they describe.
TEST(Categories, What_is_disclosable_stands_for_a_case) {
  for (const auto* type : Events()) {
    if (!type->options().GetExtension(common::v1::disclosable)) continue;
    const auto* case_id = type->FindFieldByName("case_id");
    ASSERT_NE(case_id, nullptr) << type->full_name();
    EXPECT_EQ(case_id->type(), gp::FieldDescriptor::TYPE_STRING);
    EXPECT_EQ(case_id->options().GetExtension(common::v1::category), common::v1::EXIST);
  }
}

const gp::FieldDescriptor* Addressee(const gp::Descriptor& type) {
  const gp::FieldDescriptor* out = nullptr;
  for (int i = 0; i < type.field_count(); ++i) {
    if (!type.field(i)->options().GetExtension(common::v1::addressee)) continue;
    EXPECT_EQ(out, nullptr) << type.full_name() << " is for one recipient";
    out = type.field(i);
  }
  return out;
}

// Disclosure looks for it in the event itself, and nowhere deeper.
TEST(Addressees, Are_single_strings_of_disclosable_events) {
  std::set<std::string> events, with;
  for (const auto* type : Events()) {
    if (type->options().GetExtension(common::v1::disclosable)) events.insert(type->full_name());
  }
  ForEachMessage([&](const gp::Descriptor& type) {
    const auto* f = Addressee(type);
    if (f == nullptr) return;
    EXPECT_EQ(f->type(), gp::FieldDescriptor::TYPE_STRING) << f->full_name();
    EXPECT_FALSE(f->is_repeated()) << f->full_name();
    EXPECT_TRUE(events.contains(type.full_name())) << type.full_name();
    with.insert(type.full_name());
  });
  EXPECT_FALSE(with.empty());
}

// What is shown to several recipients names nothing by an id that is the same for all of them. What is for one alone
// does: the two who know of it speak of it with each other.
void GlobalIds(const gp::Descriptor& type, const std::string& path, std::vector<std::string>& out) {
  for (int i = 0; i < type.field_count(); ++i) {
    const auto& f = *type.field(i);
    auto at = path + "." + f.name();
    if (f.message_type() != nullptr) {
      GlobalIds(*f.message_type(), at, out);
    } else if (f.name().ends_with("_id") && f.name() != "case_id" && !f.options().GetExtension(common::v1::own_name)) {
      out.push_back(at);
    }
  }
}

TEST(OwnNames, Stand_in_the_place_of_every_id_that_is_shown) {
  std::vector<std::string> global;
  for (const auto* type : Events()) {
    if (!type->options().GetExtension(common::v1::disclosable) || Addressee(*type) != nullptr) continue;
    GlobalIds(*type, type->full_name(), global);
  }
  EXPECT_EQ(global, std::vector<std::string>{}) << "[(common.v1.own_name) = true]";
}

TEST(OwnNames, Are_single_strings) {
  ForEachMessage([](const gp::Descriptor& type) {
    for (int i = 0; i < type.field_count(); ++i) {
      const auto& f = *type.field(i);
      if (!f.options().GetExtension(common::v1::own_name)) continue;
      EXPECT_EQ(f.type(), gp::FieldDescriptor::TYPE_STRING) << f.full_name();
      EXPECT_FALSE(f.is_repeated()) << f.full_name();
    }
  });
}

TEST(EventTypes, Have_the_form_of_their_service_and_are_unique) {
  const std::regex form(R"(no\.stafett\.([a-z]+)\.[a-z]+(-[a-z]+)*\.v1)");
  std::map<std::string, std::string> seen;
  for (const auto* type : Events()) {
    std::smatch match;
    auto name = EventType(*type);
    ASSERT_TRUE(std::regex_match(name, match, form)) << type->full_name() << ": " << name;
    EXPECT_EQ("stafett." + match[1].str() + ".v1", type->file()->package()) << name;
    auto [it, fresh] = seen.emplace(name, type->full_name());
    EXPECT_TRUE(fresh) << name << " is both " << it->second << " and " << type->full_name();
  }
  EXPECT_GE(seen.size(), 20U);
}

TEST(EventTypes, Disclosable_or_causing_are_only_events) {
  ForEachMessage([](const gp::Descriptor& type) {
    if (!EventType(type).empty()) return;
    EXPECT_FALSE(type.options().GetExtension(common::v1::disclosable)) << type.full_name();
    EXPECT_EQ(type.options().ExtensionSize(common::v1::triggers), 0) << type.full_name();
  });
}

std::map<std::string, std::set<std::string>> Triggers() {
  std::map<std::string, std::set<std::string>> out;
  for (const auto* type : Events()) {
    auto& to = out[EventType(*type)];
    for (int i = 0; i < type->options().ExtensionSize(common::v1::triggers); ++i) {
      to.insert(type->options().GetExtension(common::v1::triggers, i));
    }
  }
  return out;
}

TEST(Triggers, Name_events_that_exist) {
  auto triggers = Triggers();
  for (const auto& [from, all] : triggers) {
    for (const auto& to : all) EXPECT_TRUE(triggers.contains(to)) << from << " triggers " << to;
  }
}

TEST(Triggers, Have_no_cycle) {
  auto triggers = Triggers();
  std::set<std::string> done;
  std::vector<std::string> path;
  std::function<void(const std::string&)> visit = [&](const std::string& type) {
    auto at = std::find(path.begin(), path.end(), type);
    if (at != path.end()) {
      std::string cycle;
      for (; at != path.end(); ++at) cycle += *at + " -> ";
      FAIL() << cycle << type;
    }
    if (done.contains(type)) return;
    path.push_back(type);
    for (const auto& to : triggers[type]) visit(to);
    path.pop_back();
    done.insert(type);
  };
  for (const auto& [type, to] : Triggers()) visit(type);
}

TEST(Requests, A_request_id_is_required_and_as_long_as_a_UUID) {
  int checked = 0;
  ForEachMessage([&](const gp::Descriptor& type) {
    if (!type.name().ends_with("Request")) return;
    const auto* id = type.FindFieldByName("request_id");
    if (id == nullptr) return;
    EXPECT_TRUE(id->options().GetExtension(common::v1::required)) << type.full_name();
    EXPECT_EQ(id->options().GetExtension(common::v1::max_bytes), 36) << type.full_name();
    ++checked;
  });
  EXPECT_GE(checked, 15);
}

// What answers with a receipt changes something; what changes something carries a request_id.
TEST(Requests, Every_command_carries_a_request_id) {
  for (const auto* file : Files()) {
    for (int i = 0; i < file->service_count(); ++i) {
      for (int k = 0; k < file->service(i)->method_count(); ++k) {
        const auto& method = *file->service(i)->method(k);
        const auto* receipt = method.output_type()->FindFieldByName("receipt");
        if (receipt == nullptr) continue;
        EXPECT_NE(method.input_type()->FindFieldByName("request_id"), nullptr) << method.full_name();
      }
    }
  }
}

TEST(Files, Are_all_looked_at_here) {
  std::set<std::string> seen;
  for (const auto* file : Files()) seen.insert(file->name());
  seen.insert(common::v1::Category_descriptor()->file()->name());  // options.proto has no messages
  for (const auto& entry : std::filesystem::recursive_directory_iterator("proto")) {
    if (entry.path().extension() != ".proto") continue;
    auto name = entry.path().lexically_relative("proto").string();
    EXPECT_TRUE(seen.contains(name)) << "add it to Files() in tests/unit/proto/files.h: " << name;
  }
}

}  // namespace
}  // namespace stafett::proto_check
