// A typed, strict reader of YAML. Straight-line code reads; mistakes are collected and told
// together.
//
//   STAFETT_TRY(config::Document document, config::Document::Load("cases.yaml"));
//   config::Section root = document.root();
//   std::string name = root.String("service");                  // required
//   std::int64_t size = root.Integer("size", 1, 100, 10);       // 1..100, 10 if absent
//   config::Section redis = root.Child("redis");
//   STAFETT_CHECK_OK(document.Finish());   // unknown keys, wrong types, missing keys
//
// A failed read returns the default (or an empty value) and notes file:line and the reason; nothing
// may be used before Finish() said yes. Every key that the code never asked for is refused, with
// the nearest key that it did ask for. Single-threaded; Sections must not outlive their Document.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/config/secret.h"

namespace stafett::config {

class Section;

class Document {
 public:
  static Result<Document> Load(const std::string& path);
  // `name` stands for the file in messages; relative paths resolve against its directory.
  static Result<Document> Parse(const std::string& text, const std::string& name);
  Document(Document&&) noexcept;
  Document& operator=(Document&&) noexcept;
  ~Document();

  Section root();
  // kInvalidArgument, reason CONFIG_INVALID; the message has one line per mistake, in the file's
  // order.
  Status Finish();
  // Finish() then refuses secret files that users outside the file's group may read.
  void SecretsMustBePrivate();
  // What was read, defaults included, as YAML; secrets as "***". Valid after the reads.
  std::string Effective() const;

 private:
  friend class Section;
  struct State;
  explicit Document(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One mapping of the document. Cheap to copy; all copies note into the same Document.
class Section {
 public:
  bool Has(std::string_view key) const;  // does not count as asking for it
  bool present() const;                  // the mapping itself stands in the file
  int line() const;

  // Without a default the key is required.
  std::string String(std::string_view key);
  std::string String(std::string_view key, std::string_view absent);
  std::optional<std::string> OptionalString(std::string_view key);
  std::int64_t Integer(std::string_view key, std::int64_t min, std::int64_t max);
  std::int64_t Integer(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t absent);
  bool Boolean(std::string_view key, std::optional<bool> absent = {});
  // One of `allowed`.
  std::string OneOf(std::string_view key, const std::vector<std::string>& allowed,
                    std::optional<std::string> absent = {});
  // "host:port"; port 0 is right only where the caller says so.
  enum class Port { kNonZero, kZeroAllowed };
  std::string Address(std::string_view key, Port port = Port::kNonZero);
  std::optional<std::string> OptionalAddress(std::string_view key);
  // An existing file or directory, made absolute (relative to the document's own directory).
  std::string File(std::string_view key);
  std::optional<std::string> OptionalFile(std::string_view key);
  std::string Directory(std::string_view key);
  // The content of the file named by `key` (by custom "password_file"), without the line end;
  // 1..4096 bytes.
  Secret SecretFile(std::string_view key);
  std::optional<Secret> OptionalSecretFile(std::string_view key);

  Section Child(std::string_view key);  // required mapping
  std::optional<Section> OptionalChild(std::string_view key);
  // Absent: as if it stood there empty, so that its keys' defaults apply (and show in Effective()).
  Section ChildOrDefaults(std::string_view key);
  std::vector<Section> List(std::string_view key);         // required sequence of mappings
  std::vector<std::string> Strings(std::string_view key);  // required sequence of scalars
  // All keys of this mapping, for maps whose keys are data ("peers"). Marks none of them as read.
  std::vector<std::string> Keys() const;

  // Notes a mistake of the caller's own finding at the line of `key` (or of the section).
  void Refuse(std::string_view key, const std::string& why);

 private:
  friend class Document;
  struct Node;
  class Access;
  Section(Document::State* state, std::shared_ptr<Node> node) : state_(state), node_(std::move(node)) {}
  bool Ask(std::string_view key);  // marks it as known; true if it stands there
  std::optional<std::string> Text(std::string_view key, const std::optional<std::string>& absent);
  std::int64_t Whole(std::string_view key, std::int64_t min, std::int64_t max, std::optional<std::int64_t> absent);
  std::string PathTo(std::string_view key, bool directory);
  Document::State* state_;
  std::shared_ptr<Node> node_;
};

}  // namespace stafett::config
