// Entries, exits, links and hosts that fail while the tunnel is in use, and what the engine does
// about it. spec: api part 2 §2, ipr §7.4, topology §9.
#include <gtest/gtest.h>

#include <string>

#include "mix/base/encoding.h"
#include "mix/localnet/exit.h"
#include "world.h"

namespace mix::sim {
namespace {

using base::Errc;
using localnet::NodeRole;
using tunnel::State;
using tunnel::Step;

std::string url_of(std::size_t size) {
  return "https://" + std::string(kHost) + "/bytes/" + std::to_string(size);
}

void expect_works(World& world, std::size_t size = 5000) {
  const Fetch& fetch = world.get(url_of(size));
  ASSERT_TRUE(fetch.end.has_value())
      << (fetch.failed ? base::error_name(fetch.failed->error.code) : "no end");
  EXPECT_EQ(fetch.body, pattern(size));
}

bool becomes(World& world, State state, base::Duration limit) {
  return world.run_until([&] { return world.engine().state() == state; }, limit);
}

/// The first news since `first` that carries an error.
const tunnel::StateChanged& first_trouble(const World& world, std::size_t first) {
  std::size_t at = first;
  while (at + 1 < world.news().size() && !world.news()[at].error) ++at;
  return world.news().at(at);
}

std::string exit_address(World& world, directory::NodeId id) {
  return localnet::Cluster::ipr_address(*world.cluster().find(id)).to_string();
}

// --- the entry gateway ---

TEST(LostEntry, ThatStaysAwayIsReplaced) {
  World world(with_second(NodeRole::kEntry));
  ASSERT_TRUE(world.set_up());
  const directory::NodeId first = world.entry_in_use();
  const std::string address = world.engine().info()->address;
  const std::size_t news = world.news().size();
  world.node(first).kill();
  ASSERT_TRUE(becomes(world, State::kConnecting, 5s));
  EXPECT_EQ(first_trouble(world, news).step, Step::kGateway);
  EXPECT_EQ(first_trouble(world, news).attempt, 1u);
  ASSERT_TRUE(becomes(world, State::kReady, 1min));
  EXPECT_NE(world.entry_in_use(), first);
  EXPECT_NE(world.engine().info()->address, address) << "the new gateway meets a new pseudonym";
  expect_works(world);
}

TEST(LostEntry, ThatTheCallerChoseIsWaitedFor) {
  WorldConfig config = with_second(NodeRole::kEntry);
  config.options.preferred_gateway = [&] {
    World draft(config);
    return base::base58_encode(draft.cluster().find(kEntryId)->identity.public_key.view());
  }();
  World world(std::move(config));  // the same seed draws the same keys
  ASSERT_TRUE(world.set_up());
  world.node(kEntryId).kill();
  world.run_for(2min);
  EXPECT_EQ(world.engine().state(), State::kConnecting);
  world.node(kEntryId).restart();
  ASSERT_TRUE(becomes(world, State::kReady, 35s));
  EXPECT_EQ(world.entry_in_use(), kEntryId);
  expect_works(world);
}

TEST(LostEntry, IsKeptWhenItIsOurOwnNetworkThatIsDown) {
  World world(with_second(NodeRole::kEntry));
  ASSERT_TRUE(world.set_up());
  const directory::NodeId entry = world.entry_in_use();
  const std::string address = world.engine().info()->address;
  world.set_links(LinkMode::kRefused);
  world.set_directory(DirectoryMode::kUnreachable);
  world.node(entry).cut_links();
  world.run_for(2min);
  EXPECT_EQ(world.engine().state(), State::kConnecting);
  world.set_links(LinkMode::kNormal);
  world.set_directory(DirectoryMode::kNormal);
  world.wake();  // the host says that it is online again
  ASSERT_TRUE(becomes(world, State::kReady, 3s));
  EXPECT_EQ(world.entry_in_use(), entry);
  EXPECT_EQ(world.engine().info()->address, address);
  expect_works(world);
}

TEST(LostEntry, ThatLeftTheDirectoryIsReplaced) {
  World world(with_second(NodeRole::kEntry));
  ASSERT_TRUE(world.set_up());
  const directory::NodeId first = world.entry_in_use();
  world.set_listed(first, false);
  ASSERT_TRUE(world.run_until(
      [&] {
        return world.entry_in_use() != first && world.entry_in_use() != 0 &&
               world.engine().state() == State::kReady;
      },
      12min));
  expect_works(world);
}

TEST(SilentLink, IsNoticedAndOpenedAgain) {
  World world;
  ASSERT_TRUE(world.set_up());
  const std::size_t news = world.news().size();
  const base::TimePoint begin = world.now();
  world.set_links(LinkMode::kSilent);
  ASSERT_TRUE(becomes(world, State::kConnecting, 1min));
  EXPECT_LE(world.now() - begin, 16s);
  EXPECT_EQ(first_trouble(world, news).error->code, Errc::gateway_timeout);
  world.set_links(LinkMode::kNormal);
  ASSERT_TRUE(becomes(world, State::kReady, 30s));
  expect_works(world);
}

// --- the exit ---

TEST(SilentExit, IsReplacedByAnother) {
  World world(with_second(NodeRole::kExit));
  ASSERT_TRUE(world.set_up());
  const std::string first = world.engine().info()->exit;
  const bool is_first = first == exit_address(world, kExitId);
  const std::size_t news = world.news().size();
  const tunnel::JobId job = world.start_get(url_of(1 << 20));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > 10'000; }));
  world.exit(is_first ? kExitId : kSecondId).set_mode(ExitMode::kSilent);
  ASSERT_TRUE(becomes(world, State::kConnecting, 1min));
  const auto& trouble = first_trouble(world, news);
  EXPECT_EQ(trouble.step, Step::kExit);
  EXPECT_EQ(trouble.error->code, Errc::ipr_silent);
  EXPECT_EQ(trouble.attempt, 1u);
  ASSERT_TRUE(becomes(world, State::kReady, 10s));
  EXPECT_EQ(world.engine().info()->exit, exit_address(world, is_first ? kSecondId : kExitId));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 1s));
  ASSERT_TRUE(world.fetch(job).failed.has_value());
  EXPECT_EQ(world.fetch(job).failed->error.code, Errc::ipr_disconnected);
  expect_works(world);
  world.run_for(10s);
  EXPECT_EQ(world.engine().stats().mixnet.unacknowledged, 0u) << "nothing for the lost exit";
}

TEST(SilentExit, ThatTheCallerChoseIsAskedOnceMoreThenTheTunnelFails) {
  WorldConfig config = with_second(NodeRole::kExit);
  config.options.preferred_ipr = [&] {
    World draft(config);
    return exit_address(draft, kExitId);
  }();
  config.options.connect_timeout = 20s;
  World world(std::move(config));  // the same seed draws the same keys
  ASSERT_TRUE(world.set_up());
  world.exit(kExitId).set_mode(ExitMode::kSilent);
  (void)world.start_get(url_of(100));
  ASSERT_TRUE(becomes(world, State::kConnecting, 1min));
  ASSERT_TRUE(becomes(world, State::kFailed, 1min));
  ASSERT_TRUE(world.news().back().error.has_value());
  EXPECT_EQ(std::string(base::api_code(world.news().back().error->code)).substr(0, 4), "EXIT");
}

TEST(SwitchExit, LeavesForAnotherAndEndsTheConnections) {
  World world(with_second(NodeRole::kExit));
  ASSERT_TRUE(world.set_up());
  const std::string first = world.engine().info()->exit;
  expect_works(world);
  const tunnel::JobId job = world.start_get(url_of(1 << 20));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > 10'000; }));
  ASSERT_TRUE(world.switch_exit());
  ASSERT_TRUE(becomes(world, State::kConnecting, 1s));
  EXPECT_EQ(world.news().back().step, Step::kExit);
  ASSERT_TRUE(becomes(world, State::kReady, 10s));
  const std::string second = world.engine().info()->exit;
  EXPECT_NE(second, first);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 1s));
  EXPECT_EQ(std::string(base::api_code(world.fetch(job).failed->error.code)), "EXIT_LOST");
  expect_works(world);
  // The first exit was told: it has freed the addresses long before its limit of 60 s.
  world.run_for(5s);
  const bool is_first = first == exit_address(world, kExitId);
  EXPECT_EQ(world.exit(is_first ? kExitId : kSecondId).router_stats().sessions, 0u);
  EXPECT_EQ(world.engine().stats().mixnet.unacknowledged, 0u);

  // Back by name.
  ASSERT_TRUE(world.switch_exit(first));
  world.run_for(1ms);
  ASSERT_TRUE(becomes(world, State::kReady, 10s));
  EXPECT_EQ(world.engine().info()->exit, first);
  expect_works(world);
}

TEST(SwitchExit, AsksAgainForTheNameInQuestion) {
  World world(with_second(NodeRole::kExit));
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(url_of(100));
  world.run_for(1ms);
  const base::TimePoint begin = world.now();
  ASSERT_TRUE(world.switch_exit());
  ASSERT_TRUE(becomes(world, State::kConnecting, 1s));
  ASSERT_TRUE(becomes(world, State::kReady, 2s));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 1s));
  EXPECT_TRUE(world.fetch(job).end.has_value());
  EXPECT_LT(world.now() - begin, 3s) << "sooner than the question's own time-out";
}

TEST(SwitchExit, RefusesWhatIsNoAddress) {
  World world(without_cover());
  EXPECT_EQ(world.switch_exit().error().code, Errc::usage_not_ready);
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(world.switch_exit("nonsense").error().code, Errc::config_bad_ipr_address);
  EXPECT_EQ(world.engine().state(), State::kReady);
  expect_works(world);
}

// --- sleep ---

TEST(SuspendedHost, ForAFewSecondsLosesNothing) {
  World world;
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(url_of(64 * 1024));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > 10'000; }));
  const std::size_t news = world.news().size();
  world.set_thread(Thread::kSuspended);
  world.run_for(25s);
  world.set_thread(Thread::kRunning);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 20s));
  ASSERT_TRUE(world.fetch(job).end.has_value());
  EXPECT_EQ(world.fetch(job).body, pattern(64 * 1024));
  EXPECT_EQ(world.news().size(), news) << "neither link nor exit was to blame";
}

TEST(SuspendedHost, ForMinutesGetsNewAddresses) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  expect_works(world);
  const auto before = world.engine().info()->assignment->ipv4;
  world.set_thread(Thread::kSuspended);
  world.run_for(10min);
  EXPECT_EQ(world.exit(kExitId).router_stats().sessions, 0u);
  world.set_thread(Thread::kRunning);
  world.run_for(5s);
  ASSERT_EQ(world.engine().state(), State::kReady);
  EXPECT_NE(world.engine().info()->assignment->ipv4, before);
  expect_works(world);
}

TEST(SuspendedHost, WhoseMonotonicClockStoodStillAsksTheExitAnew) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.run_for(5s);
  const auto before = world.engine().info()->assignment->ipv4;
  world.jump_wall_clock(2min);
  world.run_for(5s);
  ASSERT_EQ(world.engine().state(), State::kReady);
  EXPECT_NE(world.engine().info()->assignment->ipv4, before);
  expect_works(world);
}

TEST(SuspendedHost, IsLeftWithOneSessionWhenTheLinkDiedToo) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  for (int round = 0; round < 6; ++round) {
    world.set_links(LinkMode::kSilent);
    world.jump_wall_clock(2min);
    const tunnel::JobId job = world.start_get(url_of(1000));  // its question goes nowhere
    world.run_for(5s);
    // The request for a session went nowhere, either; the new link asks again.
    world.cut_links();
    world.set_links(LinkMode::kNormal);
    ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 15s)) << round;
    EXPECT_TRUE(world.fetch(job).end.has_value()) << round;
    EXPECT_EQ(world.exit(kExitId).router_stats().sessions, 1u);
  }
}

TEST(SuspendedHost, NoticesALinkThatDiedMeanwhile) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.set_thread(Thread::kSuspended);
  world.run_for(30s);
  world.set_links(LinkMode::kSilent);  // no FIN ever came
  world.set_thread(Thread::kRunning);
  // What was on its way before the link died still arrives and counts as a sign of life.
  ASSERT_TRUE(becomes(world, State::kConnecting, 25s));
  world.set_links(LinkMode::kNormal);
  ASSERT_TRUE(becomes(world, State::kReady, 15s));
  expect_works(world);
}

TEST(WokenHost, TriesTheGatewayAtOnce) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.set_links(LinkMode::kRefused);
  world.cut_links();
  world.run_for(40s);
  ASSERT_EQ(world.engine().state(), State::kConnecting);
  world.set_links(LinkMode::kNormal);
  world.wake();
  ASSERT_TRUE(becomes(world, State::kReady, 1s));
}

TEST(IdleTunnel, KeepsItsAddressesAndItsWord) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  expect_works(world);
  const auto before = world.engine().info()->assignment->ipv4;
  const std::size_t news = world.news().size();
  world.run_for(20min);
  EXPECT_EQ(world.news().size(), news);
  EXPECT_EQ(world.exit(kExitId).router_stats().sessions, 1u);
  EXPECT_EQ(world.engine().info()->assignment->ipv4, before);
  expect_works(world);
}

// --- SURB starvation ---

mixnet::ReplierConfig asking(std::uint32_t amount) {
  mixnet::ReplierConfig replier = localnet::exit_replier();
  replier.min_request = replier.max_request = amount;
  return replier;
}

TEST(StarvedExit, ThatHoldsNoneForAWhileRecovers) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(url_of(256 * 1024));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > 30'000; }));
  mixnet::ReplierConfig none = localnet::exit_replier();
  none.max_held_per_sender = 0;
  world.exit(kExitId).set_replier(none);
  world.run_for(8s);
  const std::size_t before = world.fetch(job).body.size();
  EXPECT_LT(before, 256u * 1024u);
  world.exit(kExitId).set_replier(localnet::exit_replier());
  const base::TimePoint begin = world.now();
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).body.size() > before; }, 20s));
  EXPECT_LE(world.now() - begin, 5s);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }, 1min));
  ASSERT_TRUE(world.fetch(job).end.has_value());
  EXPECT_EQ(world.fetch(job).body, pattern(256 * 1024));
}

TEST(StarvedExit, ThatAsksForAnyNumberGetsABoundedOne) {
  for (const std::uint32_t amount : {500u, 1'000'000u}) {
    World world(without_cover());
    world.exit(kExitId).set_replier(asking(amount));
    ASSERT_TRUE(world.set_up());
    expect_works(world, 256 * 1024);
    world.run_for(10s);
    const tunnel::Stats stats = world.engine().stats();
    EXPECT_GT(stats.mixnet.surbs_requested, 0u);
    // 256 KiB take about 190 replies. Each request is capped at 500. spec: messages §11.2
    EXPECT_LT(stats.mixnet.surbs_sent, 4000u) << amount;
    EXPECT_LT(stats.mixnet.reply_keys, 4000u);
    expect_works(world);
  }
}

TEST(StarvedExit, ThatNeverAsksIsSuppliedAllTheSame) {
  World world(without_cover());
  mixnet::ReplierConfig mute = localnet::exit_replier();
  mute.min_storage = 0;
  mute.threshold_buffer = 0;
  mute.max_storage = 0;  // it always has enough, it thinks
  world.exit(kExitId).set_replier(mute);
  ASSERT_TRUE(world.set_up());
  for (int i = 0; i < 3; ++i) expect_works(world, 256 * 1024);
  EXPECT_EQ(world.engine().stats().mixnet.surbs_requested, 0u);
  EXPECT_LT(world.engine().stats().mixnet.surbs_sent, 4000u);
}

}  // namespace
}  // namespace mix::sim
