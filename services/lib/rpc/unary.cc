#include "lib/rpc/unary.h"

#include <google/protobuf/descriptor.h>
#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <map>
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

// What Serve and the error map can answer.
constexpr std::array kCodes = {grpc::StatusCode::OK,
                               grpc::StatusCode::CANCELLED,
                               grpc::StatusCode::INVALID_ARGUMENT,
                               grpc::StatusCode::DEADLINE_EXCEEDED,
                               grpc::StatusCode::NOT_FOUND,
                               grpc::StatusCode::ALREADY_EXISTS,
                               grpc::StatusCode::PERMISSION_DENIED,
                               grpc::StatusCode::UNAUTHENTICATED,
                               grpc::StatusCode::RESOURCE_EXHAUSTED,
                               grpc::StatusCode::FAILED_PRECONDITION,
                               grpc::StatusCode::ABORTED,
                               grpc::StatusCode::INTERNAL,
                               grpc::StatusCode::UNAVAILABLE};

// Lives until gRPC is done with the call, which is some time after Finish.
class Reactor : public grpc::ServerUnaryReactor {
 public:
  explicit Reactor(std::shared_ptr<std::atomic<bool>> cancelled) : cancelled_(std::move(cancelled)) {}
  void OnCancel() override { *cancelled_ = true; }
  void OnDone() override { delete this; }

 private:
  // Shared with the Call, which may outlive this.
  const std::shared_ptr<std::atomic<bool>> cancelled_;
};

Deadline DeadlineOf(const grpc::ServerContextBase& context, const Runtime& runtime) {
  const auto at = context.deadline();
  if (at == std::chrono::system_clock::time_point::max()) return Deadline::In(runtime.no_deadline);
  // The caller's is wall time; from here on only the steady clock counts.
  const auto left = std::chrono::duration_cast<Millis>(at - std::chrono::system_clock::now());
  return Deadline::In(std::min(left, runtime.longest));
}

}  // namespace

struct Endpoint::Method {
  std::string name;  // "stafett.cases.v1.Cases/OpenLog"
  std::map<grpc::StatusCode, prometheus::Counter*> handled;
  prometheus::Histogram* seconds = nullptr;
};

struct Endpoint::Methods {
  std::map<std::string, Method, std::less<>> by_name;
};

struct Call::State {
  State(Runtime& r, const Endpoint::Method* m) : runtime(r), method(m) {}
  ~State() {
    if (Claim()) Answer(Fail(Code::kInternal, "CALL_DROPPED", "the handler did not answer").value());
  }

  Runtime& runtime;
  const Endpoint::Method* const method;  // null: not in the descriptor
  const SteadyTime started = std::chrono::steady_clock::now();
  const std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  Reactor* const reactor = new Reactor(cancelled);  // deletes itself, not before it was finished
  Deadline deadline{};
  TraceContext trace;
  Credentials credentials;
  Caller caller;
  std::atomic<bool> finished = false;

  std::string_view MethodName() const { return method ? std::string_view(method->name) : "unknown"; }

  // True for exactly one: that one must Answer.
  bool Claim() { return !finished.exchange(true); }
  void Answer(const Error& error);
  void AnswerOk() { Send(grpc::Status::OK); }
  void Send(const grpc::Status& status);

  // On the executor: everything between the queue and the handler's own work.
  Status Prepare();
  Status TimeLeft() const;
  void Run(const std::function<void(const Call&)>& work, const Call& call);
};

void Call::State::Answer(const Error& error) {
  const TraceScope scope(trace);
  const bool defect = error.code == Code::kInternal;
  if (defect) {
    Log(Severity::kError, "rpc.failed",
        {{"method", Safe(MethodName())}, {"reason", Safe(error.reason)}, {"message", Safe(error.message)}});
  } else {
    Log(Severity::kInfo, "rpc.refused",
        {{"method", Safe(MethodName())},
         {"code", Safe(CodeName(ToGrpc(error).error_code()))},
         {"reason", Safe(error.reason)},
         {"field", Safe(error.field)}});
  }
  Send(ToGrpc(error));
}

void Call::State::Send(const grpc::Status& status) {
  if (method != nullptr) {
    const auto counter = method->handled.find(status.error_code());
    if (counter != method->handled.end()) counter->second->Increment();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    method->seconds->Observe(took.count());
  }
  // The last thing: once gRPC has it, the server may go down, and endpoint and metrics with it.
  reactor->Finish(status);
}

Status Call::State::TimeLeft() const {
  if (deadline.Left() >= runtime.least_to_begin) return {};
  return Fail(Code::kDeadlineExceeded, "TOO_LATE", "too little time was left to begin; nothing was done");
}

Status Call::State::Prepare() {
  if (method == nullptr) return Fail(Code::kInternal, "METHOD_UNKNOWN", "not in the service's descriptor");
  STAFETT_CHECK_OK(TimeLeft());
  STAFETT_TRY(caller, runtime.authenticator.Authenticate(credentials));
  credentials = {};   // a token is not kept longer than needed
  return TimeLeft();  // the issuer may have been waited for
}

void Call::State::Run(const std::function<void(const Call&)>& work, const Call& call) {
  const TraceScope scope(trace);
  if (*cancelled) {
    if (Claim()) Send(grpc::Status(grpc::StatusCode::CANCELLED, "cancelled before it began"));
    return;
  }
  const std::optional<Error> failed = Guarded([&] {
    if (const Status ready = Prepare(); !ready) return call.Finish(ready);
    work(call);
  });
  if (failed) call.Finish(tl::unexpected(*failed));
}

const Caller& Call::caller() const { return state_->caller; }
Deadline Call::deadline() const { return state_->deadline; }
const TraceContext& Call::trace() const { return state_->trace; }
bool Call::Cancelled() const { return *state_->cancelled; }

void Call::Finish(const Status& status) const {
  if (!state_->Claim()) return;
  if (status) {
    state_->AnswerOk();
  } else {
    state_->Answer(status.error());
  }
}

void Call::FinishFilled(const std::function<void()>& fill) const {
  if (!state_->Claim()) return;
  if (const std::optional<Error> failed = Guarded(fill)) return state_->Answer(*failed);
  state_->AnswerOk();
}

Endpoint::Endpoint(Runtime& runtime, const std::string& service)
    : runtime_(runtime), methods_(std::make_unique<Methods>()) {
  const auto* descriptor = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(service);
  if (descriptor == nullptr) throw std::invalid_argument("no such gRPC service: " + service);
  for (int i = 0; i < descriptor->method_count(); ++i) {
    if (descriptor->method(i)->server_streaming()) continue;  // stream.h: not answered within a time
    const std::string short_name = descriptor->method(i)->name();
    Method& method = methods_->by_name[short_name];
    method.name = service + "/" + short_name;
    for (const grpc::StatusCode code : kCodes) {
      method.handled[code] = &runtime.metrics.Counter("stafett_rpc_handled_total", "RPCs answered.",
                                                      {{"method", method.name}, {"code", std::string(CodeName(code))}});
    }
    method.seconds =
        &runtime.metrics.Histogram("stafett_rpc_handling_seconds", "Time from an RPC's arrival to its answer.",
                                   telemetry::LatencyBuckets(), {{"method", method.name}});
  }
}

Endpoint::~Endpoint() = default;

grpc::ServerUnaryReactor* Endpoint::Start(std::string_view method, grpc::CallbackServerContext* context,
                                          std::function<void(const Call&)> work) {
  const auto found = methods_->by_name.find(method);
  auto state = std::make_shared<Call::State>(runtime_, found == methods_->by_name.end() ? nullptr : &found->second);
  // Everything that is read from the context is copied here: it ends with the call.
  state->trace = TraceOf(*context).value_or(TraceContext::New()).Child();
  state->deadline = DeadlineOf(*context, runtime_);
  state->credentials = CredentialsOf(*context);
  grpc::ServerUnaryReactor* const reactor = state->reactor;
  const bool taken = runtime_.executor.TrySubmit([state, work = std::move(work)] { state->Run(work, Call(state)); });
  if (!taken && state->Claim()) {
    state->Answer(Fail(Code::kResourceExhausted, "EXECUTOR_FULL", "too busy; nothing was done").value());
  }
  return reactor;
}

}  // namespace stafett::rpc
