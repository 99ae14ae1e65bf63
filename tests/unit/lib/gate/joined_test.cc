// Joined does what the writes did one by one: on the fake store, which the contract suite holds to the real one.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "lib/gate/memory_store.h"
#include "lib/gate/store.h"

namespace stafett::gate {
namespace {

std::vector<std::string> Ops(const std::vector<Write>& writes) {
  std::vector<std::string> ops;
  for (const auto& w : writes) ops.push_back(w.op + " " + w.args[0] + " " + std::to_string(w.args.size() - 1));
  return ops;
}

TEST(Joined, WhatIsAddedToOneKeyIsOneWrite) {
  const auto joined = Joined({Write::Push("a", "1"), Write::Push("b", "2"), Write::Set("s", "x"), Write::Push("a", "3"),
                              Write::HashSet("h", "f", "1"), Write::HashSet("h", "g", "2")});
  EXPECT_EQ(Ops(joined), (std::vector<std::string>{"push a 2", "push b 1", "set s 1", "hset h 4"}));
}

TEST(Joined, ValuesOfSeveralKeysAreOneWrite) {
  const auto joined = Joined({Write::Set("a", "1"), Write::Push("l", "x"), Write::Set("b", "2"), Write::Set("a", "3")});
  EXPECT_EQ(Ops(joined), (std::vector<std::string>{"mset a 5", "push l 1"}));
  EXPECT_EQ(joined[0].args, (std::vector<std::string>{"a", "1", "b", "2", "a", "3"}));
}

TEST(Joined, AValueIsNotBroughtBeforeWhatHasToDoWithItsKey) {
  EXPECT_EQ(Joined({Write::Set("a", "1"), Write::Outbox("ob", "m", "t", "k", "v", ""), Write::Set("m", "2")}).size(),
            3U)
      << "the entry carries the mark as it was";
  EXPECT_EQ(Joined({Write::Set("a", "1"), Write::Max("b", 5), Write::Set("b", "2")}).size(), 3U);
  EXPECT_EQ(Joined({Write::Set("a", "1"), Write::Rewind("m", 1, "f", "o"), Write::Set("m:rewinds", "2")}).size(), 3U);
  EXPECT_EQ(Joined({Write::Set("a", "1"), Write::Push("l", "x"), Write::Delete("l"), Write::Set("l", "2")}).size(), 4U);
}

TEST(Joined, NotPastAWriteOfTheSameKeyNorOfAnyMadeOfIt) {
  EXPECT_EQ(Joined({Write::HashSet("h", "f", "1"), Write::HashDelete("h", "f"), Write::HashSet("h", "f", "2")}).size(),
            3U);
  EXPECT_EQ(
      Joined({Write::SortedAdd("k:n", 1, "m"), Write::Place("k", "f", "m", {"n"}), Write::SortedAdd("k:n", 2, "m")})
          .size(),
      3U);
}

// Few names, so that writes meet; lists, hashes and sorted sets of their own names, as in a store.
rc::Gen<Write> AnyWrite() {
  return rc::gen::exec([] {
    const auto n = std::to_string(*rc::gen::inRange(0, 3));
    const auto m = std::to_string(*rc::gen::inRange(0, 3));
    const auto score = *rc::gen::inRange<std::int64_t>(0, 5);
    switch (*rc::gen::inRange(0, 19)) {
      case 0:
      case 1:
      case 2: return Write::Push("l" + n, m);
      case 3:
      case 4: return Write::HashSet("h" + n, m, std::to_string(score));
      case 5: return Write::HashDelete("h" + n, m);
      case 6: return Write::SortedAdd("z" + n, score, m);
      case 7: return Write::SortedSooner("z" + n, score, m);
      case 8: return Write::SortedRemove("z" + n, m);
      case 9: return Write::Delete(*rc::gen::element<std::string>("l", "h", "z") + n);
      case 10:
        return Write::Place("p" + n, m, m,
                            *rc::gen::elementOf(std::vector<std::vector<std::string>>{{}, {"0"}, {"0", "1"}}));
      case 11: return Write::SortedAdd("p" + n + ":" + m, score, m);
      case 12:
      case 13: return Write::Set("s" + n, m);
      case 14: return Write::Max("s" + n, score);
      case 15: return Write::Set(*rc::gen::element<std::string>("l", "h", "z") + n, m);
      case 16: return Write::Outbox("o", "s" + n, "t", "k", m, "");
      case 17: return Write::Expire(*rc::gen::element<std::string>("l", "h", "z", "s") + n, Millis(60'000));
      default: return Write::Remember("c" + n, Millis(60'000), "hash", 1, "ch", 2);
    }
  });
}

RC_GTEST_PROP(JoinedProperty, DoesWhatTheWritesDid, ()) {
  const auto writes = *rc::gen::container<std::vector<Write>>(AnyWrite());
  MemoryStore one_by_one, joined;
  const auto deadline = Deadline::In(Millis(1000));
  const Transaction whole{{}, writes}, fewer{{}, Joined(writes)};
  RC_ASSERT(one_by_one.Run(whole, deadline)->done);
  RC_ASSERT(joined.Run(fewer, deadline)->done);
  RC_ASSERT(fewer.writes.size() <= whole.writes.size());
  RC_ASSERT(one_by_one.DumpForTest() == joined.DumpForTest());
}

}  // namespace
}  // namespace stafett::gate
