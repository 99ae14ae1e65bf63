#include "lib/gate/memory_store.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace stafett::gate {
namespace {
std::int64_t ToNumber(const std::string& s, std::int64_t fallback) {
  return s.empty() ? fallback : std::strtoll(s.c_str(), nullptr, 10);
}
void Erase(MemoryStore::Data& d, const std::string& key) {
  d.strings.erase(key);
  d.expiry_ms.erase(key);
  d.lists.erase(key);
  d.hashes.erase(key);
  d.sorted.erase(key);
  d.streams.erase(key);
}
}  // namespace

class MemoryStreamReader final : public StreamReader {
 public:
  explicit MemoryStreamReader(MemoryStore& store) : store_(store) {}
  Result<std::vector<StreamEntry>> Read(const std::vector<std::pair<std::string, std::string>>& positions,
                                        std::size_t max, Millis wait) override {
    if (store_.down_) return Fail(Code::kUnavailable, "STORE_DOWN", "the store is down");
    std::unique_lock lock(store_.mutex_);
    std::vector<StreamEntry> out;
    auto places = positions;
    for (auto& [name, after] : places) {
      if (after != "$") continue;
      auto it = store_.d_.streams.find(name);
      after = it == store_.d_.streams.end() ? OutboxId(0) : it->second.last.Id();
    }
    auto collect = [&] {
      for (const auto& [name, after] : places) {
        auto it = store_.d_.streams.find(name);
        if (it == store_.d_.streams.end()) continue;
        std::size_t taken = 0;
        for (const auto& e : it->second.entries) {
          if (taken == max) break;
          if (StreamPlace::Of(after) < StreamPlace::Of(e.id)) {
            out.push_back(e);
            ++taken;
          }
        }
      }
      return !out.empty();
    };
    if (wait > Millis(0)) {
      store_.appended_.wait_for(lock, wait, collect);
    } else {
      (void)collect();
    }
    return out;
  }

 private:
  MemoryStore& store_;
};

std::unique_ptr<StreamReader> MemoryStore::OpenStreams() { return std::make_unique<MemoryStreamReader>(*this); }

Time MemoryStore::NowLocked() const { return Time{std::max(clock_ms_, d_.seen_ms)}; }

std::string MemoryStore::StringAt(const std::string& key) const {
  auto it = d_.strings.find(key);
  return it == d_.strings.end() ? std::string() : it->second;
}

void MemoryStore::ExpireLocked() {
  std::erase_if(d_.expiry_ms, [this](const auto& e) {
    if (e.second > clock_ms_) return false;
    d_.strings.erase(e.first);
    d_.lists.erase(e.first);
    d_.hashes.erase(e.first);
    d_.sorted.erase(e.first);
    d_.streams.erase(e.first);
    return true;
  });
}

Result<Answer> MemoryStore::Read(const std::vector<Get>& gets, Deadline /*deadline*/) {
  if (down_) return Fail(Code::kUnavailable, "STORE_DOWN", "the store is down");
  std::lock_guard lock(mutex_);
  ExpireLocked();
  Answer answer;
  answer.now = NowLocked();
  answer.clock = Time{clock_ms_};
  for (const auto& g : gets) {
    Value v;
    switch (g.kind) {
      case Get::Kind::kString:
        v.present = d_.strings.contains(g.key);
        v.string = StringAt(g.key);
        break;
      case Get::Kind::kList:
      case Get::Kind::kLength: {
        v.present = true;
        auto it = d_.lists.find(g.key);
        if (it == d_.lists.end()) break;
        v.number = static_cast<std::int64_t>(it->second.size());
        if (g.kind == Get::Kind::kList) {
          for (auto i = static_cast<std::size_t>(g.from); i < it->second.size(); ++i) {
            if (g.count > 0 && v.list.size() == static_cast<std::size_t>(g.count)) break;
            v.list.push_back(it->second[i]);
          }
        }
        break;
      }
      case Get::Kind::kListAt: {
        auto it = d_.lists.find(g.key);
        if (it == d_.lists.end()) break;
        auto size = static_cast<std::int64_t>(it->second.size());
        auto at = g.from < 0 ? size + g.from : g.from;
        v.present = at >= 0 && at < size;
        if (v.present) v.string = it->second[static_cast<std::size_t>(at)];
        break;
      }
      case Get::Kind::kHash:
      case Get::Kind::kHashField: {
        auto it = d_.hashes.find(g.key);
        v.present = g.kind == Get::Kind::kHash;
        if (it == d_.hashes.end()) break;
        for (const auto& [field, value] : it->second) {
          if (g.kind == Get::Kind::kHash) {
            v.list.push_back(field);
            v.list.push_back(value);
          } else if (field == g.field) {
            v.present = true;
            v.string = value;
          }
        }
        break;
      }
      case Get::Kind::kHashFields: {
        v.present = true;
        auto it = d_.hashes.find(g.key);
        for (const auto& field : g.fields) {
          const bool there = it != d_.hashes.end() && it->second.contains(field);
          v.list.push_back(there ? it->second.at(field) : "");
        }
        break;
      }
      case Get::Kind::kSorted:
      case Get::Kind::kDue: {
        v.present = true;
        auto it = d_.sorted.find(g.key);
        if (it == d_.sorted.end()) break;
        std::vector<std::pair<std::int64_t, std::string>> order;
        for (const auto& [member, score] : it->second) {
          if (g.kind == Get::Kind::kSorted || score <= clock_ms_) order.emplace_back(score, member);
        }
        std::sort(order.begin(), order.end());
        for (auto i = static_cast<std::size_t>(g.from);
             i < order.size() && i < static_cast<std::size_t>(g.from + g.count); ++i) {
          v.list.push_back(order[i].second);
        }
        break;
      }
      case Get::Kind::kAfter: {
        v.present = true;
        auto it = d_.sorted.find(g.key);
        if (it == d_.sorted.end()) break;
        const auto& members = it->second;
        for (auto m = g.field.empty() ? members.begin() : members.upper_bound(g.field);
             m != members.end() && v.list.size() < static_cast<std::size_t>(g.count); ++m) {
          v.list.push_back(m->first);
        }
        break;
      }
    }
    answer.values.push_back(std::move(v));
  }
  return answer;
}

const char* MemoryStore::TypeOf(const std::string& key) const {
  if (d_.strings.contains(key)) return "string";
  if (d_.lists.contains(key)) return "list";
  if (d_.hashes.contains(key)) return "hash";
  if (d_.sorted.contains(key)) return "zset";
  if (d_.streams.contains(key)) return "stream";
  return nullptr;
}

bool MemoryStore::Holds(const Guard& g) const {
  switch (g.kind) {
    case Guard::Kind::kAbsent: return TypeOf(g.key) == nullptr;
    case Guard::Kind::kLength: {
      auto it = d_.lists.find(g.key);
      return static_cast<std::int64_t>(it == d_.lists.end() ? 0 : it->second.size()) == g.number;
    }
    case Guard::Kind::kEquals: return StringAt(g.key) == g.value;
    case Guard::Kind::kOutboxBelow: {
      auto it = d_.streams.find(g.key);
      auto appended = it == d_.streams.end() ? 0 : static_cast<std::int64_t>(it->second.next) - 1;
      return appended - ToNumber(StringAt(g.value), 0) < g.number;
    }
    case Guard::Kind::kFreshWithin: {
      auto at = ToNumber(StringAt(g.key), 0);
      return d_.strings.contains(g.key) && clock_ms_ >= at && clock_ms_ - at <= g.number;
    }
    case Guard::Kind::kFieldAbsent: {
      auto it = d_.hashes.find(g.key);
      return it == d_.hashes.end() || !it->second.contains(g.value);
    }
    case Guard::Kind::kFieldEquals: {
      auto it = d_.hashes.find(g.key);
      if (it == d_.hashes.end()) return false;
      auto field = it->second.find(g.field);
      return field != it->second.end() && field->second == g.value;
    }
    case Guard::Kind::kNotBefore: return NowLocked().ms >= g.number;
  }
  return false;
}

// The same first pass as the script's (scripts.h).
Status MemoryStore::Check(const Write& w) const {
  struct Form {
    std::size_t arguments;
    const char* type;
  };
  // A key and any number of pairs; a key and any number of arguments; pairs alone.
  constexpr std::size_t kPairs = 0, kAny = 99, kAllPairs = 98;
  static const std::map<std::string, Form, std::less<>> kForms = {
      {"push", {kAny, "list"}},  {"set", {2, nullptr}},      {"mset", {kAllPairs, nullptr}},
      {"setfor", {3, nullptr}},  {"del", {1, nullptr}},      {"hset", {kPairs, "hash"}},
      {"hdel", {2, "hash"}},     {"zadd", {kPairs, "zset"}}, {"zsooner", {kPairs, "zset"}},
      {"zrem", {2, "zset"}},     {"max", {2, "string"}},     {"stamp", {1, "string"}},
      {"outbox", {7, "stream"}}, {"remember", {6, nullptr}}, {"acklog", {2, "stream"}},
      {"trim", {2, "stream"}},   {"fence", {4, "string"}},   {"rewind", {4, "string"}},
      {"expire", {2, nullptr}},  {"lease", {3, "string"}},   {"release", {2, "string"}},
      {"place", {4, "hash"}},
  };
  const auto form = kForms.find(w.op);
  const auto n = w.args.size();
  const bool right = form != kForms.end() && (form->second.arguments == kPairs      ? n >= 3 && n % 2 == 1
                                              : form->second.arguments == kAny      ? n >= 2
                                              : form->second.arguments == kAllPairs ? n >= 2 && n % 2 == 0
                                                                                    : n == form->second.arguments);
  if (!right) return Fail(Code::kInternal, "REDIS_ERROR", "BADOP");
  const char* is = TypeOf(w.args[0]);
  if (form->second.type != nullptr && is != nullptr && std::string_view(is) != form->second.type) {
    return Fail(Code::kInternal, "REDIS_ERROR", "BADTYPE");
  }
  return {};
}

std::uint64_t MemoryStore::Append(const std::string& key, std::vector<std::pair<std::string, std::string>> fields,
                                  std::int64_t at_ms) {
  auto& s = d_.streams[key];
  s.last = at_ms == 0 ? StreamPlace{s.next, 0} : StreamPlace{std::max<std::uint64_t>(at_ms, s.last.first), s.next};
  s.entries.push_back({key, s.last.Id(), std::move(fields)});
  return s.next++;
}

void MemoryStore::Place(const std::string& key, const std::string& field, const std::string& member,
                        const std::string& names) {
  auto for_each = [&key](std::string_view lines, const auto& with_set) {
    while (!lines.empty()) {
      const auto end = lines.find('\n');
      with_set(key + ":" + std::string(lines.substr(0, end)));
      lines.remove_prefix(end + 1);
    }
  };
  auto& fields = d_.hashes[key];
  if (auto old = fields.find(field); old != fields.end()) {
    const auto at = old->second.find("\n\n");
    for_each(std::string_view(old->second).substr(0, at + 1), [&](const std::string& set) {
      d_.sorted[set].erase(old->second.substr(at + 2));
      if (d_.sorted[set].empty()) d_.sorted.erase(set);
    });
    fields.erase(old);
  }
  if (!names.empty()) fields[field] = names + "\n" + member;
  if (fields.empty()) d_.hashes.erase(key);
  for_each(names, [&](const std::string& set) { d_.sorted[set][member] = 0; });
}

void MemoryStore::Fence(const std::string& key, const std::string& outbox, const std::string& acked_key,
                        const std::string& mark) {
  const auto acked = ToNumber(StringAt(acked_key), 0), at = ToNumber(StringAt(mark), 0);
  auto behind = [&](std::int64_t number) {
    if (auto stream = d_.streams.find(outbox); stream != d_.streams.end()) {
      for (const auto& e : stream->second.entries) {
        if (static_cast<std::int64_t>(OutboxNumber(e.id)) <= number) continue;
        for (const auto& [name, value] : e.fields) {
          if (name == "o") return std::min(ToNumber(value, 0), at);
        }
      }
    }
    return at;
  };
  auto f = behind(acked);
  auto& rewinds = d_.hashes[key + ":rewinds"];
  std::erase_if(rewinds, [&](const auto& e) { return acked >= ToNumber(e.first, 0); });
  for (const auto& [number, one] : rewinds) f = std::min(f, behind(ToNumber(number, 0)));
  if (rewinds.empty()) d_.hashes.erase(key + ":rewinds");
  if (f > ToNumber(StringAt(key), 0)) d_.strings[key] = std::to_string(f);
}

void MemoryStore::Do(const Write& w, std::vector<std::uint64_t>& numbers) {
  const auto& a = w.args;
  if (w.op == "push") {
    for (std::size_t i = 1; i < a.size(); ++i) d_.lists[a[0]].push_back(a[i]);
  } else if (w.op == "set" || w.op == "mset") {
    for (std::size_t i = 0; i + 1 < a.size(); i += 2) {
      Erase(d_, a[i]);
      d_.strings[a[i]] = a[i + 1];
      d_.expiry_ms.erase(a[i]);
    }
  } else if (w.op == "setfor") {
    Erase(d_, a[0]);
    d_.strings[a[0]] = a[1];
    d_.expiry_ms[a[0]] = clock_ms_ + ToNumber(a[2], 0);
  } else if (w.op == "expire") {
    if (TypeOf(a[0]) != nullptr) d_.expiry_ms[a[0]] = clock_ms_ + ToNumber(a[1], 0);
  } else if (w.op == "del") {
    Erase(d_, a[0]);
  } else if (w.op == "hset") {
    for (std::size_t i = 1; i + 1 < a.size(); i += 2) d_.hashes[a[0]][a[i]] = a[i + 1];
  } else if (w.op == "hdel") {
    d_.hashes[a[0]].erase(a[1]);
    if (d_.hashes[a[0]].empty()) Erase(d_, a[0]);
  } else if (w.op == "zadd") {
    for (std::size_t i = 1; i + 1 < a.size(); i += 2) d_.sorted[a[0]][a[i + 1]] = ToNumber(a[i], 0);
  } else if (w.op == "zsooner") {
    for (std::size_t i = 1; i + 1 < a.size(); i += 2) {
      auto [it, added] = d_.sorted[a[0]].try_emplace(a[i + 1], ToNumber(a[i], 0));
      if (!added) it->second = std::min(it->second, ToNumber(a[i], 0));
    }
  } else if (w.op == "zrem") {
    d_.sorted[a[0]].erase(a[1]);
    if (d_.sorted[a[0]].empty()) d_.sorted.erase(a[0]);
  } else if (w.op == "place") {
    Place(a[0], a[1], a[2], a[3]);
  } else if (w.op == "max") {
    if (ToNumber(a[1], 0) > ToNumber(StringAt(a[0]), -1)) d_.strings[a[0]] = a[1];
  } else if (w.op == "stamp") {
    d_.strings[a[0]] = std::to_string(clock_ms_);
  } else if (w.op == "outbox") {
    auto mark = StringAt(a[1]);
    numbers.push_back(Append(
        a[0], {{"t", a[2]}, {"k", a[3]}, {"v", a[4]}, {"h", a[5]}, {"d", a[6]}, {"o", mark.empty() ? "0" : mark}}));
  } else if (w.op == "remember") {
    Erase(d_, a[0]);
    const auto last = std::to_string(numbers.empty() ? 0 : numbers.back());
    d_.strings[a[0]] = last + "\n" + a[3] + "\n" + a[4] + "\n" + a[5] + "\n" + a[2];
    d_.expiry_ms[a[0]] = clock_ms_ + ToNumber(a[1], 0);
  } else if (w.op == "acklog") {
    Append(a[0], {{"a", a[1]}}, clock_ms_);
  } else if (w.op == "trim") {
    std::erase_if(d_.streams[a[0]].entries,
                  [&](const StreamEntry& e) { return StreamPlace::Of(e.id) < StreamPlace::Of(a[1]); });
  } else if (w.op == "fence") {
    Fence(a[0], a[1], a[2], a[3]);
  } else if (w.op == "rewind") {
    const auto to = ToNumber(a[1], 0);
    if (ToNumber(StringAt(a[0]), 0) <= to) return;
    d_.strings[a[0]] = a[1];
    d_.strings[RewindsOf(a[0])] = std::to_string(ToNumber(StringAt(RewindsOf(a[0])), 0) + 1);
    if (ToNumber(StringAt(a[2]), 0) > to) d_.strings[a[2]] = a[1];
    auto outbox = d_.streams.find(a[3]);
    d_.hashes[a[2] + ":rewinds"][std::to_string(outbox == d_.streams.end() ? 0 : outbox->second.next - 1)] = "1";
  } else if (w.op == "lease") {
    auto owner = StringAt(a[0]);
    if (owner.empty() || owner == a[1]) {
      d_.strings[a[0]] = a[1];
      d_.expiry_ms[a[0]] = clock_ms_ + ToNumber(a[2], 0);
    }
  } else if (w.op == "release") {
    if (StringAt(a[0]) == a[1]) Erase(d_, a[0]);
  }
}

Result<Outcome> MemoryStore::Run(const Transaction& tx, Deadline /*deadline*/) {
  std::function<void(const Transaction&)> hook;
  {
    std::lock_guard lock(mutex_);
    hook = before_run_;
  }
  if (hook) hook(tx);
  if (down_) return Fail(Code::kUnavailable, "STORE_DOWN", "the store is down");
  std::unique_lock lock(mutex_);
  if (tx.generation != 0 && tx.generation != generation_) {
    return Fail(Code::kUnavailable, "STORE_CHANGED", "the store changed since this was decided; try again");
  }
  ExpireLocked();
  Outcome out;
  out.now = NowLocked();
  for (std::size_t i = 0; i < tx.guards.size(); ++i) {
    if (!Holds(tx.guards[i])) {
      out.failed_guard = i;
      return out;
    }
  }
  for (const auto& w : tx.writes) STAFETT_CHECK_OK(Check(w));
  for (const auto& w : tx.writes) Do(w, out.outbox);
  d_.seen_ms = out.now.ms;
  out.done = true;
  lock.unlock();
  appended_.notify_all();
  int lose = lose_replies_.load();
  while (lose > 0 && !lose_replies_.compare_exchange_weak(lose, lose - 1)) {
  }
  if (lose > 0) return Fail(Code::kUnknownOutcome, "REPLY_LOST", "no reply");
  return out;
}

void MemoryStore::AdvanceForTest(Millis by) {
  std::lock_guard lock(mutex_);
  clock_ms_ += by.count();
}

void MemoryStore::WipeForTest() {
  std::lock_guard lock(mutex_);
  d_ = Data{};
  ++generation_;
}

std::shared_ptr<const MemoryStore::Data> MemoryStore::CopyForTest() const {
  std::lock_guard lock(mutex_);
  return std::make_shared<const Data>(d_);
}

void MemoryStore::RollBackForTest(const std::shared_ptr<const Data>& copy) {
  std::lock_guard lock(mutex_);
  d_ = *copy;
  ++generation_;
}

void MemoryStore::BeforeRunForTest(std::function<void(const Transaction&)> hook) {
  std::lock_guard lock(mutex_);
  before_run_ = std::move(hook);
}

std::vector<StreamEntry> MemoryStore::StreamForTest(const std::string& key) const {
  std::lock_guard lock(mutex_);
  auto it = d_.streams.find(key);
  return it == d_.streams.end() ? std::vector<StreamEntry>{} : it->second.entries;
}

std::map<std::string, std::string> MemoryStore::DumpForTest() const {
  std::lock_guard lock(mutex_);
  std::map<std::string, std::string> out;
  for (const auto& [k, v] : d_.strings) out[k] = "s:" + v;
  for (const auto& [k, v] : d_.lists) {
    auto& text = out[k] = "l:";
    for (const auto& e : v) text += e + "\n";
  }
  for (const auto& [k, v] : d_.hashes) {
    auto& text = out[k] = "h:";
    for (const auto& [f, x] : v) text += f + "=" + x + "\n";
  }
  for (const auto& [k, v] : d_.sorted) {
    auto& text = out[k] = "z:";
    for (const auto& [m, score] : v) text += m + "@" + std::to_string(score) + "\n";
  }
  return out;
}

}  // namespace stafett::gate
