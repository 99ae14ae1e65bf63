#include "simulation/invariants.h"

#include <algorithm>

#include "cases/adapters/event_mapping.h"
#include "consent/adapters/event_mapping.h"
#include "disclosure/adapters/fact_mapping.h"
#include "escalation/adapters/event_mapping.h"
#include "escalation/domain/decide.h"
#include "lib/base/id.h"
#include "stafett/common/v1/record.pb.h"
#include "stafett/disclosure/v1/signal.pb.h"

namespace stafett::simulation {
namespace {

std::string At(const std::string& stream, std::uint64_t version) { return stream + "#" + std::to_string(version); }
std::string RequestOf(const gate::Envelope& e) { return e.request_scope + "/" + e.request_id; }

}  // namespace

void Invariants::Broken(const std::string& invariant, const std::string& what) {
  if (!violation_) violation_ = Violation{invariant, what};
}

void Invariants::Scan() {
  auto scan = [this](const std::string& topic, int partitions, auto take) {
    for (int p = 0; p < partitions; ++p) {
      auto& from = read_[{topic, p}];
      if (log_.End(topic, p) == from) continue;
      for (const auto& record : log_.Records(topic, p, from)) take(record);
      from = log_.End(topic, p);
    }
  };
  scan(kKeys, kPartitions, [this](const kafka::Record& record) {
    common::v1::WrappedKey key;
    if (record.tombstone || !key.ParseFromString(record.value)) return Broken("Keys", "a record of keys");
    auto unwrapped = seal::Unwrap(TheFiles().kek, key.key_id(), key.child(), key.wrapped());
    if (!unwrapped) return Broken("Keys", "a key that cannot be unwrapped");
    auto [it, added] = keys_.emplace(key.child(), *unwrapped);
    if (!added && it->second.id != unwrapped->id) Broken("Keys", "a child got another key");
    if (auto waiting = keyless_.extract(key.child())) {
      for (const auto& [e, r] : waiting.mapped()) Learn(e, r);
    }
  });
  for (const char* topic : {kLog, kLedger}) {
    scan(topic, kPartitions, [&](const kafka::Record& record) { Take(topic, record); });
  }
  for (const auto& controller : TheFiles().tenants.controllers()) {
    for (const auto& r : controller.recipients) {
      scan(kTo + r.id, 1, [&](const kafka::Record& record) { TakeSignal(r.id, record); });
    }
  }
}

void Invariants::Take(const std::string& topic, const kafka::Record& record) {
  auto e = gate::Decode(record.value);
  if (!e) return Broken("Contiguous", "a record of " + topic + " that cannot be read");
  auto& stream = streams_[e->stream];
  const auto at = At(e->stream, e->version);
  if (e->version >= 1 && e->version <= stream.size()) {
    ++counts_["records repeated"];
    if (stream[e->version - 1] != record.value) Broken("Contiguous", at + " has two contents");
    return;  // a repeat
  }
  if (e->version != stream.size() + 1) {
    return Broken("Contiguous", at + " comes behind #" + std::to_string(stream.size()));
  }
  stream.push_back(record.value);
  ++counts_["records"];
  if (topic == kLog) place_[e->event_id] = record.offset;

  // OneEffect, NoPhantom
  if (!e->request_id.empty()) {
    const auto request = RequestOf(*e);
    auto& effect = effects_[request];
    // Who sends it again when it is forgotten (design §3.2) asks anew.
    const bool remembered = e->recorded.ms - effect.recorded.ms <= gate::kRememberFor.count();
    if (effect.last != 0 && remembered && (effect.stream != e->stream || effect.last + 1 != e->version)) {
      Broken("OneEffect", request + " did " + At(effect.stream, effect.last) + " and " + at);
    }
    effect = {e->stream, e->version, e->recorded};
    if (auto told = told_.find(request); told != told_.end() && told->second.refused) {
      Broken("NoPhantom", request + " was refused, and did " + at);
    }
  }
  Learn(*e, record);
}

void Invariants::Learn(const gate::Envelope& e, const kafka::Record& record) {
  if (e.child.empty()) return;
  const auto key = keys_.find(e.child);
  if (keyless_.contains(e.child) || (e.sealed && key == keys_.end())) {
    keyless_[e.child].emplace_back(e, record);
    return;
  }
  auto body = e.clear;
  if (e.sealed) {
    auto opened = seal::Open(key->second, *e.sealed, gate::Bound(e.stream, e.version, e.type));
    if (!opened) return Broken("Keys", At(e.stream, e.version) + " does not open");
    body = std::move(*opened);
  }
  auto& child = children_[e.child];
  const auto service = gate::ServiceOf(e.stream);
  if (service == "cases") LearnCases(child, e, body);
  if (service == "disclosure" && e.stream == "disclosure/" + e.child) LearnLedger(child, e, body);
  if (service == "escalation") LearnEscalation(child, e);
  if (service == "consent") {
    auto event = consent::adapters::FromBody(e.type, body);
    if (event && *event) {
      consent::domain::Evolve(child.consents, **event);
      child.consent_events.emplace_back(record.offset, **event);
    }
  }
  for (const auto& word : e.awaited) child.words[word.id].push_back({record.timestamp_ms, e.event_id, word});
}

// OneHolder: whoever had it gave it away, and exactly one has it then, with a next date.
void Invariants::LearnCases(Child& child, const gate::Envelope& e, const std::string& body) {
  auto event = cases::adapters::FromBody(e.type, body);
  if (!event || !*event) return Broken("Contiguous", At(e.stream, e.version) + " is no event of cases");
  if (const auto* accepted = std::get_if<cases::domain::BatonAccepted>(&**event)) {
    ++counts_["batons accepted"];
    const auto* c = child.cases.Find(accepted->case_id);
    if (c == nullptr || c->offered_to != accepted->holder) {
      Broken("OneHolder", At(e.stream, e.version) + ": accepted by one to whom it is not offered");
    }
  }
  cases::domain::Evolve(child.cases, **event);
  for (const auto& [id, c] : child.cases.cases) {
    if (c.state == cases::domain::CaseState::kClosed) continue;
    if (c.holder.empty() || c.holder_recipient.empty() || c.next_date.empty()) {
      Broken("OneHolder", At(e.stream, e.version) + ": an open case without holder or next date");
    }
  }
}

bool Invariants::MayHave(const Child& child, const std::string& recipient, std::int64_t until) {
  consent::domain::Child at;
  for (const auto& [offset, event] : child.consent_events) {
    if (offset <= until) consent::domain::Evolve(at, event);
  }
  return std::any_of(at.consents.begin(), at.consents.end(), [&](const auto& entry) {
    return entry.second.Complete(recipient) && !entry.second.withdrawn.contains(recipient);
  });
}

void Invariants::LearnLedger(Child& child, const gate::Envelope& e, const std::string& body) {
  auto event = disclosure::adapters::FromBody(e.type, body);
  if (!event || !*event) return Broken("Contiguous", At(e.stream, e.version) + " is no event of the ledger");
  if (const auto* stored = std::get_if<disclosure::domain::StoredConfirmed>(&**event)) {
    ++counts_["receipts"];
    if (!confirms_.contains({stored->delivery_id, stored->digest})) {
      Broken("NoFalseReceipt", stored->delivery_id + " counts as stored, and its recipient never said so");
    }
  }
  const auto* decided = std::get_if<disclosure::domain::Decided>(&**event);
  if (decided == nullptr) return;
  ++counts_["decisions"];
  if (!decided_.insert(decided->event_id).second) Broken("DecidedOnce", decided->event_id + " is decided twice");
  auto place = place_.find(decided->event_id);
  if (place == place_.end() || place->second != decided->offset) {
    Broken("DecidedOnce", decided->event_id + " is decided for another place of the log than its own");
  }
  for (const auto& line : decided->lines) {
    if (line.delivery_id.empty()) continue;
    lines_[line.delivery_id] = {line, e.child};
    const bool tells = line.verdict == policy::Verdict::kDisclose;
    if (tells && line.kind != disclosure::domain::DeliveryKind::kRetraction &&
        !MayHave(child, line.recipient, decided->offset)) {
      Broken("NoLeak", decided->event_id + " is told to " + line.recipient + ", whom no consent names at its place");
    }
  }
}

// TimerOnce, NeverEarly
void Invariants::LearnEscalation(Child& child, const gate::Envelope& e) {
  auto event = escalation::adapters::FromBody(e.type, e.clear);
  if (!event || !*event) return Broken("Contiguous", At(e.stream, e.version) + " is no event of escalation");
  const auto at = At(e.stream, e.version);
  if (const auto* raised = std::get_if<escalation::domain::Raised>(&**event)) {
    ++counts_["escalations raised"];
    if (!raised_.insert(raised->escalation_id).second) Broken("TimerOnce", at + " is raised again");
    const auto& words = child.words[raised->awaited.id];
    auto word = std::find_if(words.begin(), words.end(), [&](const auto& w) {
      return DerivedId("es", w.said_by + "/" + w.awaited.id) == raised->escalation_id;
    });
    if (word == words.end()) {
      Broken("TimerOnce", at + " is raised for what nobody waits for");
    } else {
      const auto due = plan_.First(word->awaited);
      if (e.recorded < due) Broken("NeverEarly", at + " is raised before its time");
      if (++word != words.end() && word->appended_ms <= due.ms && clocks_agree_) {
        Broken("NeverEarly", at + " is raised, and had been answered in time");
      }
    }
  }
  if (const auto* passed = std::get_if<escalation::domain::PassedOn>(&**event)) {
    ++counts_["escalations passed on"];
    const auto* x = child.escalations.Find(passed->escalation_id);
    if (x == nullptr || x->resolved) {
      Broken("TimerOnce", at + " is passed on, and is not open");
    } else {
      if (passed->step <= x->step) Broken("TimerOnce", at + " is passed on to where it has been");
      if (e.recorded < plan_.Next(x->awaited, x->since, x->acknowledged)) {
        Broken("NeverEarly", at + " is passed on before its time");
      }
    }
  }
  escalation::domain::Evolve(child.escalations, **event, e.recorded);
}

void Invariants::TakeSignal(const std::string& recipient, const kafka::Record& record) {
  disclosure::v1::Signal signal;
  if (!signal.ParseFromString(record.value)) return Broken("Signals", "a signal that cannot be read");
  if (!signalled_.emplace(recipient, signal.delivery_id()).second) return;  // a repeat
  ++counts_["signals"];
  signals_[recipient].push_back(
      {signal.delivery_id(), signal.case_ref(), signal.epoch(), signal.sequence(), record.offset});
}

void Invariants::Accepted(const std::string& request, Kind service, const gate::Committed& committed) {
  auto& told = Of(request);
  if (told.refused) Broken("OneEffect", request + " was refused, and then accepted");
  told.accepted = true;
  told.lost = false;
  told.service = service;
  for (const auto& id : committed.event_ids) {
    if (std::find(told.event_ids.begin(), told.event_ids.end(), id) == told.event_ids.end()) {
      if (committed.replay && !told.event_ids.empty()) {
        Broken("OneEffect", request + " has another outcome than before");
      }
      told.event_ids.push_back(id);
    }
  }
}

void Invariants::Published(const std::string& request, const std::vector<std::string>& event_ids) {
  Scan();
  auto& told = Of(request);
  told.published = true;
  ++counts_["commands published"];
  for (const auto& id : event_ids) {
    if (!place_.contains(id)) Broken("NoAckedLoss", request + " is PUBLISHED and not on the log");
  }
}

void Invariants::Refused(const std::string& request) {
  auto& told = Of(request);
  if (told.accepted && !told.lost) Broken("OneEffect", request + " was accepted, and then refused");
  told.refused = !told.accepted;
  if (effects_.contains(request)) Broken("NoPhantom", request + " is refused, and is on the log");
}

void Invariants::Enforced(const std::string& consent, const std::vector<std::string>& recipients,
                          const std::set<std::string>& reads, Time now) {
  Scan();
  ++counts_["withdrawals enforced"];
  counts_["reads named by one"] += reads.size();
  for (const auto& r : recipients) {
    enforced_.push_back({consent, r, log_.End(kTo + r, 0)});
    for (const auto& [id, read] : under_way_) {
      const bool under = std::find(read.consents.begin(), read.consents.end(), consent) != read.consents.end();
      // Who has not ended after 30 s never will.
      const bool alive = now.ms - read.admitted.ms <= 30'000;
      if (under && alive && read.recipient == r && !reads.contains(id)) {
        Broken("FetchNow", "ENFORCED does not name a read that is under way");
      }
    }
  }
}

void Invariants::Fetched(const Read& read, const std::string& child) {
  ++counts_["contents read"];
  for (std::size_t i = 0; i < enforced_.size(); ++i) {
    const auto& x = enforced_[i];
    const bool under = std::find(read.consents.begin(), read.consents.end(), x.consent) != read.consents.end();
    if (!under || x.recipient != read.recipient) continue;
    Broken("FetchNow", i < read.begun ? "content under a consent whose withdrawal was ENFORCED before it was asked for"
                                      : "content under a withdrawn consent, not named by the ENFORCED meanwhile");
  }
  // What it says it rests on is its own word: at least one consent must hold, as the log has it.
  const auto& of = children_[child];
  std::set<std::string> enforced;
  for (const auto& x : enforced_) {
    if (x.recipient == read.recipient) enforced.insert(x.consent);
  }
  const bool any = std::any_of(of.consents.consents.begin(), of.consents.consents.end(), [&](const auto& entry) {
    return entry.second.Complete(read.recipient) && !enforced.contains(entry.first);
  });
  if (!any) Broken("FetchNow", "content for " + read.recipient + ", and no consent is left that could allow it");
  under_way_[read.id] = read;
}

void Invariants::AtRest(const Rest& rest) {
  Scan();
  if (!keyless_.empty()) Broken("Keys", "a record is on the log, and its key is not");
  for (const auto& [request, told] : told_) {
    const bool on_log = std::all_of(told.event_ids.begin(), told.event_ids.end(),
                                    [&](const std::string& id) { return place_.contains(id); });
    if (told.published && !on_log) Broken("NoAckedLoss", request + " was PUBLISHED and is not on the log");
    if (told.accepted && !told.lost && !on_log) Broken("NoStoredLoss", request + " was STORED and is not on the log");
  }
  for (const auto& [recipient, signals] : signals_) {
    std::map<std::string, std::uint64_t> last;
    for (const auto& s : signals) {
      auto line = lines_.find(s.delivery);
      if (line == lines_.end()) {
        Broken("Signals", s.delivery + " was signalled, and no ledger tells of it");
        continue;
      }
      const auto& l = line->second.line;
      if (l.recipient != recipient || l.sequence != s.sequence || l.epoch != s.epoch) {
        Broken("Signals", s.delivery + " was signalled otherwise than the ledger says");
      }
      auto& sequence = last[s.case_ref];
      const bool whole = !rest.ever_wiped.contains(Kind::kDisclosure);
      if (whole ? s.sequence != sequence + 1 : s.sequence <= sequence) {
        Broken("Sequence", recipient + " got " + std::to_string(s.sequence) + " behind " + std::to_string(sequence));
      }
      sequence = s.sequence;
      if (l.kind == disclosure::domain::DeliveryKind::kRetraction) continue;
      for (const auto& x : enforced_) {
        const bool under = std::find(l.consents.begin(), l.consents.end(), x.consent) != l.consents.end();
        if (under && x.recipient == recipient && s.place >= x.place) {
          Broken("Fence", s.delivery + " was signalled first behind ENFORCED of its consent");
        }
      }
    }
  }
  if (rest.ever_wiped.contains(Kind::kDisclosure)) return;  // signals are lost with the store, and escalated
  for (const auto& [delivery, line] : lines_) {
    if (line.line.verdict == policy::Verdict::kDisclose && !signalled_.contains({line.line.recipient, delivery})) {
      Broken("NoWithheldLoss", delivery + " was decided to be told, and was not");
    }
  }
}

}  // namespace stafett::simulation
