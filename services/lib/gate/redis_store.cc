#include "lib/gate/redis_store.h"

#include <algorithm>
#include <utility>

#include "lib/base/id.h"
#include "lib/gate/scripts.h"

namespace stafett::gate {
namespace {

const char* Name(Get::Kind kind) {
  switch (kind) {
    case Get::Kind::kString: return "string";
    case Get::Kind::kList: return "list";
    case Get::Kind::kListAt: return "at";
    case Get::Kind::kLength: return "length";
    case Get::Kind::kHash: return "hash";
    case Get::Kind::kHashField: return "field";
    case Get::Kind::kHashFields: return "fields";
    case Get::Kind::kSorted: return "sorted";
    case Get::Kind::kDue: return "due";
    case Get::Kind::kAfter: return "after";
  }
  return "";
}

const char* Name(Guard::Kind kind) {
  switch (kind) {
    case Guard::Kind::kAbsent: return "absent";
    case Guard::Kind::kLength: return "length";
    case Guard::Kind::kEquals: return "equals";
    case Guard::Kind::kOutboxBelow: return "below";
    case Guard::Kind::kFreshWithin: return "fresh";
    case Guard::Kind::kFieldAbsent: return "nofield";
    case Guard::Kind::kFieldEquals: return "field";
    case Guard::Kind::kNotBefore: return "notbefore";
  }
  return "";
}

// A script whose clock runs ahead by this much.
std::string WithClock(std::string script, Millis ahead) {
  constexpr std::string_view kNone = "local ahead = 0\n";
  return script.replace(script.find(kNone), kNone.size(), "local ahead = " + std::to_string(ahead.count()) + "\n");
}

tl::unexpected<Error> CrossTalk() {
  // hiredis answers by order alone; an answer that is not ours must never be used (events.md §4).
  return Fail(Code::kUnknownOutcome, "REDIS_CROSS_TALK", "the store answered another question");
}

class RedisStreamReader final : public StreamReader {
 public:
  RedisStreamReader(redis::Options options, const redis::Client& main) : client_(std::move(options)), main_(main) {}

  Result<std::vector<StreamEntry>> Read(const std::vector<std::pair<std::string, std::string>>& positions,
                                        std::size_t max, Millis wait) override {
    redis::Args args{"XREAD", "COUNT"};
    args.Add(static_cast<std::int64_t>(max));
    if (wait.count() > 0) args.Add("BLOCK").Add(wait.count());
    args.Add("STREAMS");
    for (const auto& [stream, id] : positions) args.Add(stream);
    for (const auto& [stream, id] : positions) args.Add(id);
    STAFETT_TRY(auto reply, client_.Call(std::move(args), Deadline::In(wait + Millis(2000))));
    // This connection may have met another server before the store's own did. Its entries carry numbers that mean
    // something else: they are not for one who still goes by the store's generation.
    if (client_.RunId() != main_.RunId()) {
      return Fail(Code::kUnavailable, "STORE_CHANGED", "the stream was read from another server");
    }
    std::vector<StreamEntry> out;
    for (auto& stream : reply.array) {
      if (stream.array.size() != 2) continue;
      for (auto& entry : stream.array[1].array) {
        if (entry.array.size() != 2) continue;
        StreamEntry e{stream.array[0].string, std::move(entry.array[0].string), {}};
        auto& f = entry.array[1].array;
        for (std::size_t i = 0; i + 1 < f.size(); i += 2) {
          e.fields.emplace_back(std::move(f[i].string), std::move(f[i + 1].string));
        }
        out.push_back(std::move(e));
      }
    }
    return out;
  }

 private:
  redis::Client client_;
  const redis::Client& main_;
};

}  // namespace

RedisStore::RedisStore(redis::Options options, std::string clock_key, Beats beats, Millis clock_ahead)
    : options_(std::move(options)),
      beats_(std::move(beats)),
      clock_key_(std::move(clock_key)),
      read_(WithClock(kReadScript, clock_ahead)),
      run_(WithClock(kRunScript, clock_ahead)),
      echo_prefix_(NewId("q")) {
  auto of_client = options_;
  of_client.beat = BeatOf(beats_, "redis");
  client_ = std::make_unique<redis::Client>(std::move(of_client));
}

RedisStore::~RedisStore() = default;

bool RedisStore::Connected() const { return client_->Connected(); }

RedisStore::Bound RedisStore::Now() const {
  std::lock_guard lock(mutex_);
  Bound b{client_->Server(), lost_, {}};
  if (b.server == id_server_) b.id = id_;
  return b;
}

std::uint64_t RedisStore::Generation() const { return Now().generation(); }

void RedisStore::Met(const Bound& bound, const std::string& id) {
  if (id == bound.id) return;
  std::lock_guard lock(mutex_);
  if (bound.lost != lost_ || bound.server < id_server_) return;
  id_server_ = bound.server;
  id_ = id;
}

tl::unexpected<Error> RedisStore::Lost(const Bound& bound) {
  {
    std::lock_guard lock(mutex_);
    if (bound.lost == lost_) {  // else noticed already
      ++lost_;
      id_.clear();
    }
  }
  return Fail(Code::kUnavailable, "STORE_LOST_DATA", "the store has lost what it had answered; try again shortly");
}

std::string RedisStore::NextEcho() { return echo_prefix_ + std::to_string(++echo_); }

Result<Answer> RedisStore::Read(const std::vector<Get>& gets, Deadline deadline) {
  const Bound bound = Now();
  const std::string echo = NextEcho();
  auto args = read_.Begin();
  args.Add(echo).Add("clock").Add(clock_key_).Add("").Add("");
  for (const auto& g : gets) {
    args.Add(Name(g.kind)).Add(g.key);
    if (g.kind == Get::Kind::kSorted) {
      // ZRANGE counts -1 from the end: nothing wanted is an empty range, not all.
      args.Add(g.count > 0 ? g.from : 1).Add(g.count > 0 ? g.from + g.count - 1 : 0);
    } else if (g.kind == Get::Kind::kHashFields) {
      args.Add(static_cast<std::int64_t>(g.fields.size())).Add("");
      for (const auto& field : g.fields) args.Add(field);
    } else if (g.kind == Get::Kind::kDue) {
      args.Add(g.count).Add("");
    } else if (g.kind == Get::Kind::kAfter) {
      args.Add(g.field.empty() ? "-" : "(" + g.field).Add(g.count);
    } else {
      if (g.kind == Get::Kind::kHashField) {
        args.Add(g.field);
      } else {
        args.Add(g.from);
      }
      args.Add(g.kind == Get::Kind::kList && g.count > 0 ? g.from + g.count - 1 : -1);
    }
  }
  STAFETT_TRY(auto reply, read_.Run(*client_, args, deadline, bound.server));
  if (reply.array.size() != gets.size() + 3 || reply.array[0].string != echo) return CrossTalk();
  Answer answer;
  answer.now = Time{reply.array[1].integer};
  const auto& clock = reply.array[2].array;
  if (clock.size() != 2) return CrossTalk();
  answer.clock = Time{clock[0].integer};
  if (!bound.id.empty() && clock[1].string != bound.id) return Lost(bound);
  for (std::size_t i = 0; i < gets.size(); ++i) {
    auto& r = reply.array[i + 3];
    Value v;
    v.present = !r.IsNil();
    v.number = r.integer;
    v.string = std::move(r.string);
    v.list.reserve(r.array.size());
    for (auto& element : r.array) v.list.push_back(std::move(element.string));
    answer.values.push_back(std::move(v));
  }
  return answer;
}

Result<Outcome> RedisStore::Run(const Transaction& tx, Deadline deadline) {
  const Bound bound = Now();
  if (tx.generation != 0 && tx.generation != bound.generation()) {
    return Fail(Code::kUnavailable, "STORE_CHANGED", "the store changed since this was decided; try again");
  }
  const std::string echo = NextEcho();
  auto args = run_.Begin();
  args.Add(echo).Add(clock_key_).Add(bound.id).Add(static_cast<std::int64_t>(tx.guards.size()));
  for (const auto& g : tx.guards) args.Add(Name(g.kind)).Add(g.key).Add(g.value).Add(g.number).Add(g.field);
  for (const auto& w : tx.writes) {
    args.Add(w.op).Add(static_cast<std::int64_t>(w.args.size()));
    for (const auto& arg : w.args) args.Add(arg);
  }
  // The id belongs to this server, so every transaction is bound, not only those that ask for it.
  STAFETT_TRY(auto reply, run_.Run(*client_, args, deadline, bound.server));
  if (reply.array.size() < 3 || reply.array[0].string != echo) return CrossTalk();
  Outcome out;
  out.done = reply.array[1].string == "OK";
  out.now = Time{reply.array[2].integer};
  if (reply.array[1].string == "LOST") return Lost(bound);
  if (reply.array.size() < 4) return CrossTalk();
  Met(bound, reply.array[3].string);
  if (!out.done) {
    out.failed_guard = static_cast<std::size_t>(reply.array.size() > 4 ? reply.array[4].integer : 0);
    return out;
  }
  for (std::size_t i = 4; i < reply.array.size(); ++i) {
    out.outbox.push_back(static_cast<std::uint64_t>(reply.array[i].integer));
  }
  return out;
}

std::unique_ptr<StreamReader> RedisStore::OpenStreams() {
  auto options = options_;
  options.on_connected = nullptr;
  options.client_name += "-streams";
  options.beat = BeatOf(beats_, "redis-streams");
  return std::make_unique<RedisStreamReader>(std::move(options), *client_);
}

}  // namespace stafett::gate
