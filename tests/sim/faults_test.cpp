// Transfers through a mixnet that loses, doubles, alters, overtakes, and gateways that drop links.
#include <gtest/gtest.h>

#include <string>

#include "world.h"

namespace mix::sim {
namespace {

using base::Errc;
using tunnel::State;

constexpr std::size_t kTransfer = 64 * 1024;

std::string transfer_url(std::size_t size = kTransfer) {
  return "https://" + std::string(kHost) + "/bytes/" + std::to_string(size);
}

void expect_exact_download(World& world) {
  const Fetch& fetch = world.get(transfer_url());
  ASSERT_TRUE(fetch.end.has_value())
      << (fetch.failed ? base::error_name(fetch.failed->error.code) : "no end");
  EXPECT_EQ(fetch.body, pattern(kTransfer));
}

localnet::FaultRates losing(double share) {
  localnet::FaultRates rates;
  rates.drop = share;
  return rates;
}

TEST(FaultyMixnet, OnePercentLossIsRepaired) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.node(kMix2Id).set_faults(losing(0.01));
  expect_exact_download(world);
}

TEST(FaultyMixnet, FivePercentLossIsRepaired) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.node(kMix2Id).set_faults(losing(0.05));
  expect_exact_download(world);
  const auto drops = world.node(kMix2Id).stats().dropped;
  EXPECT_GT(drops[static_cast<std::size_t>(localnet::DropReason::kFault)], 0u);
  EXPECT_GT(world.engine().stats().mixnet.retransmitted, 0u);
}

TEST(FaultyMixnet, UploadSurvivesLossToo) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.node(kMix1Id).set_faults(losing(0.03));
  tunnel::FetchRequest request;
  request.method = "POST";
  request.url = "https://" + std::string(kHost) + "/echo";
  request.body = pattern(30'000);
  const Fetch& fetch = world.run(std::move(request));
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_EQ(fetch.body, pattern(30'000));
}

TEST(FaultyMixnet, SetUpSucceedsInSpiteOfLoss) {
  World world;
  for (const auto id : {kMix1Id, kMix2Id, kMix3Id}) world.node(id).set_faults(losing(0.05));
  ASSERT_TRUE(world.set_up());
}

TEST(FaultyMixnet, DuplicatesDoNoHarm) {
  World world;
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.duplicate = 0.2;
  // At the last hops, where no replay check of another node removes them.
  world.node(kEntryId).set_faults(rates);
  world.node(kExitId).set_faults(rates);
  expect_exact_download(world);
  EXPECT_GT(world.node(kEntryId).stats().duplicated, 0u);
  EXPECT_GT(world.engine().stats().mixnet.duplicates, 0u);
}

TEST(FaultyMixnet, PacketsThatOvertakeOneAnotherArriveInOrder) {
  World world;
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.reorder = 0.3;
  rates.reorder_window = 150ms;
  world.node(kMix2Id).set_faults(rates);
  expect_exact_download(world);
}

TEST(FaultyMixnet, AlteredPacketsAreDroppedAndSentAgain) {
  World world;
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.corrupt = 0.03;
  world.node(kMix1Id).set_faults(rates);
  expect_exact_download(world);
  EXPECT_GT(world.node(kMix1Id).stats().corrupted, 0u);
}

TEST(LostGateway, TransferContinuesAfterTheLinkIsBack) {
  World world;
  ASSERT_TRUE(world.set_up());
  constexpr std::size_t kSize = 128 * 1024;
  const tunnel::JobId job = world.start_get(transfer_url(kSize));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > kSize / 4; }));
  const std::string address = world.engine().info()->address;
  const std::size_t news_before = world.news().size();

  world.cut_links();
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kConnecting; }));
  const auto& broken = world.news().at(news_before);
  EXPECT_EQ(broken.state, State::kConnecting);
  ASSERT_TRUE(broken.error.has_value());
  EXPECT_EQ(broken.error->code, Errc::gateway_closed);

  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kReady; }, 10s));
  EXPECT_EQ(world.news().back().state, State::kReady);
  EXPECT_EQ(world.links_opened(), 2u);
  EXPECT_EQ(world.entry_stats().registrations, 1u);
  EXPECT_EQ(world.entry_stats().authentications, 1u);
  EXPECT_EQ(world.engine().info()->address, address);

  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }));
  ASSERT_TRUE(world.fetch(job).end.has_value());
  EXPECT_EQ(world.fetch(job).body, pattern(kSize));
  EXPECT_EQ(world.origin().accepted(), 1u);
}

TEST(LostGateway, ThatDropsTheClientTwiceInASecondIsEnteredAtOnce) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    WorldConfig config = without_cover();
    config.seed = seed;
    config.options.reconnect.min_delay = 50ms;
    World world(std::move(config));
    ASSERT_TRUE(world.set_up());
    for (std::uint64_t cut = 1; cut <= 3; ++cut) {
      world.cut_links();
      ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kConnecting; }));
      ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kReady; }, 10s));
      EXPECT_EQ(world.entry_stats().authentications, cut);
      EXPECT_EQ(world.links_opened(), cut + 1) << "a log-in was refused";
    }
  }
}

TEST(LostGateway, ClientComesBackWhenTheGatewayWasAwayForAWhile) {
  World world;
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(transfer_url());
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > kTransfer / 4; }));
  world.set_links(LinkMode::kRefused);
  world.cut_links();
  world.run_for(15s);
  EXPECT_EQ(world.engine().state(), State::kConnecting);
  EXPECT_GT(world.links_opened(), 3u);
  world.set_links(LinkMode::kNormal);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }));
  ASSERT_TRUE(world.fetch(job).end.has_value());
  EXPECT_EQ(world.fetch(job).body, pattern(kTransfer));
  EXPECT_EQ(world.engine().state(), State::kReady);
}

TEST(LostGateway, GatewayThatForgotTheClientRegistersItAnew) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.node(kEntryId).gateway()->forget_clients();
  world.cut_links();
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kConnecting; }));
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kReady; }, 2min));
  EXPECT_EQ(world.entry_stats().registrations, 2u);
  expect_exact_download(world);
}

TEST(LostGateway, AwayForLongCostsTheAddressesButNotTheTunnel) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.set_links(LinkMode::kRefused);
  world.cut_links();
  world.run_for(3min);  // the exit has forgotten the session by then
  EXPECT_EQ(world.exit(kExitId).router_stats().sessions, 0u);
  world.set_links(LinkMode::kNormal);
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kReady; }, 2min));
  expect_exact_download(world);
}

TEST(LostGateway, SpentBandwidthIsClaimedAgain) {
  World world;
  ASSERT_TRUE(world.set_up());
  const auto claims = world.entry_stats().claims;
  const tunnel::JobId job = world.start_get(transfer_url());
  ASSERT_TRUE(world.run_until([&] { return !world.fetch(job).body.empty(); }));
  world.node(kEntryId).gateway()->set_bandwidth(0);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }));
  EXPECT_EQ(world.fetch(job).body, pattern(kTransfer));
  EXPECT_GT(world.entry_stats().out_of_bandwidth, 0u);
  EXPECT_EQ(world.entry_stats().claims, claims + 1);
}

TEST(LostExit, ComesBackByItself) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.exit(kExitId).set_mode(ExitMode::kSilent);
  const tunnel::JobId job = world.start_get(transfer_url(5000));
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kConnecting; }, 2min));
  ASSERT_TRUE(world.news().back().step == tunnel::Step::kExit);
  world.exit(kExitId).set_mode(ExitMode::kNormal);
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kReady; }, 2min));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }));
  expect_exact_download(world);
}

TEST(KeyRotation, TunnelLivesOnAcrossRotations) {
  WorldConfig config = without_cover();
  config.cluster.epochs.epoch = 10min;
  config.cluster.epochs.rotation_epochs = 3;
  World world(std::move(config));
  ASSERT_TRUE(world.set_up());
  const std::uint32_t rotation = world.cluster().epoch().rotation();
  const std::size_t news = world.news().size();
  for (int i = 0; i < 16; ++i) {
    world.run_for(7min);
    const Fetch& fetch = world.get(transfer_url(20'000));
    ASSERT_TRUE(fetch.end.has_value()) << i;
    EXPECT_EQ(fetch.body, pattern(20'000));
  }
  EXPECT_GE(world.cluster().epoch().rotation(), rotation + 3);
  EXPECT_EQ(world.news().size(), news) << "no reconnection was needed";
}

TEST(KeyRotation, ThatComesEarlyCostsAReconnectionAtMost) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  for (int i = 0; i < 3; ++i) {
    world.rotate_keys();
    // At first by the old keys, then, once the directory was asked again, by the new ones.
    for (const base::Duration wait : {base::Duration{1s}, base::Duration{6min}}) {
      world.run_for(wait);
      const Fetch& fetch = world.get(transfer_url(5000));
      ASSERT_TRUE(fetch.end.has_value()) << i;
      EXPECT_EQ(fetch.body, pattern(5000));
    }
  }
  EXPECT_EQ(world.engine().state(), State::kReady);
}

}  // namespace
}  // namespace mix::sim
