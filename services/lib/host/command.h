// One command, from request to answer. Every command RPC of every service is this with its own execute and render:
//   checks (open, scope, person, fields, request_id) -> execute (decide and gate) -> render (read, authorised anew)
//   -> wait for the broker -> PUBLISHED, or STORED at the earlier of 2 s and 80 % of the caller's time (design §3.5).
#pragma once

#include <algorithm>
#include <string>

#include "lib/base/id.h"
#include "lib/gate/gate.h"
#include "lib/host/host.h"
#include "lib/host/validate.h"
#include "lib/host/who.h"
#include "lib/rpc/unary.h"
#include "lib/seal/seal.h"
#include "stafett/common/v1/record.pb.h"

namespace stafett::host {

struct Rules {
  const char* scope;   // of the access token
  bool person = true;  // needs an attestation
};

// What a handler knows once the checks are done.
struct Request {
  Who who;
  gate::Command command;  // commands only
  Deadline deadline;
};

// The checks of a query: open, scope, person, fields, who.
inline Result<Request> CheckQuery(Host& host, const rpc::Caller& caller, Deadline deadline,
                                  const google::protobuf::Message& request, const Rules& rules) {
  STAFETT_CHECK_OK(host.gate().RequireOpen());
  if (!caller.internal) STAFETT_CHECK_OK(rpc::RequireScope(caller, rules.scope));
  if (rules.person) STAFETT_CHECK_OK(rpc::RequirePerson(caller));
  STAFETT_TRY(auto who, Identify(caller, host.tenants()));
  STAFETT_CHECK_OK(Validate(request));
  return Request{std::move(who), {}, deadline};
}
inline Result<Request> CheckQuery(Host& host, const rpc::Call& call, const google::protobuf::Message& request,
                                  const Rules& rules) {
  return CheckQuery(host, call.caller(), call.deadline(), request, rules);
}

template <class Req>
Result<Request> CheckCommand(Host& host, const rpc::Call& call, const char* method, const Req& request,
                             const Rules& rules) {
  STAFETT_TRY(auto checked, CheckQuery(host, call, request, rules));
  if (!IsUuid(request.request_id())) return Invalid("request_id", "request_id: must be a UUID");
  auto& c = checked.command;
  c.request_scope = checked.who.organisation;
  c.request_id = request.request_id();
  c.request_hash = seal::Sha256(std::string(method) + "\n" + checked.who.person + "\n" + request.SerializeAsString());
  c.actor = checked.who.actor;
  c.purpose = checked.who.purpose;
  return checked;
}

inline SteadyTime WaitUntil(Deadline deadline) {
  auto left = std::max(deadline.Left(), Millis(0));
  return std::chrono::steady_clock::now() + std::min(Millis(2000), left * 8 / 10);
}

inline common::v1::ReceiptState ToProto(gate::ReceiptState state) {
  return state == gate::ReceiptState::kPublished ? common::v1::PUBLISHED : common::v1::STORED;
}

// `execute(const Request&) -> Result<gate::Committed>`, `render(const Request&, const gate::Committed&) -> Status`
// (fills the response). `then(const gate::Committed&, gate::ReceiptState, Deadline)`, if given, runs instead of
// finishing, on the thread of the acknowledgements: for commands whose answer waits for more (a withdrawal). It has to
// finish the call, by that deadline, and must not block.
template <class Req, class Res, class Execute, class Render, class Then>
void RunCommand(Host& host, const rpc::Call& call, const char* method, const Req& request, Res* response,
                const Rules& rules, Execute execute, Render render, Then then) {
  auto checked = CheckCommand(host, call, method, request, rules);
  if (!checked) return call.Finish(tl::unexpected(std::move(checked).error()));
  auto committed = execute(*checked);
  if (!committed) return call.Finish(tl::unexpected(std::move(committed).error()));
  auto rendered = render(*checked, *committed);
  // The command is done: an error here would invite a second, different one. The receipt alone is the answer then, and
  // the same request_id gives the rest.
  if (!rendered) response->Clear();
  response->mutable_receipt()->set_request_id(request.request_id());
  auto until = WaitUntil(checked->deadline);
  host.gate().WhenPublished(*committed, until,
                            [response, until, then = std::move(then), done = *committed](gate::ReceiptState state) {
                              response->mutable_receipt()->set_state(ToProto(state));
                              then(done, state, Deadline{until});
                            });
}

template <class Req, class Res, class Execute, class Render>
void RunCommand(Host& host, const rpc::Call& call, const char* method, const Req& request, Res* response,
                const Rules& rules, Execute execute, Render render) {
  RunCommand(host, call, method, request, response, rules, std::move(execute), std::move(render),
             [call](const gate::Committed&, gate::ReceiptState, Deadline) { call.Finish({}); });
}

template <class Req>
Status ReadReceipt(Host& host, const rpc::Call& call, const Req& request, common::v1::Receipt* response,
                   const Rules& rules) {
  STAFETT_TRY(auto checked, CheckQuery(host, call, request, rules));
  STAFETT_TRY(auto state, host.gate().Receipt(checked.who.organisation, request.request_id(), checked.deadline));
  response->set_request_id(request.request_id());
  response->set_state(ToProto(state));
  return {};
}

}  // namespace stafett::host
