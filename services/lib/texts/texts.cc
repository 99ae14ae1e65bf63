#include "lib/texts/texts.h"

#include <unicode/datefmt.h>
#include <unicode/messagepattern.h>
#include <unicode/msgfmt.h>
#include <unicode/timezone.h>

#include <memory>
#include <optional>

#include "lib/policy/strict_yaml.h"

namespace stafett::texts {
namespace {

constexpr char kReason[] = "TEXTS_FILE";

icu::UnicodeString Unicode(const std::string& utf8) { return icu::UnicodeString::fromUTF8(utf8); }
std::string Utf8(const icu::UnicodeString& text) {
  std::string out;
  text.toUTF8String(out);
  return out;
}

tl::unexpected<Error> Fault(const std::string& language, const std::string& message) {
  return Fail(Code::kInvalidArgument, kReason, language + ".yaml: " + message);
}

// Names in the pattern; nothing if it is no pattern.
std::optional<std::set<std::string>> PlaceholdersOf(const std::string& pattern) {
  UErrorCode code = U_ZERO_ERROR;
  icu::MessagePattern parsed(Unicode(pattern), nullptr, code);
  if (U_FAILURE(code)) return std::nullopt;
  std::set<std::string> out;
  for (int32_t i = 0; i < parsed.countParts(); ++i) {
    const auto& part = parsed.getPart(i);
    if (part.getType() == UMSGPAT_PART_TYPE_ARG_NUMBER) return std::nullopt;  // by name only: languages differ in order
    if (part.getType() == UMSGPAT_PART_TYPE_ARG_NAME) out.insert(Utf8(parsed.getSubstring(part)));
  }
  return out;
}

std::optional<icu::Formattable> ToIcu(const Value& value, const icu::Locale& locale) {
  if (const auto* n = std::get_if<std::int64_t>(&value)) return icu::Formattable(*n);
  if (const auto* text = std::get_if<std::string>(&value)) return icu::Formattable(Unicode(*text));
  const std::unique_ptr<icu::DateFormat> format(icu::DateFormat::createDateInstance(icu::DateFormat::kLong, locale));
  if (!format) return std::nullopt;
  format->adoptTimeZone(icu::TimeZone::createTimeZone("Europe/Oslo"));
  icu::UnicodeString text;
  format->format(static_cast<UDate>(std::get<Time>(value).ms), text);
  return icu::Formattable(text);
}

Result<std::map<std::string, std::string>> Read(const std::string& language, const std::string& text,
                                                const Texts::Wanted& wanted) {
  yaml::Reader reader(language + ".yaml", kReason);
  const YAML::Node root = reader.Parse(text);
  reader.Keys(root, "the file", {"texts"});
  std::map<std::string, std::string> out;
  for (const auto& node : reader.List(root, "texts")) {
    reader.Keys(node, "text", {"key", "text"});
    const auto key = reader.Text(node, "key");
    if (!wanted.contains(key)) reader.Fault(node, "key: nobody asks for " + key);
    if (!out.emplace(key, reader.Text(node, "text")).second) reader.Fault(node, "key: " + key + " stands twice");
  }
  if (!reader.Ok()) return tl::unexpected(reader.error());
  return out;
}

}  // namespace

Result<Texts> Texts::FromText(const std::vector<std::pair<std::string, std::string>>& files, const Wanted& wanted) {
  Texts out;
  out.wanted_ = wanted;
  for (const auto& [language, text] : files) {
    STAFETT_TRY(auto patterns, Read(language, text, wanted));
    for (const auto& [key, placeholders] : wanted) {
      auto found = patterns.find(key);
      if (found == patterns.end()) return Fault(language, key + " is missing");
      auto has = PlaceholdersOf(found->second);
      if (!has) return Fault(language, key + " is no pattern");
      if (*has != placeholders) return Fault(language, key + " has other placeholders than it should");
      out.patterns_[{language, key}] = std::move(found->second);
    }
  }
  // What parses may still not format (a plural of a text).
  for (const auto& [place, pattern] : out.patterns_) {
    Values values;
    for (const auto& name : wanted.at(place.second)) values[name] = std::int64_t{2};
    auto formatted = out.Format(place.first, place.second, values);
    if (!formatted || formatted->empty()) return Fault(place.first, place.second + " does not format");
  }
  return out;
}

Result<Texts> Texts::Load(const std::string& directory, const std::vector<std::string>& languages,
                          const Wanted& wanted) {
  std::vector<std::pair<std::string, std::string>> files;
  for (const auto& language : languages) {
    STAFETT_TRY(auto text, yaml::ReadFile(directory + "/" + language + ".yaml", kReason));
    files.emplace_back(language, std::move(text));
  }
  return FromText(files, wanted);
}

Result<std::string> Texts::Format(const std::string& language, const std::string& key, const Values& values) const {
  auto none = [] { return Fail(Code::kInternal, "NO_TEXT", "a text cannot be formatted"); };
  auto pattern = patterns_.find({language, key});
  if (pattern == patterns_.end()) return none();
  const icu::Locale locale(language.c_str());
  std::vector<icu::UnicodeString> names;
  std::vector<icu::Formattable> arguments;
  for (const auto& name : wanted_.at(key)) {
    auto value = values.find(name);
    if (value == values.end()) return none();
    auto argument = ToIcu(value->second, locale);
    if (!argument) return none();
    names.push_back(Unicode(name));
    arguments.push_back(std::move(*argument));
  }
  UErrorCode code = U_ZERO_ERROR;
  icu::MessageFormat format(Unicode(pattern->second), locale, code);
  icu::UnicodeString text;
  if (U_SUCCESS(code)) {
    format.format(names.data(), arguments.data(), static_cast<int32_t>(names.size()), text, code);
  }
  if (U_FAILURE(code)) return none();
  return Utf8(text);
}

}  // namespace stafett::texts
