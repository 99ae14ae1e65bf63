#include <algorithm>
#include <array>

#include "lib/kafka/handle.h"

namespace stafett::kafka {
namespace {

using MetadataPtr = std::unique_ptr<const rd_kafka_metadata_t, Freer<rd_kafka_metadata_destroy>>;
using ResourcePtr = std::unique_ptr<rd_kafka_ConfigResource_t, Freer<rd_kafka_ConfigResource_destroy>>;
using AdminOptionsPtr = std::unique_ptr<rd_kafka_AdminOptions_t, Freer<rd_kafka_AdminOptions_destroy>>;
using EventPtr = std::unique_ptr<rd_kafka_event_t, Freer<rd_kafka_event_destroy>>;

Status DescribePartitions(rd_kafka_t* handle, const std::string& topic, Deadline deadline, TopicDescription& out) {
  const TopicPtr rkt(rd_kafka_topic_new(handle, topic.c_str(), nullptr));
  if (!rkt) return tl::unexpected(ErrorFrom(rd_kafka_last_error(), Code::kInternal));
  const rd_kafka_metadata_t* raw = nullptr;
  const rd_kafka_resp_err_t error = rd_kafka_metadata(handle, 0, rkt.get(), &raw, ToMs(deadline.Left()));
  const MetadataPtr metadata(raw);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(ErrorFrom(error));
  if (metadata->topic_cnt != 1) return Fail(Code::kNotFound, "KAFKA_NO_TOPIC", "no such topic");

  const rd_kafka_metadata_topic_t& found = metadata->topics[0];
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(ErrorFrom(found.err));
  out.partitions = found.partition_cnt;
  for (int i = 0; i < found.partition_cnt; ++i) {
    const int replicas = found.partitions[i].replica_cnt;
    out.replication = i == 0 ? replicas : std::min(out.replication, replicas);
  }
  return {};
}

Status DescribeSettings(rd_kafka_t* handle, const std::string& topic, Deadline deadline, TopicDescription& out) {
  const ResourcePtr resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.c_str()));
  const AdminOptionsPtr options(rd_kafka_AdminOptions_new(handle, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS));
  std::array<char, 256> why;
  const int left = std::max(ToMs(deadline.Left()), 1);
  rd_kafka_AdminOptions_set_request_timeout(options.get(), left, why.data(), why.size());

  const QueuePtr queue(rd_kafka_queue_new(handle));
  rd_kafka_ConfigResource_t* one = resource.get();
  rd_kafka_DescribeConfigs(handle, &one, 1, options.get(), queue.get());
  const EventPtr event(rd_kafka_queue_poll(queue.get(), left + 100));
  if (!event) return tl::unexpected(ErrorFrom(RD_KAFKA_RESP_ERR__TIMED_OUT));
  if (const auto error = rd_kafka_event_error(event.get())) return tl::unexpected(ErrorFrom(error));

  std::size_t count = 0;
  const rd_kafka_ConfigResource_t** resources =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  if (count != 1) return Fail(Code::kInternal, "KAFKA_DESCRIBE", "kafka answered for no topic");
  if (const auto error = rd_kafka_ConfigResource_error(resources[0])) {
    return tl::unexpected(ErrorFrom(error));
  }
  const rd_kafka_ConfigEntry_t** entries = rd_kafka_ConfigResource_configs(resources[0], &count);
  for (std::size_t i = 0; i < count; ++i) {
    const char* value = rd_kafka_ConfigEntry_value(entries[i]);
    if (value != nullptr) out.settings[rd_kafka_ConfigEntry_name(entries[i])] = value;
  }
  return {};
}

}  // namespace

Result<TopicDescription> DescribeTopic(const Connection& connection, const std::string& topic, Millis timeout) {
  const Deadline deadline = Deadline::In(timeout);
  Events events(connection);
  // A consumer's handle: a producer's question about a topic may create it.
  STAFETT_TRY(const HandlePtr handle, MakeHandle(RD_KAFKA_CONSUMER, connection, {}, events, nullptr));
  TopicDescription description;
  STAFETT_CHECK_OK(DescribePartitions(handle.get(), topic, deadline, description));
  STAFETT_CHECK_OK(DescribeSettings(handle.get(), topic, deadline, description));
  return description;
}

}  // namespace stafett::kafka
