// What was published once must be readable for ever: one filled message of each type that lies on a topic, as bytes and
// as text, in tests/golden. A file is written once, when it is missing, by
//   STAFETT_WRITE_GOLDEN=1 build/dev/bin/proto_test
// and never changed: a change of the wire form is a new event type. A type that has grown new fields gets one more
// file,
// "<type>.2.txt", the same way.
#include <google/protobuf/text_format.h>
#include <google/protobuf/unknown_field_set.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>

#include "files.h"
#include "support/filled_message.h"

namespace stafett::proto_check {
namespace {
using Message = std::unique_ptr<gp::Message>;

struct Kind {
  std::string name;
  const gp::Descriptor* type;
};

// Events by their type; what else lies on topics by its message's name.
std::vector<Kind> Types() {
  std::vector<Kind> out;
  for (const auto* type : Events()) out.push_back({EventType(*type), type});
  for (const auto* type : {common::v1::Record::descriptor(), common::v1::WrappedKey::descriptor(),
                           common::v1::Identity::descriptor(), common::v1::IdentityBody::descriptor(),
                           disclosure::v1::Signal::descriptor(), cases::v1::ChildIdentity::descriptor()}) {
    out.push_back({type->full_name(), type});
  }
  return out;
}

// Has every field a value, in all depths? Of what is repeated the first is looked at.
bool Full(const gp::Message& m) {
  const auto& reflection = *m.GetReflection();
  for (int i = 0; i < m.GetDescriptor()->field_count(); ++i) {
    const auto& field = *m.GetDescriptor()->field(i);
    bool message = field.cpp_type() == gp::FieldDescriptor::CPPTYPE_MESSAGE;
    if (field.is_repeated()) {
      if (reflection.FieldSize(m, &field) == 0) return false;
      if (message && !Full(reflection.GetRepeatedMessage(m, &field, 0))) return false;
    } else {
      // Of a oneof one member can be set.
      if (!reflection.HasField(m, &field) && field.real_containing_oneof() == nullptr) return false;
      if (message && reflection.HasField(m, &field) && !Full(reflection.GetMessage(m, &field))) return false;
    }
  }
  return true;
}

std::filesystem::path FileOf(const Kind& kind) { return std::filesystem::path(STAFETT_GOLDEN) / (kind.name + ".txt"); }

Message New(const Kind& kind) {
  return Message(gp::MessageFactory::generated_factory()->GetPrototype(kind.type)->New());
}

constexpr char kDigits[] = "0123456789abcdef";
std::string Hex(const std::string& bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i > 0 && i % 40 == 0) out += '\n';
    auto b = static_cast<unsigned char>(bytes[i]);
    out += kDigits[b >> 4U];
    out += kDigits[b & 15U];
  }
  return out;
}
std::string FromHex(const std::string& line) {
  std::string out;
  for (std::size_t i = 0; i + 1 < line.size(); i += 2) {
    out += static_cast<char>(std::stoi(line.substr(i, 2), nullptr, 16));
  }
  return out;
}

// "# comment" lines, the text form, "---", the bytes in hexadecimal lines.
struct Golden {
  std::string text, bytes;
};
std::optional<Golden> Read(const Kind& kind) {
  std::ifstream file(FileOf(kind));
  if (!file) return std::nullopt;
  Golden out;
  bool in_bytes = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "---") {
      in_bytes = true;
    } else if (in_bytes) {
      out.bytes += FromHex(line);
    } else {
      out.text += line + "\n";
    }
  }
  return out;
}
void Write(const Kind& kind) {
  auto m = New(kind);
  int next = 0;
  support::FillEveryField(*m, next);
  std::string text;
  gp::TextFormat::PrintToString(*m, &text);
  std::ofstream(FileOf(kind)) << "# " << kind.name << ", as it was first published. Never changed.\n"
                              << text << "---\n"
                              << Hex(m->SerializeAsString()) << "\n";
}

// Every form of every type that was published: "<name>", "<name>.2", … as many as there are files.
Kind Form(const Kind& kind, int number) {
  return number == 1 ? kind : Kind{kind.name + "." + std::to_string(number), kind.type};
}
int Forms(const Kind& kind) {
  int count = 0;
  while (std::filesystem::exists(FileOf(Form(kind, count + 1)))) ++count;
  return count;
}
std::vector<Kind> Kinds() {
  std::vector<Kind> out;
  for (const auto& kind : Types()) {
    for (int i = 1; i <= Forms(kind); ++i) out.push_back(Form(kind, i));
  }
  return out;
}

TEST(Golden, Every_type_on_a_topic_has_its_bytes) {
  const char* write = std::getenv("STAFETT_WRITE_GOLDEN");
  for (const auto& kind : Types()) {
    SCOPED_TRACE(kind.name);
    auto whole = [&] {
      auto newest = New(kind);
      auto golden = Read(Form(kind, Forms(kind)));
      return golden && newest->ParseFromString(golden->bytes) && Full(*newest);
    };
    if (!whole() && write != nullptr && std::string(write) == "1") Write(Form(kind, Forms(kind) + 1));
    EXPECT_TRUE(whole())
        << "a new type, or new fields: write golden bytes with STAFETT_WRITE_GOLDEN=1 build/dev/bin/proto_test";
  }
}

TEST(Golden, No_type_that_was_published_is_gone) {
  std::set<std::string> names;
  for (const auto& kind : Kinds()) names.insert(FileOf(kind).filename());
  for (const auto& entry : std::filesystem::directory_iterator(STAFETT_GOLDEN)) {
    if (entry.path().extension() != ".txt") continue;
    EXPECT_TRUE(names.contains(entry.path().filename()))
        << entry.path() << " is on the log and cannot be read any more";
  }
}

TEST(Golden, Old_bytes_still_say_what_they_said) {
  for (const auto& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    auto golden = Read(kind);
    ASSERT_TRUE(golden);
    ASSERT_FALSE(golden->bytes.empty());
    auto expected = New(kind);
    ASSERT_TRUE(gp::TextFormat::ParseFromString(golden->text, expected.get())) << "a field was renamed or removed";
    auto parsed = New(kind);
    ASSERT_TRUE(parsed->ParseFromString(golden->bytes));
    std::string difference;
    gp::util::MessageDifferencer compare;
    compare.ReportDifferencesToString(&difference);
    EXPECT_TRUE(compare.Compare(*expected, *parsed)) << difference;
    EXPECT_EQ(parsed->SerializeAsString(), golden->bytes);
  }
}

// A process that is older than what it reads must not destroy what it does not know.
TEST(Golden, Unknown_fields_survive) {
  for (const auto& kind : Kinds()) {
    SCOPED_TRACE(kind.name);
    auto golden = Read(kind);
    ASSERT_TRUE(golden);
    gp::UnknownFieldSet later;
    later.AddVarint(5000, 17);
    later.AddLengthDelimited(5001, "of a later version");
    std::string more;
    later.SerializeToString(&more);
    auto parsed = New(kind);
    ASSERT_TRUE(parsed->ParseFromString(golden->bytes + more));
    auto copy = New(kind);
    copy->CopyFrom(*parsed);
    EXPECT_EQ(copy->SerializeAsString(), golden->bytes + more);
  }
}

}  // namespace
}  // namespace stafett::proto_check
