#include "lib/config/reader.h"

#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <variant>

namespace stafett::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = 4 * 1024 * 1024;  // controllers' files of a region are the largest
constexpr std::size_t kMaxSecretBytes = 4096;
constexpr std::string_view kMask = "***";

int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }  // YAML counts from 0

// Edits (insert, delete, replace) from a to b.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// The nearest of `known`, if it is near enough to be what was meant.
std::string Nearest(const std::string& key, const std::set<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, key.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = Distance(key, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  return best;
}

std::optional<std::int64_t> ParseInteger(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool IsAddress(const std::string& text, Section::Port port) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return false;
  if (text.find_first_of(" \t,/") != std::string::npos) return false;
  const std::optional<std::int64_t> number = ParseInteger(text.substr(colon + 1));
  const std::int64_t least = port == Section::Port::kZeroAllowed ? 0 : 1;
  return number && *number >= least && *number <= 65535;
}

Result<std::string> ReadFile(const std::string& path, std::size_t max_bytes) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return Fail(Code::kInvalidArgument, "CONFIG_INVALID", path + ": no such file");
  }
  std::ifstream in(path, std::ios::binary);
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.eof() && !in) return Fail(Code::kInvalidArgument, "CONFIG_INVALID", path + ": cannot be read");
  if (text.size() > max_bytes) {
    return Fail(Code::kInvalidArgument, "CONFIG_INVALID", path + ": more than " + std::to_string(max_bytes) + " bytes");
  }
  if (text.empty() && !in.eof()) {
    return Fail(Code::kInvalidArgument, "CONFIG_INVALID", path + ": cannot be read");
  }
  return text;
}

}  // namespace

// A mapping: what stands in it, what was asked for, and what came of it.
struct Section::Node {
  struct Entry {
    YAML::Node value;
    int line = 0;
  };
  using Read =
      std::variant<std::string, std::vector<std::string>, std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>>;

  std::string path;  // "redis", "agencies[2]"; empty for the root
  int line = 1;
  bool present = false;
  std::map<std::string, Entry> entries;
  std::vector<std::string> order;  // of the keys, as in the file
  std::set<std::string> asked;
  std::vector<std::pair<std::string, Read>> read;

  std::string PathOf(std::string_view key) const {
    if (path.empty()) return std::string(key);
    return key.empty() ? path : path + "." + std::string(key);
  }
  void Emit(YAML::Emitter& out) const {
    out << YAML::BeginMap;
    for (const auto& [key, what] : read) {
      out << YAML::Key << key << YAML::Value;
      if (const auto* text = std::get_if<std::string>(&what)) {
        out << *text;
      } else if (const auto* texts = std::get_if<std::vector<std::string>>(&what)) {
        out << YAML::Flow << *texts;
      } else if (const auto* child = std::get_if<std::shared_ptr<Node>>(&what)) {
        (*child)->Emit(out);
      } else {
        out << YAML::BeginSeq;
        for (const auto& item : std::get<std::vector<std::shared_ptr<Node>>>(what)) item->Emit(out);
        out << YAML::EndSeq;
      }
    }
    out << YAML::EndMap;
  }
};

struct Document::State {
  std::string name;
  fs::path directory;
  std::shared_ptr<Section::Node> root;
  std::vector<std::pair<int, std::string>> mistakes;
  struct SecretFile {
    std::string key, path;
    int line = 0;
  };
  std::vector<SecretFile> secrets;
  bool secrets_must_be_private = false;

  void Note(int line, std::string why) { mistakes.emplace_back(line, std::move(why)); }

  std::shared_ptr<Section::Node> Open(const YAML::Node& yaml, std::string path, int line) {
    auto node = std::make_shared<Section::Node>();
    node->path = std::move(path);
    node->line = line;
    node->present = yaml.IsDefined();
    if (!yaml.IsDefined()) return node;
    if (!yaml.IsMap()) {
      Note(line, (node->path.empty() ? "the file" : node->path) + " must be a mapping (key: value)");
      return node;
    }
    for (const auto& entry : yaml) {
      if (!entry.first.IsScalar()) {
        Note(LineOf(entry.first), "a key must be a plain word");
        continue;
      }
      const std::string key = entry.first.Scalar();
      // YAML would let the last one win in silence.
      if (!node->entries.emplace(key, Section::Node::Entry{entry.second, LineOf(entry.first)}).second) {
        Note(LineOf(entry.first), node->PathOf(key) + " stands twice");
        continue;
      }
      node->order.push_back(key);
    }
    return node;
  }

  std::string Absolute(const std::string& path) const {
    return fs::path(path).is_absolute() ? path : (directory / path).lexically_normal().string();
  }

  void RefuseUnknown(const Section::Node& node) {
    for (const std::string& key : node.order) {
      if (node.asked.contains(key)) continue;
      const std::string meant = Nearest(key, node.asked);
      Note(node.entries.at(key).line,
           "unknown key " + node.PathOf(key) + (meant.empty() ? "" : "; did you mean \"" + meant + "\"?"));
    }
    for (const auto& [key, what] : node.read) {
      if (const auto* child = std::get_if<std::shared_ptr<Section::Node>>(&what)) RefuseUnknown(**child);
      if (const auto* items = std::get_if<std::vector<std::shared_ptr<Section::Node>>>(&what)) {
        for (const auto& item : *items) RefuseUnknown(*item);
      }
    }
  }
};

// Looks keys up, notes what is wrong with them, and remembers what was read.
class Section::Access {
 public:
  Access(Document::State& state, Node& node, std::string_view key) : state_(state), node_(node), key_(key) {
    node.asked.insert(key_);
    const auto found = node.entries.find(key_);
    if (found != node.entries.end()) entry_ = &found->second;
  }
  bool Stands() const { return entry_ != nullptr; }
  int line() const { return entry_ ? entry_->line : node_.line; }
  const YAML::Node& yaml() const { return entry_->value; }
  std::string path() const { return node_.PathOf(key_); }
  void Refuse(const std::string& why) { state_.Note(line(), path() + " " + why); }
  void Missing() {
    // One mistake is enough: in a missing section every key would be missing.
    if (node_.present) state_.Note(node_.line, "missing key " + path());
  }
  std::optional<std::string> Scalar() {
    if (!yaml().IsScalar() || yaml().Scalar().empty()) {
      Refuse(yaml().IsNull() || yaml().IsScalar() ? "has no value" : "must be a single value");
      return std::nullopt;
    }
    return yaml().Scalar();
  }
  void Keep(Node::Read value) { node_.read.emplace_back(key_, std::move(value)); }
  // For an absent key: notes it as missing, unless there is a default.
  template <class T>
  void Absent(const std::optional<T>& value, const std::string& shown) {
    if (value) {
      Keep(shown);
    } else {
      Missing();
    }
  }

 private:
  Document::State& state_;
  Node& node_;
  const std::string key_;
  Node::Entry* entry_ = nullptr;
};

Document::Document(std::unique_ptr<State> state) : state_(std::move(state)) {}
Document::Document(Document&&) noexcept = default;
Document& Document::operator=(Document&&) noexcept = default;
Document::~Document() = default;

Result<Document> Document::Load(const std::string& path) {
  STAFETT_TRY(const std::string text, ReadFile(path, kMaxFileBytes));
  return Parse(text, path);
}

Result<Document> Document::Parse(const std::string& text, const std::string& name) {
  auto state = std::make_unique<State>();
  state->name = name;
  std::error_code ignored;
  state->directory = fs::absolute(name, ignored).parent_path();
  try {
    const YAML::Node yaml = YAML::Load(text);
    if (yaml.IsNull()) return Fail(Code::kInvalidArgument, "CONFIG_INVALID", name + ": the file is empty");
    state->root = state->Open(yaml, "", 1);
  } catch (const YAML::Exception& broken) {
    return Fail(Code::kInvalidArgument, "CONFIG_INVALID",
                name + ":" + std::to_string(broken.mark.line + 1) + ": not YAML: " + broken.msg);
  }
  return Document(std::move(state));
}

Section Document::root() { return Section(state_.get(), state_->root); }

void Document::SecretsMustBePrivate() { state_->secrets_must_be_private = true; }

Status Document::Finish() {
  State& state = *state_;
  state.RefuseUnknown(*state.root);
  if (state.secrets_must_be_private) {
    for (const State::SecretFile& secret : state.secrets) {
      struct stat info {};
      if (::stat(secret.path.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0) {
        state.Note(secret.line, secret.key + ": everybody may read or write the file; chmod o-rwx it");
      }
    }
  }
  if (state.mistakes.empty()) return {};
  std::stable_sort(state.mistakes.begin(), state.mistakes.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string all;
  for (const auto& [line, why] : state.mistakes) {
    if (!all.empty()) all += '\n';
    all += state.name + ":" + std::to_string(line) + ": " + why;
  }
  return Fail(Code::kInvalidArgument, "CONFIG_INVALID", all);
}

std::string Document::Effective() const {
  YAML::Emitter out;
  state_->root->Emit(out);
  return std::string(out.c_str()) + "\n";
}

bool Section::Has(std::string_view key) const { return node_->entries.contains(std::string(key)); }
bool Section::present() const { return node_->present; }
int Section::line() const { return node_->line; }
std::vector<std::string> Section::Keys() const { return node_->order; }

void Section::Refuse(std::string_view key, const std::string& why) {
  const auto entry = node_->entries.find(std::string(key));
  const int line = entry == node_->entries.end() ? node_->line : entry->second.line;
  state_->Note(line, node_->PathOf(key) + " " + why);
}

std::optional<std::string> Section::Text(std::string_view key, const std::optional<std::string>& absent) {
  Access at(*state_, *node_, key);
  if (!at.Stands()) {
    at.Absent(absent, absent.value_or(""));
    return absent;
  }
  std::optional<std::string> text = at.Scalar();
  if (text) at.Keep(*text);
  return text;
}

std::string Section::String(std::string_view key) { return Text(key, std::nullopt).value_or(""); }

std::string Section::String(std::string_view key, std::string_view absent) {
  return Text(key, std::string(absent)).value_or(std::string(absent));
}

std::optional<std::string> Section::OptionalString(std::string_view key) {
  if (Ask(key)) return Text(key, std::nullopt);
  return std::nullopt;
}

std::int64_t Section::Whole(std::string_view key, std::int64_t min, std::int64_t max,
                            std::optional<std::int64_t> absent) {
  Access at(*state_, *node_, key);
  const std::int64_t otherwise = absent.value_or(min);
  if (!at.Stands()) {
    at.Absent(absent, std::to_string(otherwise));
    return otherwise;
  }
  const std::optional<std::string> text = at.Scalar();
  if (!text) return otherwise;
  const std::optional<std::int64_t> value = ParseInteger(*text);
  const std::string range = std::to_string(min) + ".." + std::to_string(max);
  if (!value) {
    at.Refuse("must be a whole number (" + range + ")");
    return otherwise;
  }
  if (*value < min || *value > max) {
    at.Refuse("is out of range: " + *text + ", allowed is " + range);
    return otherwise;
  }
  at.Keep(*text);
  return *value;
}

std::int64_t Section::Integer(std::string_view key, std::int64_t min, std::int64_t max) {
  return Whole(key, min, max, std::nullopt);
}

std::int64_t Section::Integer(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t absent) {
  return Whole(key, min, max, absent);
}

bool Section::Boolean(std::string_view key, std::optional<bool> absent) {
  std::optional<std::string> otherwise;
  if (absent) otherwise = *absent ? "true" : "false";
  return OneOf(key, {"true", "false"}, otherwise) == "true";
}

std::string Section::OneOf(std::string_view key, const std::vector<std::string>& allowed,
                           std::optional<std::string> absent) {
  Access at(*state_, *node_, key);
  if (!at.Stands()) {
    at.Absent(absent, absent.value_or(""));
    return absent.value_or("");
  }
  const std::optional<std::string> text = at.Scalar();
  if (text && std::find(allowed.begin(), allowed.end(), *text) != allowed.end()) {
    at.Keep(*text);
    return *text;
  }
  if (text) {
    std::string list;
    for (const std::string& word : allowed) list += (list.empty() ? "" : ", ") + word;
    at.Refuse("must be one of: " + list);
  }
  return absent.value_or("");
}

std::string Section::Address(std::string_view key, Port port) {
  Access at(*state_, *node_, key);
  if (!at.Stands()) {
    at.Missing();
    return "";
  }
  const std::optional<std::string> text = at.Scalar();
  if (text && !IsAddress(*text, port)) {
    at.Refuse("must be host:port");
    return "";
  }
  if (text) at.Keep(*text);
  return text.value_or("");
}

std::optional<std::string> Section::OptionalAddress(std::string_view key) {
  if (Ask(key)) return Address(key);
  return std::nullopt;
}

std::string Section::PathTo(std::string_view key, bool directory) {
  Access at(*state_, *node_, key);
  if (!at.Stands()) {
    at.Missing();
    return "";
  }
  const std::optional<std::string> text = at.Scalar();
  if (!text) return "";
  const std::string path = state_->Absolute(*text);
  std::error_code error;
  if (directory ? !fs::is_directory(path, error) : !fs::is_regular_file(path, error)) {
    at.Refuse(std::string(directory ? "is no directory: " : "is no file: ") + path);
    return "";
  }
  at.Keep(path);
  return path;
}

std::string Section::File(std::string_view key) { return PathTo(key, false); }
std::string Section::Directory(std::string_view key) { return PathTo(key, true); }

std::optional<std::string> Section::OptionalFile(std::string_view key) {
  if (Ask(key)) return File(key);
  return std::nullopt;
}

Secret Section::SecretFile(std::string_view key) {
  const std::string path = PathTo(key, false);
  if (path.empty()) return {};
  Access at(*state_, *node_, key);
  Result<std::string> text = ReadFile(path, kMaxSecretBytes);
  if (!text) {
    at.Refuse("cannot be used: " + text.error().message);
    return {};
  }
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty()) {
    at.Refuse("is empty: " + path);
    return {};
  }
  state_->secrets.push_back({at.path(), path, at.line()});
  const std::string_view suffix = "_file";
  std::string shown(key);
  if (shown.ends_with(suffix)) shown.resize(shown.size() - suffix.size());
  if (shown != key) node_->read.emplace_back(shown, std::string(kMask));
  return Secret(std::move(*text));
}

std::optional<Secret> Section::OptionalSecretFile(std::string_view key) {
  if (Ask(key)) return SecretFile(key);
  return std::nullopt;
}

Section Section::Child(std::string_view key) {
  Access at(*state_, *node_, key);
  if (!at.Stands()) at.Missing();
  auto child = state_->Open(at.Stands() ? at.yaml() : YAML::Node(YAML::NodeType::Undefined), at.path(), at.line());
  at.Keep(child);
  return Section(state_, child);
}

std::optional<Section> Section::OptionalChild(std::string_view key) {
  if (Ask(key)) return Child(key);
  return std::nullopt;
}

Section Section::ChildOrDefaults(std::string_view key) {
  if (Ask(key)) return Child(key);
  auto child = std::make_shared<Node>();
  child->path = node_->PathOf(key);
  child->line = node_->line;
  node_->read.emplace_back(std::string(key), child);
  return Section(state_, child);
}

std::vector<Section> Section::List(std::string_view key) {
  Access at(*state_, *node_, key);
  std::vector<Section> sections;
  if (!at.Stands()) {
    at.Missing();
    return sections;
  }
  if (!at.yaml().IsSequence()) {
    at.Refuse("must be a list");
    return sections;
  }
  std::vector<std::shared_ptr<Node>> nodes;
  for (const YAML::Node& item : at.yaml()) {
    const std::string path = at.path() + "[" + std::to_string(nodes.size()) + "]";
    nodes.push_back(state_->Open(item, path, LineOf(item)));
    sections.push_back(Section(state_, nodes.back()));
  }
  at.Keep(nodes);
  return sections;
}

std::vector<std::string> Section::Strings(std::string_view key) {
  Access at(*state_, *node_, key);
  std::vector<std::string> texts;
  if (!at.Stands()) {
    at.Missing();
    return texts;
  }
  if (!at.yaml().IsSequence()) {
    at.Refuse("must be a list");
    return texts;
  }
  for (const YAML::Node& item : at.yaml()) {
    if (item.IsScalar()) {
      texts.push_back(item.Scalar());
    } else {
      at.Refuse("must be a list of single values");
    }
  }
  at.Keep(texts);
  return texts;
}

bool Section::Ask(std::string_view key) {
  node_->asked.insert(std::string(key));
  return Has(key);
}

}  // namespace stafett::config
