#include "mix/mixnet/ack_tracker.h"

#include <gtest/gtest.h>

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kNow{1h};

FragmentId id(std::uint32_t set, std::uint8_t index = 1) { return {SetId{set}, index}; }

TrackedFragment fragment(MessageId message = 1) {
  TrackedFragment out;
  out.bytes = {1, 2, 3};
  out.message = message;
  return out;
}

TEST(AckTracker, TheTimerStartsWhenThePacketLeaves) {
  AckTracker tracker(1.5, 1500ms);
  tracker.add(id(1), fragment());
  EXPECT_FALSE(tracker.next_deadline()) << "queued only";
  tracker.sent(id(1), 100ms, kNow);
  EXPECT_EQ(tracker.next_deadline(), kNow + 1650ms);
  EXPECT_FALSE(tracker.pop_due(kNow + 1650ms - 1ns));
  EXPECT_EQ(tracker.pop_due(kNow + 1650ms), id(1));
  EXPECT_FALSE(tracker.next_deadline());
  EXPECT_EQ(tracker.find(id(1))->packets_sent, 1u) << "still there, to be sent again";
}

TEST(AckTracker, EachPacketBringsItsOwnDelay) {
  AckTracker tracker(2, 1s);
  tracker.add(id(1), fragment());
  tracker.sent(id(1), 100ms, kNow);
  ASSERT_TRUE(tracker.pop_due(kNow + 2s));
  tracker.sent(id(1), 300ms, kNow + 2s);
  EXPECT_EQ(tracker.next_deadline(), kNow + 2s + 1600ms);
  tracker.restart(id(1), kNow + 3s);
  EXPECT_EQ(tracker.next_deadline(), kNow + 3s + 1600ms);
  EXPECT_EQ(tracker.find(id(1))->packets_sent, 2u);
}

TEST(AckTracker, AnAckStopsTheTimerAndForgets) {
  AckTracker tracker(1.5, 1500ms);
  tracker.add(id(1), fragment(7));
  tracker.sent(id(1), 0ms, kNow);
  const auto removed = tracker.remove(id(1));
  ASSERT_TRUE(removed);
  EXPECT_EQ(removed->message, 7u);
  EXPECT_TRUE(removed->bytes.empty()) << "wiped";
  EXPECT_FALSE(tracker.next_deadline());
  EXPECT_FALSE(tracker.remove(id(1)));
  EXPECT_EQ(tracker.find(id(1)), nullptr);
  tracker.sent(id(1), 0ms, kNow);
  tracker.restart(id(1), kNow);
  EXPECT_FALSE(tracker.next_deadline()) << "late packets start nothing";
}

TEST(AckTracker, TimersRunOutInOrder) {
  AckTracker tracker(1, 1s);
  for (std::uint32_t i = 1; i <= 50; ++i) {
    tracker.add(id(i), fragment());
    tracker.sent(id(i), base::Duration{1ms} * ((i * 37) % 50), kNow);
  }
  base::TimePoint last{};
  std::size_t popped = 0;
  while (const auto due = tracker.next_deadline()) {
    EXPECT_GE(*due, last);
    last = *due;
    ASSERT_TRUE(tracker.pop_due(last));
    ++popped;
  }
  EXPECT_EQ(popped, 50u);
  EXPECT_EQ(tracker.size(), 50u);
}

TEST(AckTracker, ARepeatedIdReplacesTheOldFragment) {
  AckTracker tracker(1, 1s);
  tracker.add(id(1), fragment(1));
  tracker.sent(id(1), 0ms, kNow);
  tracker.add(id(1), fragment(2));
  EXPECT_FALSE(tracker.pop_due(kNow + 1h));
  EXPECT_EQ(tracker.size(), 1u);
  EXPECT_EQ(tracker.find(id(1))->message, 2u);
}

TEST(AckTracker, SelectsByWhatAFragmentIs) {
  AckTracker tracker(1, 1s);
  for (std::uint32_t i = 1; i <= 6; ++i) tracker.add(id(i), fragment(i % 2));
  const auto odd = tracker.select([](const TrackedFragment& f) { return f.message == 1; });
  EXPECT_EQ(odd, (std::vector{id(1), id(3), id(5)}));
}

}  // namespace
}  // namespace mix::mixnet
