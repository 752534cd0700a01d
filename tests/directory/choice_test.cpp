#include <gtest/gtest.h>

#include <map>
#include <set>

#include "fixtures.h"
#include "mix/directory/topology.h"
#include "support/seeded_rng.h"

namespace mix::directory {
namespace {

using base::Errc;
using Urls = std::vector<std::string>;

Node entry(std::uint8_t number, EntryPoints points) {
  Node out;
  out.id = number;
  out.identity = identity(number);
  out.ip_addresses = {"203.0.113." + std::to_string(number)};
  out.mix_port = 1789;
  out.entry = std::move(points);
  out.performance = 100;
  return out;
}

EntryPoints named() { return {.hostname = "gw.example.org", .ws_port = 9000, .wss_port = 9001}; }

class ChooseEntry : public testing::Test {
 protected:
  base::Result<EntryChoice> choose(const std::vector<Node>& nodes, Tls tls) {
    return choose_entry(nodes, preferred_, excluded_, tls, rng_);
  }
  void expect_none(const std::vector<Node>& nodes, Tls tls) {
    const auto choice = choose(nodes, tls);
    ASSERT_FALSE(choice.has_value());
    EXPECT_EQ(choice.error().code, Errc::directory_no_entry);
    EXPECT_EQ(choice.error().context, preferred_ ? base::base58_encode(preferred_->view()) : "");
  }

  std::optional<crypto::Ed25519PublicKey> preferred_;
  std::vector<crypto::Ed25519PublicKey> excluded_;
  test::SeededRng rng_{1};
};

TEST_F(ChooseEntry, WithForcedTlsThereIsJustTheNamedWssUrl) {
  EXPECT_EQ(choose({entry(1, named())}, Tls::kRequired)->urls, Urls{"wss://gw.example.org:9001"});
}

TEST_F(ChooseEntry, ForcedTlsNeedsBothNameAndPort) {
  EntryPoints no_name = named(), no_port = named();
  no_name.hostname.clear();
  no_port.wss_port.reset();
  expect_none({entry(1, no_name), entry(2, no_port)}, Tls::kRequired);
}

TEST_F(ChooseEntry, WithoutForcedTlsThePlainUrlsComeFirst) {
  Node node = entry(1, named());
  node.ip_addresses.push_back("2001:db8::7");
  EXPECT_EQ(choose({node}, Tls::kOptional)->urls,
            (Urls{"ws://gw.example.org:9000", "ws://203.0.113.1:9000", "ws://[2001:db8::7]:9000",
                  "wss://gw.example.org:9001"}));
  node.entry = EntryPoints{.ws_port = 9000};
  EXPECT_EQ(choose({node}, Tls::kOptional)->urls,
            (Urls{"ws://203.0.113.1:9000", "ws://[2001:db8::7]:9000"}));
}

TEST_F(ChooseEntry, NeedsAnEntryAndAPort) {
  Node no_entry = entry(1, named());
  no_entry.entry.reset();
  expect_none({no_entry, entry(2, EntryPoints{.ws_port = 0})}, Tls::kOptional);
  expect_none({}, Tls::kOptional);
}

TEST_F(ChooseEntry, LeavesOutWeakAndExcludedNodes) {
  Node weak = entry(1, named());
  weak.performance = 49;
  excluded_ = {identity(2)};
  expect_none({weak, entry(2, named())}, Tls::kRequired);
  EXPECT_EQ(choose({weak, entry(2, named()), entry(3, named())}, Tls::kRequired)->identity,
            identity(3));
}

TEST_F(ChooseEntry, TheChoiceIsUniform) {
  std::vector<Node> nodes;
  for (std::uint8_t i = 1; i <= 4; ++i) {
    nodes.push_back(entry(i, named()));
    nodes.back().performance = static_cast<std::uint8_t>(40 + 15 * i);
  }
  nodes[0].roles.mixnode = true;  // stays a candidate
  std::map<std::string, int> counts;
  for (int i = 0; i < 4000; ++i) {
    ++counts[base::base58_encode(choose(nodes, Tls::kRequired)->identity.view())];
  }
  // 1000 each, standard deviation 27; five of them.
  EXPECT_EQ(counts.size(), 4U);
  for (const auto& [name, count] : counts) EXPECT_NEAR(count, 1000, 137) << name;
}

TEST_F(ChooseEntry, ThePreferredOneIsTakenOrNamedInTheError) {
  const std::vector<Node> nodes = {entry(1, named()), entry(2, named()), entry(3, named())};
  preferred_ = identity(2);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(choose(nodes, Tls::kRequired)->identity, identity(2));
  excluded_ = {identity(2)};
  expect_none(nodes, Tls::kRequired);
  excluded_.clear();
  preferred_ = identity(9);
  expect_none(nodes, Tls::kRequired);
}

class ChooseExit : public testing::Test {
 protected:
  static ExitDescription exit(std::uint8_t number, std::uint8_t performance = 100,
                              std::string version = "1.31.0") {
    return {.identity = identity(number),
            .ipr_address = ipr_address(number),
            .ipr_gateway = identity(number),
            .build_version = std::move(version),
            .performance = performance};
  }
  base::Result<ExitDescription> choose(const std::vector<ExitDescription>& exits) {
    return choose_exit(exits, identity(99), excluded_, rng_);
  }

  std::vector<crypto::Ed25519PublicKey> excluded_;
  test::SeededRng rng_{2};
};

TEST_F(ChooseExit, TakesTheUsableOne) {
  const auto choice = choose({exit(1)});
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->ipr_address, ipr_address(1));
}

TEST_F(ChooseExit, LeavesOutOldUnknownWeakExcludedAndTheEntry) {
  ExitDescription at_entry = exit(5);
  at_entry.ipr_gateway = identity(99);
  excluded_ = {identity(6)};
  std::vector<ExitDescription> exits = {exit(1, 100, "1.29.9"),
                                        exit(2, 100, "1.30.0-rc.1"),
                                        exit(3, 100, "newest"),
                                        exit(4, 49),
                                        at_entry,
                                        exit(6),
                                        exit(7, 0),
                                        exit(99)};
  EXPECT_EQ(choose(exits).error(), base::Error{Errc::directory_no_exit});
  EXPECT_EQ(choose({}).error(), base::Error{Errc::directory_no_exit});
  exits.push_back(exit(8, 50, "1.30.0"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(choose(exits)->identity, identity(8));
}

TEST_F(ChooseExit, PerformanceZeroIsNeverChosenWhateverTheFloor) {
  EXPECT_FALSE(
      choose_exit({exit(1, 0)}, identity(99), {}, rng_, /*min_performance=*/0).has_value());
  EXPECT_TRUE(choose_exit({exit(1, 1)}, identity(99), {}, rng_, /*min_performance=*/0).has_value());
}

TEST_F(ChooseExit, WeighsByPerformance) {
  const std::vector<ExitDescription> exits = {exit(1, 50), exit(2, 100), exit(3, 50)};
  int second = 0;
  for (int i = 0; i < 4000; ++i) second += choose(exits)->identity == identity(2) ? 1 : 0;
  EXPECT_NEAR(second, 2000, 160);  // standard deviation 32; five of them
}

}  // namespace
}  // namespace mix::directory
