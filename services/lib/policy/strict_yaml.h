// Files that people write by hand and that decide about children are read strictly: an unknown key,
// a missing key, a key given twice or a value of the wrong kind is refused with "file:line:
// reason". yaml-cpp alone accepts all four.
//
// A Reader keeps the first fault and goes on with empty values, so that a loader reads top to
// bottom without a check after every line; nothing it returned may be used before Ok() was seen.
// Not thread-safe; one per file. No exception leaves it.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::yaml {

// A controller with a thousand people stays far below; a bigger file is a mistake.
inline constexpr std::size_t kMostBytes = std::size_t{4} * 1024 * 1024;

class Reader {
 public:
  // `source`: the file's name as it shall stand in the fault. `reason`: Error::reason, e.g.
  // "POLICY_FILE".
  Reader(std::string source, std::string reason);

  // The file's one document; an empty node after a fault.
  YAML::Node Parse(std::string_view text);

  // Checks that `node` is a map with these keys only, each once. `what` names it in faults: "rule
  // T020".
  void Keys(const YAML::Node& node, std::string_view what, std::initializer_list<std::string_view> required,
            std::initializer_list<std::string_view> optional = {});

  // Values of a map whose Keys() were checked. A missing key gives the empty value without a fault:
  // whether it may be missing was said to Keys().
  std::string Text(const YAML::Node& map, std::string_view key);
  std::vector<std::string> Texts(const YAML::Node& map, std::string_view key);  // a list of texts
  std::vector<YAML::Node> List(const YAML::Node& map, std::string_view key);
  YAML::Node Child(const YAML::Node& map, std::string_view key);
  // The key itself, for a fault: an empty value's own line would be the next one. The map if the
  // key is missing.
  YAML::Node KeyOf(const YAML::Node& map, std::string_view key) const;
  bool Flag(const YAML::Node& map, std::string_view key, bool otherwise);
  // "2026-11-21" (midnight in Oslo as that day begins) or "2026-11-21T09:00:00Z"; nothing if the
  // key is missing.
  std::optional<Time> When(const YAML::Node& map, std::string_view key);

  // A fault at this node. The first one is kept.
  void Fault(const YAML::Node& at, const std::string& message);
  bool Ok() const { return !error_.has_value(); }
  // Precondition: !Ok().
  const Error& error() const { return *error_; }

 private:
  void FaultAt(int line, const std::string& message);
  YAML::Node Find(const YAML::Node& map, std::string_view key) const;

  std::string source_;
  std::string reason_;
  std::optional<Error> error_;
};

// "2026-11-21" or "2026-11-21T09:00:00Z"; nothing for another form, an impossible date or one
// before 1997, since when Norway's summer time follows the rule that is built in here.
std::optional<Time> ParseWhen(std::string_view text);

// A whole file; refused above kMostBytes.
Result<std::string> ReadFile(const std::string& path, std::string_view reason);

}  // namespace stafett::yaml
