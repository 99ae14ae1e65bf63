#include "lib/rpc/stream.h"

#include <google/protobuf/descriptor.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>

#include "lib/rpc/arrival.h"
#include "lib/rpc/error_map.h"
#include "lib/telemetry/log.h"

namespace stafett::rpc {
namespace {

using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;
using telemetry::TraceContext;
using telemetry::TraceScope;

constexpr Millis kAskWithin{2'000};

// Why a stream ended; "full": it was not let in, "refused": the caller may not, or not any more.
constexpr char kGone[] = "gone", kExpired[] = "expired", kStopping[] = "stopping", kSlow[] = "slow", kFull[] = "full",
               kRefused[] = "refused", kFailed[] = "failed";
constexpr std::array kReasons = {kGone, kExpired, kStopping, kSlow, kFull, kRefused, kFailed};

const char* ReasonOf(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kUnauthenticated:
    case Code::kPermissionDenied:
    case Code::kNotFound: return kRefused;
    default: return kFailed;
  }
}

SteadyTime Now() { return std::chrono::steady_clock::now(); }

Time SystemTime() {
  return {std::chrono::duration_cast<Millis>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

Error Stopping() { return Fail(Code::kUnavailable, "STOPPING", "this copy stops; go on with another").value(); }

}  // namespace

struct Streams::Method {
  std::string name;  // "stafett.cases.v1.Cases/WatchCase"
  prometheus::Gauge* open = nullptr;
  std::map<std::string, prometheus::Counter*> ended;  // by reason
};

struct Streams::Shared {
  std::map<std::string, Method, std::less<>> methods;  // by short name

  std::mutex mutex;  // of all below
  std::condition_variable wake;
  std::vector<Stream*> arrived;
  std::size_t open = 0;
  std::map<std::string, std::size_t> of_client;
  bool stirred = false;  // a stream has arrived, was written or was cancelled
  bool news = false;
  bool draining = false;
  bool stop = false;

  void Stir() {
    std::lock_guard lock(mutex);
    stirred = true;
    // Under the lock: who waits may be gone the moment it is free.
    wake.notify_one();
  }
};

// ---- what gRPC tells of one, on its threads ---------------------------------------------------------------------

void Streams::Stream::NoteWritten(bool ok) {
  if (!ok) broken_ = true;
  taken_ = true;
  shared_->Stir();
}

void Streams::Stream::NoteCancelled() {
  cancelled_ = true;
  shared_->Stir();
}

void Streams::Stream::NoteDone() {
  if (!counted_) return;
  method_->open->Decrement();
  std::lock_guard lock(shared_->mutex);
  --shared_->open;
  auto it = shared_->of_client.find(caller_.client_id);
  if (--it->second == 0) shared_->of_client.erase(it);
}

// ---- arrival ----------------------------------------------------------------------------------------------------

Streams::Streams(Runtime& runtime, const std::string& service, Look look, Options options)
    : runtime_(runtime), look_(std::move(look)), options_(std::move(options)), shared_(std::make_shared<Shared>()) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  if (descriptor == nullptr) throw std::invalid_argument("no such gRPC service: " + service);
  for (int i = 0; i < descriptor->method_count(); ++i) {
    if (!descriptor->method(i)->server_streaming()) continue;
    const std::string short_name = descriptor->method(i)->name();
    Method& method = shared_->methods[short_name];
    method.name = service + "/" + short_name;
    method.open =
        &runtime.metrics.Gauge("stafett_streams_open", "Streams that are open now.", {{"method", method.name}});
    for (const char* reason : kReasons) {
      method.ended[reason] = &runtime.metrics.Counter("stafett_streams_ended_total", "Streams ended, or not let in.",
                                                      {{"method", method.name}, {"reason", reason}});
    }
  }
  thread_ = std::thread([this, beat = BeatOf(options_.beats, "streams")] { Run(beat); });
}

Streams::~Streams() {
  {
    std::lock_guard lock(shared_->mutex);
    shared_->draining = shared_->stop = true;
    shared_->wake.notify_one();
  }
  thread_.join();
}

void Streams::News() {
  std::lock_guard lock(shared_->mutex);
  if (shared_->news || shared_->open == 0) return;
  shared_->news = true;
  shared_->wake.notify_one();
}

void Streams::Drain() {
  std::lock_guard lock(shared_->mutex);
  shared_->draining = true;
  shared_->wake.notify_one();
}

void Streams::Arrive(std::string_view method, const grpc::ServerContextBase& context, Stream* stream) {
  const auto found = shared_->methods.find(method);
  stream->shared_ = shared_;
  stream->trace_ = TraceOf(context).value_or(TraceContext::New()).Child();
  stream->credentials_ = CredentialsOf(context);
  if (found == shared_->methods.end()) {
    return stream->Close(ToGrpc(Fail(Code::kInternal, "METHOD_UNKNOWN", "not in the service's descriptor").value()));
  }
  stream->method_ = &found->second;
  if (!runtime_.executor.TrySubmit([this, stream] { Admit(stream); })) {
    End(*stream, kFull, Fail(Code::kResourceExhausted, "EXECUTOR_FULL", "too busy; try again").value());
  }
}

// On the executor: the issuer may have to be waited for.
void Streams::Admit(Stream* stream) {
  const TraceScope scope(stream->trace_);
  auto caller = runtime_.authenticator.Authenticate(stream->credentials_);
  stream->credentials_ = {};
  if (!caller) return End(*stream, ReasonOf(caller.error()), caller.error());
  stream->caller_ = *std::move(caller);
  std::optional<Error> no;
  {
    std::lock_guard lock(shared_->mutex);
    auto& of_client = shared_->of_client[stream->caller_.client_id];
    if (shared_->draining) {
      no = Stopping();
    } else if (shared_->open >= options_.most || of_client >= options_.most_of_client) {
      no = Fail(Code::kResourceExhausted, "TOO_MANY_STREAMS", "too many streams are open here; end some, or wait")
               .value();
    } else {
      ++of_client;
      ++shared_->open;
      stream->counted_ = true;
      stream->method_->open->Increment();
      shared_->arrived.push_back(stream);
      shared_->stirred = true;
      shared_->wake.notify_one();
    }
    if (of_client == 0) shared_->of_client.erase(stream->caller_.client_id);
  }
  if (no) End(*stream, no->code == Code::kUnavailable ? kStopping : kFull, *no);
}

// ---- the thread -------------------------------------------------------------------------------------------------

void Streams::Run(const Beat& beat) {
  while (true) {
    beat();
    bool draining = false, stop = false, look = false;
    {
      std::unique_lock lock(shared_->mutex);
      auto& s = *shared_;
      while (!s.stirred && !s.draining) {
        const auto next = (open_.empty() ? Now() : looked_) + (s.news ? options_.least : options_.look);
        if (s.wake.wait_until(lock, next) == std::cv_status::timeout) break;
      }
      s.stirred = false;
      open_.insert(open_.end(), s.arrived.begin(), s.arrived.end());
      s.arrived.clear();
      draining = s.draining;
      stop = s.stop;
      look = !draining && (doubt_ || Now() >= looked_ + (s.news ? options_.least : options_.look));
      if (look) s.news = false;
    }
    if (look && !open_.empty()) LookAround();
    std::erase_if(open_, [&](Stream* stream) {
      beat();
      return !Turn(*stream, draining);
    });
    if (stop) return;
    if (doubt_) shared_->Stir();
    if (draining) {
      // Nothing comes any more; until the end there is only to beat.
      std::unique_lock lock(shared_->mutex);
      shared_->wake.wait_for(lock, options_.look, [this] { return shared_->stop || !shared_->arrived.empty(); });
    }
  }
}

void Streams::LookAround() {
  looked_ = Now();
  doubt_ = false;
  std::vector<std::string> keys;
  for (const auto* stream : open_) {
    if (!stream->key_.empty()) keys.push_back(stream->key_);
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  if (keys.empty()) return;
  auto positions = look_(keys);
  if (positions && positions->size() != keys.size()) positions = Fail(Code::kInternal, "BAD_LOOK", "not all keys");
  if (!positions) {
    // Nobody can be told anything, and to find that out for each alone would take each as long.
    for (auto* stream : open_) End(*stream, kFailed, positions.error());
    open_.clear();
    return;
  }
  for (auto* stream : open_) {
    if (stream->key_.empty()) continue;
    const auto at = std::lower_bound(keys.begin(), keys.end(), stream->key_) - keys.begin();
    const auto position = positions->at(static_cast<std::size_t>(at));
    // Where it stood when it was asked is not known the first time: so it is asked once more.
    if (!stream->looked_at_ || stream->position_ != position) stream->asks_ = true;
    stream->looked_at_ = true;
    stream->position_ = position;
  }
}

bool Streams::Turn(Stream& stream, bool draining) {
  const TraceScope scope(stream.trace_);
  auto end = [&](const char* reason, const Error& error) {
    End(stream, reason, error);
    return false;
  };
  if (stream.writing_ && stream.taken_) {
    stream.writing_ = stream.taken_ = false;
    stream.DropWritten();
  }
  if (stream.cancelled_ || stream.broken_) {
    return end(kGone, Fail(Code::kUnavailable, "GONE", "the caller has gone").value());
  }
  if (draining) return end(kStopping, Stopping());
  if (stream.caller_.expires_at <= (options_.now ? options_.now() : SystemTime())) {
    return end(kExpired,
               Fail(Code::kUnauthenticated, "TOKEN_EXPIRED", "the token ran out; go on with a new one").value());
  }
  if (stream.writing_) {
    if (Now() - stream.since_ < options_.slow) return true;
    // The status comes behind the message that waits, when the caller reads on.
    return end(kSlow,
               Fail(Code::kResourceExhausted, "SLOW_READER", "a message was not taken in time; go on later").value());
  }
  if (stream.HasNext() && Now() - stream.asked_ > options_.look) {
    stream.Forget();  // what was to be seen then is perhaps not to be seen now
    stream.asks_ = true;
  }
  if (!stream.HasNext() && stream.asks_ && !doubt_) {
    stream.asks_ = false;
    stream.asked_ = Now();
    Status asked;
    const auto thrown = Guarded([&] {
      asked = stream.Ask({stream.caller_, stream.resume_, Deadline::In(kAskWithin)});
    });
    if (thrown) asked = tl::unexpected(*thrown);
    if (!asked) {
      // Perhaps the store is away: the others are not asked before a look has told.
      doubt_ = asked.error().code == Code::kUnavailable || asked.error().code == Code::kUnknownOutcome;
      return end(ReasonOf(asked.error()), asked.error());
    }
    stream.asks_ = stream.more_;
    if (!std::exchange(stream.begun_, true)) stream.Begin();
  }
  if (stream.HasNext()) {
    stream.writing_ = true;
    stream.since_ = Now();
    stream.WriteNext();
  } else if (stream.asks_) {
    shared_->Stir();  // an empty portion with more behind it
  }
  return true;
}

void Streams::End(Stream& stream, const char* reason, const Error& error) {
  const TraceScope scope(stream.trace_);
  if (error.code == Code::kInternal) {
    Log(Severity::kError, "rpc.failed",
        {{"method", Safe(stream.method_->name)}, {"reason", Safe(error.reason)}, {"message", Safe(error.message)}});
  } else if (reason != kGone) {
    Log(Severity::kInfo, "rpc.stream_ended",
        {{"method", Safe(stream.method_->name)},
         {"code", Safe(CodeName(ToGrpc(error).error_code()))},
         {"reason", Safe(error.reason)}});
  }
  stream.method_->ended.at(reason)->Increment();
  // The last thing: from here on it is gRPC's.
  stream.Close(ToGrpc(error));
}

}  // namespace stafett::rpc
