// Who may know of a message, and how much.
#include <gtest/gtest.h>

#include "notifications/domain/decide.h"

namespace stafett::notifications::domain {
namespace {

const Workplace kSchool{"r-school", "c-1"};
Message ToTeacher() {
  Message m;
  m.person = "p-teacher";
  return m;
}
Sight Of(const Asker& asker, const std::optional<Workplace>& works = kSchool) {
  return SightOf(ToTeacher(), asker, works);
}

TEST(Sight, The_reader_sees_all_wherever_the_file_has_the_reader_now) {
  EXPECT_EQ(Of({"p-teacher", "r-school", "c-1", false, false}), Sight::kAll);
  EXPECT_EQ(Of({"p-teacher", "r-ppt", "c-1", false, false}, std::nullopt), Sight::kAll);
}

TEST(Sight, Who_answers_for_the_readers_service_or_controller_sees_what_came_of_it) {
  EXPECT_EQ(Of({"p-head", "r-school", "c-1", true, false}), Sight::kFate);
  EXPECT_EQ(Of({"p-officer", "r-office", "c-1", false, true}), Sight::kFate);
}

TEST(Sight, Nobody_else_sees_that_it_exists) {
  EXPECT_EQ(Of({"p-colleague", "r-school", "c-1", false, false}), Sight::kNone);
  EXPECT_EQ(Of({"p-head2", "r-school2", "c-1", true, false}), Sight::kNone);  // another school of the place
  EXPECT_EQ(Of({"p-officer2", "r-office2", "c-2", false, true}), Sight::kNone);
  EXPECT_EQ(Of({"", "r-school", "c-1", true, true}), Sight::kNone);
  EXPECT_EQ(Of({"p-head", "r-school", "c-1", true, true}, std::nullopt), Sight::kNone);
}

}  // namespace
}  // namespace stafett::notifications::domain
