#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "lib/kafka/handle.h"

namespace stafett::kafka {
namespace {

constexpr int kPollMs = 50;
// At the end: how long librdkafka may take to report what was purged. What is left then is reported
// by us.
constexpr Millis kPurgeTime{2000};

const Settings kSettings = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"max.in.flight", "5"},
    // What is behind a refused message is not numbered anew and sent: nobody gets in before it.
    {"enable.gapless.guarantee", "true"},
    {"message.timeout.ms", "0"},  // infinite: a message given up may still be in the log
    {"linger.ms", "0"},
    {"queue.buffering.max.messages", "10000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"compression.type", "none"},  // the length of a compressed body says something about it
};

// The topic can not take the message, and never will without an operator.
bool IsPermanent(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD: return true;
    default: return false;
  }
}

}  // namespace

struct Producer::Impl {
  // One message on its way. librdkafka carries its address as the message's opaque.
  struct Pending {
    Impl* owner = nullptr;
    std::uint64_t sequence = 0;
    OnDelivery done;
  };

  explicit Impl(const Connection& connection) : events(connection) {}
  ~Impl();

  void Poll(const Beat& beat);
  static void OnReport(rd_kafka_t* handle, const rd_kafka_message_t* message, void* opaque);
  std::unique_ptr<Pending> Take(std::uint64_t sequence);
  bool AllReported();

  Events events;
  HandlePtr handle;
  std::mutex mutex;
  std::condition_variable reported;
  std::uint64_t last_sequence = 0;                                // guarded by mutex
  std::map<std::uint64_t, std::unique_ptr<Pending>> outstanding;  // guarded by mutex
  std::atomic<bool> stop{false};
  std::thread poller;
};

Producer::Producer() = default;
Producer::~Producer() = default;

Result<std::unique_ptr<Producer>> Producer::Create(const Connection& connection) {
  auto impl = std::make_unique<Impl>(connection);
  STAFETT_TRY(impl->handle, MakeHandle(RD_KAFKA_PRODUCER, connection, kSettings, impl->events, Impl::OnReport));
  impl->poller = std::thread([raw = impl.get(), beat = BeatOf(connection.beats, "producer")] { raw->Poll(beat); });
  std::unique_ptr<Producer> producer(new Producer());
  producer->impl_ = std::move(impl);
  return producer;
}

Producer::Impl::~Impl() {
  if (!handle) return;
  events.SetFatal();  // a completion may want to send on: no
  rd_kafka_purge(handle.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  stop = true;
  if (poller.joinable()) poller.join();
  handle.reset();  // from here on librdkafka calls nothing of ours
  for (auto& [sequence, pending] : outstanding) {
    Delivery lost;
    lost.error = "_DESTROY";
    pending->done(lost);
  }
}

void Producer::Impl::Poll(const Beat& beat) {
  while (!stop) {
    beat();
    rd_kafka_poll(handle.get(), kPollMs);
  }
  const Deadline deadline = Deadline::In(kPurgeTime);
  while (!AllReported() && !deadline.Passed()) rd_kafka_poll(handle.get(), 10);
}

bool Producer::Impl::AllReported() {
  const std::lock_guard lock(mutex);
  return outstanding.empty();
}

std::unique_ptr<Producer::Impl::Pending> Producer::Impl::Take(std::uint64_t sequence) {
  const std::lock_guard lock(mutex);
  auto node = outstanding.extract(sequence);
  return node.empty() ? nullptr : std::move(node.mapped());
}

void Producer::Impl::OnReport(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message, void* /*opaque*/) {
  auto* raw = static_cast<Pending*>(message->_private);
  Impl& self = *raw->owner;

  Delivery delivery;
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    delivery.error = rd_kafka_err2name(message->err);
    delivery.permanent = IsPermanent(message->err);
  } else if (message->offset < 0) {
    // A duplicate the broker knows of but not where: in the log, at a place we can not name.
    delivery.error = "OFFSET_UNKNOWN";
  } else {
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    delivery.ok = true;
    delivery.offset = message->offset;
    delivery.timestamp_ms = rd_kafka_message_timestamp(message, &type);
  }
  if (!delivery.ok && !delivery.permanent) self.events.SetFatal();

  raw->done(delivery);
  // Forgotten only now: Flush promises that the report was given, not just that it came.
  const std::unique_ptr<Pending> pending = self.Take(raw->sequence);
  self.reported.notify_all();
}

Status Producer::Send(Message message, OnDelivery done) {
  Impl& self = *impl_;
  if (Fatal()) return Fail(Code::kUnavailable, "KAFKA_FATAL", "producer must be replaced");

  using HeadersPtr = std::unique_ptr<rd_kafka_headers_t, Freer<rd_kafka_headers_destroy>>;
  HeadersPtr headers(rd_kafka_headers_new(message.headers.size()));
  for (const auto& [name, value] : message.headers) {
    rd_kafka_header_add(headers.get(), name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  }

  auto pending = std::make_unique<Impl::Pending>(Impl::Pending{&self, 0, std::move(done)});
  Impl::Pending* opaque = pending.get();
  std::uint64_t sequence = 0;
  {
    const std::lock_guard lock(self.mutex);
    sequence = ++self.last_sequence;
    pending->sequence = sequence;
    self.outstanding.emplace(sequence, std::move(pending));
  }

  std::array<rd_kafka_vu_t, 7> v{};
  v[0].vtype = RD_KAFKA_VTYPE_TOPIC;
  v[0].u.cstr = message.topic.c_str();
  v[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  v[1].u.i32 = message.partition;
  v[2].vtype = RD_KAFKA_VTYPE_KEY;
  v[2].u.mem = {message.key.empty() ? nullptr : message.key.data(), message.key.size()};
  v[3].vtype = RD_KAFKA_VTYPE_VALUE;
  if (!message.tombstone) v[3].u.mem = {message.value.data(), message.value.size()};
  v[4].vtype = RD_KAFKA_VTYPE_HEADERS;
  v[4].u.headers = headers.get();
  v[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  v[5].u.i = RD_KAFKA_MSG_F_COPY;
  v[6].vtype = RD_KAFKA_VTYPE_OPAQUE;
  v[6].u.ptr = opaque;
  const ErrorPtr error(rd_kafka_produceva(self.handle.get(), v.data(), v.size()));
  if (!error) {
    (void)headers.release();  // librdkafka owns them now
    return {};
  }

  self.Take(sequence);
  self.reported.notify_all();
  const rd_kafka_resp_err_t code = rd_kafka_error_code(error.get());
  if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
    return Fail(Code::kResourceExhausted, "KAFKA_QUEUE_FULL", "kafka producer queue is full");
  }
  if (IsPermanent(code)) {
    Error permanent = ErrorFrom(code);
    permanent.code = Code::kFailedPrecondition;
    return tl::unexpected(std::move(permanent));
  }
  return tl::unexpected(ErrorFrom(code));
}

void Producer::Flush(Millis timeout) {
  Impl& self = *impl_;
  std::unique_lock lock(self.mutex);
  const std::uint64_t last = self.last_sequence;
  self.reported.wait_until(lock, Deadline::In(timeout).at, [&self, last] {
    return self.outstanding.empty() || self.outstanding.begin()->first > last;
  });
}

bool Producer::Fatal() const { return impl_->events.fatal(); }

}  // namespace stafett::kafka
