// A server-streaming RPC: what a caller goes on being told of, until the caller, the token or this process ends it.
//
//   grpc::ServerWriteReactor<v1::Case>* CasesService::WatchCase(grpc::CallbackServerContext* context,
//                                                               const v1::WatchCaseRequest* request) {
//     return streams_.Serve<v1::Case>("WatchCase", context,
//                                     [this, request = *request](const rpc::Asked& asked) ->
//                                     Result<rpc::Portion<v1::Case>> {
//       ... every check of the call, anew; then what is behind asked.resume
//     });
//   }
//
// A stream is asked, not pushed into. One thread for all streams of a service looks where something may have changed
// (one read for all of them: Look), asks the streams concerned for their next portion, and writes it message by
// message, the next when gRPC has taken the one before. What was asked for more than Options::look ago is asked for
// again, so what may be seen is decided when it is sent; a slow reader costs one portion and misses nothing that is
// kept, and nobody's queue grows.
//
// When it looks: at News (something was acknowledged), at most every Options::least; and every Options::look in any
// case, for what another copy wrote while nothing is acknowledged.
//
// How a stream ends, besides by what the work answers: the caller goes; its token ran out (UNAUTHENTICATED
// TOKEN_EXPIRED); this copy stops (UNAVAILABLE STOPPING); a message was not taken for Options::slow (RESOURCE_EXHAUSTED
// SLOW_READER). The status does not say where to go on: a client's library may drop what had arrived when an error
// comes (grpc-js does, grpc-node #2764), so only the place in the last message that was read is sure, and each message
// has its own.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "lib/base/error.h"
#include "lib/base/heartbeat.h"
#include "lib/base/time.h"
#include "lib/rpc/caller.h"
#include "lib/rpc/runtime.h"
#include "lib/telemetry/trace.h"

namespace stafett::rpc {

// What a stream's work is asked with.
struct Asked {
  const Caller& caller;
  const std::string& resume;  // empty: nothing was written yet, so the request says from where
  Deadline deadline;
};

template <class Message>
struct Item {
  Message message;
  std::string resume;  // to go on behind it; the message says it to the caller too
};

template <class Message>
struct Portion {
  std::string key;  // what is looked at: when its position is another one, the work is asked again
  std::vector<Item<Message>> items;
  std::string resume = {};  // to go on behind all of them; empty: behind the last
  bool more = false;        // ask again when these are written, without looking
};

class Streams {
 public:
  struct Options {
    // A stream holds one portion at most; an idle one costs a few KB here and in gRPC.
    std::size_t most = 512;            // of this service, in this process
    std::size_t most_of_client = 128;  // of them of one client: one record system leaves room for others
    Millis slow{30'000};
    Millis look{1'000};
    Millis least{20};
    std::function<Time()> now;  // for tokens; empty: the system's clock
    Beats beats;
  };
  // The positions of keys, in the same order: numbers that are others than before whenever there may be something new.
  // Called on the thread of the streams; may wait for a store for a second or two.
  using Look = std::function<Result<std::vector<std::uint64_t>>(const std::vector<std::string>& keys)>;

  // `service`: the generated class's name. Exports, for each of its streaming methods,
  //   stafett_streams_open{method}   stafett_streams_ended_total{method,reason}
  // Throws std::invalid_argument if no such service is linked in. `runtime` must outlive it, and it the server.
  Streams(Runtime& runtime, const std::string& service, Look look, Options options);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // `method`: its name in the proto file. `work`: Result<Portion<Message>>(const Asked&), called by one thread, again
  // and again; an error ends the stream with it.
  template <class Message, class Work>
  grpc::ServerWriteReactor<Message>* Serve(std::string_view method, grpc::CallbackServerContext* context, Work work);

  // There may be something new for somebody. Any thread; never blocks.
  void News();
  // Ends all streams and takes no new ones: before the server is shut down, which would wait for them.
  void Drain();

  class Stream;  // below: what the thread sees of one

 private:
  struct Method;
  struct Shared;
  void Arrive(std::string_view method, const grpc::ServerContextBase& context, Stream* stream);
  void Admit(Stream* stream);
  void Run(const Beat& beat);
  void LookAround();
  bool Turn(Stream& stream, bool draining);  // false: it has ended
  void End(Stream& stream, const char* reason, const Error& error);

  Runtime& runtime_;
  const Look look_;
  const Options options_;
  const std::shared_ptr<Shared> shared_;  // also each stream's, which gRPC may let go of later than the thread does
  std::vector<Stream*> open_;             // of the thread alone, as are the next two
  SteadyTime looked_{};
  bool doubt_ = false;  // a stream could not be asked just now
  std::thread thread_;
};

// Life: made in the handler; from Admit on the thread's alone, until it closes it; gRPC's from then on, which
// deletes it when nothing of it is under way any more (OnDone).
class Streams::Stream {
 public:
  virtual ~Stream() = default;

 protected:
  void NoteWritten(bool ok);
  void NoteCancelled();
  void NoteDone();  // the last thing before it is deleted

 private:
  friend class Streams;
  virtual Status Ask(const Asked& asked) = 0;
  virtual bool HasNext() const = 0;
  virtual void Begin() = 0;      // tells the caller that it was let in
  virtual void WriteNext() = 0;  // ends in NoteWritten
  virtual void DropWritten() = 0;
  virtual void Forget() = 0;  // what is not written yet
  virtual void Close(const grpc::Status& status) = 0;

 protected:
  // Set by Ask and DropWritten.
  std::string key_, resume_;
  bool more_ = false;

 private:
  std::shared_ptr<Shared> shared_;
  Method* method_ = nullptr;
  telemetry::TraceContext trace_;
  Credentials credentials_;
  Caller caller_;
  bool counted_ = false;  // among those that are open
  bool begun_ = false;
  bool asks_ = true;      // it is to be asked
  SteadyTime asked_;      // when it was
  bool writing_ = false;  // the thread has given a message to gRPC…
  SteadyTime since_;      // …at this time
  bool looked_at_ = false;
  std::uint64_t position_ = 0;
  std::atomic<bool> taken_{false};  // by gRPC: the message
  std::atomic<bool> broken_{false};
  std::atomic<bool> cancelled_{false};
};

template <class Message>
class StreamOf final : public grpc::ServerWriteReactor<Message>, public Streams::Stream {
 public:
  using Work = std::function<Result<Portion<Message>>(const Asked&)>;
  explicit StreamOf(Work work) : work_(std::move(work)) {}

  void OnWriteDone(bool ok) override { NoteWritten(ok); }
  void OnCancel() override { NoteCancelled(); }
  void OnDone() override {
    NoteDone();
    delete this;
  }

 private:
  Status Ask(const Asked& asked) override {
    STAFETT_TRY(auto portion, work_(asked));
    key_ = std::move(portion.key);
    more_ = portion.more;
    for (auto& item : portion.items) queue_.push_back(std::move(item));
    behind_ = std::move(portion.resume);
    if (queue_.empty() && !behind_.empty()) resume_ = behind_;
    return {};
  }
  bool HasNext() const override { return !queue_.empty(); }
  void Begin() override { this->StartSendInitialMetadata(); }
  void WriteNext() override { this->StartWrite(&queue_.front().message); }
  void DropWritten() override {
    resume_ = std::move(queue_.front().resume);
    queue_.pop_front();
    if (queue_.empty() && !behind_.empty()) resume_ = behind_;
  }
  void Forget() override {
    queue_.clear();
    behind_.clear();
  }
  void Close(const grpc::Status& status) override { this->Finish(status); }

  const Work work_;
  std::deque<Item<Message>> queue_;
  std::string behind_;
};

template <class Message, class Work>
grpc::ServerWriteReactor<Message>* Streams::Serve(std::string_view method, grpc::CallbackServerContext* context,
                                                  Work work) {
  auto* stream = new StreamOf<Message>(std::move(work));  // deletes itself
  Arrive(method, *context, stream);
  return stream;
}

}  // namespace stafett::rpc
