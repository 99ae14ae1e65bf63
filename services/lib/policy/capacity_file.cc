#include "lib/policy/capacity_file.h"

#include <algorithm>
#include <utility>

#include "lib/policy/file.h"
#include "lib/policy/strict_yaml.h"

namespace stafett::policy {
namespace {

constexpr std::size_t kMostRows = 200;
constexpr int kOldest = 120;

std::string Quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

class RowReader {
 public:
  RowReader(yaml::Reader& reader, const YAML::Node& row) : reader_(reader), row_(row) {}

  CapacityRow Read() {
    reader_.Keys(row_, "row", {"id", "domains", "from_age", "who", "voice", "source", "from", "confidence"},
                 {"to_age", "when", "informed", "to", "note"});
    CapacityRow out;
    out.id = reader_.Text(row_, "id");
    if (!reader_.Ok()) return out;
    for (const std::string& name : reader_.Texts(row_, "domains")) {
      auto domain = DomainFromName(name);
      if (!domain) Fault("domains", "unknown domain " + Quoted(name));
      if (domain) out.domains |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(*domain));
    }
    if (out.domains == 0) Fault("domains", "domains must name at least one");
    out.from_age = Age("from_age");
    if (reader_.Child(row_, "to_age").IsDefined()) {
      out.to_age = Age("to_age");
      if (*out.to_age < out.from_age) Fault("to_age", "to_age is below from_age");
    }
    if (reader_.Child(row_, "when").IsDefined()) out.when = ReadCondition(reader_, reader_.Child(row_, "when"));
    out.who = Set("who");
    out.informed = Set("informed");
    if (out.who.Empty()) Fault("who", "who must name somebody");
    std::string voice = reader_.Text(row_, "voice");
    if (!VoiceFromName(voice)) Fault("voice", "unknown voice " + Quoted(voice));
    out.voice = VoiceFromName(voice).value_or(Voice::kHear);
    out.source = reader_.Text(row_, "source");
    out.confidence = reader_.Text(row_, "confidence");
    if (out.confidence.size() != 1 || std::string_view("VGIT").find(out.confidence) == std::string_view::npos) {
      Fault("confidence", "confidence must be V, G, I or T");
    }
    if (auto from = reader_.When(row_, "from")) out.valid_from = *from;
    out.valid_to = reader_.When(row_, "to");
    if (out.valid_to && *out.valid_to <= out.valid_from) Fault("to", "\"to\" must be later than \"from\"");
    reader_.Text(row_, "note");
    return out;
  }

 private:
  void Fault(std::string_view key, const std::string& message) {
    reader_.Fault(reader_.KeyOf(row_, key), "row " + reader_.Text(row_, "id") + ": " + message);
  }

  int Age(std::string_view key) {
    std::string text = reader_.Text(row_, key);
    bool number = !text.empty() && text.size() <= 3 && text.find_first_not_of("0123456789") == std::string::npos;
    if (!number || std::stoi(text) > kOldest) {
      Fault(key, std::string(key) + ": whole years");
      return 0;
    }
    return std::stoi(text);
  }

  ConsenterSet Set(std::string_view key) {
    ConsenterSet out;
    for (const std::string& name : reader_.Texts(row_, key)) {
      auto who = ConsenterFromName(name);
      if (!who) Fault(key, std::string(key) + ": unknown " + Quoted(name));
      if (who) out = out.With(*who);
    }
    return out;
  }

  yaml::Reader& reader_;
  YAML::Node row_;
};

// For every field of law and every age some row answers, whatever the family; and each row can be reached.
void CheckWhole(yaml::Reader& reader, const std::vector<CapacityRow>& rows, const std::vector<YAML::Node>& nodes) {
  std::vector<bool> reached(rows.size(), false);
  for (unsigned domain = 0; domain < static_cast<unsigned>(kDomainCount); ++domain) {
    for (int age = 0; age <= kOldest; ++age) {
      bool answered = false;
      for (std::size_t i = 0; i < rows.size() && !answered; ++i) {
        const CapacityRow& row = rows[i];
        bool fits = ((row.domains >> domain) & 1U) != 0 && row.from_age <= age && (!row.to_age || age <= *row.to_age);
        if (!fits) continue;
        reached[i] = true;
        answered = row.when.Empty() && !row.valid_to;
      }
      if (answered) continue;
      reader.Fault(nodes.front(), "nobody consents in " + std::string(Name(static_cast<Domain>(domain))) + " at " +
                                      std::to_string(age));
      return;
    }
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (!reached[i]) reader.Fault(nodes[i], "row " + rows[i].id + ": an earlier row always answers before it");
  }
}

}  // namespace

Result<std::vector<CapacityRow>> LoadCapacity(std::string_view text, std::string source_name) {
  yaml::Reader reader(std::move(source_name), "POLICY_FILE");
  YAML::Node root = reader.Parse(text);
  reader.Keys(root, "the file", {"capacity", "rows"});
  if (reader.Text(root, "capacity") != "1") reader.Fault(root, "capacity: only version 1 is known");
  std::vector<YAML::Node> nodes = reader.List(root, "rows");
  if (nodes.empty()) reader.Fault(root, "rows: the list is empty");
  if (nodes.size() > kMostRows) reader.Fault(root, "rows: too many");
  std::vector<CapacityRow> rows;
  for (const YAML::Node& node : nodes) {
    if (!reader.Ok()) break;
    rows.push_back(RowReader(reader, node).Read());
    auto same = [&](const CapacityRow& row) { return row.id == rows.back().id; };
    if (std::count_if(rows.begin(), rows.end(), same) > 1) {
      reader.Fault(node, "row " + rows.back().id + ": this id stands twice");
    }
  }
  if (reader.Ok()) CheckWhole(reader, rows, nodes);
  if (!reader.Ok()) return tl::unexpected(reader.error());
  return rows;
}

Result<std::vector<CapacityRow>> LoadCapacityFile(const std::string& path) {
  STAFETT_TRY(std::string text, yaml::ReadFile(path, "POLICY_FILE"));
  return LoadCapacity(text, path);
}

}  // namespace stafett::policy
