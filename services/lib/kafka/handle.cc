#include "lib/kafka/handle.h"

#include <algorithm>
#include <array>
#include <limits>

namespace stafett::kafka {

struct Callbacks {
  static Events* Of(const rd_kafka_t* handle) { return static_cast<Events*>(rd_kafka_opaque(handle)); }

  static void OnLog(const rd_kafka_t* handle, int severity, const char* facility, const char* text) {
    // Null while a handle is being made: librdkafka logs before the opaque can be read.
    Events* events = handle == nullptr ? nullptr : Of(handle);
    if (events == nullptr || !events->log_) return;
    events->log_(severity, std::string(facility) + ": " + text);
  }

  static void OnError(rd_kafka_t* handle, int error, const char* /*text*/, void* opaque) {
    auto* events = static_cast<Events*>(opaque);
    auto code = static_cast<rd_kafka_resp_err_t>(error);
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
      std::array<char, 256> text;
      code = rd_kafka_fatal_error(handle, text.data(), text.size());
      events->SetFatal();
    }
    const std::lock_guard lock(events->mutex_);
    events->error_ = rd_kafka_err2name(code);
  }
};

std::optional<std::string> Events::TakeError() {
  const std::lock_guard lock(mutex_);
  return std::exchange(error_, std::nullopt);
}

Result<HandlePtr> MakeHandle(rd_kafka_type_t type, const Connection& connection, const Settings& settings,
                             Events& events, DeliveryCallback on_delivery) {
  Settings all = {{"bootstrap.servers", connection.bootstrap},
                  {"client.id", connection.client_id.empty() ? "stafett" : connection.client_id},
                  {"socket.nagle.disable", "true"},  // on by default in 2.0.2
                  {"reconnect.backoff.max.ms", "1000"},
                  {"log_level", connection.on_log ? "5" : "3"}};
  if (!connection.user.empty()) {
    all.insert(all.end(), {{"security.protocol", "SASL_PLAINTEXT"},
                           {"sasl.mechanism", connection.mechanism},
                           {"sasl.username", connection.user},
                           {"sasl.password", connection.password}});
  }
  all.insert(all.end(), settings.begin(), settings.end());
  all.insert(all.end(), connection.extra.begin(), connection.extra.end());

  ConfPtr conf(rd_kafka_conf_new());
  std::array<char, 512> why;
  for (const auto& [name, value] : all) {
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why.data(), why.size()) != RD_KAFKA_CONF_OK) {
      return Fail(Code::kInternal, "KAFKA_CONFIG", "kafka setting not accepted: " + name);
    }
  }
  rd_kafka_conf_set_opaque(conf.get(), &events);
  rd_kafka_conf_set_error_cb(conf.get(), Callbacks::OnError);
  if (connection.on_log) rd_kafka_conf_set_log_cb(conf.get(), Callbacks::OnLog);
  if (on_delivery != nullptr) rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);

  HandlePtr handle(rd_kafka_new(type, conf.get(), why.data(), why.size()));
  if (!handle) return Fail(Code::kInternal, "KAFKA_CONFIG", "kafka client not accepted");
  (void)conf.release();  // librdkafka owns it now
  return handle;
}

Error ErrorFrom(rd_kafka_resp_err_t error, Code otherwise) {
  const char* name = rd_kafka_err2name(error);
  Code code = otherwise;
  switch (error) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: code = Code::kNotFound; break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED: code = Code::kPermissionDenied; break;
    default: break;
  }
  return {code, std::string(*name == '_' ? "KAFKA" : "KAFKA_") + name, "kafka", {}, {}};
}

int ToMs(Millis time) {
  return static_cast<int>(std::clamp<Millis::rep>(time.count(), 0, std::numeric_limits<int>::max()));
}

}  // namespace stafett::kafka
