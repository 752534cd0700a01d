#include "mix/directory/topology.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fixtures.h"
#include "support/seeded_rng.h"

namespace mix::directory {
namespace {

using base::Errc;
using std::chrono::hours;
using std::chrono::seconds;

Node node(std::uint8_t number, std::uint8_t performance = 100) {
  Node out;
  out.id = number;
  out.identity = identity(number);
  out.sphinx_key = crypto::parse_x25519(sphinx_key_text(number)).value();
  out.ip_addresses = {"10.0.0." + std::to_string(number)};
  out.mix_port = 1789;
  out.performance = performance;
  return out;
}

RewardedSet one_node_each() { return {{4}, {5}, {{{1}, {2}, {3}}}}; }

base::Result<Topology> build(const RewardedSet& rewarded, std::vector<Node> mixnodes,
                             std::vector<Node> gateways) {
  return Topology::build({8680, 361}, rewarded, std::move(mixnodes), std::move(gateways));
}

// --- building ---

TEST(Topology, JoinsTheRewardedSetWithTheNodes) {
  const auto topology = build(one_node_each(), {node(1), node(2), node(3)}, {node(4), node(5)});
  ASSERT_TRUE(topology.has_value());
  EXPECT_EQ(topology->metadata(), (EpochMetadata{8680, 361}));
  for (std::uint8_t layer = 1; layer <= 3; ++layer) {
    ASSERT_EQ(topology->layer(layer).size(), 1U);
    EXPECT_EQ(topology->layer(layer)[0].identity, identity(layer));
  }
  EXPECT_EQ(topology->gateways().size(), 2U);
  ASSERT_NE(topology->find_gateway(identity(5)), nullptr);
  EXPECT_EQ(topology->find_gateway(identity(5))->id, 5U);
  EXPECT_EQ(topology->find_gateway(identity(1)), nullptr);
}

TEST(Topology, AnEmptyLayerIsNotRoutable) {
  for (std::uint32_t layer = 1; layer <= 3; ++layer) {
    std::vector<Node> mixnodes;
    for (std::uint8_t i = 1; i <= 3; ++i) {
      if (i != layer) mixnodes.push_back(node(i));
    }
    const auto unknown = build(one_node_each(), mixnodes, {node(4)});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error(), (base::Error{Errc::directory_not_routable, layer}));

    RewardedSet rewarded = one_node_each();
    rewarded.layers[layer - 1].clear();
    const auto unassigned = build(rewarded, {node(1), node(2), node(3)}, {node(4)});
    EXPECT_EQ(unassigned.error(), (base::Error{Errc::directory_not_routable, layer}));
  }
}

TEST(Topology, NoGatewayInTheRewardedSetIsNotRoutable) {
  RewardedSet rewarded = one_node_each();
  rewarded.entry_gateways.clear();
  EXPECT_TRUE(build(rewarded, {node(1), node(2), node(3)}, {node(4)}).has_value());
  rewarded.exit_gateways.clear();
  EXPECT_EQ(build(rewarded, {node(1), node(2), node(3)}, {node(4)}).error(),
            base::Error{Errc::directory_not_routable});
}

TEST(Topology, DropsNodesBelowThePerformanceFloor) {
  RewardedSet rewarded = one_node_each();
  rewarded.layers[0] = {1, 6};
  const auto topology =
      build(rewarded, {node(1, 49), node(6, 50), node(2), node(3)}, {node(4, 50), node(5, 49)});
  ASSERT_TRUE(topology.has_value());
  ASSERT_EQ(topology->layer(1).size(), 1U);
  EXPECT_EQ(topology->layer(1)[0].id, 6U);
  EXPECT_NE(topology->find_gateway(identity(4)), nullptr);
  EXPECT_EQ(topology->find_gateway(identity(5)), nullptr);

  const auto strict = Topology::build({}, rewarded, {node(1, 60), node(2), node(3)}, {node(4, 60)},
                                      /*min_mixnode_performance=*/60,
                                      /*min_gateway_performance=*/61);
  ASSERT_TRUE(strict.has_value());
  EXPECT_EQ(strict->layer(1).size(), 1U);
  EXPECT_TRUE(strict->gateways().empty());
}

TEST(Topology, TheLaterOfTwoEntriesCounts) {
  Node other_port = node(4);
  other_port.mix_port = 2000;
  Node other_identity = node(5);
  other_identity.identity = identity(9);
  Node other_id = node(7);
  other_id.id = 8;
  const auto topology = build(one_node_each(), {node(1), node(2), node(3)},
                              {node(4), node(5), node(7), other_port, other_identity, other_id});
  ASSERT_TRUE(topology.has_value());
  EXPECT_EQ(topology->gateways().size(), 3U);
  EXPECT_EQ(topology->find_gateway(identity(4))->mix_port, 2000);
  EXPECT_EQ(topology->find_gateway(identity(5)), nullptr);
  EXPECT_NE(topology->find_gateway(identity(9)), nullptr);
  EXPECT_EQ(topology->find_gateway(identity(7))->id, 8U);
}

TEST(Topology, ALayerNodeMayBeListedAsGatewayOnly) {
  const auto topology = build(one_node_each(), {node(1), node(2)}, {node(3), node(4)});
  ASSERT_TRUE(topology.has_value());
  EXPECT_EQ(topology->layer(3)[0].id, 3U);
}

// --- routes ---

TEST(Topology, ARouteTakesEachLayerOnceAndEndsAtTheEgress) {
  test::SeededRng rng(1);
  RewardedSet rewarded = one_node_each();
  rewarded.layers[0] = {1, 6, 7};
  const auto topology =
      build(rewarded, {node(1), node(6), node(7), node(2), node(3)}, {node(4), node(5)});
  ASSERT_TRUE(topology.has_value());
  std::map<NodeId, int> first_hops;
  constexpr int kRoutes = 3000;
  for (int i = 0; i < kRoutes; ++i) {
    const auto route = topology->random_route(identity(5), rng);
    ASSERT_TRUE(route.has_value());
    ++first_hops[(*route)[0]->id];
    EXPECT_EQ((*route)[1]->id, 2U);
    EXPECT_EQ((*route)[2]->id, 3U);
    EXPECT_EQ((*route)[3]->identity, identity(5));
  }
  // Uniform: 1000 each, standard deviation 26; five of them.
  EXPECT_EQ(first_hops.size(), 3U);
  for (const auto& [id, count] : first_hops) EXPECT_NEAR(count, 1000, 130) << id;
}

TEST(Topology, ARouteToAnUnknownEgressNamesIt) {
  test::SeededRng rng(2);
  const auto topology = build(one_node_each(), {node(1), node(2), node(3)}, {node(4)});
  const auto route = topology.value().random_route(identity(9), rng);
  ASSERT_FALSE(route.has_value());
  EXPECT_EQ(route.error(), (base::Error{Errc::directory_unknown_node, 0, identity_text(9)}));
}

TEST(Topology, TellsKeysOutsideThePrimeOrderSubgroup) {
  test::SeededRng rng(3);
  Node low_order = node(2);
  low_order.sphinx_key.bytes = {1};  // order 4
  Node zero = node(4);
  zero.sphinx_key.bytes = {};  // order 2
  const auto topology = build(one_node_each(), {node(1), low_order, node(3)}, {zero, node(5)});
  ASSERT_TRUE(topology.has_value());
  for (int repeat = 0; repeat < 2; ++repeat) {
    const auto route = topology->random_route(identity(4), rng).value();
    EXPECT_TRUE(route[0]->merged_derivation_safe);
    EXPECT_FALSE(route[1]->merged_derivation_safe);
    EXPECT_TRUE(route[2]->merged_derivation_safe);
    EXPECT_FALSE(route[3]->merged_derivation_safe);
  }
  EXPECT_TRUE(topology->find_gateway(identity(5))->merged_derivation_safe);
}

// --- rotation; spec: topology §4 ---

TEST(KeyRotation, CountsRotationsFromTheInitialEpoch) {
  KeyRotationInfo info{.validity_epochs = 24,
                       .initial_epoch_id = 10,
                       .current_epoch_id = 0,
                       .current_epoch_start = base::WallTime{seconds{1'000'000'000}},
                       .epoch_duration = hours{1}};
  const auto at = [&](std::uint32_t epoch) {
    info.current_epoch_id = epoch;
    return info.rotation_id();
  };
  EXPECT_EQ(at(0), 0U);
  EXPECT_EQ(at(10), 0U);
  EXPECT_EQ(at(33), 0U);
  EXPECT_EQ(at(34), 1U);
  EXPECT_EQ(at(57), 1U);
  EXPECT_EQ(at(58), 2U);
  EXPECT_EQ(at(UINT32_MAX), (UINT32_MAX - 10) / 24);
}

TEST(KeyRotation, TellsTheWallClockOfRotations) {
  KeyRotationInfo info{.validity_epochs = 24,
                       .initial_epoch_id = 0,
                       .current_epoch_id = 100,
                       .current_epoch_start = base::WallTime{seconds{1'000'000'000}},
                       .epoch_duration = hours{1}};
  EXPECT_EQ(info.epoch_start(100), info.current_epoch_start);
  EXPECT_EQ(info.epoch_start(97), info.current_epoch_start - hours{3});
  EXPECT_EQ(info.rotation_start(), info.current_epoch_start - hours{4});
  EXPECT_EQ(info.next_rotation_start(), info.current_epoch_start + hours{20});
  info.current_epoch_id = 96;
  EXPECT_EQ(info.rotation_start(), info.current_epoch_start);
  info.current_epoch_id = 95;
  EXPECT_EQ(info.next_rotation_start(), info.current_epoch_start + hours{1});
  info.initial_epoch_id = 200;
  EXPECT_EQ(info.rotation_start(), info.current_epoch_start + hours{105});
}

TEST(KeyRotation, ExtremeNumbersDoNotOverflow) {
  KeyRotationInfo info{.validity_epochs = UINT32_MAX,
                       .initial_epoch_id = UINT32_MAX,
                       .current_epoch_id = 0,
                       .current_epoch_start = parse_rfc3339("9999-12-31T23:59:59Z").value(),
                       .epoch_duration = kMaxEpochDuration};
  EXPECT_GT(info.next_rotation_start(), info.rotation_start());
  EXPECT_GT(info.rotation_start(), info.current_epoch_start);
  info.validity_epochs = 1;
  info.initial_epoch_id = 0;
  info.current_epoch_id = UINT32_MAX;
  EXPECT_EQ(info.rotation_start(), info.current_epoch_start);
}

}  // namespace
}  // namespace mix::directory
