#include "disclosure/adapters/awaited_receipts.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <sstream>
#include <utility>

#include "disclosure/app/tells.h"
#include "disclosure/domain/awaited.h"
#include "lib/base/id.h"
#include "lib/calendar/calendar.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/disclosure/v1/ledger_events.pb.h"

namespace stafett::disclosure::adapters {
namespace {
using domain::DeliveryState;

constexpr Millis kPatience{2000};    // with the store
constexpr Millis kCountEvery{5000};  // for the metrics
constexpr std::size_t kWords = 500;  // in one record: far below the largest
constexpr std::size_t kPage = 500;   // writes of one transaction
// By the step they have come to; the next one is due. In this order in WaitingKey.
constexpr std::array<std::pair<DeliveryState, const char*>, 4> kStates = {{
    {DeliveryState::kSignalled, "signalled"},
    {DeliveryState::kFetched, "fetched"},
    {DeliveryState::kStored, "stored"},
    {DeliveryState::kWithheld, "withheld"},
}};

Deadline Soon() { return Deadline::In(kPatience); }

Status Fold(Words& words, const gate::Entry& entry) {
  STAFETT_TRY(auto e, gate::Decode(entry.record));
  for (const auto& word : e.awaited) {
    if (word.done) {
      words.erase(word.id);
    } else {
      words[word.id] = word;
    }
  }
  return {};
}

Awaited WordOf(const domain::Delivery& d, Time now) {
  return {"stored/" + d.id,
          AwaitedKind::kDeliveryStored,
          calendar::Format(calendar::Today(now)),
          "",
          d.recipient,
          false,
          now};
}

// Keeps the earlier time of each recipient.
void Sooner(std::map<std::string, Time>& times, const std::string& recipient, Time time) {
  auto [it, first] = times.emplace(recipient, time);
  if (!first) it->second = std::min(it->second, time);
}

// Of each of kStates the count and the oldest; then whose lie untouched, and since when.
std::string Encode(const Standing& standing) {
  std::string out;
  for (const auto& [state, name] : kStates) {
    auto it = standing.waiting.find(state);
    const auto count = it == standing.waiting.end() ? Standing::Count{} : it->second;
    out += std::to_string(count.deliveries) + " " + std::to_string(count.oldest.ms) + " ";
  }
  for (const auto& [recipient, since] : standing.untouched) out += recipient + " " + std::to_string(since.ms) + " ";
  return out;
}

// What is noted of all children.
struct AllWaiting {
  std::map<DeliveryState, int> count;
  std::map<DeliveryState, Millis> oldest;
  std::map<std::string, Time> untouched;
  Time now;
};
Result<AllWaiting> ReadWaiting(gate::Store& store, const gate::Keys& keys, Deadline deadline) {
  std::vector<gate::Get> gets;
  for (int p = 0; p < keys.partitions(); ++p) gets.push_back(gate::Get::Hash(AwaitedReceipts::WaitingKey(keys, p)));
  STAFETT_TRY(auto read, store.Read(gets, deadline));
  AllWaiting out;
  out.now = read.now;
  for (const auto& value : read.values) {
    for (std::size_t i = 0; i + 1 < value.list.size(); i += 2) {
      std::istringstream text(value.list[i + 1]);
      for (const auto& [state, name] : kStates) {
        int deliveries = 0;
        std::int64_t since = 0;
        text >> deliveries >> since;
        out.count[state] += deliveries;
        if (deliveries > 0) out.oldest[state] = std::max(out.oldest[state], Millis(read.now.ms - since));
      }
      std::string recipient;
      std::int64_t since = 0;
      while (text >> recipient >> since) Sooner(out.untouched, recipient, Time{since});
    }
  }
  return out;
}

}  // namespace

std::string ReceiptsStream(const std::string& child) { return "receipts-" + child; }

Standing Look(const domain::View& view, const Words& said, const ReceiptsOf& receipts, Time now) {
  Standing out;
  auto again = [&](Time t) { out.again = out.again ? std::min(*out.again, t) : t; };
  std::set<std::string> awaited;
  for (const auto& [id, d] : view.deliveries) {
    const bool ended = d.state == DeliveryState::kWithdrawn || d.state == DeliveryState::kOpened;
    if (ended || !domain::GroundHolds(view, d, now)) continue;
    const auto tells = app::TellsOf(receipts(d.recipient));
    out.any = out.any || d.state != DeliveryState::kStored;
    if (domain::NextDue(d, tells)) {
      out.any = true;
      auto& count = out.waiting[d.state];
      if (count.deliveries++ == 0 || d.at < count.oldest) count.oldest = d.at;
      if (d.state == DeliveryState::kSignalled) Sooner(out.untouched, d.recipient, d.at);
    }
    if (auto ends = domain::GroundEnds(view, d)) again(*ends);
    if (!tells.stored || !domain::ToBeStored(view, d, now)) continue;
    auto word = WordOf(d, now);
    awaited.insert(word.id);
    if (said.contains(word.id)) continue;
    const Time grace{d.at.ms + AwaitedReceipts::kGrace.count()};
    if (now < grace) {
      again(grace);
    } else {
      out.words.push_back(std::move(word));
    }
  }
  for (const auto& [id, word] : said) {
    if (!awaited.contains(id)) out.words.push_back({id, word.kind, "", "", word.recipient, true, {}});
  }
  if (out.words.size() > kWords) {
    out.words.resize(kWords);
    again(now);
  }
  return out;
}

AwaitedReceipts::AwaitedReceipts(gate::Children<domain::View>& views, gate::Committer& committer,
                                 telemetry::Metrics& metrics, Options options)
    : views_(views),
      committer_(committer),
      words_(committer.store(), committer.keys(), Fold),
      options_(std::move(options)) {
  for (const auto& [state, name] : kStates) {
    const telemetry::Labels labels{{"state", name}};
    waiting_[state] =
        &metrics.Gauge("stafett_deliveries",
                       "Deliveries that have come to this state and wait for the next, of all partitions.", labels);
    oldest_[state] = &metrics.Gauge("stafett_delivery_oldest_seconds", "Age of the oldest of them.", labels);
  }
  silent_ = &metrics.Gauge("stafett_recipients_silent",
                           "Recipients that have left something untouched for more than a day, of all partitions.");
}

AwaitedReceipts::~AwaitedReceipts() { Stop(); }

void AwaitedReceipts::Start(const Beats& beats) {
  thread_ = std::thread([this, beat = BeatOf(beats, "receipts")] {
    while (!stop_) {
      beat();
      auto until = std::chrono::steady_clock::now() + (Turn() ? Millis(0) : kEvery);
      while (!stop_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(Millis(5));
    }
  });
}

void AwaitedReceipts::Stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

bool AwaitedReceipts::Turn() {
  const auto held = options_.partitions();
  if (!held) return false;
  Count();
  if (held->empty()) return false;
  const auto& keys = committer_.keys();
  auto& store = committer_.store();
  const auto generation = store.Generation();
  std::vector<gate::Get> gets;
  for (int p : *held) {
    gets.push_back(gate::Get::Due(DueKey(keys, p), kBatch));
    gets.push_back(gate::Get::String(keys.Index(p, "receipts:files")));
  }
  auto read = store.Read(gets, Soon());
  if (!read) return false;
  bool more = false;
  std::size_t at = 0;
  for (int p : *held) {
    const auto& due = read->values[at++].list;
    if (read->values[at++].string != options_.files) more = AllAgain(p).has_value() || more;
    for (std::size_t i = 0; i < due.size(); i += kTogether) {
      if (stop_) return false;
      const auto end = std::min(due.size(), i + kTogether);
      const std::vector<std::string> together(due.begin() + static_cast<std::ptrdiff_t>(i),
                                              due.begin() + static_cast<std::ptrdiff_t>(end));
      auto looked = LookAt(p, together);
      more = more || looked == Looked::kSaid || looked == Looked::kSettled;
      if (looked == Looked::kSaid || looked == Looked::kSettled) continue;
      for (const auto& child : together) {  // it may be one alone that fails, or that something happened to
        if (together.size() > 1) looked = LookAt(p, {child});
        more = more || looked == Looked::kSaid || looked == Looked::kSettled;
        if (looked != Looked::kFailed) continue;
        gate::Transaction later;  // out of the way of others
        later.generation = generation;
        later.writes.push_back(gate::Write::SortedAdd(DueKey(keys, p), read->now.ms + kRetry.count(), child));
        (void)store.Run(later, Soon());
      }
    }
  }
  return more;
}

AwaitedReceipts::Looked AwaitedReceipts::LookAt(int partition, const std::vector<std::string>& children) {
  std::vector<std::string> streams;
  streams.reserve(children.size());
  for (const auto& child : children) streams.push_back(ReceiptsStream(child));
  auto views = views_.LoadAll(partition, children, Soon());
  auto said = words_.LoadAll(partition, streams, Soon());
  if (!views || !said) return Looked::kFailed;
  gate::Transaction tx;
  tx.generation = views->front().generation;
  bool says = false;
  for (std::size_t i = 0; i < children.size(); ++i) {
    if ((*said)[i].generation != tx.generation) return Looked::kFailed;
    if (!NoteDown(partition, children[i], (*views)[i], (*said)[i], tx, says)) return Looked::kFailed;
  }
  auto ran = committer_.store().Run(tx, Soon());
  if (!ran) return Looked::kFailed;
  if (!ran->done) return Looked::kConflict;
  return says ? Looked::kSaid : Looked::kSettled;
}

// Adds what is to be written of this child, and what that rests on.
Status AwaitedReceipts::NoteDown(int partition, const std::string& child, const gate::Loaded<domain::View>& view,
                                 const gate::Loaded<Words>& said, gate::Transaction& tx, bool& says) const {
  const auto stream = ReceiptsStream(child);
  const auto standing = Look(*view.state, *said.state, options_.receipts, view.now);
  const auto& keys = committer_.keys();
  gate::Proposal proposal;
  // The two were read one after the other: only if nothing came in between do they belong together.
  proposal.guards = {gate::Guard::Length(keys.Own(partition, child), view.own),
                     gate::Guard::Length(keys.Inputs(partition, child), view.inputs)};
  proposal.indexes = {standing.again ? gate::Write::SortedAdd(DueKey(keys, partition), standing.again->ms, child)
                                     : gate::Write::SortedRemove(DueKey(keys, partition), child),
                      standing.any ? gate::Write::HashSet(WaitingKey(keys, partition), child, Encode(standing))
                                   : gate::Write::HashDelete(WaitingKey(keys, partition), child)};
  gate::Transaction step;
  if (standing.words.empty()) {
    step.guards = std::move(proposal.guards);
    step.guards.push_back(gate::Guard::Length(keys.Own(partition, stream), said.own));
    step.writes = std::move(proposal.indexes);
  } else {
    ::stafett::disclosure::v1::ReceiptsAwaited body;
    auto open = said.state->size();
    for (const auto& word : standing.words) {
      if (word.done) --open;
      if (!word.done && !said.state->contains(word.id)) ++open;
    }
    body.set_open(static_cast<std::uint32_t>(open));
    proposal.events.push_back({body.GetDescriptor()->options().GetExtension(common::v1::event_type),
                               body.SerializeAsString(), "", options_.log_topic, standing.words, true});
    gate::Command command;
    command.request_scope = keys.service();
    command.request_id = DerivedId("rq", stream + "#" + std::to_string(said.own + 1));
    STAFETT_TRY(auto prepared, committer_.Prepare(command, {partition, stream, true, child},
                                                  {said.own, said.inputs, said.generation, view.now}, proposal));
    step = std::move(prepared.tx);
    says = true;
  }
  std::move(step.guards.begin(), step.guards.end(), std::back_inserter(tx.guards));
  std::move(step.writes.begin(), step.writes.end(), std::back_inserter(tx.writes));
  return {};
}

// Whoever has something unfinished is to be looked at: the files may say another thing of its recipients.
Status AwaitedReceipts::AllAgain(int partition) {
  const auto& keys = committer_.keys();
  auto& store = committer_.store();
  gate::Transaction tx;
  tx.generation = store.Generation();
  STAFETT_TRY(auto read, store.Read({gate::Get::Hash(WaitingKey(keys, partition))}, Soon()));
  const auto& children = read.values[0].list;
  for (std::size_t i = 0; i + 1 < children.size(); i += 2) {
    tx.writes.push_back(gate::Write::SortedSooner(DueKey(keys, partition), 0, children[i]));
    if (tx.writes.size() < kPage) continue;
    STAFETT_CHECK_OK(store.Run(tx, Soon()));
    tx.writes.clear();
  }
  tx.writes.push_back(gate::Write::Set(keys.Index(partition, "receipts:files"), options_.files));
  STAFETT_CHECK_OK(store.Run(tx, Soon()));
  return {};
}

void AwaitedReceipts::Count() {
  const auto now = std::chrono::steady_clock::now();
  if (now - counted_ < kCountEvery) return;
  counted_ = now;
  auto all = ReadWaiting(committer_.store(), committer_.keys(), Soon());
  if (!all) return;
  for (const auto& [state, name] : kStates) {
    waiting_[state]->Set(all->count[state]);
    oldest_[state]->Set(static_cast<double>(std::max(all->oldest[state], Millis(0)).count()) / 1000);
  }
  const auto& untouched = all->untouched;
  silent_->Set(static_cast<double>(std::count_if(untouched.begin(), untouched.end(), [&](const auto& entry) {
    return all->now.ms - entry.second.ms > kSilent.count();
  })));
}

Result<std::map<std::string, Time>> AwaitedReceipts::Untouched(gate::Store& store, const gate::Keys& keys,
                                                               Deadline deadline) {
  STAFETT_TRY(auto all, ReadWaiting(store, keys, deadline));
  return std::move(all.untouched);
}

}  // namespace stafett::disclosure::adapters
