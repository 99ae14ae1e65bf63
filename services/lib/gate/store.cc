#include "lib/gate/store.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "lib/gate/outbox.h"

namespace stafett::gate {
namespace {
std::string Num(std::int64_t n) { return std::to_string(n); }

}  // namespace

std::uint64_t OutboxNumber(std::string_view stream_id) {
  std::uint64_t n = 0;
  std::from_chars(stream_id.data(), stream_id.data() + stream_id.size(), n);
  return n;
}
StreamPlace StreamPlace::Of(std::string_view id) {
  const auto dash = id.find('-');
  return {OutboxNumber(id), dash == std::string_view::npos ? 0 : OutboxNumber(id.substr(dash + 1))};
}
std::string OutboxId(std::uint64_t number) { return std::to_string(number) + "-0"; }

Write Write::Push(std::string key, std::string value) { return {"push", {std::move(key), std::move(value)}}; }
Write Write::Set(std::string key, std::string value) { return {"set", {std::move(key), std::move(value)}}; }
Write Write::SetFor(std::string key, std::string value, Millis ttl) {
  return {"setfor", {std::move(key), std::move(value), Num(std::max<Millis::rep>(ttl.count(), 1))}};
}
Write Write::Expire(std::string key, Millis ttl) {
  return {"expire", {std::move(key), Num(std::max<Millis::rep>(ttl.count(), 1))}};
}
Write Write::Delete(std::string key) { return {"del", {std::move(key)}}; }
Write Write::HashSet(std::string key, std::string field, std::string value) {
  return {"hset", {std::move(key), std::move(field), std::move(value)}};
}
Write Write::HashSetAll(std::string key, std::vector<std::string> pairs) {
  pairs.insert(pairs.begin(), std::move(key));
  return {"hset", std::move(pairs)};
}
Write Write::HashDelete(std::string key, std::string field) { return {"hdel", {std::move(key), std::move(field)}}; }
Write Write::SortedSooner(std::string key, std::int64_t score, std::string member) {
  return {"zsooner", {std::move(key), Num(score), std::move(member)}};
}
Write Write::SortedAdd(std::string key, std::int64_t score, std::string member) {
  return {"zadd", {std::move(key), Num(score), std::move(member)}};
}
Write Write::SortedRemove(std::string key, std::string member) { return {"zrem", {std::move(key), std::move(member)}}; }
Write Write::Place(std::string key, std::string field, std::string member, const std::vector<std::string>& names) {
  std::string lines;
  for (const auto& name : names) lines += name + "\n";
  return {"place", {std::move(key), std::move(field), std::move(member), std::move(lines)}};
}
Write Write::Max(std::string key, std::int64_t n) { return {"max", {std::move(key), Num(n)}}; }
Write Write::Stamp(std::string key) { return {"stamp", {std::move(key)}}; }
Write Write::Outbox(std::string key, std::string mark_key, std::string topic, std::string record_key, std::string value,
                    std::string headers) {
  auto digest = OutboxDigest(key, topic, record_key, value, headers);
  return {"outbox",
          {std::move(key), std::move(mark_key), std::move(topic), std::move(record_key), std::move(value),
           std::move(headers), std::move(digest)}};
}
Write Write::Remember(std::string key, Millis ttl, std::string hash, int partition, std::string child,
                      std::uint64_t version) {
  return {"remember",
          {std::move(key), Num(ttl.count()), std::move(hash), std::to_string(partition), std::move(child),
           std::to_string(version)}};
}
Write Write::AckLog(std::string ack_stream, std::string pairs) {
  return {"acklog", {std::move(ack_stream), std::move(pairs)}};
}
Write Write::Trim(std::string stream, std::string first_kept) {
  return {"trim", {std::move(stream), std::move(first_kept)}};
}
Write Write::Fence(std::string fence, std::string outbox, std::string acked, std::string mark) {
  return {"fence", {std::move(fence), std::move(outbox), std::move(acked), std::move(mark)}};
}
Write Write::Rewind(std::string mark, std::int64_t to, std::string fence, std::string outbox) {
  return {"rewind", {std::move(mark), Num(to), std::move(fence), std::move(outbox)}};
}
namespace {
// Most arguments of one write: what Lua can unpack, with room to spare.
constexpr std::size_t kMostArguments = 3000;

bool CanJoin(const std::string& op) { return op == "push" || op == "hset" || op == "zadd" || op == "zsooner"; }

// Writes to which more may be added, and where each key was written last.
class OpenWrites {
 public:
  // The last write of the key, if more of the same kind may be added to it.
  Write* Same(std::vector<Write>& writes, const Write& more) const {
    auto it = open_.find(more.args[0]);
    if (it == open_.end()) return nullptr;
    auto& w = writes[it->second];
    return w.op == more.op && Fits(w, more) ? &w : nullptr;
  }
  // The last write of values to several keys, if no write behind it has to do with this one's.
  Write* Values(std::vector<Write>& writes, const Write& more) const {
    if (!values_ || !Fits(writes[*values_], more) || LastOf(more.args[0]) > *values_) return nullptr;
    return &writes[*values_];
  }
  void Put(const Write& w, std::size_t at) { open_[w.args[0]] = last_[w.args[0]] = at; }
  void PutValue(const std::string& key, std::size_t at) {
    open_.erase(key);
    last_[key] = at;
    values_ = at;
  }
  std::size_t values() const { return *values_; }
  // Any argument may be a key that this write has to do with, or what such keys begin with (Write::Place,
  // Write::Fence).
  void Close(const Write& w, std::size_t at) {
    for (const auto& arg : w.args) {
      open_.erase(arg);
      last_[arg] = at;
      const auto from = arg + ":";
      for (auto it = open_.lower_bound(from); it != open_.end() && it->first.starts_with(from);) it = open_.erase(it);
    }
  }

 private:
  static bool Fits(const Write& w, const Write& more) { return w.args.size() + more.args.size() <= kMostArguments; }
  std::size_t LastOf(std::string_view key) const {
    std::size_t last = 0;
    for (auto end = key.size(); end != std::string_view::npos; end = end == 0 ? end - 1 : key.rfind(':', end - 1)) {
      auto it = last_.find(std::string(key.substr(0, end)));
      if (it != last_.end()) last = std::max(last, it->second);
    }
    return last;
  }

  std::map<std::string, std::size_t> open_;            // by key
  std::unordered_map<std::string, std::size_t> last_;  // by key, and by what may be one
  std::optional<std::size_t> values_;
};
}  // namespace

std::vector<Write> Joined(std::vector<Write> writes) {
  std::vector<Write> out;
  out.reserve(writes.size());
  OpenWrites open;
  for (auto& w : writes) {
    if (w.op == "set") {
      if (auto* to = open.Values(out, w)) {
        to->op = "mset";
        open.PutValue(w.args[0], open.values());
        std::move(w.args.begin(), w.args.end(), std::back_inserter(to->args));
        continue;
      }
      open.PutValue(w.args[0], out.size());
    } else if (!CanJoin(w.op)) {
      open.Close(w, out.size());
    } else if (auto* to = open.Same(out, w)) {
      std::move(w.args.begin() + 1, w.args.end(), std::back_inserter(to->args));
      continue;
    } else {
      open.Put(w, out.size());
    }
    out.push_back(std::move(w));
  }
  return out;
}

Write Write::Lease(std::string key, std::string owner, Millis ttl) {
  return {"lease", {std::move(key), std::move(owner), Num(ttl.count())}};
}
Write Write::Release(std::string key, std::string owner) { return {"release", {std::move(key), std::move(owner)}}; }

}  // namespace stafett::gate
