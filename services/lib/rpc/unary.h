// A unary RPC, from gRPC's thread to the answer. A handler is one expression:
//
//   grpc::ServerUnaryReactor* CasesService::OpenLog(grpc::CallbackServerContext* context,
//                                                   const v1::OpenLogRequest* request,
//                                                   v1::OpenLogResponse* response) {
//     return endpoint_.Serve(__func__, context, [=, this](const rpc::Call& call) -> Status {
//       STAFETT_CHECK_OK(rpc::RequireScope(call.caller(), "stafett:cases.write"));
//       STAFETT_TRY(auto command, ParseOpenLog(*request));
//       STAFETT_TRY(auto opened, open_log_.Run(call.caller(), command, call.deadline()));
//       ToProto(opened, response);
//       return {};
//     });
//   }
//
// or, when the answer comes later from another thread (Kafka's acknowledgement), the work returns
// void:
//
//     return endpoint_.Serve(__func__, context, [=, this](rpc::Call call) {
//       open_log_.Start(call.caller(), ..., [call, response](Result<Opened> opened) {
//         call.FinishWith(opened, [&](const Opened& o) { ToProto(o, response); });
//       });
//     });
//
// What Serve does, in order: trace from `traceparent`; hand over to the executor (full:
// RESOURCE_EXHAUSTED/EXECUTOR_FULL at once); there: cancelled while it waited: CANCELLED; under 100
// ms left: DEADLINE_EXCEEDED/TOO_LATE; authenticate; the work, with the trace current on the
// thread. It finishes exactly once whatever the work does: an exception, or a Call dropped without
// an answer, is INTERNAL and a log line. A cancelled call still runs to its end: a command is not
// half undone because its caller went away.
//
// `request` and `response` are valid until Finish, not after it.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/rpc/caller.h"
#include "lib/rpc/runtime.h"
#include "lib/telemetry/trace.h"

namespace stafett::rpc {

// A handle of one call in progress; copies are the same call. Thread-safe.
class Call {
 public:
  const Caller& caller() const;
  Deadline deadline() const;
  const telemetry::TraceContext& trace() const;
  bool Cancelled() const;  // the caller has gone; a hint, the answer must be given all the same

  // The first Finish answers; any later one is ignored. Any thread. WARNING: touch neither request
  // nor response after it.
  void Finish(const Status& status) const;
  // Finish for a Result: on a value `fill` writes the response first. If another Finish came
  // earlier, `fill` is not called, for then the response may be gone.
  template <class T, class Fill>
  void FinishWith(const Result<T>& result, Fill fill) const {
    if (!result) return Finish(tl::unexpected(result.error()));
    FinishFilled([&] { fill(*result); });
  }

 private:
  friend class Endpoint;
  struct State;
  explicit Call(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void FinishFilled(const std::function<void()>& fill) const;
  std::shared_ptr<State> state_;
};

// One gRPC service's way in; owns the metrics of its methods:
//   stafett_rpc_handled_total{method,code}   stafett_rpc_handling_seconds{method}
// with one series per method of the descriptor, so that zero is exported and no caller can add a
// label.
class Endpoint {
 public:
  // `service`: the generated class's name, v1::Cases::service_full_name(). `runtime` must outlive
  // the endpoint, and the endpoint the server. Throws std::invalid_argument if no such service is
  // linked in.
  Endpoint(Runtime& runtime, const std::string& service);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // `method`: its name in the proto file; __func__ inside the handler is just that.
  // `work`: Status(const Call&), which ends the call, or void(Call), which ends it when it likes.
  template <class Work>
  grpc::ServerUnaryReactor* Serve(std::string_view method, grpc::CallbackServerContext* context, Work work) {
    if constexpr (std::is_void_v<std::invoke_result_t<Work&, Call>>) {
      return Start(method, context, std::move(work));
    } else {
      return Start(method, context, [work = std::move(work)](const Call& call) mutable { call.Finish(work(call)); });
    }
  }

 private:
  friend class Call;
  struct Method;
  struct Methods;
  grpc::ServerUnaryReactor* Start(std::string_view method, grpc::CallbackServerContext* context,
                                  std::function<void(const Call&)> work);
  Runtime& runtime_;
  std::unique_ptr<Methods> methods_;
};

}  // namespace stafett::rpc
