// A fixed number of threads behind a bounded queue. gRPC's callback threads must never block (two
// of them serve everything on two cores), so use cases run here.
//
//   Executor executor(16, 1024);
//   if (!executor.TrySubmit([] { ... })) { /* full: refuse at once, nothing was taken */ }
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace stafett {

class Executor {
 public:
  using Task = std::function<void()>;

  // `queue_limit` counts tasks that wait; those that run are not in it.
  Executor(std::size_t threads, std::size_t queue_limit);
  ~Executor();  // Stop()
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // Any thread, never blocks on a task. False: full or stopping; the task will never run.
  // A task must not throw: it would end the process.
  [[nodiscard]] bool TrySubmit(Task task);

  // Takes nothing more, runs what was taken, joins. Any number of times, but not from a task.
  void Stop();

  std::size_t QueueDepth() const;  // waiting now
  std::size_t Running() const;     // being run now
  std::size_t threads() const { return thread_count_; }
  std::size_t queue_limit() const { return queue_limit_; }

 private:
  void Work();

  const std::size_t thread_count_;
  const std::size_t queue_limit_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> queue_;  // guarded by mutex_, as are the next two
  std::size_t running_ = 0;
  bool stopping_ = false;
  std::mutex join_mutex_;  // two callers of Stop() must not join the same thread
  std::vector<std::thread> workers_;
};

}  // namespace stafett
