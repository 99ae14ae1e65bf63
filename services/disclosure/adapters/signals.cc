#include "disclosure/adapters/signals.h"

#include <ctime>

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

std::string TypeClass(const domain::Line& line) {
  if (line.item_type.find("note-written") != std::string::npos) return "NOTE";
  if (line.item_type.find("baton-") != std::string::npos) return "BATON";
  if (line.kind == domain::DeliveryKind::kSnapshot || line.item_type.find("level-set") != std::string::npos ||
      line.item_type.find("participant-") != std::string::npos) {
    return "PLAN";
  }
  return "STATE";
}

gate::Message ToSignal(const std::string& topic_prefix, const domain::Line& line, const std::string& case_ref,
                       Time at) {
  v1::Signal signal;
  signal.set_delivery_id(line.delivery_id);
  signal.set_case_ref(case_ref);
  signal.set_kind(static_cast<v1::DeliveryKind>(static_cast<int>(line.kind) + 1));
  signal.set_type_class(TypeClass(line));
  signal.set_ground(line.rule);
  signal.set_epoch(line.epoch);
  signal.set_sequence(line.sequence);
  // Field 15 costs one byte of tag and one or two of length.
  auto size = signal.ByteSizeLong();
  if (size + 2 < kSignalBytes) {
    auto rest = kSignalBytes - size - 2;
    signal.set_padding(std::string(rest > 127 ? rest - 1 : rest, '\0'));
  }
  return {topic_prefix + line.recipient, case_ref, signal.SerializeAsString(),
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
