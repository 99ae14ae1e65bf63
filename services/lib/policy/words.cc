#include "lib/policy/words.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace stafett::policy {
namespace {

constexpr std::string_view kGated = "withheld: gated";
constexpr std::string_view kWithheld = "withheld: ";
constexpr std::string_view kDuty = "a person's duty, outside this decision";

template <class Enum>
void Want(texts::Texts::Wanted& wanted, const std::string& prefix, int from, int count) {
  for (int i = from; i < count; ++i) wanted[prefix + std::string(Name(static_cast<Enum>(i)))] = {};
}

texts::Texts::Wanted Wanted() {
  texts::Texts::Wanted out = {{"reader.shown", {"what", "statute", "rule"}},
                              {"reader.nothing", {}},
                              {"reader.always", {}},
                              {"facts.so", {"fact"}},
                              {"facts.not", {"fact"}},
                              {"facts.unknown", {"fact"}},
                              {"officer.shown", {"what", "statute", "rule"}},
                              {"officer.gated", {"what", "statute", "rule"}},
                              {"officer.gated-by-fact", {"what"}},
                              {"officer.withheld", {"what", "reason"}},
                              {"officer.human", {"what", "statute", "rule"}},
                              {"officer.duty", {"what", "statute", "rule"}},
                              {"officer.neither-nor", {}},
                              {"policy", {"policy"}},
                              {"consent.who", {"who", "source"}},
                              {"consent.unsettled", {}},
                              {"consent.silence", {}}};
  Want<Category>(out, "category.", 1, kCategoryCount);
  Want<Missing>(out, "missing.", 0, kMissingCount);
  Want<Fact>(out, "fact.", 0, kFactCount);
  Want<Consenter>(out, "who.", 0, kConsenterCount);
  Want<Voice>(out, "voice.", 0, static_cast<int>(Voice::kDecides) + 1);
  return out;
}

// Keeps the first fault, so that sentences are put together without a check after each.
class Speaker {
 public:
  Speaker(const texts::Texts& words, std::string language) : words_(words), language_(std::move(language)) {}

  std::string Text(const std::string& key, const texts::Values& values = {}) {
    auto text = words_.Format(language_, key, values);
    if (text) return *text;
    if (!error_) error_ = text.error();
    return {};
  }
  void Say(const std::string& key, const texts::Values& values = {}) { Add(Text(key, values)); }

  // "EDUC|PLAN" in words.
  std::string What(const std::string& categories) {
    std::string out;
    for (std::size_t from = 0; from <= categories.size();) {
      std::size_t to = std::min(categories.find('|', from), categories.size());
      out += (out.empty() ? "" : ", ") + Text("category." + categories.substr(from, to - from));
      from = to + 1;
    }
    return out;
  }

  void SayFacts(const Explanation::Line& line) {
    for (const auto& [fact, so] : line.used) {
      Say(so ? "facts.so" : "facts.not", {{"fact", Text("fact." + fact)}});
    }
    for (const std::string& fact : line.lacking) Say("facts.unknown", {{"fact", Text("fact." + fact)}});
  }

  Result<std::vector<std::string>> Done() {
    if (error_) return tl::unexpected(*error_);
    return std::move(sentences_);
  }

 private:
  // What was said already is not said again.
  void Add(std::string sentence) {
    for (const std::string& said : sentences_) {
      if (said == sentence) return;
    }
    sentences_.push_back(std::move(sentence));
  }

  const texts::Texts& words_;
  std::string language_;
  std::vector<std::string> sentences_;
  std::optional<Error> error_;
};

// Rows in the order in which they first speak, each with all that it shows.
std::vector<std::pair<Explanation::Line, std::string>> ShownByRow(const Explanation& of) {
  std::vector<std::pair<Explanation::Line, std::string>> out;
  for (const Explanation::Line& line : of.lines) {
    if (line.outcome != kShown) continue;
    auto same = [&](const auto& one) { return one.first.rule == line.rule && one.first.statute == line.statute; };
    auto found = std::find_if(out.begin(), out.end(), same);
    if (found == out.end()) {
      out.emplace_back(line, line.category);
    } else {
      found->second += '|' + line.category;
    }
  }
  return out;
}

void SayToOfficer(const Explanation::Line& line, Speaker& speaker) {
  const std::string what = speaker.What(line.category);
  const texts::Values cited = {{"what", what}, {"statute", line.statute}, {"rule", line.rule}};
  if (line.outcome == kShown) {
    speaker.Say("officer.shown", cited);
  } else if (line.outcome == kGated && !line.rule.empty()) {
    speaker.Say("officer.gated", cited);
  } else if (line.outcome == kGated) {
    speaker.Say("officer.gated-by-fact", {{"what", what}});
  } else if (line.outcome == kDuty) {
    speaker.Say("officer.duty", cited);
  } else if (line.outcome.starts_with(kWithheld)) {
    const std::string reason = line.outcome.substr(kWithheld.size());
    speaker.Say("officer.withheld", {{"what", what}, {"reason", speaker.Text("missing." + reason)}});
  } else {
    speaker.Say("officer.human", cited);
  }
  speaker.SayFacts(line);
}

}  // namespace

Result<texts::Texts> LoadWords(const std::string& directory) {
  return texts::Texts::Load(directory, {"nb", "en"}, Wanted());
}

Result<std::vector<std::string>> Tell(const texts::Texts& words, const std::string& language, const Explanation& of,
                                      Audience audience) {
  Speaker speaker(words, language);
  if (audience == Audience::kReader) {
    const auto shown = ShownByRow(of);
    for (const auto& [line, what] : shown) {
      speaker.Say("reader.shown", {{"what", speaker.What(what)}, {"statute", line.statute}, {"rule", line.rule}});
      // What the rule found not to be so says nothing to a family.
      for (const auto& [fact, so] : line.used) {
        if (so) speaker.Say("facts.so", {{"fact", speaker.Text("fact." + fact)}});
      }
    }
    if (shown.empty()) speaker.Say("reader.nothing");
    speaker.Say("reader.always");
  } else {
    for (const Explanation::Line& line : of.lines) SayToOfficer(line, speaker);
    if (of.neither_nor) speaker.Say("officer.neither-nor");
  }
  speaker.Say("policy", {{"policy", of.policy}});
  return speaker.Done();
}

Result<std::vector<std::string>> Tell(const texts::Texts& words, const std::string& language, const Capacity& of) {
  Speaker speaker(words, language);
  if (of.settled && of.row != nullptr) {
    std::string who;
    for (int i = 0; i < kConsenterCount; ++i) {
      auto one = static_cast<Consenter>(i);
      if (of.who.Has(one)) who += (who.empty() ? "" : ", ") + speaker.Text("who." + std::string(Name(one)));
    }
    speaker.Say("consent.who", {{"who", who}, {"source", of.row->source}});
    speaker.Say("voice." + std::string(Name(of.voice)));
  } else {
    speaker.Say("consent.unsettled");
    for (int i = 0; i < kFactCount; ++i) {
      auto fact = static_cast<Fact>(i);
      if (!of.missing.Has(fact)) continue;
      speaker.Say("facts.unknown", {{"fact", speaker.Text("fact." + std::string(Name(fact)))}});
    }
  }
  speaker.Say("consent.silence");
  return speaker.Done();
}

}  // namespace stafett::policy
