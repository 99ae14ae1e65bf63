// What unary calls and streams do alike with a call that arrives. For lib/rpc's own files.
#pragma once

#include <grpcpp/server_context.h>

#include <exception>
#include <optional>
#include <typeinfo>

#include "lib/base/error.h"
#include "lib/telemetry/trace.h"

namespace stafett::rpc {

inline std::optional<telemetry::TraceContext> TraceOf(const grpc::ServerContextBase& context) {
  const auto& metadata = context.client_metadata();
  const auto found = metadata.find("traceparent");
  if (found == metadata.end()) return std::nullopt;
  return telemetry::TraceContext::Parse({found->second.data(), found->second.size()});
}

// Runs it; an exception becomes an Error. Not with its what(): a library may quote its input there.
template <class Work>
std::optional<Error> Guarded(const Work& work) {
  try {
    work();
    return std::nullopt;
  } catch (const std::exception& failure) {
    return Fail(Code::kInternal, "HANDLER_FAILED", typeid(failure).name()).value();
  } catch (...) {
    return Fail(Code::kInternal, "HANDLER_FAILED", "an exception of unknown type").value();
  }
}

}  // namespace stafett::rpc
