#include <algorithm>
#include <set>

#include "lib/kafka/handle.h"

namespace stafett::kafka {
namespace {

// No group.id: librdkafka then never looks for a coordinator, so that no group right is needed and
// none is used.
const Settings kSettings = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"},
    {"auto.offset.reset", "error"},  // the default skips silently to the end
    {"isolation.level", "read_committed"}, {"check.crcs", "true"},
    {"enable.partition.eof", "true"},      {"fetch.min.bytes", "1"},
    {"fetch.wait.max.ms", "50"},  // a partition added later waits for the fetch under way
    {"fetch.error.backoff.ms", "100"},     {"queued.max.messages.kbytes", "8192"},  // per partition; 64 MB by default
};

void AddOnce(std::vector<int>& list, int value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

std::string Bytes(const void* data, std::size_t size) {
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

Record ToRecord(const rd_kafka_message_t& message) {
  Record record;
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.timestamp_ms = rd_kafka_message_timestamp(&message, &type);
  record.key = Bytes(message.key, message.key_len);
  record.value = Bytes(message.payload, message.len);
  record.tombstone = message.payload == nullptr;
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR) {
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         ++i) {
      record.headers.emplace_back(name, Bytes(value, size));
    }
  }
  return record;
}

}  // namespace

// librdkafka's simple consumer: each partition is started at an offset, all give to one queue.
struct Reader::Impl {
  explicit Impl(const Connection& connection) : events(connection) {}
  ~Impl() {
    // All must be stopped, and the queue gone, before the handle is destroyed.
    if (handle) (void)Stop(std::vector<int>(running.begin(), running.end()));
  }

  Status Stop(const std::vector<int>& partitions);
  Result<std::int64_t> OffsetAt(std::int64_t end_or_beginning, int partition, Deadline deadline) const;
  void Put(const rd_kafka_message_t& message, Polled& polled);

  Events events;
  HandlePtr handle;
  QueuePtr queue;
  TopicPtr topic;
  std::string topic_name;
  std::set<int> running;
};

Reader::Reader() = default;
Reader::~Reader() = default;

Result<std::unique_ptr<Reader>> Reader::Create(const Connection& connection, std::string topic) {
  auto impl = std::make_unique<Impl>(connection);
  STAFETT_TRY(impl->handle, MakeHandle(RD_KAFKA_CONSUMER, connection, kSettings, impl->events, nullptr));
  impl->queue.reset(rd_kafka_queue_new(impl->handle.get()));
  impl->topic.reset(rd_kafka_topic_new(impl->handle.get(), topic.c_str(), nullptr));
  if (!impl->topic) return tl::unexpected(ErrorFrom(rd_kafka_last_error(), Code::kInternal));
  impl->topic_name = std::move(topic);
  std::unique_ptr<Reader> reader(new Reader());
  reader->impl_ = std::move(impl);
  return reader;
}

Status Reader::Impl::Stop(const std::vector<int>& partitions) {
  for (const int partition : partitions) {
    if (running.erase(partition) == 0) continue;
    // Waits for librdkafka's thread; what is still queued for the partition is then outdated and
    // dropped by it.
    if (rd_kafka_consume_stop(topic.get(), partition) != 0) {
      return tl::unexpected(ErrorFrom(rd_kafka_last_error()));
    }
  }
  return {};
}

// WARNING: not rd_kafka_query_watermark_offsets. That one keeps its timeout only while it looks for
// the leader; with a broker gone 2.0.2 then waits for socket.timeout.ms (60 s), several times over.
Result<std::int64_t> Reader::Impl::OffsetAt(std::int64_t end_or_beginning, int partition, Deadline deadline) const {
  const ListPtr list(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_t* entry = rd_kafka_topic_partition_list_add(list.get(), topic_name.c_str(), partition);
  entry->offset = end_or_beginning;  // in place of a time; the protocol gives both the same field
  const rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(handle.get(), list.get(), ToMs(deadline.Left()));
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(ErrorFrom(error));
  if (entry->err != RD_KAFKA_RESP_ERR_NO_ERROR) return tl::unexpected(ErrorFrom(entry->err));
  // A timeout is not an error to librdkafka here: the entry is just left as it was.
  if (entry->offset < 0) return tl::unexpected(ErrorFrom(RD_KAFKA_RESP_ERR__TIMED_OUT));
  return entry->offset;
}

Status Reader::Stop(const std::vector<int>& partitions) { return impl_->Stop(partitions); }

Status Reader::Assign(const std::map<int, std::int64_t>& next_offsets) {
  for (const auto& [partition, offset] : next_offsets) {
    // A negative offset would be one of librdkafka's special ones: beginning, end, stored.
    if (partition < 0 || offset < 0) {
      return Fail(Code::kInvalidArgument, "KAFKA_OFFSET", "partition and offset start at 0");
    }
  }
  for (const auto& [partition, offset] : next_offsets) {
    STAFETT_CHECK_OK(impl_->Stop({partition}));
    if (rd_kafka_consume_start_queue(impl_->topic.get(), partition, offset, impl_->queue.get()) != 0) {
      return tl::unexpected(ErrorFrom(rd_kafka_last_error()));
    }
    impl_->running.insert(partition);
  }
  return {};
}

void Reader::Impl::Put(const rd_kafka_message_t& message, Polled& polled) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: polled.records.push_back(ToRecord(message)); return;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF: AddOnce(polled.at_end, message.partition); return;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE: AddOnce(polled.out_of_range, message.partition); return;
    default: polled.error = rd_kafka_err2name(message.err);
  }
}

Polled Reader::Poll(std::size_t max, Millis wait) {
  Polled polled;
  rd_kafka_poll(impl_->handle.get(), 0);  // handle-wide errors
  int timeout = ToMs(wait);
  while (polled.records.size() < max) {
    const MessagePtr message(rd_kafka_consume_queue(impl_->queue.get(), timeout));
    if (!message) break;
    impl_->Put(*message, polled);
    timeout = 0;  // something came: take what is there, wait no more
  }
  if (!polled.error) polled.error = impl_->events.TakeError();
  return polled;
}

Result<std::pair<std::int64_t, std::int64_t>> Reader::Watermarks(int partition, Millis timeout) {
  const Deadline deadline = Deadline::In(timeout);
  STAFETT_TRY(const std::int64_t low, impl_->OffsetAt(RD_KAFKA_OFFSET_BEGINNING, partition, deadline));
  STAFETT_TRY(const std::int64_t high, impl_->OffsetAt(RD_KAFKA_OFFSET_END, partition, deadline));
  return std::pair{low, high};
}

}  // namespace stafett::kafka
