// Every file of proto/ that has messages, and what is declared in them.
#pragma once

#include <google/protobuf/descriptor.h>

#include <functional>
#include <string>
#include <vector>

#include "stafett/cases/v1/cases_service.pb.h"
#include "stafett/common/v1/options.pb.h"
#include "stafett/common/v1/record.pb.h"
#include "stafett/consent/v1/consent_service.pb.h"
#include "stafett/disclosure/v1/disclosure_service.pb.h"
#include "stafett/disclosure/v1/signal.pb.h"
#include "stafett/escalation/v1/escalation_events.pb.h"
#include "stafett/escalation/v1/escalation_service.pb.h"
#include "stafett/notifications/v1/notifications_service.pb.h"
#include "stafett/operations/v1/parking_service.pb.h"

namespace stafett::proto_check {
namespace gp = google::protobuf;

inline std::vector<const gp::FileDescriptor*> Files() {
  return {common::v1::Record::descriptor()->file(),
          cases::v1::NoteWritten::descriptor()->file(),
          cases::v1::RegisterChildRequest::descriptor()->file(),
          consent::v1::ConsentRequested::descriptor()->file(),
          consent::v1::RequestConsentRequest::descriptor()->file(),
          disclosure::v1::Decided::descriptor()->file(),
          disclosure::v1::Signal::descriptor()->file(),
          disclosure::v1::FetchRequest::descriptor()->file(),
          escalation::v1::EscalationRaised::descriptor()->file(),
          escalation::v1::AcknowledgeRequest::descriptor()->file(),
          notifications::v1::MessageQueued::descriptor()->file(),
          notifications::v1::ListInboxRequest::descriptor()->file(),
          operations::v1::RecordDiscarded::descriptor()->file(),
          operations::v1::ListParkedRequest::descriptor()->file()};
}

inline void ForEachMessage(const std::function<void(const gp::Descriptor&)>& body) {
  for (const auto* file : Files()) {
    for (int i = 0; i < file->message_type_count(); ++i) body(*file->message_type(i));
  }
}

inline std::string EventType(const gp::Descriptor& type) { return type.options().GetExtension(common::v1::event_type); }

inline std::vector<const gp::Descriptor*> Events() {
  std::vector<const gp::Descriptor*> out;
  ForEachMessage([&](const gp::Descriptor& type) {
    if (!EventType(type).empty()) out.push_back(&type);
  });
  return out;
}

}  // namespace stafett::proto_check
