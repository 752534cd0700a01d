#include "mix/mixnet/replier.h"

#include <gtest/gtest.h>

#include "mix/mixnet/constants.h"
#include "support/seeded_rng.h"

namespace mix::mixnet {
namespace {

using namespace std::chrono_literals;
using Source = SurbStore::Source;

constexpr base::TimePoint kNow{100h};

class ReplierTest : public ::testing::Test {
 protected:
  ReplierTest() { rng.fill(tag.bytes); }

  test::SeededRng rng{700};
  SenderTag tag;

  /// SURBs that can be told apart by their key's first byte.
  std::vector<ReplySurb> surbs(std::size_t count,
                               sphinx::KeyRotation rotation = sphinx::KeyRotation::kOdd) {
    std::vector<ReplySurb> out;
    out.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      base::Bytes bytes(ReplySurb::encoded_size(sphinx::Version::kSeeded, 4));
      bytes[0] = next_mark++;
      bytes[kReplyKeySize + sphinx::kHeaderSize] = 4;
      out.push_back(*ReplySurb::decode(bytes, rotation));
    }
    return out;
  }
  static std::vector<FragmentId> fragments(std::uint32_t first, std::uint32_t count) {
    std::vector<FragmentId> out;
    for (std::uint32_t i = 0; i < count; ++i) out.push_back({SetId{first + i}, 1});
    return out;
  }

  struct Outputs {
    std::vector<FragmentId> assigned;
    std::vector<std::uint8_t> marks;  // of the SURBs assigned
    std::vector<SurbAssigned::Why> why;
    std::vector<std::uint32_t> requests;
    std::vector<FragmentId> given_up;
  };
  static Outputs drain(Replier& replier) {
    Outputs out;
    while (auto output = replier.poll_output()) {
      if (auto* assigned = std::get_if<SurbAssigned>(&*output)) {
        out.assigned.push_back(assigned->fragment);
        out.marks.push_back(assigned->surb.key.reveal()[0]);
        out.why.push_back(assigned->why);
      } else if (auto* needed = std::get_if<SurbsNeeded>(&*output)) {
        out.requests.push_back(needed->amount);
      } else {
        out.given_up.push_back(std::get<ReplyGivenUp>(*output).fragment);
      }
    }
    return out;
  }

  std::uint8_t next_mark = 0;
};

/// The settings of an exit.
ReplierConfig exit_config() {
  ReplierConfig config;
  config.threshold_buffer = 50;
  return config;
}

TEST_F(ReplierTest, TheReserveIsForRequestsOnly) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(10), Source::kWithData, kNow);
  EXPECT_TRUE(drain(replier).requests.empty()) << "ten are enough without buffer";
  replier.send(tag, fragments(1, 2), kNow);
  const auto out = drain(replier);
  EXPECT_TRUE(out.assigned.empty());
  EXPECT_EQ(out.requests, (std::vector<std::uint32_t>{10})) << "at least the minimum";
  EXPECT_EQ(replier.waiting(), 2u);
  EXPECT_EQ(replier.store().available(tag), 9u) << "one was spent on the request";
  EXPECT_EQ(replier.store().pending(tag), 10u);
}

TEST_F(ReplierTest, UsesSurbsOldestFirstDownToTheReserve) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(13), Source::kWithData, kNow);
  replier.send(tag, fragments(1, 5), kNow);
  const auto out = drain(replier);
  EXPECT_EQ(out.assigned, fragments(1, 3));
  EXPECT_EQ(out.marks, (std::vector<std::uint8_t>{0, 1, 2}));
  EXPECT_EQ(replier.waiting(), 2u);
  replier.receive(tag, surbs(10), Source::kAdditional, kNow);
  const auto more = drain(replier);
  EXPECT_EQ(more.assigned, fragments(4, 2));
  EXPECT_EQ(replier.waiting(), 0u);
}

TEST_F(ReplierTest, TheExitAsksForFiftyWhileItHasFewerThanSixty) {
  Replier replier{exit_config()};
  replier.receive(tag, surbs(59), Source::kWithData, kNow);
  EXPECT_EQ(drain(replier).requests, (std::vector<std::uint32_t>{50}));
  EXPECT_EQ(replier.store().pending(tag), 50u);
  replier.send(tag, fragments(1, 3), kNow);
  EXPECT_TRUE(drain(replier).requests.empty()) << "50 pending and 55 fresh";
  Replier full{exit_config()};
  full.receive(tag, surbs(60), Source::kWithData, kNow);
  EXPECT_TRUE(drain(full).requests.empty());
  full.send(tag, fragments(1, 1), kNow);
  EXPECT_EQ(drain(full).requests, (std::vector<std::uint32_t>{50}));
}

TEST_F(ReplierTest, AsksForWhatWaitsUpToTheMaximum) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(11), Source::kWithData, kNow);
  replier.send(tag, fragments(1, 31), kNow);
  const auto out = drain(replier);
  EXPECT_EQ(out.assigned.size(), 1u);
  EXPECT_EQ(out.requests, (std::vector<std::uint32_t>{30}));
  replier.send(tag, fragments(100, 100), kNow);
  EXPECT_EQ(drain(replier).requests, (std::vector<std::uint32_t>{50}));
}

TEST_F(ReplierTest, NeverExpectsMoreThanTheMaximum) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(11), Source::kWithData, kNow);
  std::uint32_t asked = 0;
  for (std::uint32_t i = 0; i < 50; ++i) {
    replier.send(tag, fragments(i * 100, 100), kNow);
    for (const auto amount : drain(replier).requests) asked += amount;
  }
  EXPECT_LT(asked, 250u);
  EXPECT_GE(asked, 200u);
}

TEST_F(ReplierTest, OnlyRequestedSurbsCountAgainstPending) {
  Replier replier{exit_config()};
  replier.receive(tag, surbs(20), Source::kWithData, kNow);
  EXPECT_EQ(replier.store().pending(tag), 50u);
  replier.receive(tag, surbs(5), Source::kWithData, kNow);
  EXPECT_EQ(replier.store().pending(tag), 50u);
  replier.receive(tag, surbs(30), Source::kAdditional, kNow);
  EXPECT_EQ(replier.store().pending(tag), 20u);
  replier.receive(tag, surbs(30), Source::kAdditional, kNow);
  EXPECT_EQ(replier.store().pending(tag), 0u) << "not below zero";
}

TEST_F(ReplierTest, RetransmissionsGoFirstAndMayTakeTheLastAboveTheReserve) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(10), Source::kWithData, kNow);
  (void)drain(replier);
  // A single one goes at exactly the reserve.
  replier.retransmit(tag, {SetId{1}, 1}, TrackedFragment::Reserve::kKeep, kNow);
  auto out = drain(replier);
  EXPECT_EQ(out.assigned.size(), 1u);
  EXPECT_EQ(out.why, (std::vector{SurbAssigned::Why::kRetransmission}));
  EXPECT_EQ(out.requests.size(), 1u);
  // Below it they wait, a request does not.
  replier.retransmit(tag, {SetId{2}, 1}, TrackedFragment::Reserve::kKeep, kNow);
  replier.retransmit(tag, {SetId{3}, 1}, TrackedFragment::Reserve::kUse, kNow);
  replier.send(tag, fragments(10, 1), kNow);
  out = drain(replier);
  EXPECT_EQ(out.assigned, (std::vector<FragmentId>{{SetId{3}, 1}}));
  EXPECT_EQ(replier.waiting(), 2u);
  const std::size_t missing = 12 - replier.store().available(tag);
  replier.receive(tag, surbs(missing), Source::kAdditional, kNow);
  out = drain(replier);
  EXPECT_EQ(out.assigned, (std::vector<FragmentId>{{SetId{2}, 1}, {SetId{10}, 1}}));
}

TEST_F(ReplierTest, AskedAgainAfterTenSecondsOfSilenceAndGivenUpAfterSixTimes) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(10), Source::kWithData, kNow);
  replier.send(tag, fragments(1, 2), kNow);
  EXPECT_EQ(drain(replier).requests.size(), 1u);
  std::size_t asked = 0;
  std::vector<FragmentId> given_up;
  base::TimePoint last_request = kNow;
  base::TimePoint end{};
  while (const auto at = replier.next_deadline()) {
    replier.expire(*at);
    const auto out = drain(replier);
    if (!out.requests.empty()) {
      if (asked == 0) {
        EXPECT_EQ(*at, kNow + 15s) << "the first check beyond ten seconds";
      } else {
        EXPECT_EQ(*at - last_request, kReplierCheckInterval);
      }
      last_request = *at;
      ++asked;
    }
    given_up.insert(given_up.end(), out.given_up.begin(), out.given_up.end());
    end = *at;
  }
  EXPECT_EQ(asked, 6u);
  EXPECT_EQ(given_up, fragments(1, 2));
  EXPECT_EQ(end, kNow + 45s);
  EXPECT_EQ(replier.waiting(), 0u);
}

TEST_F(ReplierTest, GivesUpAfterFiveMinutesOfSilence) {
  ReplierConfig config;
  config.max_rerequests = 1000;
  Replier replier{config};
  replier.receive(tag, surbs(3), Source::kWithData, kNow);
  replier.send(tag, fragments(1, 1), kNow);
  base::TimePoint at = kNow;
  std::vector<FragmentId> given_up;
  while (given_up.empty() && replier.next_deadline()) {
    at = *replier.next_deadline();
    replier.expire(at);
    given_up = drain(replier).given_up;
  }
  EXPECT_EQ(given_up, fragments(1, 1));
  EXPECT_EQ(at, kNow + 305s);
}

TEST_F(ReplierTest, ForgottenFragmentsTakeNoSurb) {
  Replier replier{ReplierConfig{}};
  replier.receive(tag, surbs(10), Source::kWithData, kNow);
  replier.send(tag, fragments(1, 3), kNow);
  replier.retransmit(tag, {SetId{9}, 1}, TrackedFragment::Reserve::kKeep, kNow);
  (void)drain(replier);
  EXPECT_EQ(replier.waiting(), 4u);
  replier.forget(tag, {SetId{2}, 1});
  replier.forget(tag, {SetId{9}, 1});
  replier.forget(tag, {SetId{99}, 1});
  EXPECT_EQ(replier.waiting(), 2u);
  replier.receive(tag, surbs(20), Source::kAdditional, kNow);
  EXPECT_EQ(drain(replier).assigned, (std::vector<FragmentId>{{SetId{1}, 1}, {SetId{3}, 1}}));
}

TEST_F(ReplierTest, WhatOthersMakeUsKeepIsBounded) {
  ReplierConfig config;
  config.max_held_per_sender = 100;
  config.max_senders = 10;
  Replier replier{config};
  for (int i = 0; i < 20; ++i) replier.receive(tag, surbs(20), Source::kWithData, kNow);
  EXPECT_EQ(replier.store().available(tag), 100u);
  for (std::uint8_t i = 0; i < 50; ++i) {
    SenderTag other;
    other.bytes[0] = i;
    replier.receive(other, surbs(1), Source::kWithData, kNow + 1s + i * 1s);
    EXPECT_LE(replier.store().senders(), 10u);
  }
  EXPECT_FALSE(replier.knows(tag)) << "the most silent one went";
}

// --- rotation. An hour's epochs, four to a rotation; kNow is the start of rotation 7.

class RotationTest : public ReplierTest {
 protected:
  RotationTest() : replier(ReplierConfig{}) {
    directory::KeyRotationInfo info;
    info.validity_epochs = 4;
    info.initial_epoch_id = 0;
    info.current_epoch_id = 28;
    info.epoch_duration = 1h;
    info.current_epoch_start = base::WallTime{1'000'000s};
    replier.set_rotation_info(info, kNow, info.current_epoch_start);
  }

  void topology(std::uint32_t epoch, std::uint32_t rotation, base::TimePoint now) {
    replier.set_topology({epoch, rotation}, now);
  }
  Outputs advance(base::TimePoint from, base::TimePoint to) {
    Outputs all;
    while (const auto at = replier.next_deadline()) {
      if (*at > to) break;
      EXPECT_GE(*at, from);
      replier.expire(*at);
      auto out = drain(replier);
      all.requests.insert(all.requests.end(), out.requests.begin(), out.requests.end());
    }
    return all;
  }

  Replier replier;
};

TEST_F(RotationTest, AfterAChangeSurbsBecomeStaleAndNewOnesAreAskedFor) {
  topology(28, 7, kNow);
  replier.receive(tag, surbs(30, sphinx::KeyRotation::kOdd), Source::kWithData, kNow);
  auto out = advance(kNow, kNow + 4h + 1min);
  EXPECT_TRUE(out.requests.empty());
  EXPECT_EQ(replier.store().fresh(tag), 30u);
  topology(32, 8, kNow + 4h + 1min);
  // Not at the first poll, but at the second.
  out = advance(kNow + 4h, kNow + 4h + 450s);
  EXPECT_EQ(replier.store().fresh(tag), 30u);
  out = advance(kNow + 4h, kNow + 4h + 900s);
  EXPECT_EQ(replier.store().fresh(tag), 0u);
  EXPECT_EQ(out.requests, (std::vector<std::uint32_t>{30}));
  EXPECT_EQ(replier.store().available(tag), 29u) << "stale ones still work for an epoch";
  // Fresh ones push the stale out, beyond the reserve.
  replier.receive(tag, surbs(15, sphinx::KeyRotation::kEven), Source::kAdditional,
                  kNow + 4h + 20min);
  EXPECT_EQ(replier.store().fresh(tag), 15u);
  EXPECT_EQ(replier.store().available(tag), 15u + 29u - 5u);
  EXPECT_TRUE(drain(replier).requests.empty());
  // The overlap ends after one epoch, to the second.
  (void)advance(kNow + 4h, kNow + 5h - 1s);
  EXPECT_GT(replier.store().available(tag), 15u);
  (void)advance(kNow + 4h, kNow + 5h);
  EXPECT_EQ(replier.store().available(tag), 15u);
}

TEST_F(RotationTest, FreshSurbsOfTheOldParityEndWithTheOverlapToo) {
  topology(28, 7, kNow);
  // The client learns of the new rotation late and still sends old SURBs.
  topology(32, 8, kNow + 4h);
  (void)advance(kNow, kNow + 4h + 30min);
  replier.receive(tag, surbs(20, sphinx::KeyRotation::kOdd), Source::kWithData, kNow + 4h + 30min);
  SenderTag other;
  replier.receive(other, surbs(20, sphinx::KeyRotation::kUnknown), Source::kWithData,
                  kNow + 4h + 30min);
  (void)advance(kNow, kNow + 5h - 1s);
  EXPECT_EQ(replier.store().available(tag), 20u);
  (void)advance(kNow, kNow + 5h);
  EXPECT_EQ(replier.store().available(tag), 0u);
  EXPECT_EQ(replier.store().available(other), 20u) << "unknown ones are kept";
}

TEST_F(RotationTest, SurbsOfTheNextRotationAreKeptInTheEpochBefore) {
  topology(28, 7, kNow);
  (void)advance(kNow, kNow + 3h + 30min);
  replier.receive(tag, surbs(20, sphinx::KeyRotation::kEven), Source::kWithData, kNow + 3h + 30min);
  (void)advance(kNow, kNow + 6h);
  EXPECT_EQ(replier.store().available(tag), 20u);
}

TEST_F(RotationTest, SendersWithNothingButOldSurbsGo) {
  topology(28, 7, kNow);
  replier.receive(tag, surbs(20, sphinx::KeyRotation::kUnknown), Source::kWithData, kNow + 1h);
  topology(32, 8, kNow + 4h);
  (void)advance(kNow, kNow + 5h - 1s);
  EXPECT_TRUE(replier.knows(tag));
  (void)advance(kNow, kNow + 5h);
  EXPECT_FALSE(replier.knows(tag)) << "received more than an epoch before the rotation";
}

TEST_F(RotationTest, AbandonedSendersGo) {
  topology(28, 7, kNow);
  replier.receive(tag, {}, Source::kWithData, kNow + 1min);
  (void)advance(kNow, kNow + 5min);
  EXPECT_TRUE(replier.knows(tag));
  (void)advance(kNow, kNow + 15min);
  EXPECT_FALSE(replier.knows(tag));
}

TEST_F(RotationTest, AStuckEpochKeepsSurbsForALifetime) {
  topology(28, 7, kNow);
  replier.receive(tag, surbs(20, sphinx::KeyRotation::kOdd), Source::kWithData, kNow + 1h);
  // The directory says epoch 28 when it should be 33.
  topology(28, 7, kNow + 5h + 1min);
  (void)advance(kNow, kNow + 5h + 50min);
  EXPECT_EQ(replier.store().available(tag), 20u);
  topology(28, 7, kNow + 6h - 1s);
  (void)advance(kNow, kNow + 6h);
  EXPECT_TRUE(replier.knows(tag));
  (void)advance(kNow, kNow + 6h + 15min);
  EXPECT_FALSE(replier.knows(tag)) << "older than five epochs";
}

TEST(RotationClock, CountsAsTheDirectoryDoes) {
  RotationClock clock;
  EXPECT_FALSE(clock.at(kNow));
  directory::KeyRotationInfo info;
  info.validity_epochs = 24;
  info.initial_epoch_id = 10;
  info.current_epoch_id = 100;
  info.epoch_duration = 1h;
  info.current_epoch_start = base::WallTime{1'000'000s};
  // Half an hour into the epoch.
  clock.set(info, kNow, info.current_epoch_start + 30min);
  auto moment = clock.at(kNow);
  ASSERT_TRUE(moment);
  EXPECT_EQ(moment->epoch_id, 100u);
  EXPECT_EQ(moment->rotation_id, 3u);  // (100 - 10) / 24
  EXPECT_EQ(moment->rotation_start, kNow - 30min - 18h);
  EXPECT_EQ(moment->next_rotation_start, kNow - 30min + 6h);
  moment = clock.at(kNow + 5h + 30min);
  EXPECT_EQ(moment->epoch_id, 106u);
  EXPECT_EQ(moment->rotation_id, 4u);
  moment = clock.at(kNow - 31min);
  EXPECT_EQ(moment->epoch_id, 99u) << "before the reference";
  moment = clock.at(kNow - 99h);
  EXPECT_EQ(moment->epoch_id, 1u);
  EXPECT_EQ(moment->rotation_id, 0u);
  info.validity_epochs = 0;
  clock.set(info, kNow, info.current_epoch_start);
  EXPECT_FALSE(clock.at(kNow)) << "makes no sense";
}

}  // namespace
}  // namespace mix::mixnet
