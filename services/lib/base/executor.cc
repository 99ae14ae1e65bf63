#include "lib/base/executor.h"

#include <utility>

namespace stafett {

Executor::Executor(std::size_t threads, std::size_t queue_limit) : thread_count_(threads), queue_limit_(queue_limit) {
  workers_.reserve(threads);
  for (std::size_t i = 0; i < threads; ++i) workers_.emplace_back([this] { Work(); });
}

Executor::~Executor() { Stop(); }

bool Executor::TrySubmit(Task task) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= queue_limit_) return false;
    queue_.push_back(std::move(task));
  }
  wake_.notify_one();
  return true;
}

void Executor::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  std::lock_guard join_lock(join_mutex_);
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
}

std::size_t Executor::QueueDepth() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

std::size_t Executor::Running() const {
  std::lock_guard lock(mutex_);
  return running_;
}

void Executor::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;  // stopping, and everything taken has been run
    Task task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    lock.unlock();
    task();
    task = nullptr;  // what it captured goes now, not when the next task comes, and not under the lock
    lock.lock();
    --running_;
  }
}

}  // namespace stafett
