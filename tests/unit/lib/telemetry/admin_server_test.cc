#include "lib/telemetry/admin_server.h"

#include <civetweb.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stafett::telemetry {
namespace {

using testing::HasSubstr;

struct Answer {
  int status = 0;
  std::string body;
};

Answer Request(int port, const std::string& method, const std::string& path) {
  char error[256] = "";
  mg_connection* connection = mg_download("127.0.0.1", port, 0, error, sizeof(error),
                                          "%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method.c_str(), path.c_str());
  if (connection == nullptr) return {0, error};
  Answer answer{mg_get_response_info(connection)->status_code, ""};
  char buffer[4096];
  for (int n = 0; (n = mg_read(connection, buffer, sizeof(buffer))) > 0;) {
    answer.body.append(buffer, static_cast<std::size_t>(n));
  }
  mg_close_connection(connection);
  return answer;
}

class AdminServerTest : public testing::Test {
 protected:
  AdminServerTest() {
    auto started = AdminServer::Start("127.0.0.1:0", metrics_, health_);
    EXPECT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
  }
  Answer Get(const std::string& path) { return Request(server_->port(), "GET", path); }

  SteadyTime now_{};
  Metrics metrics_;
  Health health_{[this] { return now_; }};
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, PortZeroIsAnsweredWithTheRealOne) { EXPECT_GT(server_->port(), 0); }

TEST_F(AdminServerTest, ServesMetrics) {
  metrics_.Counter("stafett_x_total", "Things.").Increment();
  const Answer answer = Get("/metrics");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("# TYPE stafett_x_total counter\nstafett_x_total 1"));
}

TEST_F(AdminServerTest, ReadinessNamesWhatFails) {
  EXPECT_EQ(Get("/readyz").status, 503);
  health_.Set("kafka", false, "CONNECTING");
  health_.Set("redis", true);
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_EQ(Get("/readyz").body, "{\"ready\":false,\"failing\":[{\"name\":\"kafka\",\"reason\":\"CONNECTING\"}]}\n");
  health_.Set("kafka", true);
  EXPECT_EQ(Get("/readyz").status, 200);
  EXPECT_EQ(Get("/readyz").body, "{\"ready\":true,\"failing\":[]}\n");
}

TEST_F(AdminServerTest, LivenessNamesLoopsThatStandStill) {
  const Heartbeat beat = health_.AddLoop("relay", Millis(1000));
  EXPECT_EQ(Get("/livez").status, 200);
  now_ += Millis(2000);
  EXPECT_EQ(Get("/livez").status, 503);
  EXPECT_EQ(Get("/livez").body,
            "{\"live\":false,\"stalled\":[\"relay\"],\"loops\":[{\"name\":\"relay\",\"age_ms\":2000}]}\n");
  beat.Beat();
  EXPECT_EQ(Get("/livez").status, 200);
  EXPECT_EQ(Get("/livez").body, "{\"live\":true,\"stalled\":[],\"loops\":[{\"name\":\"relay\",\"age_ms\":0}]}\n");
}

TEST_F(AdminServerTest, NothingElseIsServed) {
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/metrics/x").status, 404);
  EXPECT_EQ(Get("/../../etc/passwd").status, 404);
  EXPECT_EQ(Request(server_->port(), "POST", "/metrics").status, 405);
}

TEST_F(AdminServerTest, ATakenPortIsAClearError) {
  const auto second = AdminServer::Start("127.0.0.1:" + std::to_string(server_->port()), metrics_, health_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().reason, "ADMIN_LISTEN");
}

}  // namespace
}  // namespace stafett::telemetry
