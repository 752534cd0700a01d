// What the processes of one network say to one another: both messages there and back, everything
// that is refused, and the directory's table in virtual time.
#include "mix/localnet/announcement.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

#include "mix/localnet/cluster.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using Change = NodeRegistry::Change;

class AnnouncementTest : public testing::Test {
 protected:
  static ClusterConfig config() {
    ClusterConfig out;
    out.epochs.rotation_epochs = 4;
    out.epochs.epoch = 10s;
    out.places = {{NodeRole::kEntry, 0, "127.0.0.1", 1001, 9001},
                  {NodeRole::kMix, 1, "127.0.0.2", 1002, std::nullopt},
                  {NodeRole::kMix, 2, "127.0.0.2", 1003, std::nullopt},
                  {NodeRole::kMix, 3, "127.0.0.2", 1004, std::nullopt},
                  {NodeRole::kExit, 0, "::1", 1005, 9005}};
    return out;
  }
  Announcement announcement(directory::NodeId id, std::uint32_t seen = 0) {
    return {cluster_.record(id), seen};
  }

  test::SeededRng rng_{41};
  test::ManualClock clock_;
  Cluster cluster_{config(), rng_, clock_.wall_now()};
  NodeRegistry registry_;
};

TEST_F(AnnouncementTest, ArrivesAsItWasSent) {
  cluster_.advance_epochs(3, clock_.wall_now());  // the next keys are announced, too
  for (directory::NodeId id = 1; id <= 5; ++id) {
    const Announcement read = parse_announcement(encode_announcement(announcement(id, 7)));
    EXPECT_EQ(read.node, cluster_.record(id));
    EXPECT_EQ(read.seen_serial, 7U);
    EXPECT_TRUE(read.node.pre_announced.has_value());
  }
  const NetworkView view = parse_view(encode_view({9, cluster_.directory()}));
  EXPECT_EQ(view.serial, 9U);
  EXPECT_EQ(view.state.nodes, cluster_.directory().nodes);
  EXPECT_EQ(view.state.epoch.id, cluster_.epoch().id);
  EXPECT_EQ(view.state.epoch.end(), cluster_.epoch().end());
  EXPECT_EQ(view.state.refreshed_at, cluster_.directory().refreshed_at);
}

TEST_F(AnnouncementTest, IsRefusedWhenAFieldIsMissingOrWrong) {
  const json good = json::parse(encode_announcement(announcement(5)));
  const auto refused = [](const json& message) {
    EXPECT_THROW((void)parse_announcement(message.dump()), std::invalid_argument) << message.dump();
  };
  for (const auto& [name, value] : good["node"].items()) {
    if (name == "ws_port") continue;  // gateways without clients have none
    json without = good;
    without["node"].erase(name);
    refused(without);
    json other = good;
    other["node"][name] = json::array();
    refused(other);
  }
  const auto with = [&good](const char* name, json value) {
    json message = good;
    message["node"][name] = std::move(value);
    return message;
  };
  refused(with("role", "king"));
  refused(with("role", "mix"));  // without a layer, and with a router
  refused(with("layer", 4));
  refused(with("mix_port", 65536));
  refused(with("mix_port", -1));
  refused(with("ip", "localhost"));
  refused(with("identity", "abc"));
  refused(with("ipr", ""));
  refused(with("performance", 101));
  refused(with("version", std::string(65, '1')));
  refused(with("next", {{"rotation", 1}, {"key", "abc"}}));
  refused(json::array());
  refused(json{{"node", good["node"]}});
  EXPECT_THROW((void)parse_announcement("{"), std::invalid_argument);

  const json view = json::parse(encode_view({1, cluster_.directory()}));
  for (const auto& [name, value] : view.items()) {
    json without = view;
    without.erase(name);
    EXPECT_THROW((void)parse_view(without.dump()), std::invalid_argument) << name;
  }
  for (const char* name : {"rotation_epochs", "length_ms"}) {
    json zero = view;
    zero["epoch"][name] = 0;
    EXPECT_THROW((void)parse_view(zero.dump()), std::invalid_argument) << name;
  }
  json crowd = view;
  crowd["nodes"] = json(kMaxNodes + 1, view["nodes"][0]);
  EXPECT_THROW((void)parse_view(crowd.dump()), std::invalid_argument);
}

TEST_F(AnnouncementTest, NumbersNodesAndKnowsWhoIsBehind) {
  EXPECT_EQ(registry_.announce(announcement(3), clock_.now()), Change::kNodes);
  EXPECT_EQ(registry_.announce(announcement(1), clock_.now()), Change::kNodes);
  EXPECT_EQ(registry_.serial(), 2U);
  EXPECT_EQ(registry_.behind(), 2U);
  ASSERT_EQ(registry_.nodes().size(), 2U);
  EXPECT_EQ(registry_.nodes()[0].id, 1U);
  EXPECT_EQ(registry_.nodes()[0].mix_port, 1003);
  EXPECT_EQ(registry_.nodes()[1].id, 2U);

  EXPECT_EQ(registry_.announce(announcement(3, 2), clock_.now()), Change::kNone);
  EXPECT_EQ(registry_.announce(announcement(1, 2), clock_.now()), Change::kNone);
  EXPECT_EQ(registry_.behind(), 0U);

  cluster_.set_performance(1, 50, clock_.wall_now());
  EXPECT_EQ(registry_.announce(announcement(1, 2), clock_.now()), Change::kNodes);
  EXPECT_EQ(registry_.nodes()[1].performance, 50);
  EXPECT_EQ(registry_.nodes()[1].id, 2U);
  EXPECT_EQ(registry_.behind(), 2U);
}

TEST_F(AnnouncementTest, ForgetsTheSilentAndTheReplaced) {
  (void)registry_.announce(announcement(2), clock_.now());
  clock_.advance(kAnnouncementLifetime - 1s);
  (void)registry_.announce(announcement(3), clock_.now());
  EXPECT_EQ(registry_.expire(clock_.now()), Change::kNone);
  clock_.advance(1s);
  EXPECT_EQ(registry_.expire(clock_.now()), Change::kNodes);
  ASSERT_EQ(registry_.nodes().size(), 1U);
  EXPECT_EQ(registry_.nodes()[0].mix_port, 1003);

  // The same place with new keys: a process that was started anew.
  Cluster again(config(), rng_, clock_.wall_now());
  EXPECT_EQ(registry_.announce({again.record(3), 0}, clock_.now()), Change::kNodes);
  ASSERT_EQ(registry_.nodes().size(), 1U);
  EXPECT_EQ(registry_.nodes()[0].identity, again.record(3).identity);
  EXPECT_EQ(registry_.nodes()[0].id, 3U);
}

TEST_F(AnnouncementTest, IsRefusedWhenTheTableIsFull) {
  ClusterConfig crowd;
  for (std::size_t i = 0; i <= kMaxNodes; ++i) {
    const auto port = static_cast<std::uint16_t>(2000 + i);
    crowd.places.push_back({NodeRole::kMix, 1, "127.0.0.1", port, std::nullopt});
  }
  const Cluster cluster(crowd, rng_, clock_.wall_now());
  for (directory::NodeId id = 1; id <= kMaxNodes; ++id) {
    (void)registry_.announce({cluster.record(id), 0}, clock_.now());
  }
  EXPECT_THROW((void)registry_.announce({cluster.record(kMaxNodes + 1), 0}, clock_.now()),
               std::invalid_argument);
  EXPECT_EQ(registry_.nodes().size(), kMaxNodes);
}

/// A directory and five nodes, each a cluster of its own, that exchange what the sockets would.
TEST_F(AnnouncementTest, ClustersOfOneNodeBecomeOneNetwork) {
  ClusterConfig none = config();
  none.places.clear();
  Cluster directory(none, rng_, clock_.wall_now());
  EXPECT_EQ(directory.topology(), nullptr);
  std::vector<std::unique_ptr<Cluster>> nodes;
  for (const NodePlace& place : config().places) {
    ClusterConfig one = config();
    one.places = {place};
    one.epochs.first_epoch = 1000;  // a clock of its own, until it follows
    nodes.push_back(std::make_unique<Cluster>(one, rng_, clock_.wall_now()));
  }
  const auto exchange = [&] {
    for (const auto& node : nodes) {
      if (registry_.announce({node->record(1), 0}, clock_.now()) == Change::kNodes) {
        directory.set_remote(registry_.nodes(), clock_.wall_now());
      }
      node->follow(parse_view(encode_view({registry_.serial(), directory.directory()})).state);
    }
  };
  exchange();  // learns the epoch
  exchange();  // tells the keys of that epoch
  exchange();  // and all know all
  ASSERT_NE(directory.topology(), nullptr);
  for (const auto& node : nodes) {
    EXPECT_EQ(node->epoch().id, directory.epoch().id);
    EXPECT_EQ(node->directory().nodes, directory.directory().nodes);
    EXPECT_NE(node->topology(), nullptr);
    EXPECT_EQ(node->record(1).current.rotation, directory.epoch().rotation());
  }

  directory.rotate_keys(clock_.wall_now());
  exchange();
  exchange();
  exchange();
  for (const auto& node : nodes) {
    EXPECT_EQ(node->record(1).current.rotation, directory.epoch().rotation());
    EXPECT_EQ(node->directory().nodes, directory.directory().nodes);
  }
  // A node that leaves says so by its announcement.
  nodes[1]->set_listed(1, false, clock_.wall_now());
  exchange();
  EXPECT_EQ(directory.topology(), nullptr);
}

}  // namespace
}  // namespace mix::localnet
