#include "lib/rpc/stream.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "echo_fixture.h"
#include "lib/rpc/error_map.h"

namespace stafett::rpc {
namespace {

using grpc::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// One list of texts per name; a stream tells a list from the number on that its request says, or from where it left
// off.
class Lists {
 public:
  void Add(const std::string& name, std::string text) {
    std::lock_guard lock(mutex_);
    lists_[name].push_back(std::move(text));
  }
  Result<Portion<v1::SayResponse>> Tell(const Asked& asked, const v1::SayRequest& request) {
    std::lock_guard lock(mutex_);
    ++asked_;
    if (refuses_) return tl::unexpected(*refuses_);
    const auto slash = request.text().find('/');
    const auto name = request.text().substr(0, slash);
    const auto from = asked.resume.empty() ? request.text().substr(slash + 1) : asked.resume;
    Portion<v1::SayResponse> portion{name, {}};
    const auto& list = lists_[name];
    auto at = static_cast<std::size_t>(std::stoul(from));
    while (at < list.size() && portion.items.size() < 3) {
      portion.items.push_back({{}, std::to_string(at + 1)});
      portion.items.back().message.set_text(list[at++]);
    }
    portion.more = at < list.size();
    return portion;
  }
  Result<std::vector<std::uint64_t>> Look(const std::vector<std::string>& names) {
    std::lock_guard lock(mutex_);
    ++looks_;
    if (away_) return Fail(Code::kUnavailable, "STORE_DOWN", "the store is down");
    std::vector<std::uint64_t> out;
    for (const auto& name : names) out.push_back(lists_[name].size());
    return out;
  }
  void Refuse(Error error) {
    std::lock_guard lock(mutex_);
    refuses_ = std::move(error);
  }
  void Away() { away_ = true; }
  int Asks() const { return asked_; }
  int Looks() const { return looks_; }

 private:
  std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> lists_;
  std::optional<Error> refuses_;
  std::atomic<bool> away_{false};
  std::atomic<int> asked_{0}, looks_{0};
};

// A stream as its caller has it.
struct Watching {
  grpc::ClientContext context;
  std::unique_ptr<grpc::ClientReader<v1::SayResponse>> reader;
  std::optional<std::string> Next() {
    v1::SayResponse response;
    if (!reader->Read(&response)) return std::nullopt;
    return response.text();
  }
  std::vector<std::string> Next(int n) {
    std::vector<std::string> out;
    for (int i = 0; i < n; ++i) out.push_back(Next().value_or("(ended)"));
    return out;
  }
  // What is still said, then how it ended.
  grpc::Status End(std::vector<std::string>* said = nullptr) {
    while (auto text = Next()) {
      if (said != nullptr) said->push_back(*text);
    }
    return reader->Finish();
  }
};

class StreamTest : public EchoFixture {
 protected:
  StreamTest() {
    service_.watch = [this](const Asked& asked, const v1::SayRequest& request) { return lists_.Tell(asked, request); };
    Open({});
  }
  ~StreamTest() override {
    streams_->Drain();
    server_->Shutdown(Millis(30'000));
    executor_.Stop();
  }
  // Another copy; the one before has stopped.
  void Open(Streams::Options options, Millis look = Millis(10)) {
    if (streams_ != nullptr) streams_->Drain();
    options.now = [this] { return Time{clock_ms_}; };
    options.look = look;
    options.least = Millis(1);
    copies_.push_back(std::make_unique<Copy>(*this, options));
    streams_ = service_.streams = &copies_.back()->streams;
  }
  std::unique_ptr<Watching> Watch(const std::string& from, v1::Echo::Stub* stub = nullptr) {
    auto watching = std::make_unique<Watching>();
    Authorize(watching->context);
    watching->context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));  // a test must end
    v1::SayRequest request;
    request.set_text(from);
    watching->reader = (stub != nullptr ? stub : stub_.get())->Watch(&watching->context, request);
    return watching;
  }
  static std::string Reason(const grpc::Status& status) { return status.ok() ? "(ok)" : FromGrpc(status).reason; }
  bool Counts(const std::string& line) {
    return Eventually([&] { return copies_.back()->metrics.Text().find(line + "\n") != std::string::npos; });
  }
  static std::string Ended(const std::string& reason) {
    return "stafett_streams_ended_total{method=\"stafett.test.v1.Echo/Watch\",reason=\"" + reason + "\"} ";
  }
  static inline const std::string kOpen = "stafett_streams_open{method=\"stafett.test.v1.Echo/Watch\"} ";

  Lists lists_;
  std::atomic<std::int64_t> clock_ms_ = kNowSeconds * 1000;
  struct Copy {
    Copy(StreamTest& test, const Streams::Options& options)
        : runtime{test.executor_, test.authenticator_, metrics},
          streams(
              runtime, v1::Echo::service_full_name(), [&test](const auto& keys) { return test.lists_.Look(keys); },
              options) {}
    telemetry::Metrics metrics;
    Runtime runtime;
    Streams streams;
  };
  std::vector<std::unique_ptr<Copy>> copies_;
  Streams* streams_ = nullptr;  // of the last
};

TEST_F(StreamTest, Tells_what_there_is_and_then_what_comes) {
  for (const char* text : {"a", "b", "c", "d", "e"}) lists_.Add("x", text);  // more than one portion
  const auto watching = Watch("x/1");
  EXPECT_THAT(watching->Next(4), ElementsAre("b", "c", "d", "e"));
  EXPECT_TRUE(Counts(kOpen + "1"));
  lists_.Add("x", "f");
  EXPECT_EQ(watching->Next(), "f");
  lists_.Add("y", "another's");
  lists_.Add("x", "g");
  EXPECT_EQ(watching->Next(), "g");
}

TEST_F(StreamTest, A_stream_that_has_nothing_to_say_yet_is_open_all_the_same) {
  const auto watching = Watch("x/0");
  watching->reader->WaitForInitialMetadata();
  EXPECT_TRUE(Counts(kOpen + "1"));
  lists_.Add("x", "a");
  EXPECT_EQ(watching->Next(), "a");
}

TEST_F(StreamTest, Who_is_told_nothing_new_is_not_asked_again) {
  lists_.Add("x", "a");
  const auto watching = Watch("x/0");
  EXPECT_EQ(watching->Next(), "a");
  const int looks = lists_.Looks();
  ASSERT_TRUE(Eventually([&] { return lists_.Looks() > looks + 3; }));
  const int asked = lists_.Asks();
  EXPECT_LE(asked, 2) << "once, and once more when its place was known";
  ASSERT_TRUE(Eventually([&] { return lists_.Looks() > looks + 6; }));
  EXPECT_EQ(lists_.Asks(), asked);
}

TEST_F(StreamTest, News_is_looked_at_without_waiting_for_the_next_look) {
  Open({}, Millis(3'600'000));
  lists_.Add("x", "a");
  const auto watching = Watch("x/0");
  EXPECT_EQ(watching->Next(), "a");
  lists_.Add("x", "b");
  streams_->News();
  EXPECT_EQ(watching->Next(), "b");
}

TEST_F(StreamTest, What_may_not_be_seen_any_more_ends_it_as_it_would_refuse_a_call) {
  lists_.Add("x", "a");
  const auto watching = Watch("x/0");
  EXPECT_EQ(watching->Next(), "a");
  const Error no = Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied").value();
  lists_.Refuse(no);
  lists_.Add("x", "b");
  std::vector<std::string> said;
  const auto status = watching->End(&said);
  EXPECT_THAT(said, IsEmpty());
  const auto refusal = ToGrpc(no);
  EXPECT_EQ(status.error_code(), refusal.error_code());
  EXPECT_EQ(status.error_message(), refusal.error_message());
  EXPECT_EQ(status.error_details(), refusal.error_details());
  EXPECT_TRUE(Counts(Ended("refused") + "1"));
  EXPECT_TRUE(Counts(kOpen + "0"));
}

TEST_F(StreamTest, What_was_asked_for_long_ago_is_asked_for_again_before_it_is_sent) {
  const std::string big(400'000, 'x');
  for (int i = 0; i < 3; ++i) lists_.Add("x", big);  // one portion
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  const auto stub = v1::Echo::NewStub(grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                                                grpc::InsecureChannelCredentials(), arguments));
  const auto watching = Watch("x/0", stub.get());
  watching->reader->WaitForInitialMetadata();
  // It stands still: nothing is read. Meanwhile the right is lost.
  const int looks = lists_.Looks();
  ASSERT_TRUE(Eventually([&] { return lists_.Looks() > looks + 3; }));
  lists_.Refuse(Fail(Code::kPermissionDenied, "NOT_ALLOWED", "permission denied").value());
  std::vector<std::string> said;
  EXPECT_EQ(Reason(watching->End(&said)), "NOT_ALLOWED");
  EXPECT_LT(said.size(), 3U);
}

TEST_F(StreamTest, It_ends_when_the_token_runs_out) {
  for (const char* text : {"a", "b"}) lists_.Add("x", text);
  const auto watching = Watch("x/0");
  EXPECT_THAT(watching->Next(2), ElementsAre("a", "b"));
  clock_ms_ += 3'600'000;
  const auto status = watching->End();
  EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Reason(status), "TOKEN_EXPIRED");
  EXPECT_TRUE(Counts(Ended("expired") + "1"));
}

TEST_F(StreamTest, When_this_copy_stops_all_end_and_go_on_elsewhere_without_a_gap) {
  for (int i = 0; i < 7; ++i) lists_.Add("x", std::to_string(i));
  const auto one = Watch("x/0");
  const auto other = Watch("x/5");
  EXPECT_THAT(one->Next(2), ElementsAre("0", "1"));
  EXPECT_THAT(other->Next(2), ElementsAre("5", "6"));
  streams_->Drain();
  std::vector<std::string> said = {"0", "1"};
  const auto status = one->End(&said);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "STOPPING");
  EXPECT_EQ(Reason(other->End()), "STOPPING");
  EXPECT_EQ(Reason(Watch("x/0")->End()), "STOPPING");
  ASSERT_TRUE(Counts(kOpen + "0"));
  Open({});  // another copy
  const auto further = Watch("x/" + std::to_string(said.size()));
  while (said.size() < 7) said.push_back(further->Next().value_or("(ended)"));
  EXPECT_THAT(said, ElementsAre("0", "1", "2", "3", "4", "5", "6"));
}

TEST_F(StreamTest, Who_does_not_read_loses_the_stream_and_nothing_else_and_others_notice_nothing) {
  Streams::Options options;
  options.slow = Millis(200);
  Open(options);
  const std::string big(400'000, 'x');  // more than is on the way without being read
  for (int i = 0; i < 30; ++i) lists_.Add("big", big);
  lists_.Add("x", "a");
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // its window stays small
  const auto channel = grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(server_->port()),
                                                 grpc::InsecureChannelCredentials(), arguments);
  const auto stub = v1::Echo::NewStub(channel);
  const auto slow = Watch("big/0", stub.get());
  const auto other = Watch("x/0");
  EXPECT_EQ(other->Next(), "a");
  ASSERT_TRUE(Counts(Ended("slow") + "1"));
  lists_.Add("x", "b");
  EXPECT_EQ(other->Next(), "b");
  std::vector<std::string> said;
  const auto status = slow->End(&said);
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(Reason(status), "SLOW_READER");
  EXPECT_LT(said.size(), 30U);
  for (const auto& text : said) EXPECT_EQ(text, big);
}

TEST_F(StreamTest, A_caller_that_goes_leaves_nothing_behind) {
  lists_.Add("x", "a");
  const auto watching = Watch("x/0");
  EXPECT_EQ(watching->Next(), "a");
  EXPECT_TRUE(Counts(kOpen + "1"));
  watching->context.TryCancel();
  EXPECT_EQ(watching->End().error_code(), StatusCode::CANCELLED);
  EXPECT_TRUE(Counts(kOpen + "0"));
  EXPECT_TRUE(Counts(Ended("gone") + "1"));
}

TEST_F(StreamTest, No_more_than_so_many_of_a_client_and_in_all) {
  for (const bool of_client : {true, false}) {
    Streams::Options options;
    (of_client ? options.most_of_client : options.most) = 2;
    Open(options);
    const auto one = Watch("x/0");
    auto two = Watch("x/0");
    one->reader->WaitForInitialMetadata();
    two->reader->WaitForInitialMetadata();
    const auto status = Watch("x/0")->End();
    EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(Reason(status), "TOO_MANY_STREAMS");
    two->context.TryCancel();
    (void)two->End();
    ASSERT_TRUE(Counts(kOpen + "1"));
    const auto again = Watch("x/0");
    lists_.Add("x", "a");
    EXPECT_EQ(again->Next(), "a");
    one->context.TryCancel();
    again->context.TryCancel();
    (void)one->End();
    (void)again->End();
    ASSERT_TRUE(Counts(kOpen + "0"));
    EXPECT_TRUE(Counts(Ended("full") + "1"));
    lists_.Add("x", "b");
  }
}

TEST_F(StreamTest, With_the_store_away_all_are_told_so) {
  lists_.Add("x", "a");
  const auto one = Watch("x/0");
  const auto other = Watch("x/1");
  EXPECT_EQ(one->Next(), "a");
  other->reader->WaitForInitialMetadata();
  lists_.Away();
  const auto status = one->End();
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(Reason(status), "STORE_DOWN");
  EXPECT_EQ(Reason(other->End()), "STORE_DOWN");
  EXPECT_TRUE(Counts(Ended("failed") + "2"));
}

TEST_F(StreamTest, Without_a_token_the_work_is_not_asked) {
  auto watching = std::make_unique<Watching>();
  watching->reader = stub_->Watch(&watching->context, {});
  const auto status = watching->End();
  EXPECT_EQ(Reason(status), "TOKEN_MISSING");
  EXPECT_EQ(lists_.Asks(), 0);
  EXPECT_TRUE(Counts(Ended("refused") + "1"));
}

TEST_F(StreamTest, An_exception_ends_one_stream_and_says_nothing) {
  service_.watch = [this](const Asked& asked, const v1::SayRequest& request) {
    if (request.text() == "bad/0") throw std::runtime_error("Kari Nordmann");
    return lists_.Tell(asked, request);
  };
  lists_.Add("x", "a");
  const auto status = Watch("bad/0")->End();
  EXPECT_EQ(status.error_code(), StatusCode::INTERNAL);
  EXPECT_EQ(Reason(status), "HANDLER_FAILED");
  EXPECT_THAT(status.error_details(), testing::Not(HasSubstr("Kari")));
  EXPECT_EQ(Watch("x/0")->Next(), "a");
}

// Whatever interleaves: every reader has its list whole and in order, across streams that are cut anywhere.
TEST_F(StreamTest, Many_readers_that_are_cut_and_go_on_miss_and_repeat_nothing) {
  constexpr int kReaders = 6, kTexts = 60;
  std::vector<std::thread> threads;
  std::vector<std::vector<std::string>> said(kReaders);
  for (int r = 0; r < kReaders; ++r) {
    threads.emplace_back([&, r] {
      auto& mine = said[static_cast<std::size_t>(r)];
      int cut = r;
      while (mine.size() < kTexts) {
        const auto watching = Watch("x/" + std::to_string(mine.size()));
        for (int n = 0; n <= cut % 7 && mine.size() < kTexts; ++n) {
          auto text = watching->Next();
          if (!text) break;
          mine.push_back(*text);
        }
        ++cut;
        watching->context.TryCancel();
        (void)watching->End();
      }
    });
  }
  std::vector<std::string> all;
  for (int i = 0; i < kTexts; ++i) {
    all.push_back(std::to_string(i));
    lists_.Add("x", all.back());
    streams_->News();
  }
  for (auto& thread : threads) thread.join();
  for (const auto& mine : said) EXPECT_EQ(mine, all);
  EXPECT_TRUE(Counts(kOpen + "0"));
}

}  // namespace
}  // namespace stafett::rpc
