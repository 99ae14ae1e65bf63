#include "lib/redis/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "resp_server.h"

namespace stafett::redis {
namespace {

using test::Bulk;
using test::RespServer;
using Conn = RespServer::Conn;

Deadline Soon() { return Deadline::In(Millis(5000)); }

Options To(const RespServer& server) {
  Options options;
  options.port = server.port();
  return options;
}

// Answers GET x with "value of x".
void Echo(Conn& conn, const RespServer::Args& args) { conn.Send(Bulk("value of " + args.back())); }

bool Until(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(Millis(5));
  }
  return false;
}

std::future<Result<Reply>> Async(Client& client, Args args, Deadline deadline) {
  auto promise = std::make_shared<std::promise<Result<Reply>>>();
  auto future = promise->get_future();
  client.CallAsync(std::move(args), deadline, [promise](Result<Reply> r) { promise->set_value(std::move(r)); });
  return future;
}

TEST(RedisClient, Answers) {
  RespServer server(Echo);
  Client client(To(server));
  const auto reply = client.Call({"GET", "a"}, Soon());
  ASSERT_TRUE(reply) << reply.error().reason;
  EXPECT_EQ(reply->type, Reply::Type::kString);
  EXPECT_EQ(reply->string, "value of a");
  EXPECT_TRUE(client.Connected());
  EXPECT_EQ(client.RunId(), "run-1");
}

TEST(RedisClient, Its_loop_beats_also_with_nothing_to_do) {
  RespServer server(Echo);
  std::atomic<int> beats{0};
  Options options = To(server);
  options.beat = [&] { ++beats; };
  Client client(options);
  ASSERT_TRUE(client.Call({"GET", "a"}, Soon()));
  const int before = beats;
  EXPECT_TRUE(Until([&] { return beats > before + 1; }));  // the first may belong to the call
}

TEST(RedisClient, Handshake_comes_first_and_tells_the_run_id) {
  RespServer server(Echo);
  server.set_password("p w\r\nd");
  Options options = To(server);
  options.user = "cases";
  options.password = "p w\r\nd";
  options.client_name = "stafett-cases";
  std::promise<std::string> run_id;
  options.on_connected = [&run_id](const std::string& id) { run_id.set_value(id); };
  Client client(options);
  EXPECT_EQ(run_id.get_future().get(), "run-1");
  EXPECT_TRUE(client.Call({"GET", "a"}, Soon()));
  EXPECT_THAT(server.handshake(), testing::ElementsAre(RespServer::Args{"AUTH", "cases", "p w\r\nd"},
                                                       RespServer::Args{"CLIENT", "SETNAME", "stafett-cases"},
                                                       RespServer::Args{"INFO", "server"}));
}

TEST(RedisClient, Pipelines_in_order) {
  std::atomic<int> seen{0};
  // Nothing is answered before all have arrived: only a pipelining client gets through.
  RespServer server([&seen](Conn& conn, const RespServer::Args& args) {
    conn.withheld.push_back(Bulk(args.back()));
    if (++seen < 500) return;
    for (const std::string& reply : conn.withheld) conn.Send(reply);
  });
  Client client(To(server));
  std::mutex mutex;
  std::vector<std::string> order;
  std::vector<std::future<Result<Reply>>> replies;
  for (int i = 0; i < 500; ++i) {
    auto promise = std::make_shared<std::promise<Result<Reply>>>();
    replies.push_back(promise->get_future());
    client.CallAsync({"GET", std::to_string(i)}, Soon(), [&, promise](Result<Reply> reply) {
      const std::lock_guard lock(mutex);
      order.push_back(reply ? reply->string : reply.error().reason);
      promise->set_value(std::move(reply));
    });
  }
  for (int i = 0; i < 500; ++i) {
    const auto reply = replies[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(reply) << reply.error().reason;
    EXPECT_EQ(reply->string, std::to_string(i));
  }
  const std::lock_guard lock(mutex);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], std::to_string(i));
}

TEST(RedisClient, Many_threads_each_get_their_own_answer) {
  RespServer server(Echo);
  Client client(To(server));
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&client, &wrong, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(t) + "-" + std::to_string(i);
        const auto reply = client.Call({"GET", key}, Soon());
        if (!reply || reply->string != "value of " + key) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// The leak: GET B must never get A's answer, however late that one is.
TEST(RedisClient, Late_answer_never_reaches_another_call) {
  RespServer server([](Conn& conn, const RespServer::Args& args) {
    if (args.back() == "A") {
      conn.withheld.push_back(Bulk("secret of A"));
      return;  // comes too late: just before the next answer on the same connection
    }
    for (const std::string& late : conn.withheld) conn.Send(late);
    conn.Send(Bulk("value of " + args.back() + " on " + std::to_string(conn.id)));
  });
  Client client(To(server));
  const auto a = client.Call({"GET", "A"}, Deadline::In(Millis(50)));
  ASSERT_FALSE(a);
  EXPECT_EQ(a.error().code, Code::kUnknownOutcome);
  EXPECT_EQ(a.error().reason, "REDIS_TIMEOUT");
  const auto b = client.Call({"GET", "B"}, Soon());
  ASSERT_TRUE(b);
  EXPECT_EQ(b->string, "value of B on 2");
}

TEST(RedisClient, Timeout_of_one_ends_all_that_share_the_connection) {
  std::atomic<int> seen{0};
  RespServer server([&seen](Conn& conn, const RespServer::Args& args) {
    ++seen;
    if (args.back() != "slow" && args.back() != "behind") Echo(conn, args);
  });
  Client client(To(server));
  auto slow = Async(client, {"GET", "slow"}, Deadline::In(Millis(200)));
  auto behind = Async(client, {"GET", "behind"}, Soon());
  ASSERT_TRUE(Until([&] { return seen == 2; }));
  EXPECT_EQ(slow.get().error().code, Code::kUnknownOutcome);
  EXPECT_EQ(behind.get().error().code, Code::kUnknownOutcome);
  EXPECT_TRUE(client.Call({"GET", "again"}, Soon()));
  EXPECT_EQ(server.accepted(), 2);
}

TEST(RedisClient, Unknown_when_sent_unavailable_when_not) {
  auto server = std::make_unique<RespServer>([](Conn& conn, const RespServer::Args&) { conn.close = true; });
  Client client(To(*server));
  const auto sent = client.Call({"SET", "a", "1"}, Soon());
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Code::kUnknownOutcome);
  EXPECT_EQ(sent.error().reason, "REDIS_CONNECTION_LOST");
  server.reset();
  ASSERT_TRUE(Until([&] { return !client.Connected(); }));
  const auto unsent = client.Call({"SET", "a", "1"}, Deadline::In(Millis(100)));
  ASSERT_FALSE(unsent);
  EXPECT_EQ(unsent.error().code, Code::kUnavailable);
  EXPECT_EQ(unsent.error().reason, "REDIS_UNAVAILABLE");
}

// A caller that waits for long is told while it still listens, and so learns that it is Redis that is away.
TEST(RedisClient, With_redis_away_a_command_does_not_wait_for_its_whole_deadline) {
  auto server = std::make_unique<RespServer>(Echo);
  auto options = To(*server);
  options.patience = Millis(50);
  Client client(options);
  ASSERT_TRUE(client.Call({"GET", "a"}, Soon()));  // else its greeting may be cut off: that is another reason
  server.reset();
  ASSERT_TRUE(Until([&] { return !client.Connected(); }));
  const auto deadline = Deadline::In(Millis(600'000));
  const auto unsent = client.Call({"GET", "a"}, deadline);
  ASSERT_FALSE(unsent);
  EXPECT_EQ(unsent.error().code, Code::kUnavailable);
  EXPECT_EQ(unsent.error().reason, "REDIS_UNAVAILABLE");
}

TEST(RedisClient, What_was_sent_waits_for_its_deadline_and_not_for_patience) {
  std::atomic<bool> go{false};
  RespServer server([&go](Conn& conn, const RespServer::Args& args) {
    while (!go) std::this_thread::sleep_for(Millis(2));
    Echo(conn, args);
  });
  auto options = To(server);
  options.patience = Millis(20);
  Client client(options);
  auto reply = Async(client, {"GET", "a"}, Soon());
  EXPECT_EQ(reply.wait_for(Millis(100)), std::future_status::timeout);
  go = true;
  EXPECT_TRUE(reply.get());
}

// Redis stops reading: what is only half handed over can not have been run.
TEST(RedisClient, Half_written_command_is_unavailable_not_unknown) {
  std::atomic<bool> go{false};
  RespServer server([&go](Conn& conn, const RespServer::Args&) {
    while (!go) std::this_thread::sleep_for(Millis(2));
    conn.close = true;
  });
  Client client(To(server));
  auto first = Async(client, {"GET", "a"}, Deadline::In(Millis(3000)));
  auto big = Async(client, {"SET", "b", std::string(16U << 20U, 'x')}, Soon());
  auto queued = Async(client, {"SET", "c", "1"}, Deadline::In(Millis(100)));
  EXPECT_EQ(queued.get().error().code, Code::kUnavailable);  // and costs no connection
  EXPECT_TRUE(client.Connected());
  EXPECT_EQ(first.get().error().code, Code::kUnknownOutcome);
  EXPECT_EQ(big.get().error().code, Code::kUnavailable);
  go = true;
}

TEST(RedisClient, Waits_for_a_connection_until_the_deadline) {
  int port = 0;
  {
    const RespServer probe(Echo);
    port = probe.port();
  }
  Options options;
  options.port = port;
  Client client(options);
  auto reply = Async(client, {"GET", "a"}, Soon());
  std::this_thread::sleep_for(Millis(50));
  RespServer server(Echo, port);
  const auto r = reply.get();
  ASSERT_TRUE(r) << r.error().reason;
  EXPECT_EQ(r->string, "value of a");
}

TEST(RedisClient, Reconnects_and_tells_another_run_id) {
  RespServer server(Echo);
  std::mutex mutex;
  std::vector<std::string> ids;
  Options options = To(server);
  options.on_connected = [&](const std::string& id) {
    const std::lock_guard lock(mutex);
    ids.push_back(id);
  };
  Client client(options);
  ASSERT_TRUE(client.Call({"GET", "a"}, Soon()));
  server.set_run_id("run-2");
  server.HangUpAll();
  ASSERT_TRUE(Until([&] { return server.accepted() == 2; }));
  ASSERT_TRUE(client.Call({"GET", "a"}, Soon()));
  EXPECT_EQ(client.RunId(), "run-2");
  const std::lock_guard lock(mutex);
  EXPECT_THAT(ids, testing::ElementsAre("run-1", "run-2"));
}

TEST(RedisClient, Failed_auth_is_told_and_tried_again) {
  RespServer server(Echo);
  server.set_password("new");
  Options options = To(server);
  options.user = "cases";
  options.password = "right";
  Client client(options);
  const auto refused = client.Call({"GET", "a"}, Deadline::In(Millis(200)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kUnavailable);
  EXPECT_EQ(refused.error().reason, "REDIS_AUTH");
  EXPECT_FALSE(client.Connected());
  server.set_password("right");
  EXPECT_TRUE(client.Call({"GET", "a"}, Soon()));
}

TEST(RedisClient, Silent_server_is_given_up_after_connect_timeout) {
  RespServer server(Echo);
  server.set_mute(true);
  Options options = To(server);
  options.connect_timeout = Millis(50);
  Client client(options);
  auto reply = Async(client, {"GET", "a"}, Soon());
  ASSERT_TRUE(Until([&] { return server.accepted() >= 2; }));
  server.set_mute(false);
  EXPECT_TRUE(reply.get());
}

TEST(RedisClient, Without_a_run_id_nothing_is_let_through) {
  RespServer server(Echo);
  server.set_run_id("");
  Client client(To(server));
  const auto reply = client.Call({"GET", "a"}, Deadline::In(Millis(100)));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
  EXPECT_EQ(reply.error().reason, "REDIS_HANDSHAKE");
  EXPECT_GT(server.accepted(), 1);
}

TEST(RedisClient, Replies_cut_byte_by_byte) {
  RespServer server([](Conn& conn, const RespServer::Args&) {
    conn.Send("*5\r\n:42\r\n$-1\r\n*2\r\n$3\r\na\r\n\r\n*0\r\n+OK\r\n:-7\r\n");
  });
  server.slice_handshake();
  Client client(To(server));
  const auto reply = client.Call({"X"}, Soon());
  ASSERT_TRUE(reply) << reply.error().reason;
  ASSERT_EQ(reply->array.size(), 5U);
  EXPECT_EQ(reply->array[0].integer, 42);
  EXPECT_TRUE(reply->array[1].IsNil());
  ASSERT_EQ(reply->array[2].array.size(), 2U);
  EXPECT_EQ(reply->array[2].array[0].string, "a\r\n");
  EXPECT_EQ(reply->array[2].array[1].type, Reply::Type::kArray);
  EXPECT_TRUE(reply->array[2].array[1].array.empty());
  EXPECT_EQ(reply->array[3].string, "OK");
  EXPECT_EQ(reply->array[4].integer, -7);
}

TEST(RedisClient, Nil_is_a_value) {
  RespServer server([](Conn& conn, const RespServer::Args&) { conn.Send("$-1\r\n"); });
  Client client(To(server));
  const auto reply = client.Call({"GET", "none"}, Soon());
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->IsNil());
}

TEST(RedisClient, Error_replies_are_told_apart_and_never_echo_data) {
  RespServer server([](Conn& conn, const RespServer::Args& args) { conn.Send("-" + args.at(1) + "\r\n"); });
  Client client(To(server));
  const auto ask = [&](const std::string& text) { return client.Call({"E", text}, Soon()).error(); };
  Error e = ask("CONFLICT child Ola Nordmann");
  EXPECT_EQ(e.code, Code::kInternal);
  EXPECT_EQ(e.reason, "REDIS_ERROR");
  EXPECT_EQ(e.message, "CONFLICT");
  EXPECT_EQ(ask("Ola Nordmann").message, "ERR");
  for (const std::string word : {"OOM", "READONLY", "LOADING", "MISCONF"}) {
    e = ask(word + " something");
    EXPECT_EQ(e.code, Code::kUnavailable);
    EXPECT_EQ(e.reason, "REDIS_" + word);
  }
  EXPECT_EQ(ask("NOAUTH x").reason, "REDIS_AUTH");
  EXPECT_EQ(server.accepted(), 1);  // an error reply is an answer: the connection is good
}

TEST(RedisClient, Error_inside_a_transaction_never_claims_nothing_was_done) {
  RespServer server([](Conn& conn, const RespServer::Args&) { conn.Send("*2\r\n+OK\r\n-OOM x\r\n"); });
  Client client(To(server));
  const auto reply = client.Call({"EXEC"}, Soon());
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kInternal);
  EXPECT_EQ(reply.error().message, "OOM");
}

TEST(RedisClient, Garbage_and_unasked_replies_destroy_the_connection) {
  std::atomic<int> kind{0};
  RespServer server([&kind](Conn& conn, const RespServer::Args& args) {
    if (kind == 0) conn.Send("HTTP/1.1 400\r\n");
    if (kind == 1) conn.Send("*999999999\r\n");  // larger than we ever ask for
    if (kind == 2) conn.Send(Bulk("mine") + Bulk("unasked"));
    if (kind == 3) Echo(conn, args);
  });
  Client client(To(server));
  for (kind = 0; kind < 2; ++kind) {
    const auto reply = client.Call({"GET", "a"}, Soon());
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::kUnknownOutcome);
    EXPECT_EQ(reply.error().reason, "REDIS_PROTOCOL");
  }
  EXPECT_EQ(client.Call({"GET", "a"}, Soon())->string, "mine");
  ASSERT_TRUE(Until([&] { return server.accepted() == 4; }));
  kind = 3;
  EXPECT_EQ(client.Call({"GET", "b"}, Soon())->string, "value of b");
}

TEST(RedisClient, Full_queue_refuses_at_once) {
  RespServer server([](Conn&, const RespServer::Args&) {});
  Options options = To(server);
  options.max_pending = 2;
  Client client(options);
  auto one = Async(client, {"GET", "1"}, Deadline::In(Millis(300)));
  auto two = Async(client, {"GET", "2"}, Deadline::In(Millis(300)));
  const auto three = client.Call({"GET", "3"}, Soon());
  ASSERT_FALSE(three);
  EXPECT_EQ(three.error().code, Code::kResourceExhausted);
  EXPECT_FALSE(one.get());
  EXPECT_FALSE(two.get());
  const auto four = client.Call({"GET", "4"}, Deadline::In(Millis(100)));
  EXPECT_EQ(four.error().code, Code::kUnknownOutcome);  // there was room again
}

TEST(RedisClient, No_command_and_blocking_in_a_completion_are_refused) {
  RespServer server(Echo);
  Client client(To(server));
  EXPECT_EQ(client.Call({}, Soon()).error().code, Code::kInvalidArgument);
  std::promise<Error> inner;
  client.CallAsync({"GET", "a"}, Soon(), [&](Result<Reply>) {
    inner.set_value(client.Call({"GET", "b"}, Soon()).error());
  });
  EXPECT_EQ(inner.get_future().get().reason, "REDIS_CALL_ON_LOOP");
}

TEST(RedisClient, Destructor_answers_everything) {
  std::atomic<int> seen{0};
  RespServer server([&seen](Conn&, const RespServer::Args&) { ++seen; });
  std::future<Result<Reply>> sent;
  std::promise<Error> from_completion;
  {
    Client client(To(server));
    sent = Async(client, {"GET", "a"}, Soon());
    client.CallAsync({"GET", "b"}, Soon(), [&](Result<Reply>) {
      // Even a command given now, by a completion of the end, is answered.
      client.CallAsync({"GET", "c"}, Soon(), [&](Result<Reply> r) { from_completion.set_value(r.error()); });
    });
    ASSERT_TRUE(Until([&] { return seen == 2; }));
  }
  EXPECT_EQ(sent.get().error().code, Code::kUnknownOutcome);
  EXPECT_EQ(from_completion.get_future().get().reason, "REDIS_CLOSED");
}

TEST(RedisScript, Loads_when_the_server_does_not_know_it) {
  std::atomic<bool> loaded{false};
  std::atomic<int> loads{0};
  const Script script("return ARGV[1]");
  RespServer server([&](Conn& conn, const RespServer::Args& args) {
    if (args.at(0) == "SCRIPT") {
      ++loads;
      loaded = true;
      return conn.Send(Bulk(script.sha1()));
    }
    if (!loaded) return conn.Send("-NOSCRIPT No matching script\r\n");
    EXPECT_EQ(args, (RespServer::Args{"EVALSHA", script.sha1(), "1", "key", "arg"}));
    conn.Send(Bulk("ran"));
  });
  Client client(To(server));
  EXPECT_EQ(script.sha1(), "098e0f0d1448c0a81dafe820f66d460eb09263da");
  EXPECT_EQ(script.Run(client, script.Begin({"key"}).Add("arg"), Soon())->string, "ran");
  EXPECT_EQ(script.Run(client, script.Begin({"key"}).Add("arg"), Soon())->string, "ran");
  EXPECT_EQ(loads, 1);
  loaded = false;  // SCRIPT FLUSH or a restart
  EXPECT_EQ(script.Run(client, script.Begin({"key"}).Add("arg"), Soon())->string, "ran");
  EXPECT_EQ(loads, 2);
}

TEST(RedisScript, Lost_load_is_unavailable_because_nothing_ran) {
  RespServer server([](Conn& conn, const RespServer::Args& args) {
    if (args.at(0) != "SCRIPT") conn.Send("-NOSCRIPT x\r\n");
  });
  Client client(To(server));
  const Script script("return 1");
  const auto reply = script.Run(client, script.Begin(), Deadline::In(Millis(100)));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::kUnavailable);
}

}  // namespace
}  // namespace stafett::redis
