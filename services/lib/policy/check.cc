// Asks the engine what the lines of a file claim.
#include <algorithm>
#include <iterator>

#include "lib/policy/assertion_file.h"

namespace stafett::policy::files {
namespace {

constexpr CategorySet kCarried = CategorySet{}.With(Category::kExist).With(Category::kIdent);

// A line as a question to the engine. It points into the line and the step.
struct Asked {
  std::vector<Consent> consents;
  std::vector<Refusal> refusals;
  std::vector<Described> described;
  Item item;
  Recipient to;
  Facts facts;
};

Known Both(Known a, Known b) {
  for (int i = 0; i < kFactCount; ++i) {
    auto fact = static_cast<Fact>(i);
    if (b.Of(fact) != Truth::kUnknown) a = a.With(fact, b.Of(fact));
  }
  return a;
}

// Filled in place, because it points into itself.
void Ask(const Step& step, const Line& line, Asked& out) {
  for (const Grant& g : step.consents) {
    out.consents.push_back({g.id, g.recipient, g.categories, g.purpose, g.from, g.until, g.withdrawn, g.subject, g.by});
  }
  for (const No& no : step.refusals) out.refusals.push_back({no.kind, no.recipient, no.categories});
  for (const std::string& name : line.describes) out.described.push_back({name, name == "child"});
  const Reader& reader = step.recipients.at(line.recipient);
  out.item = {line.giver,    line.giver_recipient, line.item, line.purpose.empty() ? step.purpose : line.purpose,
              out.described, line.placed};
  out.to = {line.recipient, reader.agency, reader.active, reader.role, reader.assurance, {}};
  if (IsPerson(reader.agency)) out.to.person = line.recipient;
  out.facts = {step.known, out.consents, step.gated, Both(step.is, reader.is), out.refusals, step.age};
}

bool OpenBy(const RuleSet& rules, const Asked& q, Time at, const std::string& row) {
  for (std::int16_t index : OpenToPeople(rules, q.item, q.to, q.facts, at)) {
    if (row.empty() || rules.rules()[static_cast<std::size_t>(index)].id == row) return true;
  }
  return false;
}

bool Holds(const RuleSet& rules, const Asked& q, const Line& line, Start start, Time at, const Decision& decision) {
  switch (line.expect) {
    case Expect::kAllow: {
      // Exactly what the line says: one category too many is a leak, and must not pass as
      // "allowed".
      CategorySet gate_free = decision.fields.Minus(kCarried);
      return decision.verdict == Verdict::kDisclose && gate_free == line.learns.Minus(kCarried) &&
             line.learns.Minus(decision.fields).Empty();
    }
    case Expect::kDeny:
      // "Learns X of X|Y" denied: X is not shown, Y may be. Of X alone: nothing at all, and nobody
      // is asked.
      return decision.fields.And(line.learns).Empty() &&
             (!(line.item == line.learns) || decision.verdict == Verdict::kWithhold);
    case Expect::kHuman:
      return start == Start::kPush ? decision.verdict == Verdict::kWithhold : decision.verdict == Verdict::kHuman;
    case Expect::kWay: return decision.verdict == Verdict::kWithhold && OpenBy(rules, q, at, line.rule);
  }
  return false;
}

std::string Describe(const Explanation& e, CategorySet fields) {
  return e.verdict + " " + (fields.Empty() ? std::string("nothing") : Join(fields)) + ", rule " + e.rule +
         ", missing " + e.missing;
}

void CheckLine(const RuleSet& rules, const AssertionFile& file, const Step& step, const Line& line, Start start,
               std::vector<std::string>& failures) {
  Asked q;
  Ask(step, line, q);
  const Decision decision = Decide(rules, q.item, q.to, q.facts, start, step.at);
  const Explanation words = Explain(rules, q.item, q.to, q.facts, start, step.at);
  // A human row is asserted for the read; on a push it must only stay silent. A way's row is looked for by Holds.
  const bool silent = (line.expect == Expect::kHuman && start == Start::kPush) || line.expect == Expect::kWay;
  bool ok = Holds(rules, q, line, start, step.at, decision) &&
            (silent || line.rule.empty() || line.rule == words.rule) &&
            (silent || line.because.empty() || line.because == words.missing);
  if (ok) return;
  failures.push_back(file.source + ":" + std::to_string(line.line) + ": does not hold on " + std::string(Name(start)) +
                     ": " + line.text + (step.says.empty() ? "" : " (after: " + step.says + ")") +
                     "; came: " + Describe(words, decision.fields) + "; law: " + file.law);
}

std::int16_t RowAt(const RuleSet& rules, const std::string& id, Time at) {
  auto all = rules.rules();
  for (std::size_t i = 0; i < all.size(); ++i) {
    bool valid = all[i].valid_from <= at && (!all[i].valid_to || at < *all[i].valid_to);
    if (all[i].id == id && valid) return static_cast<std::int16_t>(i);
  }
  return -1;
}

struct Answer {
  bool shows = false;   // all that the line says
  bool by_row = false;  // the row is what answers
  std::string words;
};

// What the row says to a line. `row` -1: not in force then.
Answer Put(const RuleSet& rules, std::int16_t row, const Step& step, const Line& line) {
  Answer out;
  if (row < 0) return out;
  Asked q;
  Ask(step, line, q);
  const Start start = line.start.value_or(Start::kRequest);
  const Rule& rule = rules.rules()[static_cast<std::size_t>(row)];
  const Decision d = Decide(rules, q.item, q.to, q.facts, start, step.at);
  out.words = Describe(Explain(rules, q.item, q.to, q.facts, start, step.at), d.fields);
  out.shows = d.verdict == Verdict::kDisclose && line.learns.Minus(d.fields).Empty();
  auto grounds = [&] {
    return std::any_of(d.grounds.begin(), d.grounds.begin() + d.ground_count,
                       [&](const Ground& g) { return g.rule == row && line.learns.Has(g.category); });
  };
  switch (rule.effect) {
    case Effect::kAllow:
    case Effect::kAllowWithConsent:
    case Effect::kAllowUnlessObjected: out.by_row = grounds(); break;
    case Effect::kHuman:
      out.by_row = d.verdict == Verdict::kHuman ? grounds() : OpenBy(rules, q, step.at, rule.id);
      out.shows = out.by_row;
      break;
    case Effect::kDuty:
      out.by_row = OpenBy(rules, q, step.at, rule.id);
      out.shows = out.by_row;
      break;
    // Without the row the answer would be another one, or have another form.
    case Effect::kDeny: {
      std::vector<Rule> rest(rules.rules().begin(), rules.rules().end());
      rest.erase(rest.begin() + row);
      const RuleSet without(std::move(rest), "", rules.recorded());
      const Decision other = Decide(without, q.item, q.to, q.facts, start, step.at);
      out.by_row = d.rule == row || !(other.fields == d.fields);
      break;
    }
    case Effect::kNeitherNor: out.by_row = d.neither_nor && d.verdict == Verdict::kWithhold; break;
    case Effect::kDefault: out.by_row = d.verdict == Verdict::kWithhold && d.rule < 0; break;
  }
  return out;
}

}  // namespace

std::vector<std::string> Check(const RuleSet& rules, const AssertionFile& file) {
  std::vector<std::string> failures;
  for (const Step& step : file.steps) {
    for (const Line& line : step.lines) {
      for (Start start : {Start::kPush, Start::kRequest}) {
        if (line.start && *line.start != start) continue;
        CheckLine(rules, file, step, line, start, failures);
      }
    }
  }
  return failures;
}

std::vector<Answered> Explained(const RuleSet& rules, const AssertionFile& file) {
  std::vector<Answered> out;
  for (const Step& step : file.steps) {
    for (const Line& line : step.lines) {
      Asked q;
      Ask(step, line, q);
      const Start start = line.start.value_or(Start::kRequest);
      out.push_back({line.line, line.text + (step.says.empty() ? "" : " (after: " + step.says + ")"),
                     Explain(rules, q.item, q.to, q.facts, start, step.at)});
    }
  }
  return out;
}

std::vector<std::string> CheckTurns(const RuleSet& rules, const AssertionFile& file, Coverage& coverage) {
  std::vector<std::string> failures;
  for (const Turn& turn : file.turns) {
    const std::int16_t row = RowAt(rules, turn.row, turn.given.at);
    auto fail = [&](const std::string& what, const Answer& came) {
      failures.push_back(file.source + ":" + std::to_string(turn.line) + ": " + turn.row + " " + what + ": " +
                         turn.before.text + "; came: " + came.words + "; law: " + file.law);
    };
    if (row < 0) {
      fail("is not in force", {});
      continue;
    }
    RuleSet changed_rules = rules;
    if (turn.verified) {
      std::vector<Rule> rows(rules.rules().begin(), rules.rules().end());
      rows[static_cast<std::size_t>(row)].confidence = "I";
      changed_rules = RuleSet(std::move(rows), "", rules.recorded());
    }
    const Answer before = Put(rules, row, turn.given, turn.before);
    const Answer after = Put(changed_rules, row, turn.changed, turn.after);
    const bool opens = turn.before.expect == Expect::kDeny;  // the change opens
    // A row that is not verified answers by not answering.
    const bool answered = before.by_row || (turn.verified && !before.shows);
    if (!answered || before.shows == opens) {
      fail(opens ? "does not close" : "does not open", before);
    } else if (after.shows != opens || (!opens && after.by_row)) {
      fail("does not turn with " + turn.fact, after);
    } else {
      ++coverage[row].allow;
      ++coverage[row].deny;
    }
  }
  return failures;
}

}  // namespace stafett::policy::files
