#include "lib/redis/client.h"

#include <utility>

#include "lib/redis/loop.h"

namespace stafett::redis {

Client::Client(Options options) : loop_(std::make_unique<Loop>(std::move(options))) {}
Client::~Client() = default;

Result<Reply> Client::Call(Args args, Deadline deadline, std::uint64_t only_on) {
  if (loop_->OnThisThread()) {
    return Fail(Code::kInternal, "REDIS_CALL_ON_LOOP", "a completion must not block on redis");
  }
  auto promise = std::make_shared<std::promise<Result<Reply>>>();
  std::future<Result<Reply>> answer = promise->get_future();
  loop_->Post(
      std::move(args), deadline, [promise](Result<Reply> reply) { promise->set_value(std::move(reply)); }, only_on);
  return answer.get();  // the loop keeps the deadline, so this ends
}

void Client::CallAsync(Args args, Deadline deadline, Callback done, std::uint64_t only_on) {
  loop_->Post(std::move(args), deadline, std::move(done), only_on);
}

bool Client::Connected() const { return loop_->connected(); }
std::string Client::RunId() const { return loop_->RunId(); }
std::uint64_t Client::Server() const { return loop_->server(); }

}  // namespace stafett::redis
