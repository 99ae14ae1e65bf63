#include "lib/host/names.h"

#include <gtest/gtest.h>

namespace stafett::host {
namespace {

TEST(Names, Go_there_and_back) {
  auto name = ResourceName("c-1", "cases", "ca-2");
  EXPECT_EQ(name, "controllers/c-1/cases/ca-2");
  EXPECT_EQ(IdFromName(name, "cases"), "ca-2");
}

TEST(Names, Of_another_collection_or_form_are_none) {
  for (const char* wrong :
       {"", "ca-2", "cases/ca-2", "controllers/", "controllers/c-1", "controllers/c-1/", "controllers/c-1/cases",
        "controllers/c-1/cases/", "controllers//cases/ca-2", "controllers/c-1/consents/ca-2",
        "controllers/c-1/cases/ca-2/", "controllers/c-1/cases/ca-2/notes", "/controllers/c-1/cases/ca-2",
        "Controllers/c-1/cases/ca-2", "controllers/c-1/x/cases/ca-2"}) {
    EXPECT_FALSE(IdFromName(wrong, "cases")) << wrong;
  }
}

}  // namespace
}  // namespace stafett::host
