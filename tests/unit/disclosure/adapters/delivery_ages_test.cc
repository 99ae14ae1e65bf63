#include "disclosure/adapters/delivery_ages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stafett::disclosure::adapters {
namespace {

using testing::HasSubstr;

class DeliveryAgesTest : public ::testing::Test {
 protected:
  DeliveryAgesTest() {
    domain::Decided decided;
    decided.event_id = "e-1";
    decided.at = Time{1'000'000};
    domain::Line line;
    line.delivery_id = "d-1";
    decided.lines = {line};
    Evolve(view_, decided);
  }
  void Happens(const domain::LedgerEvent& event, std::int64_t seconds_after) {
    ages_.Note(view_, event, Time{1'000'000 + 1000 * seconds_after});
    Evolve(view_, event);
  }
  void Expect(const std::string& step, int count, int sum) {
    const auto text = metrics_.Text();
    const auto series = "{step=\"" + step + "\"} ";
    EXPECT_THAT(text, HasSubstr("stafett_delivery_age_seconds_count" + series + std::to_string(count) + "\n"));
    EXPECT_THAT(text, HasSubstr("stafett_delivery_age_seconds_sum" + series + std::to_string(sum) + "\n"));
  }

  telemetry::Metrics metrics_;
  DeliveryAges ages_{metrics_};
  domain::View view_;
};

TEST_F(DeliveryAgesTest, Each_step_counts_once_with_the_time_since_the_decision) {
  Happens(domain::Fetched{"d-1", "r-1", {}, "digest", "T020"}, 2);
  Happens(domain::StoredConfirmed{"d-1", "r-1", "ref", "digest"}, 3);
  Happens(domain::OpenedConfirmed{"d-1", "r-1", "TEACHER"}, 90);
  Happens(domain::Fetched{"d-1", "r-1", {}, "digest", "T020"}, 500);  // read again, a year later perhaps
  Happens(domain::OpenedConfirmed{"d-1", "r-1", "TEACHER"}, 600);
  Expect("fetched", 1, 2);
  Expect("stored", 1, 3);
  Expect("opened", 1, 90);
}

TEST_F(DeliveryAgesTest, Decisions_and_unknown_deliveries_are_no_steps) {
  Happens(domain::Decided{}, 5);
  Happens(domain::Fetched{"d-2", "r-1", {}, "digest", "T020"}, 5);
  Expect("fetched", 0, 0);
}

}  // namespace
}  // namespace stafett::disclosure::adapters
