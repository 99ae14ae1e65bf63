// RedisStore against a real redis-server: the common suite, and what only a server can do to us.
#include <filesystem>
#include <set>

#include "contract/store_suite.h"
#include "lib/gate/redis_store.h"
#include "support/redis_server.h"
#include "unit/lib/redis/resp_server.h"

namespace stafett::gate::test {
namespace {

namespace fs = std::filesystem;
using stafett::test::RedisServer;

redis::Options To(int port) {
  redis::Options o;
  o.port = port;
  o.client_name = "test";
  return o;
}

std::unique_ptr<RedisStore> Open(int port, Millis clock_ahead = Millis(0)) {
  auto store = std::make_unique<RedisStore>(To(port), "t:clock", Beats(), clock_ahead);
  for (auto end = Deadline::In(Millis(10'000)); !store->Connected() && !end.Passed();) std::this_thread::yield();
  return store;
}

class Redis final : public StoreUnderTest {
 public:
  Redis() : store_(Open(server_.port())), other_(Open(server_.port())) {}
  Store& store() override { return *store_; }
  Store& other() override { return *other_; }
  std::string prefix() const override { return "t"; }
  void SetClockBack(Millis by) override {
    // Nobody can set the clock of the machine; but that the clock is behind what was written looks just so.
    auto ahead = std::to_string(store_->Read({}, Deadline::In(Millis(5000)))->clock.ms + by.count());
    ASSERT_TRUE(store_->client().Call({"SET", "t:clock", ahead}, Deadline::In(Millis(5000))));
  }
  void Wait(Millis time) override { std::this_thread::sleep_for(time); }  // Redis has no clock that a test could move
  void ReplaceByEmpty() override { server_.Wipe(); }

 private:
  RedisServer server_;
  std::unique_ptr<RedisStore> store_;
  std::unique_ptr<RedisStore> other_;
};

class RedisStoreTest : public ::testing::Test {
 protected:
  static Deadline Soon() { return Deadline::In(Millis(10'000)); }
  static Transaction Push(std::string key, std::string value, std::uint64_t generation = 0) {
    return {{}, {Write::Push(std::move(key), std::move(value))}, generation};
  }
  // Until it goes through: a store that has just met another server refuses what was meant for the one before.
  static Outcome Must(Store& store, const Transaction& tx) {
    for (auto end = Soon(); !end.Passed();) {
      if (auto outcome = store.Run(tx, Soon())) return *outcome;
    }
    ADD_FAILURE() << "the store does not come back";
    return {};
  }
  static std::vector<std::string> List(Store& store, const std::string& key) {
    for (auto end = Soon(); !end.Passed();) {
      if (auto answer = store.Read({Get::List(key, 0)}, Soon())) return answer->values[0].list;
    }
    ADD_FAILURE() << "the store does not come back";
    return {};
  }
};

}  // namespace

INSTANTIATE_TEST_SUITE_P(Redis, StoreSuite, ::testing::Values([]() -> std::unique_ptr<StoreUnderTest> {
                           return std::make_unique<Redis>();
                         }));

namespace {

// Reads, guards, stamps and what is due go by one clock.
TEST_F(RedisStoreTest, A_test_clock_is_ahead_in_everything) {
  constexpr Millis kDay{86'400'000};
  RedisServer server;
  auto right = Open(server.port());
  auto ahead = Open(server.port(), kDay);
  const auto now = right->Read({}, Soon())->clock;
  const auto tomorrow = ahead->Read({}, Soon())->clock;
  EXPECT_GE(tomorrow.ms, now.ms + kDay.count());
  EXPECT_LT(tomorrow.ms, now.ms + kDay.count() + 60'000);
  const Time noon{now.ms + kDay.count() / 2};
  EXPECT_FALSE(right->Run({{Guard::NotBefore("t:clock", noon)}, {}, 0}, Soon())->done);
  ASSERT_TRUE(right->Run({{}, {Write::SortedAdd("t:z", noon.ms, "noon")}, 0}, Soon()));
  EXPECT_THAT(right->Read({Get::Due("t:z", 9)}, Soon())->values[0].list, IsEmpty());
  EXPECT_THAT(ahead->Read({Get::Due("t:z", 9)}, Soon())->values[0].list, ElementsAre("noon"));
  EXPECT_TRUE(ahead->Run({{Guard::NotBefore("t:clock", noon)}, {Write::Stamp("t:fresh")}, 0}, Soon())->done);
  EXPECT_GE(std::stoll(ahead->Read({Get::String("t:fresh")}, Soon())->values[0].string), tomorrow.ms);
}

TEST_F(RedisStoreTest, What_was_answered_is_there_after_kill_9_and_nothing_happened_twice_or_by_half) {
  RedisServer server;
  auto store = Open(server.port());
  std::mutex mutex;
  std::set<std::string> answered;
  std::set<std::string> unknown;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; !stop; ++i) {
        auto value = std::to_string(t) + "/" + std::to_string(i);
        auto outcome =
            store->Run({{}, {Write::Push("t:a", value), Write::Outbox("t:ob", "t:m", "t", "k", value, "")}, 0}, Soon());
        std::lock_guard lock(mutex);
        if (outcome) {
          answered.insert(value);
        } else if (outcome.error().code == Code::kUnknownOutcome) {
          unknown.insert(value);
        } else {
          EXPECT_EQ(outcome.error().code, Code::kUnavailable);
        }
      }
    });
  }
  auto count = [&] {
    std::lock_guard lock(mutex);
    return answered.size();
  };
  for (int round = 0; round < 3; ++round) {
    auto before = count();
    for (auto end = Soon(); count() < before + 50 && !end.Passed();) std::this_thread::yield();
    server.Kill9();
    server.Start();
  }
  stop = true;
  for (auto& t : threads) t.join();
  auto list = List(*store, "t:a");
  std::set<std::string> there(list.begin(), list.end());
  EXPECT_EQ(there.size(), list.size());
  for (const auto& value : answered) EXPECT_TRUE(there.contains(value)) << value;
  for (const auto& value : there) EXPECT_TRUE(answered.contains(value) || unknown.contains(value)) << value;
  auto entries = store->OpenStreams()->Read({{"t:ob", "0-0"}}, 1'000'000, Millis(0));
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->size(), list.size());
  EXPECT_GE(answered.size(), 150U);
}

TEST_F(RedisStoreTest, A_server_that_lost_its_end_is_another_generation_and_takes_nothing_decided_before) {
  RedisServer server;
  auto store = Open(server.port());
  Must(*store, Push("t:own", "v1"));
  auto copy = server.dir() + "-copy";
  fs::copy(server.dir(), copy, fs::copy_options::recursive);
  Must(*store, Push("t:own", "v2"));
  const auto generation = store->Generation();
  server.Kill9();
  fs::remove_all(server.dir());
  fs::rename(copy, server.dir());
  // Posted while nobody is there, written as soon as somebody is: exactly then it must not be.
  auto waiting = std::async(std::launch::async, [&] {
    return store->Run({{Guard::Length("t:own", 1)}, {Write::Push("t:own", "v2 again")}, generation}, Soon());
  });
  EXPECT_EQ(waiting.wait_for(Millis(50)), std::future_status::timeout);
  server.Start();
  auto late = waiting.get();
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::kUnavailable);
  EXPECT_GT(store->Generation(), generation);
  EXPECT_THAT(List(*store, "t:own"), ElementsAre("v1"));
}

TEST_F(RedisStoreTest, A_new_connection_to_the_same_server_is_the_same_generation) {
  RedisServer server;
  auto store = Open(server.port());
  Must(*store, Push("t:own", "v1"));
  const auto generation = store->Generation();
  // As after any time-out: the connection is gone, the server and all that it knows are not.
  (void)store->client().Call({"CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"}, Soon());
  Must(*store, Push("t:own", "v2", generation));
  EXPECT_EQ(store->Generation(), generation);
  EXPECT_THAT(List(*store, "t:own"), ElementsAre("v1", "v2"));
}

TEST_F(RedisStoreTest, Flushall_is_noticed_by_every_copy_before_it_reads_or_writes) {
  RedisServer server;
  auto a = Open(server.port());
  auto b = Open(server.port());
  Must(*a, Push("t:own", "v1"));
  Must(*b, Push("t:own", "v2"));
  const auto before_a = a->Generation();
  const auto before_b = b->Generation();
  ASSERT_TRUE(a->client().Call({"FLUSHALL"}, Soon()));
  auto lost = a->Run(Push("t:own", "v3"), Soon());
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().reason, "STORE_LOST_DATA");
  EXPECT_EQ(lost.error().code, Code::kUnavailable);
  EXPECT_GT(a->Generation(), before_a);
  EXPECT_FALSE(a->Run(Push("t:own", "v3", before_a), Soon()));
  Must(*a, Push("t:own", "new", a->Generation()));
  // The other one too, although something is there again.
  auto read = b->Read({Get::List("t:own", 0)}, Soon());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().reason, "STORE_LOST_DATA");
  EXPECT_GT(b->Generation(), before_b);
  EXPECT_THAT(List(*b, "t:own"), ElementsAre("new"));
}

TEST_F(RedisStoreTest, A_full_server_refuses_whole_transactions) {
  RedisServer server({"--maxmemory", "4mb"});
  auto store = Open(server.port());
  const std::string value(20'000, 'x');
  Code code = Code::kInternal;
  for (int i = 0; i < 400; ++i) {
    auto outcome = store->Run({{}, {Write::Push("t:a", value), Write::Push("t:b", value)}, 0}, Soon());
    if (!outcome) {
      code = outcome.error().code;
      break;
    }
  }
  EXPECT_EQ(code, Code::kUnavailable);
  auto lengths = store->Read({Get::Length("t:a"), Get::Length("t:b")}, Soon());
  ASSERT_TRUE(lengths);
  EXPECT_GT(lengths->values[0].number, 0);
  EXPECT_EQ(lengths->values[0].number, lengths->values[1].number);
}

TEST_F(RedisStoreTest, A_silent_server_is_an_unknown_outcome_and_the_transaction_happened_once_or_never) {
  RedisServer server;
  auto store = Open(server.port());
  Must(*store, Push("t:own", "v1"));
  server.Pause();
  auto outcome = store->Run(Push("t:own", "v2"), Deadline::In(Millis(100)));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kUnknownOutcome);
  server.Resume();
  EXPECT_LE(List(*store, "t:own").size(), 2U);
}

TEST_F(RedisStoreTest, Scripts_come_back_after_they_were_unloaded) {
  RedisServer server;
  auto store = Open(server.port());
  Must(*store, Push("t:own", "v1"));
  ASSERT_TRUE(store->client().Call({"SCRIPT", "FLUSH"}, Soon()));
  ASSERT_TRUE(store->Run(Push("t:own", "v2"), Soon()));
  ASSERT_TRUE(store->client().Call({"SCRIPT", "FLUSH"}, Soon()));
  auto read = store->Read({Get::Length("t:own")}, Soon());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->values[0].number, 2);
}

// NoCrossTalk (events.md §8): an answer that names another question is never used.
TEST_F(RedisStoreTest, An_answer_to_another_question_is_an_unknown_outcome) {
  redis::test::RespServer server([](redis::test::RespServer::Conn& conn, const redis::test::RespServer::Args&) {
    conn.Send("*4\r\n$7\r\nanother\r\n$2\r\nOK\r\n:1\r\n$1\r\ni\r\n");
  });
  auto store = Open(server.port());
  auto outcome = store->Run(Push("t:own", "v1"), Soon());
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, Code::kUnknownOutcome);
  EXPECT_EQ(outcome.error().reason, "REDIS_CROSS_TALK");
  EXPECT_FALSE(store->Read({Get::String("t:own")}, Soon()));
}

}  // namespace
}  // namespace stafett::gate::test
