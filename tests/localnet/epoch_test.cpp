// Epochs, rotations and the keys that follow them. spec: topology §4.
#include "mix/localnet/epoch.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;

constexpr base::WallTime kStart{std::chrono::seconds{1748736000}};

EpochConfig config(std::uint32_t rotation_epochs = 4) {
  EpochConfig out;
  out.epoch = 10s;
  out.rotation_epochs = rotation_epochs;
  return out;
}

Epoch epoch_of(std::uint32_t id, std::uint32_t rotation_epochs = 4) {
  return Epoch{id, rotation_epochs, kStart, 10s};
}

TEST(EpochClock, CountsEpochsFromItsStart) {
  const EpochClock clock(config(), kStart);
  EXPECT_EQ(clock.at(kStart).id, 16U);  // the start of rotation 4
  EXPECT_EQ(clock.at(kStart).rotation(), 4U);
  EXPECT_EQ(clock.at(kStart + 9999ms).id, 16U);
  const Epoch later = clock.at(kStart + 45s);
  EXPECT_EQ(later.id, 20U);
  EXPECT_EQ(later.rotation(), 5U);
  EXPECT_EQ(later.start, kStart + 40s);
  EXPECT_EQ(later.end(), kStart + 50s);
  EXPECT_EQ(clock.at(kStart - 1h).id, 16U);
}

TEST(EpochClock, StartsWhereItIsTold) {
  EpochConfig told = config(24);
  told.first_epoch = 100;
  const Epoch epoch = EpochClock(told, kStart).at(kStart);
  // The example of spec: topology §3.3.
  EXPECT_EQ(epoch.rotation(), 4U);
  EXPECT_EQ(epoch.rotation_start(), 96U);
  const auto info = epoch.rotation_info();
  EXPECT_EQ(info.rotation_id(), 4U);
  EXPECT_EQ(info.rotation_start(), kStart - 40s);
}

TEST(EpochClock, AdvancesOnDemand) {
  EpochClock clock(config(), kStart);
  clock.advance(3, kStart + 5s);
  EXPECT_EQ(clock.at(kStart + 5s).id, 19U);
  EXPECT_TRUE(clock.at(kStart + 5s).announces_next());
  EXPECT_EQ(clock.at(kStart + 5s).start, kStart + 5s);
  EXPECT_EQ(clock.at(kStart + 15s).id, 20U);
  clock.rotate(kStart + 16s);
  EXPECT_EQ(clock.at(kStart + 16s).id, 24U);
  EXPECT_EQ(clock.at(kStart + 16s).rotation(), 6U);
}

TEST(EpochClock, RefusesWhatCannotRotate) {
  EXPECT_THROW(EpochClock(config(1), kStart), std::invalid_argument);
  EpochConfig instant = config();
  instant.epoch = 10us;
  EXPECT_THROW(EpochClock(instant, kStart), std::invalid_argument);
}

TEST(NodeKeys, AnnouncesTheNextKeyOneEpochBeforeAndKeepsTheOldOneEpochAfter) {
  test::SeededRng rng(1);
  NodeKeys keys(epoch_of(16), rng);
  const auto first = keys.primary().keys.public_key;
  for (const std::uint32_t id : {17U, 18U}) {
    keys.update(epoch_of(id), rng);
    EXPECT_EQ(keys.pre_announced(), nullptr);
    EXPECT_FALSE(keys.secondary());
  }
  keys.update(epoch_of(19), rng);
  ASSERT_NE(keys.pre_announced(), nullptr);
  EXPECT_EQ(keys.pre_announced()->rotation, 5U);
  EXPECT_EQ(keys.primary().keys.public_key, first);
  const auto second = keys.pre_announced()->keys.public_key;

  keys.update(epoch_of(20), rng);
  EXPECT_EQ(keys.primary().rotation, 5U);
  EXPECT_EQ(keys.primary().keys.public_key, second);
  ASSERT_TRUE(keys.secondary());
  EXPECT_EQ(keys.secondary()->keys.public_key, first);
  EXPECT_EQ(keys.pre_announced(), nullptr);  // the old key is not an announcement

  keys.update(epoch_of(21), rng);
  EXPECT_FALSE(keys.secondary());
  EXPECT_TRUE(keys.holds(5) && !keys.holds(4));
}

TEST(NodeKeys, ChoosesByParity) {
  using sphinx::KeyRotation;
  test::SeededRng rng(2);
  NodeKeys keys(epoch_of(19), rng);  // primary 4, announced 5
  EXPECT_EQ(keys.find(KeyRotation::kUnknown)->rotation, 4U);
  EXPECT_EQ(keys.find(KeyRotation::kEven)->rotation, 4U);
  EXPECT_EQ(keys.find(KeyRotation::kOdd)->rotation, 5U);
  keys.update(epoch_of(20), rng);
  EXPECT_EQ(keys.find(KeyRotation::kUnknown)->rotation, 5U);
  EXPECT_EQ(keys.find(KeyRotation::kEven)->rotation, 4U);
  keys.update(epoch_of(21), rng);
  EXPECT_EQ(keys.find(KeyRotation::kEven), nullptr);
  EXPECT_EQ(keys.find(KeyRotation::kOdd)->rotation, 5U);
}

TEST(NodeKeys, FollowsAClockThatSkipsEpochs) {
  test::SeededRng rng(3);
  NodeKeys keys(epoch_of(16), rng);
  keys.update(epoch_of(20), rng);  // without an announcement
  EXPECT_EQ(keys.primary().rotation, 5U);
  EXPECT_TRUE(keys.holds(4));
  keys.update(epoch_of(29), rng);  // rotation 7, its second epoch
  EXPECT_EQ(keys.primary().rotation, 7U);
  EXPECT_FALSE(keys.secondary());
  keys.update(epoch_of(400), rng);
  EXPECT_EQ(keys.primary().rotation, 100U);
  EXPECT_FALSE(keys.holds(7));
}

TEST(NodeKeys, RotatesForYearsWithTwoEpochsAKey) {
  test::SeededRng rng(4);
  NodeKeys keys(epoch_of(8, 2), rng);
  auto previous = keys.primary().keys.public_key;
  for (std::uint32_t id = 9; id < 2000; ++id) {
    const Epoch epoch = epoch_of(id, 2);
    keys.update(epoch, rng);
    EXPECT_EQ(keys.primary().rotation, id / 2);
    if (id % 2 == 1) {  // the second and last epoch of a rotation announces the next
      ASSERT_NE(keys.pre_announced(), nullptr);
      previous = keys.pre_announced()->keys.public_key;
    } else {
      EXPECT_EQ(keys.primary().keys.public_key, previous);
      ASSERT_TRUE(keys.secondary());
      EXPECT_EQ(keys.secondary()->rotation, id / 2 - 1);
    }
  }
}

}  // namespace
}  // namespace mix::localnet
