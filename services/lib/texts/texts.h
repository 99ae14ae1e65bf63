// Texts for people, in their languages: one file for each (deploy/texts/*.yaml), patterns of ICU's MessageFormat.
//
//   nb.yaml:   mail.body: "{count, plural, one {Én ulest melding.} other {# uleste meldinger.}} {link}"
//   texts.Format("nb", "mail.body", {{"count", 2}, {"link", "https://…"}})   ->  "2 uleste meldinger. https://…"
//
// Read once and strictly: every language has the same keys, a key has the same placeholders in all of them, and every
// pattern formats. Immutable afterwards, hence safe from every thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/time.h"

namespace stafett::texts {

// A Time becomes a date in Europe/Oslo, written as the language does.
using Value = std::variant<std::int64_t, Time, std::string>;
using Values = std::map<std::string, Value>;

class Texts {
 public:
  // `wanted`: key -> its placeholders; exactly these have to be there. Faults are kInvalidArgument/TEXTS_FILE, with the
  // file's name.
  using Wanted = std::map<std::string, std::set<std::string>>;
  static Result<Texts> Load(const std::string& directory, const std::vector<std::string>& languages,
                            const Wanted& wanted);
  // (language, text of the file) pairs.
  static Result<Texts> FromText(const std::vector<std::pair<std::string, std::string>>& files, const Wanted& wanted);

  // kInternal/NO_TEXT for what was not wanted at Load, or a placeholder without a value.
  Result<std::string> Format(const std::string& language, const std::string& key, const Values& values) const;

 private:
  std::map<std::pair<std::string, std::string>, std::string> patterns_;  // (language, key)
  Wanted wanted_;
};

}  // namespace stafett::texts
