// The client against a real Redis.
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "lib/redis/client.h"
#include "support/redis_server.h"

namespace stafett::redis {
namespace {

using test::RedisServer;

Deadline Soon() { return Deadline::In(Millis(10'000)); }

Options To(const RedisServer& server) {
  Options options;
  options.port = server.port();
  options.client_name = "test";
  return options;
}

TEST(RealRedis, Values_of_all_kinds) {
  RedisServer server;
  Client client(To(server));
  const std::string bytes("\0\r\n$5\r\n\xff", 8);
  ASSERT_TRUE(client.Call({"SET", "a", bytes}, Soon()));
  EXPECT_EQ(client.Call({"GET", "a"}, Soon())->string, bytes);
  EXPECT_TRUE(client.Call({"GET", "none"}, Soon())->IsNil());
  EXPECT_EQ(client.Call({"INCRBY", "n", "-3"}, Soon())->integer, -3);
  ASSERT_TRUE(client.Call({"XADD", "s", "1-1", "f", "v"}, Soon()));
  const auto entries = client.Call({"XRANGE", "s", "-", "+"}, Soon());
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->array.at(0).array.at(1).array.at(1).string, "v");
  EXPECT_EQ(client.Call({"LPUSH", "a", "x"}, Soon()).error().message, "WRONGTYPE");
  EXPECT_EQ(client.Call({"CLIENT", "GETNAME"}, Soon())->string, "test");
}

TEST(RealRedis, Script_survives_flush_and_restart) {
  RedisServer server;
  Client client(To(server));
  const Script script("return redis.call('INCR', KEYS[1])");
  EXPECT_EQ(script.Run(client, script.Begin({"n"}), Soon())->integer, 1);
  ASSERT_TRUE(client.Call({"SCRIPT", "FLUSH"}, Soon()));
  EXPECT_EQ(script.Run(client, script.Begin({"n"}), Soon())->integer, 2);
  const std::string before = client.RunId();
  server.Restart();
  // The first call may be in flight into the old connection: unknown, never a wrong answer.
  Result<Reply> reply = script.Run(client, script.Begin({"m"}), Soon());
  if (!reply) reply = script.Run(client, script.Begin({"m"}), Soon());
  ASSERT_TRUE(reply) << reply.error().reason;
  EXPECT_NE(client.RunId(), before);
  EXPECT_EQ(client.Call({"GET", "n"}, Soon())->string, "2");
}

TEST(RealRedis, Script_errors_keep_their_first_word) {
  RedisServer server;
  Client client(To(server));
  const Script script("return redis.error_reply('CONFLICT ' .. ARGV[1])");
  const auto reply = script.Run(client, script.Begin().Add("Ola"), Soon());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().message, "CONFLICT");
}

TEST(RealRedis, Answered_writes_survive_kill_9_and_not_a_wipe) {
  RedisServer server;
  Client client(To(server));
  std::atomic<bool> stop{false};
  std::int64_t answered = 0;
  std::thread writer([&] {
    while (!stop) {
      const auto reply = client.Call({"INCR", "n"}, Soon());
      if (reply) answered = reply->integer;
    }
  });
  std::this_thread::sleep_for(Millis(200));
  server.Kill9();
  stop = true;
  server.Start();
  writer.join();
  EXPECT_GT(answered, 0);
  EXPECT_GE(std::stoll(client.Call({"GET", "n"}, Soon())->string), answered);

  const std::string before = client.RunId();
  server.Wipe();
  Result<Reply> reply = client.Call({"GET", "n"}, Soon());
  if (!reply) reply = client.Call({"GET", "n"}, Soon());
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->IsNil());
  EXPECT_NE(client.RunId(), before);
}

TEST(RealRedis, Silent_server_gives_unknown_then_recovers) {
  RedisServer server;
  Client client(To(server));
  ASSERT_TRUE(client.Call({"SET", "a", "1"}, Soon()));
  server.Pause();
  const auto reply = client.Call({"SET", "a", "2"}, Deadline::In(Millis(100)));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnknownOutcome);
  server.Resume();
  EXPECT_EQ(client.Call({"GET", "a"}, Soon())->string, "2");  // it did happen
}

TEST(RealRedis, Acl_user_and_full_memory) {
  RedisServer server({"--maxmemory", "3mb", "--user", "cases", "on", ">secret", "~*", "+@all"});
  Options options = To(server);
  options.user = "cases";
  options.password = "wrong";
  {
    Client client(options);
    EXPECT_EQ(client.Call({"PING"}, Deadline::In(Millis(200))).error().reason, "REDIS_AUTH");
  }
  options.password = "secret";
  Client client(options);
  Result<Reply> reply = client.Call({"PING"}, Soon());
  ASSERT_TRUE(reply) << reply.error().reason;
  const Script script("redis.call('SET', KEYS[1], ARGV[1]) return 1");
  for (int i = 0; i < 100 && reply; ++i) {
    reply = script.Run(client, script.Begin({std::to_string(i)}).Add(std::string(100'000, 'x')), Soon());
  }
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_EQ(reply.error().reason, "REDIS_OOM");
}

TEST(RealRedis, Pipelines_from_many_threads) {
  RedisServer server;
  Client client(To(server));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&client, &wrong, t] {
      for (int i = 0; i < 300; ++i) {
        const std::string key = std::to_string(t) + ":" + std::to_string(i);
        if (!client.Call({"SET", key, key}, Soon())) ++wrong;
        const auto reply = client.Call({"GET", key}, Soon());
        if (!reply || reply->string != key) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace stafett::redis
