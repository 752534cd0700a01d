// The directory's answers: shapes, filters, paging, and what our own client makes of them.
#include "mix/localnet/directory_core.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "mix/base/encoding.h"
#include "mix/directory/client.h"
#include "mix/localnet/cluster.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

// 2026-11-21T05:00:00Z
constexpr base::WallTime kStart{std::chrono::seconds{1795237200}};

class DirectoryCoreTest : public testing::Test {
 protected:
  static ClusterConfig config() {
    ClusterConfig out;
    out.epochs.first_epoch = 100;
    out.places = {{NodeRole::kEntry, 0, "127.0.0.1", 1001, 9001},
                  {NodeRole::kMix, 1, "127.0.0.1", 1002, std::nullopt},
                  {NodeRole::kMix, 2, "127.0.0.1", 1003, std::nullopt},
                  {NodeRole::kMix, 3, "127.0.0.1", 1004, std::nullopt},
                  {NodeRole::kExit, 0, "::1", 1005, 9005},
                  {NodeRole::kExit, 0, "127.0.0.1", 1006, std::nullopt}};
    return out;
  }
  HttpAnswer ask(const std::string& target, const std::string& method = "GET",
                 const std::string& body = "") {
    return answer_directory(cluster_.directory(), {method, target, body, "", ""});
  }
  json get(const std::string& path) {
    const HttpAnswer answer = ask("/api/" + path);
    EXPECT_EQ(answer.status, 200) << path;
    EXPECT_EQ(answer.content_type, "application/json");
    return json::parse(answer.body, nullptr, false);
  }
  static std::set<int> ids(const json& list) {
    std::set<int> out;
    for (const json& node : list) out.insert(node["node_id"].get<int>());
    return out;
  }
  std::string base58(std::size_t index) {
    return base::base58_encode(cluster_.nodes()[index].identity.public_key.view());
  }
  std::string sphinx_key(std::size_t index) {
    return base::base58_encode(
        cluster_.nodes()[index].node->keys().primary().keys.public_key.view());
  }

  test::SeededRng rng_{21};
  Cluster cluster_{config(), rng_, kStart};
};

TEST_F(DirectoryCoreTest, ListsNodesInTheSkimmedShape) {
  const json answer = get("v2/unstable/nym-nodes/skimmed?page=0&output=bincode");
  EXPECT_EQ(answer["metadata"], (json{{"status",
                                       {{"fresh",
                                         {{"id", 0},
                                          {"epochs_in_interval", 720},
                                          {"current_epoch_start", "2026-11-21T05:00:00Z"},
                                          {"current_epoch_id", 100},
                                          {"epoch_length", {{"secs", 3600}, {"nanos", 0}}},
                                          {"total_elapsed_epochs", 100}}}}},
                                      {"absolute_epoch_id", 100},
                                      {"rotation_id", 4},
                                      {"refreshed_at", "2026-11-21T05:00:00Z"}}));
  EXPECT_EQ(answer["nodes"]["pagination"], (json{{"total", 6}, {"page", 0}, {"size", 6}}));
  EXPECT_EQ(answer["nodes"]["data"][0],
            (json{{"node_id", 1},
                  {"ed25519_identity_pubkey", base58(0)},
                  {"ip_addresses", {"127.0.0.1"}},
                  {"mix_port", 1001},
                  {"x25519_sphinx_pubkey", sphinx_key(0)},
                  {"role", "EntryGateway"},
                  {"supported_roles",
                   {{"mixnode", false}, {"entry", true}, {"exit_nr", false}, {"exit_ipr", false}}},
                  {"entry", {{"hostname", nullptr}, {"ws_port", 9001}, {"wss_port", nullptr}}},
                  {"performance", "1"}}));
  const json& mix = answer["nodes"]["data"][2];
  EXPECT_EQ(mix["role"], (json{{"Mixnode", {{"layer", 2}}}}));
  EXPECT_TRUE(mix["entry"].is_null());
  EXPECT_EQ(answer["nodes"]["data"][4]["ip_addresses"], json::array({"::1"}));
}

TEST_F(DirectoryCoreTest, FiltersByRole) {
  const auto list = [this](const std::string& path) {
    return ids(get("v2/unstable/nym-nodes/" + path)["nodes"]["data"]);
  };
  EXPECT_EQ(list("skimmed/mixnodes/active?page=0"), (std::set{2, 3, 4}));
  // Exits that serve as entries are entries; one that does not is absent.
  EXPECT_EQ(list("skimmed/entry-gateways?page=0"), (std::set{1, 5}));
  EXPECT_EQ(list("skimmed/exit-gateways?page=0"), (std::set{5, 6}));
  EXPECT_EQ(list("skimmed?role=active-mixnode"), (std::set{2, 3, 4}));
  for (const char* entry : {"entry-gateway", "entry", "gateway"}) {
    EXPECT_EQ(list(std::string("skimmed?role=") + entry), (std::set{1, 5})) << entry;
  }
  EXPECT_EQ(list("skimmed?role=exit"), (std::set{5, 6}));
  EXPECT_EQ(list("skimmed?role=exit-gateway"), (std::set{5, 6}));
}

TEST_F(DirectoryCoreTest, StillServesTheListsOfVersion1) {
  const auto list = [this](const std::string& path) {
    const json answer = get("v1/unstable/nym-nodes/" + path);
    EXPECT_EQ(answer.size(), 3U) << path;  // and no metadata
    EXPECT_EQ(answer["status"]["fresh"]["current_epoch_id"], 100) << path;
    EXPECT_EQ(answer["refreshed_at"], "2026-11-21T05:00:00Z") << path;
    return ids(answer["nodes"]["data"]);
  };
  for (const char* all : {"skimmed", "skimmed/active"}) {
    EXPECT_EQ(list(all), (std::set{1, 2, 3, 4, 5, 6}));
  }
  for (const std::string which : {"active", "all"}) {
    EXPECT_EQ(list("skimmed/mixnodes/" + which), (std::set{2, 3, 4}));
    EXPECT_EQ(list("skimmed/entry-gateways/" + which), (std::set{1, 5}));
    EXPECT_EQ(list("skimmed/exit-gateways/" + which), (std::set{5, 6}));
  }
  EXPECT_EQ(get("v1/unstable/nym-nodes/skimmed")["nodes"],
            get("v2/unstable/nym-nodes/skimmed")["nodes"]);
  EXPECT_EQ(get("v1/unstable/nym-nodes/semi-skimmed")["nodes"],
            get("v2/unstable/nym-nodes/semi-skimmed")["nodes"]);
}

TEST_F(DirectoryCoreTest, PutsEverythingOnPageZero) {
  const json second = get("v2/unstable/nym-nodes/skimmed?page=1");
  EXPECT_EQ(second["nodes"]["pagination"], (json{{"total", 6}, {"page", 1}, {"size", 0}}));
  EXPECT_TRUE(second["nodes"]["data"].empty());
  EXPECT_EQ(get("v2/nym-nodes/described?page=3")["pagination"]["total"], 6);
}

TEST_F(DirectoryCoreTest, TellsThatNothingChanged) {
  const json answer = get("v2/unstable/nym-nodes/skimmed?epoch_id=100");
  EXPECT_EQ(answer["metadata"]["status"], "no-updates");
  EXPECT_TRUE(answer["nodes"]["data"].empty());
  EXPECT_EQ(get("v2/unstable/nym-nodes/skimmed?epoch_id=99")["nodes"]["data"].size(), 6U);
  // Epochs are told by their place in the interval.
  cluster_.advance_epochs(720, kStart);
  const json fresh = get("v2/unstable/nym-nodes/skimmed");
  EXPECT_EQ(fresh["metadata"]["absolute_epoch_id"], 820);
  EXPECT_EQ(fresh["metadata"]["status"]["fresh"]["current_epoch_id"], 100);
  EXPECT_EQ(get("v2/unstable/nym-nodes/skimmed?epoch_id=100")["metadata"]["status"], "no-updates");
  EXPECT_EQ(get("v2/unstable/nym-nodes/skimmed?epoch_id=820")["nodes"]["data"].size(), 6U);
}

TEST_F(DirectoryCoreTest, ExpiresActiveListsTwoMinutesAfterTheEpoch) {
  const HttpAnswer answer = ask("/api/v2/unstable/nym-nodes/skimmed/mixnodes/active");
  ASSERT_EQ(answer.headers.size(), 1U);
  EXPECT_EQ(answer.headers[0].first, "Expires");
  EXPECT_EQ(answer.headers[0].second, "Sat, 21 Nov 2026 06:02:00 GMT");
}

TEST_F(DirectoryCoreTest, TellsTheRewardedSet) {
  EXPECT_EQ(get("v1/nym-nodes/rewarded-set"), (json{{"epoch_id", 100},
                                                    {"entry_gateways", {1}},
                                                    {"exit_gateways", {5, 6}},
                                                    {"layer1", {2}},
                                                    {"layer2", {3}},
                                                    {"layer3", {4}},
                                                    {"standby", json::array()}}));
}

TEST_F(DirectoryCoreTest, TellsTheKeyRotation) {
  EXPECT_EQ(get("v1/epoch/key-rotation-info"),
            (json{{"key_rotation_state", {{"validity_epochs", 24}, {"initial_epoch_id", 0}}},
                  {"current_absolute_epoch_id", 100},
                  {"current_epoch_start", "2026-11-21T05:00:00Z"},
                  {"epoch_duration", {{"secs", 3600}, {"nanos", 0}}},
                  {"progress",
                   {{"current_key_rotation_id", 4},
                    {"current_rotation_starting_epoch", 96},
                    {"current_rotation_ending_epoch", 119}}}}));
}

TEST_F(DirectoryCoreTest, DescribesNodes) {
  const json answer = get("v2/nym-nodes/described?page=0");
  const json& exit = answer["data"][4];
  EXPECT_EQ(exit["node_id"], 5);
  EXPECT_EQ(exit["contract_node_type"], "nym_node");
  const json& description = exit["description"];
  const json& keys = description["host_information"]["keys"];
  EXPECT_EQ(keys["ed25519"], json(base58(4)));
  EXPECT_EQ(keys["current_x25519_sphinx_key"],
            (json{{"rotation_id", 4}, {"public_key", sphinx_key(4)}}));
  EXPECT_EQ(keys["x25519"], keys["current_x25519_sphinx_key"]["public_key"]);
  EXPECT_TRUE(keys["pre_announced_x25519_sphinx_key"].is_null());
  EXPECT_TRUE(keys["x25519_versioned_noise"].is_null());
  EXPECT_EQ(description["ip_packet_router"]["address"],
            Cluster::ipr_address(cluster_.nodes()[4]).to_string());
  EXPECT_EQ(description["build_information"]["build_version"], "1.37.0");
  EXPECT_EQ(description["declared_role"]["exit_ipr"], true);
  EXPECT_TRUE(description.contains("lewes_protocol"));
  for (const char* field : {"last_polled", "auxiliary_details", "network_requester",
                            "authenticator", "wireguard", "mixnet_websockets"}) {
    EXPECT_TRUE(description.contains(field)) << field;
  }
  EXPECT_EQ(description["build_information"].size(), 10U);
  EXPECT_TRUE(answer["data"][0]["description"]["ip_packet_router"].is_null());
  EXPECT_FALSE(get("v1/nym-nodes/described")["data"][0]["description"].contains("lewes_protocol"));
}

TEST_F(DirectoryCoreTest, AnnouncesTheNextKeyInTheLastEpoch) {
  cluster_.advance_epochs(19, kStart);  // epoch 119
  json keys = get("v2/nym-nodes/described")["data"][1]["description"]["host_information"]["keys"];
  const auto next = keys["pre_announced_x25519_sphinx_key"];
  EXPECT_EQ(next["rotation_id"], 5);
  EXPECT_EQ(keys["current_x25519_sphinx_key"]["rotation_id"], 4);
  // The lists still tell the current one.
  EXPECT_EQ(get("v2/unstable/nym-nodes/skimmed")["nodes"]["data"][1]["x25519_sphinx_pubkey"],
            keys["current_x25519_sphinx_key"]["public_key"]);
  cluster_.advance_epochs(1, kStart);
  keys = get("v2/nym-nodes/described")["data"][1]["description"]["host_information"]["keys"];
  EXPECT_EQ(keys["current_x25519_sphinx_key"], next);
  EXPECT_TRUE(keys["pre_announced_x25519_sphinx_key"].is_null());
}

TEST(KeyForRotation, TakesTheMatchingOneOrElseTheCurrentOne) {
  NodeRecord node;
  node.current = {4, {{1}}};
  node.pre_announced = AnnouncedKey{5, {{2}}};
  EXPECT_EQ(key_for_rotation(node, 4).rotation, 4U);
  EXPECT_EQ(key_for_rotation(node, 5).rotation, 5U);
  EXPECT_EQ(key_for_rotation(node, 6).rotation, 4U);
}

TEST_F(DirectoryCoreTest, ServesWhatNodesAsk) {
  const json semi = get("v2/unstable/nym-nodes/semi-skimmed?page=0");
  EXPECT_EQ(semi["nodes"]["data"][1]["basic"]["node_id"], 2);
  EXPECT_TRUE(semi["nodes"]["data"][1]["x25519_noise_versioned_key"].is_null());
  const HttpAnswer known = ask("/api/v1/unstable/nym-nodes/by-addresses", "POST",
                               R"({"addresses":["::1","192.0.2.1"]})");
  EXPECT_EQ(json::parse(known.body, nullptr, false),
            (json{{"existence", {{"::1", 5}, {"192.0.2.1", nullptr}}}}));
  EXPECT_EQ(ask("/api/v1/nym-nodes/refresh-described", "POST", "{}").body, "null");
}

TEST_F(DirectoryCoreTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(ask("/api/v9/nothing").status, 404);
  EXPECT_EQ(ask("/").status, 404);
  EXPECT_EQ(ask("/api/v1/nym-nodes/rewarded-set", "POST").status, 405);
  for (const char* body : {"", "[]", "{", R"({"addresses":1})", R"({"addresses":[1]})"}) {
    EXPECT_EQ(ask("/api/v1/unstable/nym-nodes/by-addresses", "POST", body).status, 400) << body;
  }
}

TEST_F(DirectoryCoreTest, AcceptsABaseUrlWithATrailingSlash) {
  EXPECT_EQ(ask("/api//v1/nym-nodes/rewarded-set").status, 200);
  EXPECT_EQ(ask("/api/v1/nym-nodes/rewarded-set/").status, 200);
}

TEST_F(DirectoryCoreTest, LeavesOutNodesThatLeft) {
  cluster_.set_listed(3, false, kStart);
  EXPECT_EQ(get("v1/nym-nodes/rewarded-set")["layer2"], json::array());
  EXPECT_EQ(cluster_.topology(), nullptr);
  cluster_.set_listed(3, true, kStart);
  ASSERT_NE(cluster_.topology(), nullptr);
  EXPECT_EQ(cluster_.topology()->layer(2).size(), 1U);
}

TEST_F(DirectoryCoreTest, WritesPerformanceAsADecimalFraction) {
  for (const auto& [percent, text] :
       {std::pair{100, "1"}, {99, "0.99"}, {50, "0.5"}, {7, "0.07"}, {10, "0.1"}, {0, "0"}}) {
    cluster_.set_performance(1, static_cast<std::uint8_t>(percent), kStart);
    EXPECT_EQ(get("v2/unstable/nym-nodes/skimmed")["nodes"]["data"][0]["performance"], text);
  }
}

TEST_F(DirectoryCoreTest, IsUnderstoodByOurOwnClient) {
  directory::ClientConfig client_config;
  client_config.base_urls = {"http://127.0.0.1:1/api/"};
  directory::Client client(client_config);
  const base::TimePoint now{};
  client.fetch_topology(now);
  client.fetch_entries(now);
  client.fetch_exits(now);
  client.fetch_rotation_info(now);
  while (auto request = client.poll_output()) {
    const HttpAnswer answer = ask(request->url.substr(request->url.find("/api")));
    client.receive(request->id, answer.status, base::as_bytes(answer.body), now);
  }
  int ready = 0;
  while (auto event = client.poll_event()) {
    ++ready;
    if (const auto* topology = std::get_if<directory::TopologyReady>(&*event)) {
      EXPECT_EQ(topology->topology->metadata(),
                (directory::EpochMetadata{.absolute_epoch_id = 100, .rotation_id = 4}));
      for (std::size_t layer = 1; layer <= 3; ++layer) {
        EXPECT_EQ(topology->topology->layer(layer).size(), 1U);
      }
      for (const std::size_t gateway : {0U, 4U, 5U}) {
        EXPECT_NE(topology->topology->find_gateway(cluster_.nodes()[gateway].identity.public_key),
                  nullptr);
      }
    } else if (const auto* entries = std::get_if<directory::EntriesReady>(&*event)) {
      EXPECT_EQ(entries->candidates.size(), 2U);
    } else if (const auto* exits = std::get_if<directory::ExitsReady>(&*event)) {
      EXPECT_EQ(exits->candidates.size(), 2U);
    } else if (const auto* info = std::get_if<directory::RotationInfoReady>(&*event)) {
      EXPECT_EQ(info->info.rotation_id(), 4U);
      EXPECT_EQ(info->info.current_epoch_start, kStart);
    } else {
      ADD_FAILURE() << "a call failed";
    }
  }
  EXPECT_EQ(ready, 4);
}

}  // namespace
}  // namespace mix::localnet
