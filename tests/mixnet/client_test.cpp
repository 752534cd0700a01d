// Whole clients against a mixnet with real Sphinx layers, on virtual time.
#include "mix/mixnet/client.h"

#include <gtest/gtest.h>

#include "mix/mixnet/constants.h"
#include "support/vectors.h"
#include "world.h"

namespace mix::mixnet {
namespace {

using test::Peer;
using test::World;
using namespace std::chrono_literals;

TrafficConfig at_once() { return traffic_preset(TrafficPreset::kNoCover); }

/// The exit's settings. spec: messages §11.3.
ReplierConfig exit_replier() {
  ReplierConfig config;
  config.threshold_buffer = 50;
  return config;
}

TEST(Client, DeliversAPlainMessageAndHearsOfIt) {
  World world(100);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1);
  const base::Bytes data = test::pattern(5000, 1);
  const auto id = alice->send(bob.address(), data, {}, world.now());
  ASSERT_TRUE(id);
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  ASSERT_EQ(bob.received.size(), 1u);
  EXPECT_EQ(bob.received[0].data, data);
  EXPECT_FALSE(bob.received[0].sender);
  EXPECT_FALSE(bob.received[0].is_reply);
  EXPECT_FALSE(bob.received[0].replier);
  EXPECT_EQ(alice.delivered, std::vector{*id});
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
}

TEST(Client, ForgetsACancelledMessage) {
  World world(104);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1);
  const auto unwanted = alice->send(bob.address(), test::pattern(50'000, 1), {}, world.now());
  const auto wanted = alice->send(bob.address(), test::pattern(10, 2), {}, world.now());
  ASSERT_TRUE(unwanted && wanted);
  alice->cancel(*unwanted);
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  EXPECT_EQ(alice.delivered, std::vector{*wanted});
  ASSERT_EQ(bob.received.size(), 1u);
  EXPECT_EQ(bob.received[0].data, test::pattern(10, 2));
  EXPECT_TRUE(alice.lost.empty());
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
  EXPECT_EQ(alice->stats().queued, 0u);
}

TEST(Client, MeasuresRoundTripsOfWhatWasAcknowledgedAtOnce) {
  World world(105);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1);
  EXPECT_FALSE(alice->stats().round_trips);
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(20'000, 1), {}, world.now()));
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  const auto trips = alice->stats().round_trips;
  ASSERT_TRUE(trips);
  EXPECT_GT(trips->min, 0ms);
  EXPECT_LE(trips->min, trips->median);
  EXPECT_LE(trips->median, trips->p95);
  EXPECT_LT(trips->p95, 1s);
  const ClientStats stats = alice->stats();
  EXPECT_EQ(stats.sent_acks,
            stats.sent_real + stats.retransmitted + stats.sent_cover + stats.sent_loop);
}

TEST(Client, DeliversAnEmptyMessage) {
  World world(101);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1);
  ASSERT_TRUE(alice->send(bob.address(), {}, {}, world.now()));
  EXPECT_TRUE(world.run_until([&] { return !bob.received.empty(); }, 5s));
  EXPECT_TRUE(bob.received[0].data.empty());
}

TEST(Client, DeliversAMessageOfSeveralSets) {
  World world(102);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  const base::Bytes data = test::pattern(500'000, 2);
  ASSERT_TRUE(alice->send(bob.address(), data, {}, world.now()));
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 10s));
  ASSERT_EQ(bob.received.size(), 1u);
  EXPECT_EQ(bob.received[0].data, data);
  EXPECT_EQ(bob->stats().buffered_fragments, 0u);
}

TEST(Client, AnswersAnAnonymousSender) {
  for (const bool legacy : {false, true}) {
    World world(103);
    TrafficConfig traffic = at_once();
    traffic.use_legacy_sphinx_format = legacy;
    Peer& alice = world.add(0, traffic);
    Peer& bob = world.add(1, traffic);
    bob.on_message = [&](const MessageReceived& message) {
      ASSERT_TRUE(message.sender);
      EXPECT_TRUE(bob->reply(*message.sender, test::pattern(3000, 9), {}, world.now()));
    };
    SendOptions options;
    options.reply_surbs = 20;
    ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 3), options, world.now()));
    EXPECT_EQ(alice->surbs_at(bob.address()), 20u);
    EXPECT_TRUE(world.run_until([&] { return !alice.received.empty(); }, 5s));
    ASSERT_EQ(alice.received.size(), 1u);
    EXPECT_TRUE(alice.received[0].is_reply);
    EXPECT_EQ(alice.received[0].replier, bob.address());
    EXPECT_FALSE(alice.received[0].sender);
    EXPECT_EQ(alice.received[0].data, test::pattern(3000, 9));
    EXPECT_TRUE(world.run_until([&] { return !bob.delivered.empty(); }, 5s));
    EXPECT_GE(alice->stats().surbs_used_by_peers, 2u);
  }
}

TEST(Client, UsesOneTagForEachRecipient) {
  World world(104);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  Peer& carol = world.add(2, at_once());
  SendOptions anonymous;
  anonymous.anonymous = true;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(alice->send(bob.address(), {}, anonymous, world.now()));
    ASSERT_TRUE(alice->send(carol.address(), {}, anonymous, world.now()));
  }
  world.run_for(3s);
  ASSERT_EQ(bob.received.size(), 2u);
  ASSERT_EQ(carol.received.size(), 2u);
  EXPECT_EQ(bob.received[0].sender, bob.received[1].sender);
  EXPECT_EQ(carol.received[0].sender, carol.received[1].sender);
  EXPECT_NE(bob.received[0].sender, carol.received[0].sender);
}

TEST(Client, RefusesToAnswerStrangersAndNothing) {
  World world(105);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  EXPECT_EQ(bob->reply(SenderTag{}, test::pattern(3, 1), {}, world.now()).error().code,
            base::Errc::mixnet_unknown_sender);
  SendOptions anonymous;
  anonymous.reply_surbs = 1;
  ASSERT_TRUE(alice->send(bob.address(), {}, anonymous, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !bob.received.empty(); }, 3s));
  EXPECT_EQ(bob->reply(*bob.received[0].sender, {}, {}, world.now()).error().code,
            base::Errc::mixnet_bad_message);
}

TEST(Client, ASenderWithoutSurbsIsAStranger) {
  World world(115);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  SendOptions anonymous;
  anonymous.anonymous = true;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 3), anonymous, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !bob.received.empty(); }, 3s));
  ASSERT_TRUE(bob.received[0].sender);
  EXPECT_EQ(bob->reply(*bob.received[0].sender, test::pattern(3, 1), {}, world.now()).error().code,
            base::Errc::mixnet_unknown_sender);
}

TEST(Client, RefusesTheListsOfVersion1WhenToldSo) {
  World world(117);
  TrafficConfig legacy = at_once();
  legacy.use_legacy_sphinx_format = true;
  TrafficConfig newest = at_once();
  newest.read_surb_lists = ReadSurbLists::kVersion2;
  Peer& old = world.add(0, legacy);
  Peer& alice = world.add(0, at_once());
  Peer& exit = world.add(1, newest, exit_replier());
  SendOptions options;
  options.reply_surbs = 20;
  ASSERT_TRUE(old->send(exit.address(), test::pattern(10, 3), options, world.now()));
  ASSERT_TRUE(alice->send(exit.address(), test::pattern(10, 4), options, world.now()));
  ASSERT_TRUE(
      world.run_until([&] { return !old.delivered.empty() && !alice.delivered.empty(); }, 5s));
  ASSERT_EQ(exit.received.size(), 1u);
  EXPECT_EQ(exit.received[0].data, test::pattern(10, 4));
  EXPECT_EQ(exit->stats().undecodable, 1u);
}

TEST(Client, MessagesWithoutSurbsPutOffNoRepeatedRequest) {
  World world(116);
  ReplierConfig stingy;
  stingy.max_allowed_request = 0;
  Peer& alice = world.add(0, at_once(), stingy);
  Peer& exit = world.add(1, at_once(), exit_replier());
  SendOptions options;
  options.reply_surbs = 5;
  ASSERT_TRUE(alice->send(exit.address(), test::pattern(10, 3), options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !exit.received.empty(); }, 3s));
  ASSERT_TRUE(exit->reply(*exit.received[0].sender, test::pattern(2000, 4), {}, world.now()));
  world.run_for(3s);
  const std::size_t at_first = alice.surb_requests.size();
  EXPECT_GT(at_first, 0u);
  options.reply_surbs = 0;
  options.anonymous = true;
  // The exit looks every 5 s and asks again after 10 s without SURBs.
  for (int second = 0; second < 15; ++second) {
    ASSERT_TRUE(alice->send(exit.address(), test::pattern(10, 3), options, world.now()));
    world.run_for(1s);
  }
  EXPECT_GT(alice.surb_requests.size(), at_first);
}

TEST(Client, AFewSurbsBringARequestFirstAndTheDataAfter) {
  World world(106);
  Peer& alice = world.add(0, at_once());
  Peer& exit = world.add(1, at_once(), exit_replier());
  exit.on_message = [&](const MessageReceived& message) {
    ASSERT_TRUE(message.sender);
    EXPECT_TRUE(exit->reply(*message.sender, test::pattern(2000, 4), {}, world.now()));
  };
  SendOptions options;
  options.reply_surbs = 5;
  ASSERT_TRUE(alice->send(exit.address(), test::pattern(10, 3), options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !alice.surb_requests.empty(); }, 3s));
  EXPECT_TRUE(alice.received.empty());
  EXPECT_EQ(alice.surb_requests[0].amount, 50u);
  EXPECT_EQ(alice.surb_requests[0].by, exit.address());
  EXPECT_TRUE(world.run_until([&] { return !alice.received.empty(); }, 3s));
  EXPECT_EQ(alice.received[0].data, test::pattern(2000, 4));
}

TEST(Client, TheExitsStockStaysInItsBandDuringADownload) {
  World world(107);
  Peer& alice = world.add(0, at_once());
  Peer& exit = world.add(1, at_once(), exit_replier());
  SendOptions options;
  options.reply_surbs = 10;
  ASSERT_TRUE(alice->send(exit.address(), test::pattern(10, 3), options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !exit.received.empty(); }, 3s));
  const SenderTag tag = *exit.received[0].sender;
  std::size_t asked = 0;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(exit->reply(tag, test::pattern(1400, 5), {}, world.now()));
    world.run_for(10ms);
    asked = std::max<std::size_t>(asked, alice->surbs_at(exit.address()));
  }
  EXPECT_TRUE(world.run_until([&] { return alice.received.size() == 200; }, 10s));
  world.run_for(3s);
  // 10 in reserve and 50 in the buffer; a request asks for 50 at most.
  EXPECT_GE(alice->surbs_at(exit.address()), 60u);
  EXPECT_LE(asked, 200u);
  EXPECT_LE(alice->surbs_at(exit.address()), 60u + 50u);
}

TEST(Client, IgnoresSurbRequestsOfThoseItNeverWroteTo) {
  World world(108);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once(), exit_replier());
  SendOptions options;
  options.reply_surbs = 5;
  ASSERT_TRUE(alice->send(bob.address(), {}, options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !bob.received.empty(); }, 3s));
  alice->forget(bob.address());
  const auto sent_before = alice->stats().surbs_sent;
  ASSERT_TRUE(bob->reply(*bob.received[0].sender, test::pattern(2000, 4), {}, world.now()));
  world.run_for(3s);
  EXPECT_TRUE(alice.surb_requests.empty());
  EXPECT_EQ(alice->stats().surbs_sent, sent_before);
}

TEST(Client, CapsGreedySurbRequests) {
  World world(109);
  Peer& alice = world.add(0, at_once());
  ReplierConfig greedy;
  greedy.max_request = 1'000'000;
  greedy.min_request = 1'000'000;
  greedy.max_storage = 10'000'000;
  greedy.threshold_buffer = 5'000'000;
  Peer& exit = world.add(1, at_once(), greedy);
  SendOptions options;
  options.reply_surbs = 12;
  ASSERT_TRUE(alice->send(exit.address(), {}, options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !alice.surb_requests.empty(); }, 3s));
  EXPECT_EQ(alice.surb_requests[0].amount, 500u);
  EXPECT_LE(alice->surbs_at(exit.address()), 512u);
  std::size_t most_queued = 0;
  for (int i = 0; i < 40; ++i) {
    world.run_for(10ms);
    most_queued = std::max(most_queued, alice->stats().queued);
  }
  EXPECT_LE(most_queued, 20u) << "supply is made as the lane has room";
  EXPECT_LE(alice->stats().reply_keys, TrafficConfig{}.max_reply_keys);
}

TEST(Client, SupplyOwedIsBounded) {
  World world(110);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  EXPECT_TRUE(alice->supply_surbs(bob.address(), 400, world.now()));
  EXPECT_TRUE(alice->supply_surbs(bob.address(), 400, world.now()));
  EXPECT_EQ(alice->surbs_at(bob.address()), 500u);
  EXPECT_EQ(alice->supply_surbs(bob.address(), 1, world.now()).error().code,
            base::Errc::usage_queue_full);
  world.run_for(5s);
  EXPECT_EQ(alice->stats().surbs_sent, 500u);
  EXPECT_EQ(alice->stats().queued, 0u);
  EXPECT_EQ(alice->surbs_at(bob.address()), 500u);
}

TEST(Client, OfferedSurbsTakeThePlaceOfCover) {
  World world(111);
  TrafficConfig traffic;
  traffic.disable_loop_cover = true;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, at_once());
  alice->offer_surbs(bob.address(), 20);
  EXPECT_EQ(alice->surbs_at(bob.address()), 0u) << "an offer is no promise";
  world.run_for(2s);
  // Bob asks for more than that at once, which comes on top.
  const auto stats = alice->stats();
  EXPECT_EQ(stats.surbs_sent, 20u + stats.surbs_requested);
  EXPECT_GE(stats.sent_real, 7u) << "three in a packet";
  EXPECT_GT(stats.sent_cover, 50u);
  alice->offer_surbs(bob.address(), 20);
  alice->forget(bob.address());
  world.run_for(1s);
  EXPECT_EQ(alice->stats().surbs_sent, stats.surbs_sent);
}

// --- acknowledgements and retransmission

TEST(Client, SendsAgainWhenTheAckIsLate) {
  World world(120);
  TrafficConfig traffic = at_once();
  traffic.average_packet_delay = 0ms;
  traffic.average_ack_delay = 0ms;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, traffic);
  world.net.faults.loss = 1;
  const base::TimePoint start = world.now();
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, start));
  world.run_for(1499ms);
  EXPECT_EQ(alice.sent.size(), 1u);
  world.run_for(2ms);
  ASSERT_EQ(alice.sent.size(), 2u);
  // Without delays the timeout is the addition alone.
  EXPECT_EQ(alice.sent[1].at - alice.sent[0].at, 1500ms);
  EXPECT_EQ(alice->stats().retransmitted, 1u);
  world.net.faults.loss = 0;
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  EXPECT_EQ(alice.sent.size(), 3u);
  EXPECT_EQ(alice.sent[2].at - alice.sent[1].at, 1500ms);
  EXPECT_EQ(bob.received.size(), 1u);
  EXPECT_EQ(alice->next_deadline().has_value(), false) << "no timer is left";
}

TEST(Client, TheTimeoutFollowsTheExpectedDelay) {
  World world(121);
  TrafficConfig traffic = at_once();
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, traffic);
  world.net.faults.loss = 1;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, world.now()));
  world.run_for(120s);
  ASSERT_GT(alice.sent.size(), 40u);
  double mean = 0;
  for (std::size_t i = 1; i < alice.sent.size(); ++i) {
    const auto gap = alice.sent[i].at - alice.sent[i - 1].at;
    EXPECT_GT(gap, 1500ms);
    mean += std::chrono::duration<double, std::milli>(gap).count() /
            static_cast<double>(alice.sent.size() - 1);
  }
  // 1500 + 1.5 * 6 delays of 15 ms in the mean.
  EXPECT_NEAR(mean, 1500 + 1.5 * 90, 30);
}

TEST(Client, ALostAckBringsADuplicateThatIsSuppressed) {
  World world(122);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  alice.hears_acks = false;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(4000, 1), {}, world.now()));
  world.run_for(4s);
  EXPECT_EQ(bob.received.size(), 1u);
  EXPECT_GE(bob->stats().duplicates, 3u);
  EXPECT_GE(alice->stats().retransmitted, 3u);
  EXPECT_TRUE(alice.delivered.empty());
  alice.hears_acks = true;
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  EXPECT_EQ(bob.received.size(), 1u);
}

TEST(Client, GivesUpAtTheLimitOfTheMessage) {
  for (const std::uint32_t limit : {0u, 1u, 3u}) {
    World world(123 + limit);
    Peer& alice = world.add(0, at_once());
    Peer& bob = world.add(1, at_once());
    world.net.faults.loss = 1;
    SendOptions options;
    options.max_retransmissions = limit;
    const auto id = alice->send(bob.address(), test::pattern(10, 1), options, world.now());
    ASSERT_TRUE(id);
    world.run_for(30s);
    EXPECT_EQ(alice.sent.size(), limit + 1);
    ASSERT_EQ(alice.lost.size(), 1u);
    EXPECT_EQ(alice.lost[0].id, *id);
    EXPECT_EQ(alice.lost[0].error.code, base::Errc::mixnet_undelivered);
    EXPECT_EQ(alice->stats().unacknowledged, 0u);
  }
}

TEST(Client, GivesUpAtTheGlobalLimit) {
  World world(130);
  TrafficConfig traffic = at_once();
  traffic.max_retransmissions = 2;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, traffic);
  world.net.faults.loss = 1;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(4000, 1), {}, world.now()));
  world.run_for(30s);
  EXPECT_EQ(alice.sent.size(), 9u);
  EXPECT_EQ(alice.lost.size(), 1u) << "told once for the message";
}

TEST(Client, RetransmitsRepliesThroughFreshSurbs) {
  World world(131);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  SendOptions options;
  options.reply_surbs = 30;
  ASSERT_TRUE(alice->send(bob.address(), {}, options, world.now()));
  ASSERT_TRUE(world.run_until([&] { return !bob.received.empty(); }, 3s));
  world.run_for(1s);
  world.net.faults.loss = 1;
  ASSERT_TRUE(bob->reply(*bob.received[0].sender, test::pattern(3000, 7), {}, world.now()));
  world.run_for(4s);
  EXPECT_GE(bob->stats().retransmitted, 2u);
  world.net.faults.loss = 0;
  EXPECT_TRUE(world.run_until([&] { return !bob.delivered.empty(); }, 10s));
  ASSERT_EQ(alice.received.size(), 1u);
  EXPECT_EQ(alice.received[0].data, test::pattern(3000, 7));
  EXPECT_EQ(world.net.stats().replayed, 0u) << "no SURB is used twice";
}

TEST(Client, SurvivesLossDuplicationAndReordering) {
  World world(132);
  world.net.faults = {.loss = 0.03, .duplication = 0.05, .jitter = 20ms, .deliver_twice = 0.1};
  Peer& alice = world.add(0, at_once());
  Peer& exit = world.add(1, at_once(), exit_replier());
  exit.on_message = [&](const MessageReceived& message) {
    ASSERT_TRUE(message.sender);
    EXPECT_TRUE(exit->reply(*message.sender, message.data, {}, world.now()));
  };
  SendOptions options;
  options.reply_surbs = 3;
  for (std::size_t i = 0; i < 50; ++i) {
    ASSERT_TRUE(alice->send(exit.address(), test::pattern(200 + 97 * i, i), options, world.now()));
    world.run_for(30ms);
  }
  EXPECT_TRUE(world.run_until([&] { return alice.received.size() == 50; }, 60s));
  std::vector<bool> seen(50);
  for (const auto& message : alice.received) {
    const std::size_t i = (message.data.size() - 200) / 97;
    EXPECT_EQ(message.data, test::pattern(200 + 97 * i, i));
    EXPECT_FALSE(seen.at(i)) << "delivered once";
    seen.at(i) = true;
  }
  world.run_for(60s);
  EXPECT_EQ(alice.received.size(), 50u);
  EXPECT_EQ(exit.received.size(), 50u);
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
  EXPECT_GT(alice->stats().duplicates + exit->stats().duplicates, 0u);
}

TEST(Client, ForgedAcksAndGarbageDoNoHarm) {
  World world(133);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  world.net.faults.loss = 1;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, world.now()));
  world.run_for(10ms);
  for (std::size_t size = 0; size < 100; ++size) {
    base::Bytes garbage(size);
    world.rng.fill(garbage);
    alice->receive(garbage, world.now());
  }
  for (int i = 0; i < 2000; ++i) {
    base::Bytes garbage(i % 2 == 0 ? kAckContentSize : 1643);
    world.rng.fill(garbage);
    alice->receive(garbage, world.now());
  }
  EXPECT_EQ(alice->stats().unacknowledged, 1u);
  EXPECT_GT(alice->stats().undecodable, 500u);
  EXPECT_FALSE(alice->poll_event());
  world.net.faults.loss = 0;
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
}

// --- bounds, topology, lifecycle

TEST(Client, RefusesWhatTheQueueCannotHold) {
  World world(140);
  TrafficConfig traffic;
  traffic.max_queued_packets = 10;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, at_once());
  EXPECT_EQ(alice->send(bob.address(), test::pattern(20'000, 1), {}, world.now()).error().code,
            base::Errc::mixnet_message_too_long);
  EXPECT_TRUE(alice->send(bob.address(), test::pattern(10'000, 1), {}, world.now()));
  EXPECT_EQ(alice->send(bob.address(), test::pattern(10'000, 1), {}, world.now()).error().code,
            base::Errc::usage_queue_full);
  EXPECT_EQ(alice->queued(Lane{}), 7u);
  world.run_for(1s);
  EXPECT_EQ(alice->queued(Lane{}), 0u);
  EXPECT_TRUE(alice->send(bob.address(), test::pattern(10'000, 1), {}, world.now()));
}

TEST(Client, BoundsWhatIsInFlight) {
  World world(141);
  TrafficConfig traffic = at_once();
  traffic.max_unacknowledged = 20;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, at_once());
  world.net.faults.loss = 1;
  std::size_t accepted = 0;
  for (int i = 0; i < 50; ++i) {
    if (alice->send(bob.address(), test::pattern(10, 1), {}, world.now())) ++accepted;
    world.run_for(5ms);
  }
  EXPECT_EQ(accepted, 20u);
  EXPECT_EQ(alice->stats().unacknowledged, 20u);
}

TEST(Client, WithoutTopologyNothingLeavesAndNothingIsLost) {
  World world(142);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1, at_once());
  alice->set_topology(nullptr, world.now());
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, world.now()));
  SendOptions options;
  options.reply_surbs = 1;
  EXPECT_EQ(alice->send(bob.address(), {}, options, world.now()).error().code,
            base::Errc::mixnet_no_topology);
  world.run_for(60s);
  EXPECT_TRUE(alice.sent.empty());
  alice->set_topology(world.net.topology(), world.now());
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
}

TEST(Client, AnUnknownGatewayLosesTheMessage) {
  World world(143);
  Peer& alice = world.add(0);
  Recipient nobody = alice.address();
  nobody.gateway.bytes[0] ^= 1;
  const auto id = alice->send(nobody, test::pattern(5000, 1), {}, world.now());
  ASSERT_TRUE(id);
  EXPECT_TRUE(world.run_until([&] { return !alice.lost.empty(); }, 5s));
  EXPECT_EQ(alice.lost[0].error.code, base::Errc::directory_unknown_node);
  world.run_for(1s);
  EXPECT_EQ(alice.lost.size(), 1u);
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
  EXPECT_GT(alice.sent.size(), 20u) << "cover goes on";
}

TEST(Client, NothingLeavesBetweenStopAndStart) {
  World world(144);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1, at_once());
  world.set_online(alice, false);
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, world.now()));
  world.run_for(15min);
  EXPECT_TRUE(alice.sent.empty());
  world.set_online(alice, true);
  EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
  EXPECT_LT(alice.sent.size(), 40u) << "no burst";
}

TEST(Client, AClosedLaneDropsWhatItHeld) {
  World world(145);
  Peer& alice = world.add(0);
  Peer& bob = world.add(1, at_once());
  SendOptions options;
  options.lane = {LaneKind::kConnection, 7};
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(50'000, 1), options, world.now()));
  EXPECT_EQ(alice->queued(options.lane), 32u);
  alice->close_lane(options.lane);
  EXPECT_EQ(alice->queued(options.lane), 0u);
  EXPECT_EQ(alice->stats().unacknowledged, 0u);
  world.run_for(3s);
  EXPECT_EQ(alice->stats().sent_real, 0u);
  EXPECT_TRUE(alice.lost.empty());
}

TEST(Client, ForgetDropsWhatWasMeantForARecipient) {
  World world(146);
  Peer& alice = world.add(0, at_once());
  Peer& bob = world.add(1, at_once());
  Peer& carol = world.add(2, at_once());
  world.net.faults.loss = 1;
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(5000, 1), {}, world.now()));
  ASSERT_TRUE(alice->send(carol.address(), test::pattern(10, 1), {}, world.now()));
  world.run_for(1s);
  EXPECT_EQ(alice->stats().unacknowledged, 5u);
  alice->forget(bob.address());
  EXPECT_EQ(alice->stats().unacknowledged, 1u);
  world.net.faults.loss = 0;
  world.run_for(10s);
  EXPECT_TRUE(bob.received.empty());
  EXPECT_EQ(carol.received.size(), 1u);
}

TEST(Client, ABigMessageUsesTheSecondarySizeWhenThatTakesFewerPackets) {
  World world(147);
  TrafficConfig traffic = at_once();
  traffic.secondary_packet_size = sphinx::PacketSize::kExtended16;
  Peer& alice = world.add(0, traffic);
  Peer& bob = world.add(1, traffic);
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(1000, 1), {}, world.now()));
  world.run_for(1s);
  ASSERT_TRUE(alice->send(bob.address(), test::pattern(10'000, 2), {}, world.now()));
  EXPECT_TRUE(world.run_until([&] { return bob.received.size() == 2; }, 5s));
  ASSERT_EQ(alice.sent.size(), 2u);
  EXPECT_EQ(alice.sent[0].bytes, sphinx::packet_bytes(sphinx::PacketSize::kRegular));
  EXPECT_EQ(alice.sent[1].bytes, sphinx::packet_bytes(sphinx::PacketSize::kExtended16));
  EXPECT_EQ(bob.received[1].data, test::pattern(10'000, 2));
}

TEST(Client, AFullLinkHoldsPacketsBackWithoutSpinning) {
  for (const bool shaped : {true, false}) {
    World world(148);
    Peer& alice = world.add(0, shaped ? TrafficConfig{} : at_once());
    Peer& bob = world.add(1, at_once());
    alice.link_backlog = 32;
    ASSERT_TRUE(alice->send(bob.address(), test::pattern(10, 1), {}, world.now()));
    world.run_for(10s);
    EXPECT_TRUE(alice.sent.empty());
    if (shaped) {
      EXPECT_EQ(alice->stats().send_multiplier, 6u);
    }
    alice.link_backlog = 0;
    EXPECT_TRUE(world.run_until([&] { return !alice.delivered.empty(); }, 5s));
    world.run_for(12s);
    EXPECT_EQ(alice->stats().send_multiplier, 1u);
  }
}

}  // namespace
}  // namespace mix::mixnet
