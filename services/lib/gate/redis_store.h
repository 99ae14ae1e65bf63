// The Store on Redis: AOF, fsync always; one script per step (scripts.h).
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "lib/base/heartbeat.h"
#include "lib/gate/store.h"
#include "lib/redis/client.h"

namespace stafett::gate {

class RedisStore final : public Store {
 public:
  // `clock_key`: where this service keeps the highest time it has seen (within its own prefix).
  // `clock_ahead`: of a test clock; 0 in production (lib/config refuses it there).
  RedisStore(redis::Options options, std::string clock_key, Beats beats = {}, Millis clock_ahead = Millis(0));
  ~RedisStore() override;

  Result<Answer> Read(const std::vector<Get>& gets, Deadline deadline) override;
  Result<Outcome> Run(const Transaction& tx, Deadline deadline) override;
  std::unique_ptr<StreamReader> OpenStreams() override;
  std::uint64_t Generation() const override;
  bool Connected() const override;

  // For the barrier: CONFIG GET and INFO need the client itself.
  redis::Client& client() { return *client_; }

 private:
  std::string NextEcho();
  // What a transaction is bound to: the server and the losses seen so far (together the generation), and the id of
  // the data there, empty before it is known.
  struct Bound {
    std::uint64_t server = 0, lost = 0;
    std::string id;
    std::uint64_t generation() const { return server == 0 ? 0 : server + lost; }
  };
  Bound Now() const;
  void Met(const Bound& bound, const std::string& id);
  tl::unexpected<Error> Lost(const Bound& bound);

  redis::Options options_;
  Beats beats_;
  std::string clock_key_;
  redis::Script read_;
  redis::Script run_;
  mutable std::mutex mutex_;
  std::uint64_t lost_ = 0;       // times a server was caught without its data
  std::string id_;               // of the data…
  std::uint64_t id_server_ = 0;  // …on this server
  std::atomic<std::uint64_t> echo_{0};
  std::string echo_prefix_;
  std::unique_ptr<redis::Client> client_;
};

}  // namespace stafett::gate
