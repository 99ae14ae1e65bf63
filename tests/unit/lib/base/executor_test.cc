#include "lib/base/executor.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <memory>

namespace stafett {
namespace {

// A task that tells when it runs and waits until it may end.
struct Blocker {
  std::promise<void> started;
  std::promise<void> release;
  std::shared_future<void> released = release.get_future().share();
  Executor::Task Task() {
    return [this] {
      started.set_value();
      released.wait();
    };
  }
};

TEST(Executor, RunsWhatItTook) {
  std::promise<int> ran;
  Executor executor(2, 4);
  ASSERT_TRUE(executor.TrySubmit([&] { ran.set_value(7); }));
  EXPECT_EQ(ran.get_future().get(), 7);
}

TEST(Executor, RefusesWhatDoesNotFitAndShowsItsDepth) {
  Blocker blocker;  // what tasks use stands before the executor, which joins them at its end
  Executor executor(1, 2);
  ASSERT_TRUE(executor.TrySubmit(blocker.Task()));
  blocker.started.get_future().wait();
  EXPECT_EQ(executor.Running(), 1U);
  EXPECT_EQ(executor.QueueDepth(), 0U);

  EXPECT_TRUE(executor.TrySubmit([] {}));
  EXPECT_TRUE(executor.TrySubmit([] {}));
  EXPECT_EQ(executor.QueueDepth(), 2U);
  EXPECT_FALSE(executor.TrySubmit([] { FAIL() << "a refused task must never run"; }));
  blocker.release.set_value();
}

TEST(Executor, StopRunsWhatWasTakenAndTakesNoMore) {
  Blocker blocker;
  std::atomic<int> ran = 0;
  Executor executor(1, 8);
  ASSERT_TRUE(executor.TrySubmit(blocker.Task()));
  blocker.started.get_future().wait();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(executor.TrySubmit([&] { ++ran; }));
  blocker.release.set_value();
  executor.Stop();
  EXPECT_EQ(ran, 5);
  EXPECT_FALSE(executor.TrySubmit([] {}));
  executor.Stop();  // again: nothing to do
}

TEST(Executor, ATaskMaySubmitAnother) {
  std::promise<void> second;
  Executor executor(1, 2);
  ASSERT_TRUE(executor.TrySubmit([&] { EXPECT_TRUE(executor.TrySubmit([&] { second.set_value(); })); }));
  second.get_future().wait();
}

TEST(Executor, LetsGoOfWhatATaskHeldAsSoonAsItHasRun) {
  auto held = std::make_shared<int>(1);
  std::promise<long> count;
  Executor executor(1, 2);
  ASSERT_TRUE(executor.TrySubmit([held] {}));
  ASSERT_TRUE(executor.TrySubmit([&] { count.set_value(held.use_count()); }));
  EXPECT_EQ(count.get_future().get(), 1);
}

}  // namespace
}  // namespace stafett
