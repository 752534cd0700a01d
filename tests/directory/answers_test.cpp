#include "mix/directory/answers.h"

#include <gtest/gtest.h>

#include "fixtures.h"

namespace mix::directory {
namespace {

using base::as_bytes;
using base::Errc;

TEST(Skimmed, ReadsTheExampleOfTheSpec) {
  const auto page = parse_skimmed(as_bytes(kSkimmedExample));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->metadata, (EpochMetadata{8680, 361}));
  EXPECT_EQ(page->paging.total, 1U);
  EXPECT_EQ(page->paging.on_page, 1U);
  EXPECT_EQ(page->paging.skipped, 0U);
  ASSERT_EQ(page->nodes.size(), 1U);
  const Node& node = page->nodes[0];
  EXPECT_EQ(node.id, 42U);
  EXPECT_EQ(base::base58_encode(node.identity.view()),
            "8qpTjrqpiGaCmh4dKM1Lygfo5QNFroo2yDm2Wwxonz5S");
  EXPECT_EQ(base::base58_encode(node.sphinx_key.view()),
            "ArucTFkVhBWtm4GidWAdRMpAcYxE35sgbyqxBLRrnAmD");
  EXPECT_EQ(node.ip_addresses, (std::vector<std::string>{"203.0.113.7", "2001:db8::7"}));
  EXPECT_EQ(node.mix_port, 1789);
  EXPECT_TRUE(node.roles.mixnode);
  EXPECT_FALSE(node.roles.exit_ipr);
  ASSERT_TRUE(node.entry.has_value());
  EXPECT_EQ(node.entry->hostname, "gw.example.org");
  EXPECT_EQ(node.entry->ws_port, 9000);
  EXPECT_EQ(node.entry->wss_port, 9001);
  EXPECT_EQ(node.performance, 99);
}

/// The node number 7 with one field changed; nothing when it was skipped.
std::optional<Node> read_node(void (*change)(NodeJson&)) {
  NodeJson json(7);
  change(json);
  const auto page = parse_skimmed(as_bytes(skimmed({NodeJson(1).text(), json.text()})));
  EXPECT_TRUE(page.has_value()) << json.text();
  if (!page) return std::nullopt;
  EXPECT_EQ(page->paging.on_page, 2U);
  EXPECT_EQ(page->paging.skipped + page->nodes.size(), 2U);
  EXPECT_EQ(page->nodes.front().id, 1U) << "the sound node must stay";
  if (page->nodes.size() == 1) return std::nullopt;
  return page->nodes[1];
}

TEST(Skimmed, AMalformedNodeIsSkippedAndTheListStays) {
  EXPECT_TRUE(read_node([](NodeJson&) {}).has_value());
  const std::vector<void (*)(NodeJson&)> faults = {
      [](NodeJson& n) { n.id = ""; },
      [](NodeJson& n) { n.id = "4294967296"; },
      [](NodeJson& n) { n.id = "\"7\""; },
      [](NodeJson& n) { n.identity = ""; },
      [](NodeJson& n) { n.identity = "\"0OIl\""; },
      [](NodeJson& n) { n.identity = "\"2VfUX\""; },
      [](NodeJson& n) { n.identity = "7"; },
      [](NodeJson& n) { n.key = ""; },
      [](NodeJson& n) { n.key = "\"not base58!\""; },
      [](NodeJson& n) { n.key = "\"ArucTFkVhBWtm4GidWAdRMpAcYxE35sgbyqxBLRr\""; },
      [](NodeJson& n) { n.key = "null"; },
      [](NodeJson& n) { n.addresses = "[]"; },
      [](NodeJson& n) { n.addresses = ""; },
      [](NodeJson& n) { n.addresses = "\"10.0.0.7\""; },
      [](NodeJson& n) { n.addresses = "[\"host.example\"]"; },
      [](NodeJson& n) { n.addresses = "[\"10.0.0.7\",7]"; },
      [](NodeJson& n) { n.port = "0"; },
      [](NodeJson& n) { n.port = "65536"; },
      [](NodeJson& n) { n.port = "null"; },
      [](NodeJson& n) { n.entry = "7"; },
      [](NodeJson& n) { n.entry = R"({"hostname":"a.example"})"; },
      [](NodeJson& n) { n.entry = R"({"hostname":7,"ws_port":1})"; },
      [](NodeJson& n) { n.entry = R"({"hostname":"a","ws_port":1,"wss_port":70000})"; },
      [](NodeJson& n) { n.performance = ""; },
      [](NodeJson& n) { n.performance = "\"1.5\""; },
      [](NodeJson& n) { n.performance = "0.5"; },
  };
  for (std::size_t i = 0; i < faults.size(); ++i) {
    EXPECT_FALSE(read_node(faults[i]).has_value()) << "fault " << i;
  }
  const auto page = parse_skimmed(as_bytes(skimmed({"7", "null", "[]", "{}", NodeJson(2).text()})));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->nodes.size(), 1U);
  EXPECT_EQ(page->paging.skipped, 4U);
}

TEST(Skimmed, OptionalFieldsMayBeMissing) {
  EXPECT_EQ(read_node([](NodeJson& n) { n.entry = ""; })->entry.has_value(), false);
  EXPECT_EQ(read_node([](NodeJson& n) { n.entry = "null"; })->entry.has_value(), false);
  const auto roles = read_node([](NodeJson& n) { n.roles = ""; })->roles;
  EXPECT_FALSE(roles.mixnode || roles.entry || roles.exit_nr || roles.exit_ipr);
  EXPECT_TRUE(read_node([](NodeJson& n) { n.roles = R"({"exit_ipr":true})"; })->roles.exit_ipr);
  const auto entry = read_node(
      [](NodeJson& n) { n.entry = R"({"hostname":null,"ws_port":9000,"wss_port":null})"; });
  ASSERT_TRUE(entry.has_value() && entry->entry.has_value());
  EXPECT_EQ(entry->entry->hostname, "");
  EXPECT_EQ(entry->entry->wss_port, std::nullopt);
  EXPECT_EQ(read_node([](NodeJson& n) {
              n.entry = R"({"hostname":"","ws_port":9000,"wss_port":0})";
            })->entry->wss_port,
            std::nullopt);
}

TEST(Skimmed, ANameThatCannotStandInAUrlIsNone) {
  for (const char* name : {"a/b@c", "https://gw.example", "gw.example:9001", "a b", "\\u00e4"}) {
    NodeJson json(1);
    json.entry = std::string(R"({"hostname":")") + name + R"(","ws_port":9000,"wss_port":9001})";
    const auto page = parse_skimmed(as_bytes(skimmed({json.text()})));
    ASSERT_TRUE(page.has_value() && page->nodes.size() == 1) << name;
    const Node& node = page->nodes.front();
    ASSERT_TRUE(node.entry.has_value()) << name;
    EXPECT_EQ(node.entry->hostname, "") << name;
    EXPECT_EQ(node.entry->ws_port, 9000) << name;
  }
}

TEST(Skimmed, UnknownFieldsAreIgnored) {
  std::string text = skimmed({NodeJson(1).text()});
  text.insert(1, R"("future":{"deep":[{"er":[]}]},)");
  EXPECT_EQ(parse_skimmed(as_bytes(text)).value().nodes.size(), 1U);
}

TEST(Skimmed, AMalformedFrameFailsTheList) {
  for (
      const char* text : {
          "",
          "<html></html>",
          "[]",
          "null",
          "{}",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":1}})",
          R"({"nodes":{"pagination":{"total":0},"data":[]}})",
          R"({"metadata":{"rotation_id":1},"nodes":{"pagination":{"total":0},"data":[]}})",
          R"({"metadata":{"absolute_epoch_id":1},"nodes":{"pagination":{"total":0},"data":[]}})",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":-1},"nodes":{"pagination":{"total":0},"data":[]}})",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":1},"nodes":{"data":[]}})",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":1},"nodes":{"pagination":{"total":20001},"data":[]}})",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":1},"nodes":{"pagination":{"total":0},"data":{}}})",
          R"({"metadata":{"absolute_epoch_id":1,"rotation_id":1},"nodes":[]})",
      }) {
    const auto page = parse_skimmed(as_bytes(text));
    ASSERT_FALSE(page.has_value()) << text;
    EXPECT_EQ(page.error().code, Errc::directory_malformed);
  }
}

TEST(Skimmed, NoCutAnswerIsAccepted) {
  const std::string text = skimmed({NodeJson(1).text()});
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_skimmed(as_bytes(std::string_view(text).substr(0, size))).has_value());
  }
}

TEST(Answers, AFlippedByteNeverCrashesAndNeverInventsANode) {
  const std::string list = skimmed({NodeJson(1).text()});
  const std::string exits = described({described_node(1, "1.31.0", ipr_json(1))});
  const auto flipped = [](std::string text, std::size_t i) {
    text[i] = static_cast<char>(static_cast<unsigned char>(text[i]) ^ 0x01U);
    return text;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto page = parse_skimmed(as_bytes(flipped(list, i)));
    if (page) {
      EXPECT_EQ(page->nodes.size() + page->paging.skipped, 1U);
    }
  }
  for (std::size_t i = 0; i < exits.size(); ++i) {
    const auto page = parse_described(as_bytes(flipped(exits, i)));
    if (page) {
      EXPECT_LE(page->exits.size() + page->paging.skipped, 1U);
    }
  }
  for (std::size_t i = 0; i < kRewardedSetExample.size(); ++i) {
    (void)parse_rewarded_set(as_bytes(flipped(std::string{kRewardedSetExample}, i)));
  }
  for (std::size_t i = 0; i < kRotationInfoExample.size(); ++i) {
    const auto info = parse_rotation_info(as_bytes(flipped(std::string{kRotationInfoExample}, i)));
    if (info) {
      EXPECT_GT(info->validity_epochs, 0U);
      EXPECT_GT(info->epoch_duration.count(), 0);
      (void)info->next_rotation_start();
    }
  }
}

TEST(RewardedSet, ReadsTheExampleOfTheSpec) {
  const auto set = parse_rewarded_set(as_bytes(kRewardedSetExample));
  ASSERT_TRUE(set.has_value());
  EXPECT_EQ(set->entry_gateways, std::vector<NodeId>{4});
  EXPECT_EQ(set->exit_gateways, std::vector<NodeId>{5});
  for (std::size_t i = 0; i < kNumLayers; ++i) {
    EXPECT_EQ(set->layers[i], std::vector<NodeId>{static_cast<NodeId>(i + 1)});
  }
}

TEST(RewardedSet, RefusesMissingListsAndForeignTypes) {
  for (const char* text :
       {"", "[]", "{}", R"({"entry_gateways":[4],"exit_gateways":[5],"layer1":[1],"layer2":[2]})",
        R"({"entry_gateways":[4],"exit_gateways":[5],"layer1":[1],"layer2":[2],"layer3":["3"]})",
        R"({"entry_gateways":[4],"exit_gateways":[5],"layer1":[1],"layer2":[2],"layer3":[-3]})",
        R"({"entry_gateways":4,"exit_gateways":[5],"layer1":[1],"layer2":[2],"layer3":[3]})"}) {
    EXPECT_EQ(parse_rewarded_set(as_bytes(text)).error().code, Errc::directory_malformed) << text;
  }
  for (std::size_t size = 0; size < kRewardedSetExample.size(); ++size) {
    EXPECT_FALSE(parse_rewarded_set(as_bytes(kRewardedSetExample.substr(0, size))).has_value());
  }
}

TEST(RotationInfo, ReadsTheExampleOfTheSpec) {
  const auto info = parse_rotation_info(as_bytes(kRotationInfoExample));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(*info, (KeyRotationInfo{
                       .validity_epochs = 24,
                       .initial_epoch_id = 0,
                       .current_epoch_id = 100,
                       .current_epoch_start = base::WallTime{std::chrono::seconds{1795237545}},
                       .epoch_duration = std::chrono::hours{1}}));
  // The derived `progress` of the example.
  EXPECT_EQ(info->rotation_id(), 4U);
  EXPECT_EQ(info->rotation_start(), info->epoch_start(96));
  EXPECT_EQ(info->next_rotation_start(), info->epoch_start(120));
}

TEST(RotationInfo, RefusesWhatCannotBeCountedWith) {
  const std::string good{kRotationInfoExample};
  const auto with = [&](std::string_view what, std::string_view instead) {
    std::string text = good;
    text.replace(text.find(what), what.size(), instead);
    return parse_rotation_info(as_bytes(text));
  };
  EXPECT_TRUE(with("\"validity_epochs\": 24", "\"validity_epochs\": 1").has_value());
  EXPECT_TRUE(with("\"secs\": 3600, \"nanos\": 0", "\"secs\": 0, \"nanos\": 5").has_value());
  EXPECT_TRUE(with("\"progress\"", "\"other\"").has_value());
  for (const auto& [what, instead] : std::vector<std::pair<const char*, const char*>>{
           {"\"validity_epochs\": 24", "\"validity_epochs\": 0"},
           {"\"validity_epochs\": 24", "\"validity_epochs\": 4294967296"},
           {"\"secs\": 3600", "\"secs\": 0"},
           {"\"secs\": 3600", "\"secs\": 604801"},
           {"\"secs\": 3600", "\"secs\": 18446744073709551615"},
           {"\"secs\": 3600", "\"secs\": -1"},
           {"\"nanos\": 0", "\"nanos\": 1000000000"},
           {"2026-11-21T05:05:45Z", "2026-11-21 05:01:10.0 +00:00:00"},
           {"\"current_absolute_epoch_id\": 100", "\"current_absolute_epoch_id\": null"},
           {"\"key_rotation_state\"", "\"x\""},
           {"\"epoch_duration\"", "\"x\""}}) {
    const auto info = with(what, instead);
    ASSERT_FALSE(info.has_value()) << instead;
    EXPECT_EQ(info.error().code, Errc::directory_malformed);
  }
}

TEST(Described, ReadsNodesWithAnIpPacketRouter) {
  const auto page = parse_described(as_bytes(
      described({described_node(5, "1.31.0", ipr_json(5)), described_node(6, "1.31.0", "null")})));
  ASSERT_TRUE(page.has_value());
  EXPECT_EQ(page->paging.on_page, 2U);
  EXPECT_EQ(page->paging.skipped, 0U) << "no router is no fault";
  ASSERT_EQ(page->exits.size(), 1U);
  EXPECT_EQ(page->exits[0].identity, identity(5));
  EXPECT_EQ(page->exits[0].ipr_gateway, identity(5));
  EXPECT_EQ(page->exits[0].ipr_address, ipr_address(5));
  EXPECT_EQ(page->exits[0].build_version, "1.31.0");
}

TEST(Described, SkipsRoutersWithoutAUsableAddress) {
  const std::string key = sphinx_key_text(1), id = identity_text(1);
  for (const std::string& address :
       {std::string{"A.B@C"}, std::string{}, id + "." + key, id + "@" + id,
        key + "@" + id + "." + key, id + "." + key + "@", id + "." + key + "@" + id + "@" + id,
        "." + key + "@" + id, id + "." + key + "@" + id.substr(4)}) {
    std::string router = R"({"address":")";
    router.append(address).append("\"}");
    const auto page = parse_described(as_bytes(described({described_node(5, "1.31.0", router)})));
    ASSERT_TRUE(page.has_value());
    EXPECT_EQ(page->exits.size(), 0U) << address;
    EXPECT_EQ(page->paging.skipped, 1U) << address;
  }
}

TEST(Described, AMalformedFrameFailsTheList) {
  for (const char* text : {"", "[]", "{}", R"({"data":[]})", R"({"pagination":{"total":0}})",
                           R"({"pagination":{"total":"0"},"data":[]})"}) {
    EXPECT_EQ(parse_described(as_bytes(text)).error().code, Errc::directory_malformed) << text;
  }
  const std::string text = described({described_node(5, "1.31.0", ipr_json(5))});
  for (std::size_t size = 0; size < text.size(); ++size) {
    EXPECT_FALSE(parse_described(as_bytes(std::string_view(text).substr(0, size))).has_value());
  }
}

TEST(Answers, AnAnswerAboveTheLimitIsRefusedUnread) {
  std::string text = described({});
  text.append(kMaxAnswerSize - text.size(), ' ');
  EXPECT_TRUE(parse_described(as_bytes(text)).has_value());
  text.push_back(' ');
  EXPECT_FALSE(parse_described(as_bytes(text)).has_value());
}

}  // namespace
}  // namespace mix::directory
