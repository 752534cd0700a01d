// The text that Prometheus reads, and the page for people.
#include "mix/localnet/metrics.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>

#include "mix/localnet/status_page.h"
#include "running_network.h"

namespace mix::localnet {
namespace {

class MetricsTest : public testing::Test {
 protected:
  /// Sample line -> value. Checks the shape of every line on the way.
  std::map<std::string, double> read() {
    const auto response = HttpClient(network_.directory_port()).ask(http::verb::get, "/metrics");
    EXPECT_EQ(response.result_int(), 200U);
    EXPECT_EQ(response[http::field::content_type], "text/plain; version=0.0.4; charset=utf-8");
    std::map<std::string, double> samples;
    std::set<std::string> described;
    std::string kind;
    std::istringstream lines(response.body());
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      std::string mark, what, name;
      words >> mark >> what >> name;
      if (mark == "#") {
        if (what == "HELP") EXPECT_TRUE(described.insert(name).second) << "twice: " << name;
        if (what == "TYPE") {
          words >> kind;
          EXPECT_EQ(name.ends_with("_total"), kind == "counter") << name;
        }
        continue;
      }
      EXPECT_TRUE(described.contains(line.substr(0, line.find_first_of("{ ")))) << line;
      const std::size_t space = line.rfind(' ');
      EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space))).second)
          << "twice: " << line;
    }
    return samples;
  }
  std::string label(std::size_t node, const std::string& rest) {
    const auto& addresses = network_.addresses();
    const std::string identity =
        node == 1 ? addresses.entries.at(0).identity : addresses.mixes.at(node - 2).identity;
    return "{node=\"" + std::to_string(node) + "\"," + rest + ",identity=\"" + identity + "\"}";
  }

  RunningNetwork network_;
};

TEST_F(MetricsTest, TellEpochNodesAndDrops) {
  auto samples = read();
  EXPECT_EQ(samples.at("mix_epoch"), 96);
  EXPECT_EQ(samples.at("mix_key_rotation"), 4);
  EXPECT_EQ(samples.at("mix_node_up" + label(1, R"(role="entry")")), 1);
  EXPECT_EQ(samples.at("mix_packets_received_total" + label(3, R"(role="mix",layer="2")")), 0);
  EXPECT_EQ(samples.at("mix_client_sessions" + label(1, R"(role="entry")")), 0);
  EXPECT_FALSE(samples.contains("mix_client_sessions" + label(2, R"(role="mix",layer="1")")));
  std::size_t exits = 0, drops = 0;
  for (const auto& [name, value] : samples) {
    if (name.starts_with("mix_exit_flows{")) ++exits;
    if (name.starts_with("mix_packets_dropped_total{")) ++drops;
  }
  EXPECT_EQ(exits, 2U);
  EXPECT_EQ(drops, 6 * kDropReasons);
}

TEST_F(MetricsTest, FollowWhatHappens) {
  HttpClient admin(network_.directory_port());
  (void)admin.post("/admin/nodes/2/kill");
  (void)admin.post("/admin/nodes/3/leave");
  (void)admin.post("/admin/epochs", {{"advance", 2}});
  const auto samples = read();
  EXPECT_EQ(samples.at("mix_node_up" + label(2, R"(role="mix",layer="1")")), 0);
  EXPECT_EQ(samples.at("mix_node_listed" + label(3, R"(role="mix",layer="2")")), 0);
  EXPECT_EQ(samples.at("mix_epoch"), 98);
}

TEST(StatusPage, AllowsNothingFromElsewhere) {
  const HttpAnswer page = status_page();
  EXPECT_EQ(page.status, 200);
  EXPECT_TRUE(page.content_type.starts_with("text/html"));
  EXPECT_EQ(page.body.find("http://"), std::string::npos);
  EXPECT_EQ(page.body.find("https://"), std::string::npos);
  std::string policy;
  for (const auto& [name, value] : page.headers) {
    if (name == "Content-Security-Policy") policy = value;
  }
  EXPECT_TRUE(policy.starts_with("default-src 'none'; connect-src 'self'")) << policy;
}

}  // namespace
}  // namespace mix::localnet
