// Roles as networks of their own on sockets: they find together, the operator's pages answer on a
// port apart from the directory's, and what belongs to the directory is refused elsewhere.
#include <gtest/gtest.h>

#include <future>
#include <stdexcept>

#include "mix/localnet/network.h"
#include "running_network.h"

namespace mix::localnet {
namespace {

NetworkConfig site(SiteConfig::Role role, const std::string& directory_url = "",
                   std::uint8_t layer = 0) {
  NetworkConfig config;
  SiteConfig place;
  place.role = role;
  place.layer = layer;
  place.mix_port = 0;
  place.ws_port = 0;
  place.directory_url = directory_url;
  config.site = place;
  return config;
}

/// All roles in one thread; each has its own sockets and knows only the directory's URL.
class SitesTest : public testing::Test {
 protected:
  SitesTest() {
    using Role = SiteConfig::Role;
    add(site(Role::kDirectory));
    directory_ = networks_.front()->addresses().directory_url;
    add(site(Role::kEntry, directory_));
    for (std::uint8_t layer = 1; layer <= 3; ++layer) add(site(Role::kMix, directory_, layer));
    add(site(Role::kExit, directory_));
    std::promise<void> all_ready;
    std::size_t waiting = networks_.size();
    for (const auto& network : networks_) {
      network->when_ready([&] {
        if (--waiting == 0) all_ready.set_value();
      });
    }
    thread_ = std::thread([this] { io_.run(); });
    all_ready.get_future().wait();
  }
  ~SitesTest() override {
    asio::post(io_, [this] {
      for (const auto& network : networks_) network->stop();
    });
    thread_.join();
  }
  void add(const NetworkConfig& config) {
    networks_.push_back(std::make_unique<Network>(io_, config, rng_));
  }
  HttpClient directory() { return HttpClient(RunningNetwork::port_of(directory_)); }
  HttpClient admin(std::size_t i) {
    return HttpClient(RunningNetwork::port_of(networks_.at(i)->addresses().admin_url));
  }

  crypto::SystemRng rng_;
  asio::io_context io_{1};
  std::vector<std::unique_ptr<Network>> networks_;
  std::string directory_;
  std::thread thread_;
};

TEST_F(SitesTest, BecomeOneNetwork) {
  HttpClient api = directory();
  const json state = api.get("/api/localnet/nodes");
  EXPECT_EQ(state["nodes"], 5);
  EXPECT_EQ(state["routable"], true);
  const json set = api.get("/api/v1/nym-nodes/rewarded-set");
  for (const char* group : {"entry_gateways", "exit_gateways", "layer1", "layer2", "layer3"}) {
    EXPECT_EQ(set[group].size(), 1U) << group;
  }
  const json told = admin(0).get("/admin/network");
  EXPECT_EQ(told["entries"].size(), 2U);  // the exit is one, too
  EXPECT_EQ(told["mixes"].size(), 3U);
  EXPECT_EQ(told["exits"].size(), 1U);
  // Each node counts for itself.
  const json stats = admin(2).get("/admin/stats");
  ASSERT_EQ(stats["nodes"].size(), 1U);
  EXPECT_EQ(stats["nodes"][0]["role"], "mix");
  EXPECT_EQ(stats["epoch"], admin(0).get("/admin/stats")["epoch"]);
}

TEST_F(SitesTest, KeepTheOperatorsPagesApartFromTheDirectory) {
  HttpClient api = directory();
  for (const char* target : {"/", "/metrics", "/admin", "/admin/stats"}) {
    EXPECT_EQ(api.ask(http::verb::get, target).result_int(), 404U) << target;
    EXPECT_EQ(admin(0).ask(http::verb::get, target).result_int(), 200U) << target;
    EXPECT_EQ(admin(0).ask(http::verb::get, target, "", "https://example.com").result_int(), 403U)
        << target;
  }
  EXPECT_EQ(admin(0).ask(http::verb::get, "/api/v1/nym-nodes/rewarded-set").result_int(), 404U);
  EXPECT_EQ(admin(0).ask(http::verb::post, "/metrics").result_int(), 405U);
}

TEST_F(SitesTest, TakeAnnouncementsFromNodesOnly) {
  HttpClient api = directory();
  const std::string path = "/api/localnet/nodes";
  EXPECT_EQ(api.ask(http::verb::post, path, "{}").result_int(), 400U);
  EXPECT_EQ(api.ask(http::verb::post, path, "{}", "http://localhost").result_int(), 403U);
  EXPECT_EQ(api.ask(http::verb::put, path).result_int(), 405U);
  EXPECT_EQ(api.get(path)["nodes"], 5);
  const RunningNetwork whole;
  EXPECT_EQ(HttpClient(whole.directory_port()).ask(http::verb::post, path, "{}").result_int(),
            404U);
}

TEST_F(SitesTest, LeaveTheClockToTheDirectory) {
  for (const char* target : {"/admin/rotate", "/admin/epochs", "/admin/directory"}) {
    EXPECT_EQ(admin(1).ask(http::verb::post, target, R"({"mode":"normal"})").result_int(), 409U)
        << target;
  }
}

TEST(Sites, RefuseAnAddressOrUrlThatIsNone) {
  asio::io_context io;
  crypto::SystemRng rng;
  const auto start = [&](const NetworkConfig& config) { const Network network(io, config, rng); };
  NetworkConfig config = site(SiteConfig::Role::kDirectory);
  config.site->address = "localhost";
  EXPECT_THROW(start(config), std::invalid_argument);
  for (const char* url :
       {"", "https://127.0.0.1/api", "http://", "http://:80/api", "http://a:/api"}) {
    EXPECT_THROW(start(site(SiteConfig::Role::kEntry, url)), std::invalid_argument) << url;
  }
}

}  // namespace
}  // namespace mix::localnet
