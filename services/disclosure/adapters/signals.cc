#include "disclosure/adapters/signals.h"

#include <ctime>
#include <utility>

#include "lib/base/id.h"
#include "lib/gate/headers.h"
#include "stafett/disclosure/v1/signal.pb.h"

namespace stafett::disclosure::adapters {
namespace {
namespace v1 = ::stafett::disclosure::v1;

std::string Rfc3339(Time t) {
  auto seconds = static_cast<std::time_t>(t.ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[40];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return buffer;
}

// Up to kSignalBytes by field 15, written by hand because one field cannot have every size: its length takes a second
// byte from 128 on. An empty one before it (readers take the last) makes up for the size in between.
void Pad(std::string& value) {
  constexpr char kTag = (15 << 3) | 2;
  // What is longer than any signal can be is cut by nobody: it is sent as it is.
  while (value.size() + 2 <= kSignalBytes) {
    auto rest = kSignalBytes - value.size() - 2;
    value += kTag;
    if (rest < 128) {
      value += static_cast<char>(rest);
    } else if (rest == 128) {
      value += '\0';  // then 126 are left
      continue;
    } else {
      --rest;
      value += static_cast<char>((rest & 127U) | 128U);
      value += static_cast<char>(rest >> 7U);
    }
    value.append(rest, '\0');
    return;
  }
}

kafka::Headers CloudEvent(const std::string& id, Time at) {
  // One type for all signals: what kind it is stands in the message, which only its reader sees.
  return {{"content-type", "application/protobuf"},
          {"ce_specversion", "1.0"},
          {"ce_id", id},
          {"ce_type", "no.stafett.disclosure.signal.v1"},
          {"ce_source", "/stafett/disclosure"},
          {"ce_dataschema", "stafett.disclosure.v1.Signal"},
          {"ce_dataclassification", "confidential"},
          {"ce_time", Rfc3339(at)}};
}
}  // namespace

gate::Message ToSignal(const std::string& topic_prefix, const domain::Line& line, const std::string& case_ref,
                       Time at) {
  v1::Signal signal;
  signal.set_delivery_id(line.delivery_id);
  signal.set_case_ref(case_ref);
  signal.set_kind(static_cast<v1::DeliveryKind>(static_cast<int>(line.kind) + 1));
  signal.set_type_class(std::string(domain::TypeClass(line.kind, line.item_type)));
  signal.set_ground(line.rule);
  signal.set_epoch(line.epoch);
  signal.set_sequence(line.sequence);
  auto value = signal.SerializeAsString();
  Pad(value);
  return {topic_prefix + line.recipient, case_ref, std::move(value),
          gate::EncodeHeaders(CloudEvent(line.delivery_id, at))};
}

kafka::Message ToProbe(const std::string& topic) {
  kafka::Message m;
  m.topic = topic;
  m.key = "probe";
  m.headers = {{"content-type", "application/protobuf"},
               {"ce_specversion", "1.0"},
               {"ce_id", NewId("pr")},
               {"ce_type", "no.stafett.disclosure.probe.v1"},
               {"ce_source", "/stafett/disclosure"}};
  return m;
}

}  // namespace stafett::disclosure::adapters
