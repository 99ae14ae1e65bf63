#include "notifications/adapters/gate_message_store.h"

#include <algorithm>
#include <cstdlib>

#include "lib/base/id.h"
#include "lib/kafka/kafka.h"
#include "notifications/adapters/event_mapping.h"
#include "notifications/app/operations.h"
#include "notifications/domain/decide.h"

namespace stafett::notifications::adapters {
namespace {

constexpr char kDue[] = "due";      // mails without a result, by when they are to be tried
constexpr char kMails[] = "mails";  // the same, by when they were queued

std::string Member(const std::string& child, const std::string& message_id) { return child + "/" + message_id; }

std::optional<app::Place> PlaceOf(const std::string& member) {
  auto slash = member.rfind('/');
  if (slash == std::string::npos) return std::nullopt;
  return app::Place{member.substr(0, slash), member.substr(slash + 1)};
}

}  // namespace

GateMessageStore::GateMessageStore(gate::Committer& committer, std::string log_topic)
    : committer_(committer),
      store_(committer.store()),
      keys_(committer.keys()),
      log_topic_(std::move(log_topic)),
      children_(store_, keys_, [this](domain::Child& child, const gate::Entry& entry) { return Fold(child, entry); }),
      found_(store_) {}

int GateMessageStore::PartitionOf(const std::string& child) const {
  return kafka::PartitionOf(child, keys_.partitions());
}

std::string GateMessageStore::Sending(const app::Place& place) const {
  return keys_.Index(PartitionOf(place.child), "sending:" + place.message_id);
}

Status GateMessageStore::Fold(domain::Child& child, const gate::Entry& entry) {
  STAFETT_TRY(auto e, gate::Decode(entry.record));
  if (entry.own) {
    STAFETT_TRY(auto event, FromBody(e.type, e.clear));
    if (event) domain::Evolve(child, *event, e.recorded);
  } else {
    STAFETT_TRY(auto fact, FactFrom(e, entry.offset));
    if (fact) domain::Learn(child, *fact);
  }
  return {};
}

std::vector<gate::Write> GateMessageStore::Indexes(const std::string& child, const domain::Event& event,
                                                   Time recorded) const {
  using gate::Write;
  const auto p = PartitionOf(child);
  const auto& id = domain::MessageOf(event);
  const auto member = Member(child, id);
  const auto due = keys_.Index(p, kDue);
  const auto mails = keys_.Index(p, kMails);
  if (const auto* e = std::get_if<domain::MessageQueued>(&event)) {
    std::vector<Write> out{Write::Set(keys_.Global("s:" + id), child)};
    if (e->channel == domain::Channel::kInbox) {
      out.push_back(Write::Push(keys_.Global("inbox:" + e->person), member));
      out.push_back(Write::SortedAdd(keys_.Global("unread:" + e->person), recorded.ms, member));
    } else if (e->channel == domain::Channel::kEmail) {
      out.push_back(Write::SortedAdd(due, e->not_before.ms, member));
      out.push_back(Write::SortedAdd(mails, recorded.ms, member));
    }
    return out;
  }
  if (const auto* e = std::get_if<domain::MessageRead>(&event)) {
    return {Write::SortedRemove(keys_.Global("unread:" + e->person), member)};
  }
  const auto* failed = std::get_if<domain::MessageFailed>(&event);
  const auto claim = Write::Delete(Sending({child, id}));
  if (failed != nullptr && failed->again) return {claim, Write::SortedAdd(due, failed->again->ms, member)};
  return {claim, Write::SortedRemove(due, member), Write::SortedRemove(mails, member)};
}

gate::Proposal GateMessageStore::Propose(const std::string& child, const domain::Events& events, Time now) const {
  gate::Proposal proposal;
  for (const auto& event : events) {
    auto body = ToBody(event);
    auto writes = Indexes(child, event, now);
    proposal.indexes.insert(proposal.indexes.end(), writes.begin(), writes.end());
    gate::NewEvent e{body.type, body.bytes, body.subject, log_topic_};
    e.clear = true;
    proposal.events.push_back(std::move(e));
  }
  return proposal;
}

Result<gate::Committed> GateMessageStore::Change(const gate::Command& command, const std::string& child,
                                                 Deadline deadline, const Decide& decide) {
  gate::Target target{PartitionOf(child), child, true};
  return gate::Execute<domain::Child>(children_, committer_, command, target, deadline,
                                      [&](const gate::Loaded<domain::Child>& loaded) -> Result<gate::Proposal> {
                                        STAFETT_TRY(auto events, decide(*loaded.state, loaded.now));
                                        return Propose(child, events, loaded.now);
                                      });
}

Result<app::MessageStore::View> GateMessageStore::Load(const std::string& child, Deadline deadline) {
  const auto p = PartitionOf(child);
  STAFETT_TRY(auto loaded, children_.Load(p, child, deadline, {gate::Get::String(keys_.Fence(p))}));
  return View{*loaded.state, loaded.now,    std::strtoll(loaded.extra[0].string.c_str(), nullptr, 10),
              loaded.own,    loaded.inputs, loaded.generation};
}

Result<app::Place> GateMessageStore::Find(const std::string& message_id, Deadline deadline) {
  STAFETT_TRY(auto child, found_.ChildAt(keys_.Global("s:" + message_id), deadline));
  if (!child) return domain::NotAllowed();
  return app::Place{*std::move(child), message_id};
}

Result<app::MessageStore::Page> GateMessageStore::Inbox(const std::string& person, std::optional<std::int64_t> before,
                                                        std::int64_t count, Deadline deadline) {
  const auto list = keys_.Global("inbox:" + person);
  const auto series = keys_.Global("series");
  STAFETT_TRY(auto head, store_.Read({gate::Get::Length(list), gate::Get::String(series)}, deadline));
  Page page;
  page.series = head.values[1].string;
  if (page.series.empty()) {
    page.series = NewId("s");
    gate::Transaction tx;
    tx.guards.push_back(gate::Guard::Equals(series, ""));
    tx.writes.push_back(gate::Write::Set(series, page.series));
    STAFETT_TRY(auto outcome, store_.Run(tx, deadline));
    if (!outcome.done) return Inbox(person, before, count, deadline);  // another copy named it
  }
  const auto end = std::min(before.value_or(head.values[0].number), head.values[0].number);
  const auto from = std::max<std::int64_t>(end - count, 0);
  if (end == from) return page;
  STAFETT_TRY(auto read, store_.Read({gate::Get::ListPart(list, from, end - from)}, deadline));
  const auto& members = read.values[0].list;
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    if (auto place = PlaceOf(*it)) page.places.push_back(std::move(*place));
  }
  page.before = from;
  return page;
}

Result<std::int64_t> GateMessageStore::Unread(const std::string& person, Deadline deadline) {
  STAFETT_TRY(auto read,
              store_.Read({gate::Get::Sorted(keys_.Global("unread:" + person), 0, app::kMostUnread)}, deadline));
  return static_cast<std::int64_t>(read.values[0].list.size());
}

Result<std::vector<app::Place>> GateMessageStore::Heads(const char* index, std::int64_t most, Deadline deadline) {
  std::vector<gate::Get> gets;
  for (int p = 0; p < keys_.partitions(); ++p) gets.push_back(gate::Get::Sorted(keys_.Index(p, index), 0, most));
  STAFETT_TRY(auto read, store_.Read(gets, deadline));
  std::vector<app::Place> out;
  for (const auto& value : read.values) {
    for (const auto& member : value.list) {
      if (auto place = PlaceOf(member)) out.push_back(std::move(*place));
    }
  }
  return out;
}

Result<std::vector<app::Place>> GateMessageStore::Waiting(std::int64_t most, Deadline deadline) {
  return Heads(kDue, most, deadline);
}

Result<GateMessageStore::Backlog> GateMessageStore::CountWaiting(Deadline deadline) {
  STAFETT_TRY(auto all, Heads(kDue, kMostCounted, deadline));
  STAFETT_TRY(auto oldest, Heads(kMails, 1, deadline));
  Backlog out;
  out.mails = static_cast<std::int64_t>(all.size());
  for (const auto& place : oldest) {
    STAFETT_TRY(auto view, Load(place.child, deadline));
    out.now = std::max(out.now, view.now);
    const auto* m = view.child.Find(place.message_id);
    if (m != nullptr && m->Waits() && (!out.oldest || m->queued < *out.oldest)) out.oldest = m->queued;
  }
  return out;
}

Result<bool> GateMessageStore::Claim(const app::Place& place, const View& view, Millis ttl, Deadline deadline) {
  if (!committer_.Admits(view.generation)) return gate::Recovering();
  const auto p = PartitionOf(place.child);
  gate::Transaction tx;
  tx.generation = view.generation;
  tx.guards = {gate::Guard::Absent(Sending(place)), gate::Guard::Length(keys_.Own(p, place.child), view.own),
               gate::Guard::Length(keys_.Inputs(p, place.child), view.inputs)};
  tx.writes = {gate::Write::SetFor(Sending(place), "1", ttl)};
  STAFETT_TRY(auto outcome, store_.Run(tx, deadline));
  return outcome.done;
}

bool MessageApplier::Takes(const gate::Envelope& e) const { return IsOfEscalation(e.type); }
bool MessageApplier::Reacts(const gate::Envelope& e) const { return !e.child.empty() && TellsSomebody(e.type); }

Result<std::optional<gate::Reaction>> MessageApplier::React(int partition, const gate::Envelope& e,
                                                            const kafka::Record& record) {
  STAFETT_TRY(auto fact, FactFrom(e, record.offset));
  if (!fact) return std::optional<gate::Reaction>();
  STAFETT_TRY(auto loaded, store_.children().Load(partition, e.child, Deadline::In(Millis(2000))));
  const Time now{record.timestamp_ms};
  auto events = domain::Plan(*loaded.state, *fact,
                             [&](const std::string& person) { return app::ReachAt(tenants_, person, now); });
  gate::Reaction reaction;
  reaction.target = {partition, e.child, true};
  reaction.own = loaded.own;
  reaction.inputs = loaded.inputs;
  reaction.proposal = store_.Propose(e.child, events, now);
  reaction.command.request_id = DerivedId("rq", e.event_id + "/tell");
  reaction.command.cause = e.event_id;
  return std::optional<gate::Reaction>(std::move(reaction));
}

Result<std::vector<gate::Write>> MessageApplier::Restore(int /*partition*/, const gate::Envelope& e) {
  STAFETT_TRY(auto event, FromBody(e.type, e.clear));
  if (!event) return std::vector<gate::Write>();
  return store_.Indexes(e.child, *event, e.recorded);
}

}  // namespace stafett::notifications::adapters
