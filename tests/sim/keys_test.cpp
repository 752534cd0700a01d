// Kept keys: the same address after a new set-up, and what happens when the gateway disagrees.
#include <gtest/gtest.h>

#include <algorithm>

#include "world.h"

namespace mix::sim {
namespace {

using base::Errc;
using tunnel::StoredKeys;

constexpr directory::NodeId kSecondEntryId = 6;

WorldConfig no_exit() {
  WorldConfig config = without_cover();
  config.options.exit = false;
  return config;
}

StoredKeys kept(base::Bytes record = {}) {
  StoredKeys stored;
  stored.use = StoredKeys::Use::kPersistent;
  stored.record = std::move(record);
  return stored;
}

/// Ends the engine and starts another with what was stored. True when ready.
bool come_back(World& world, base::Duration after = 5s) {
  const base::Bytes record = world.saved_keys();
  world.shut_down();
  world.run_for(after);
  world.replace_engine();
  return world.set_up(5min, kept(record));
}

bool did(const World& world, tunnel::Step step) {
  return std::ranges::any_of(world.news(), [step](const auto& news) { return news.step == step; });
}

TEST(KeptKeys, AreNotMadeUnlessAskedFor) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  EXPECT_TRUE(world.saved_keys().empty());
}

TEST(KeptKeys, BringBackTheAddressWithoutRegistration) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up(5min, kept()));
  const std::string address = world.engine().info()->address;
  ASSERT_FALSE(world.saved_keys().empty());
  EXPECT_EQ(world.entry_stats().registrations, 1u);
  ASSERT_TRUE(come_back(world));
  EXPECT_EQ(world.engine().info()->address, address);
  EXPECT_EQ(world.entry_stats().registrations, 1u);
  EXPECT_EQ(world.entry_stats().authentications, 1u);
  EXPECT_TRUE(world.warnings().empty());
}

TEST(KeptKeys, ComeBackWithinTheSecondOfTheLastLogin) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up(5min, kept()));
  const std::string address = world.engine().info()->address;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(come_back(world, 20ms));
    EXPECT_EQ(world.engine().info()->address, address);
  }
  EXPECT_EQ(world.entry_stats().registrations, 1u);
}

TEST(KeptKeys, AreRegisteredAgainWhenTheGatewayForgotThem) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up(5min, kept()));
  const std::string address = world.engine().info()->address;
  const base::Bytes first = world.saved_keys();
  world.node(kEntryId).gateway()->forget_clients();
  ASSERT_TRUE(come_back(world));
  EXPECT_EQ(world.engine().info()->address, address);
  EXPECT_EQ(world.entry_stats().registrations, 2u);
  EXPECT_NE(world.saved_keys(), first);  // another shared key
  EXPECT_TRUE(world.warnings().empty());
  ASSERT_TRUE(come_back(world));
  EXPECT_EQ(world.entry_stats().registrations, 2u);
}

TEST(KeptKeys, MoveToAnotherGatewayWithAWarningWhenTheirsIsGone) {
  WorldConfig config = no_exit();
  config.cluster.places.push_back({localnet::NodeRole::kEntry, 0, "198.51.100.6", 1789, 9000});
  World world(config);
  world.set_listed(kSecondEntryId, false);
  ASSERT_TRUE(world.set_up(5min, kept()));
  const std::string address = world.engine().info()->address;
  world.set_listed(kSecondEntryId, true);
  ASSERT_TRUE(come_back(world));  // both are there: the own one is chosen
  EXPECT_EQ(world.engine().info()->address, address);
  world.set_listed(kEntryId, false);
  ASSERT_TRUE(come_back(world));
  const std::string moved = world.engine().info()->address;
  EXPECT_EQ(moved.substr(0, moved.find('@')), address.substr(0, address.find('@')));
  EXPECT_NE(moved, address);
  EXPECT_EQ(world.warnings(), std::vector{Errc::gateway_replaced});
  world.set_listed(kEntryId, true);
  ASSERT_TRUE(come_back(world));  // it stays where it is now
  EXPECT_EQ(world.engine().info()->address, moved);
  EXPECT_TRUE(world.warnings().empty());
}

TEST(KeptKeys, DamagedOrUnderAnotherPassphraseEndTheSetUp) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up(5min, kept()));
  base::Bytes record = world.saved_keys();
  record[20] ^= 1;
  world.shut_down();
  world.replace_engine();
  EXPECT_EQ(world.engine().start(kept(record)).error().code, Errc::storage_corrupt);
  EXPECT_FALSE(did(world, tunnel::Step::kDirectory));

  StoredKeys sealed = kept();
  sealed.passphrase = base::to_bytes(base::as_bytes("right"));
  world.replace_engine();
  ASSERT_TRUE(world.set_up(5min, sealed));
  const std::string address = world.engine().info()->address;
  sealed.record = world.saved_keys();
  world.shut_down();
  world.run_for(5s);
  world.replace_engine();
  ASSERT_TRUE(world.set_up(5min, sealed));
  EXPECT_EQ(world.engine().info()->address, address);
  world.shut_down();
  world.replace_engine();
  sealed.passphrase = base::to_bytes(base::as_bytes("wrong"));
  EXPECT_EQ(world.engine().start(sealed).error().code, Errc::storage_wrong_passphrase);
}

}  // namespace
}  // namespace mix::sim
