// The rules that a process goes by while their file is written anew under it. Pure: whoever has a clock and a disk
// looks.
//
//   LastGood rules("rules.yaml");
//   rules.Look(text of the file);    // now and then
//   rules.rules();                   // what to go by
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "lib/base/error.h"
#include "lib/policy/file.h"

namespace stafett::policy {

// Not thread-safe.
class LastGood {
 public:
  enum class Seen {
    kSame,     // as at the look before, or too new to be judged
    kGood,     // other than before: rules() are those of the file
    kRefused,  // other than before: rules() stay, fault() says why
  };

  // `source_name`: stands in faults, before the line.
  explicit LastGood(std::string source_name) : source_name_(std::move(source_name)) {}

  // What the file holds, or why it cannot be read. What changed is judged when two looks running have found the same:
  // half of a file that is being saved may be a file without its gates. The first look of all is judged at once.
  Seen Look(const Result<std::string>& file);

  // None before the first file that was good.
  const std::shared_ptr<const LoadedRules>& rules() const { return rules_; }
  // Of the file as it was judged last; none: it is what rules() are.
  const std::optional<Error>& fault() const { return fault_; }

 private:
  std::string source_name_;
  std::optional<std::string> seen_, judged_;  // contents, or the error's message
  std::shared_ptr<const LoadedRules> rules_;
  std::optional<Error> fault_;
};

}  // namespace stafett::policy
