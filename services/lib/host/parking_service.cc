#include "lib/host/parking_service.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "lib/base/number.h"
#include "lib/host/page.h"
#include "lib/telemetry/log.h"

namespace stafett::host {
namespace {
namespace v1 = ::stafett::operations::v1;
using telemetry::Log;
using telemetry::Safe;
using telemetry::Severity;

constexpr Rules kRules{"stafett:operations", true};
constexpr char kOperator[] = "OPERATOR";
constexpr int kUsual = 50, kMost = 200;  // of a page
constexpr Millis kPatience{10'000};      // with what becomes of a child: a reader gives a record 5 s

std::string Explanation(const gate::Parked& parked) {
  if (parked.why == gate::kGap) {
    return "a record of this writer before this one is missing on the log; when it comes, the child goes on by itself. "
           "Is "
           "there an auditor, and what does its log say?";
  }
  if (parked.why == gate::kUnreadable) {
    return "no record of our form, or one of a form that this version cannot read; replay it when a version runs that "
           "can";
  }
  if (parked.why == "KEY_NOT_HERE") {
    return "the child's key has not come; see that cases publishes it, then replay";
  }
  return "the service refused it with this word; replay it when a version runs that can handle it";
}

template <class Number>
bool Parse(std::string_view text, Number& out) {
  const auto number = NumberIn<Number>(text);
  if (!number || *number < 0) return false;
  out = *number;
  return true;
}

v1::ParkedOutcome ToProto(gate::AfterParking::Kind kind) {
  switch (kind) {
    case gate::AfterParking::Kind::kWentOn: return v1::WENT_ON;
    case gate::AfterParking::Kind::kAgain: return v1::SET_ASIDE_AGAIN;
    case gate::AfterParking::Kind::kUnderWay: return v1::UNDER_WAY;
  }
  return v1::UNDER_WAY;
}

bool IsReference(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           std::string_view("._/#-").find(c) != std::string_view::npos;
  });
}

// Most of what the caller has, but never longer than it can take.
Deadline Patience(Deadline deadline) { return Deadline::In(std::min(kPatience, deadline.Left() * 8 / 10)); }

}  // namespace

ParkingService::ParkingService(Host& host) : host_(host), endpoint_(host.runtime(), v1::Parking::service_full_name()) {}

std::string ParkingService::NameOf(gate::ParkedAt at) const {
  char place[40];
  std::snprintf(place, sizeof place, "-%02d-%lld", at.partition, static_cast<long long>(at.offset));
  return host_.config().service + place;
}

Result<gate::ParkedAt> ParkingService::PlaceOf(const std::string& name) const {
  gate::ParkedAt at;
  const auto offset = name.rfind('-');
  const auto partition = offset == std::string::npos || offset == 0 ? offset : name.rfind('-', offset - 1);
  if (partition == std::string::npos || name.substr(0, partition) != host_.config().service ||
      !Parse(std::string_view(name).substr(partition + 1, offset - partition - 1), at.partition) ||
      !Parse(std::string_view(name).substr(offset + 1), at.offset)) {
    return Invalid("name", "name: must be " + host_.config().service + "-{partition}-{offset}, as listed");
  }
  return at;
}

void ParkingService::Fill(const gate::ParkedChild& child, v1::Parked* out) const {
  const auto& parked = child.parked;
  out->set_name(NameOf(child.at()));
  out->set_cause(parked.why);
  out->set_explanation(Explanation(parked));
  out->set_trace_id(gate::TraceIdOf(child.partition, parked));
  out->set_partition(child.partition);
  out->set_offset(parked.offset);
  out->set_writer(std::string(gate::ServiceOf(parked.stream)));  // the rest is the child's id
  out->set_version(parked.version);
  out->set_event_type(parked.type);
  out->set_appended_ms(parked.appended.ms);
  out->set_waiting(static_cast<std::int32_t>(child.waiting));
  out->set_discardable(child.discardable.has_value());
  if (!child.discardable) {
    out->set_hindrance(child.discardable.error().reason + ": " + child.discardable.error().message);
  }
}

Result<Request> ParkingService::Check(const rpc::Call& call, const google::protobuf::Message& request) const {
  STAFETT_TRY(auto checked, CheckQuery(host_, call, request, kRules));
  if (checked.who.guardian || checked.who.role != kOperator) return NotAllowed();
  return checked;
}

grpc::ServerUnaryReactor* ParkingService::ListParked(grpc::CallbackServerContext* context,
                                                     const v1::ListParkedRequest* request,
                                                     v1::ListParkedResponse* response) {
  return endpoint_.Serve("ListParked", context, [=, this](const rpc::Call& call) -> Status {
    STAFETT_TRY(auto checked, Check(call, *request));
    STAFETT_TRY(const auto size, PageSize(request->page_size(), kUsual, kMost));
    std::optional<gate::ParkedAt> after;
    if (!request->page_token().empty()) {
      auto place = PlaceOf(request->page_token());
      if (!place) return Invalid("page_token", "page_token: must be the next_page_token of an answer");
      after = *place;
    }
    const auto count = static_cast<std::size_t>(size);
    STAFETT_TRY(auto parked, host_.gate().parking().List(after, count + 1, checked.deadline));
    const bool more = parked.size() > count;
    if (more) parked.resize(count);
    for (const auto& child : parked) Fill(child, response->add_parked());
    if (more) response->set_next_page_token(NameOf(parked.back().at()));
    return {};
  });
}

grpc::ServerUnaryReactor* ParkingService::GetParked(grpc::CallbackServerContext* context,
                                                    const v1::GetParkedRequest* request, v1::Parked* response) {
  return endpoint_.Serve("GetParked", context, [=, this](const rpc::Call& call) -> Status {
    STAFETT_TRY(auto checked, Check(call, *request));
    STAFETT_TRY(auto at, PlaceOf(request->name()));
    STAFETT_TRY(auto child, host_.gate().parking().Find(at, checked.deadline));
    Fill(child, response);
    return {};
  });
}

grpc::ServerUnaryReactor* ParkingService::ReplayParked(grpc::CallbackServerContext* context,
                                                       const v1::ReplayParkedRequest* request,
                                                       v1::ReplayParkedResponse* response) {
  return endpoint_.Serve("ReplayParked", context, [=, this](const rpc::Call& call) -> Status {
    STAFETT_TRY(auto checked, Check(call, *request));
    STAFETT_TRY(auto at, PlaceOf(request->name()));
    STAFETT_TRY(auto after, host_.gate().parking().Replay(at, Patience(checked.deadline)));
    response->set_outcome(ToProto(after.kind));
    if (after.again) Fill(*after.again, response->mutable_parked());
    Log(Severity::kInfo, "parked.replayed",
        {{"parked", Safe(NameOf(at))}, {"outcome", Safe(v1::ParkedOutcome_Name(response->outcome()))}});
    return {};
  });
}

grpc::ServerUnaryReactor* ParkingService::DiscardParked(grpc::CallbackServerContext* context,
                                                        const v1::DiscardParkedRequest* request,
                                                        v1::DiscardParkedResponse* response) {
  return endpoint_.Serve("DiscardParked", context, [=, this](rpc::Call call) {
    RunCommand(
        host_, call, "DiscardParked", *request, response, kRules,
        [&](const Request& checked) -> Result<gate::Committed> {
          if (checked.who.guardian || checked.who.role != kOperator) return NotAllowed();
          if (!IsReference(request->reference())) {
            return Invalid("reference", "reference: of a ticket: letters, digits and . _ / # - only");
          }
          STAFETT_TRY(auto at, PlaceOf(request->name()));
          STAFETT_TRY(auto committed,
                      host_.gate().parking().Discard(checked.command, at, {request->reason(), request->reference()},
                                                     checked.deadline));
          Log(Severity::kWarn, "parked.discarded",
              {{"parked", Safe(NameOf(at))}, {"reason", Safe(v1::DiscardReason_Name(request->reason()))}});
          return committed;
        },
        [&](const Request& checked, const gate::Committed& committed) -> Status {
          STAFETT_TRY(auto after, host_.gate().parking().AfterDiscard(committed, Patience(checked.deadline)));
          response->set_outcome(ToProto(after.kind));
          if (after.again) Fill(*after.again, response->mutable_parked());
          return {};
        });
  });
}

}  // namespace stafett::host
