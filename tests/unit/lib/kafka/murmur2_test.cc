#include <gtest/gtest.h>

#include "lib/kafka/kafka.h"

namespace stafett::kafka {
namespace {

// Values of Apache Kafka's own UtilsTest.testMurmur2.
TEST(Murmur2, Agrees_with_Java) {
  const auto positive = [](std::int32_t value) { return static_cast<std::uint32_t>(value) & 0x7fffffffU; };
  EXPECT_EQ(Murmur2("21"), positive(-973932308));
  EXPECT_EQ(Murmur2("foobar"), positive(-790332482));
  EXPECT_EQ(Murmur2("a-little-bit-long-string"), positive(-985981536));
  EXPECT_EQ(Murmur2("a-little-bit-longer-string"), positive(-1486304829));
  EXPECT_EQ(Murmur2("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8"), positive(-58897971));
  EXPECT_EQ(Murmur2("abc"), positive(479470107));
}

TEST(Murmur2, Partition_is_in_range) {
  for (int i = 0; i < 1000; ++i) {
    const int partition = PartitionOf("ch-" + std::to_string(i), 24);
    EXPECT_GE(partition, 0);
    EXPECT_LT(partition, 24);
  }
  EXPECT_EQ(PartitionOf("foobar", 6), static_cast<int>((-790332482 & 0x7fffffff) % 6));
  EXPECT_EQ(PartitionOf("", 0), 0);
}

}  // namespace
}  // namespace stafett::kafka
