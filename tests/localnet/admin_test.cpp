// The admin interface: every request, every refusal.
#include "mix/localnet/admin.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "mix/base/encoding.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// Remembers what it was told.
class FakeNetwork final : public NetworkControl {
 public:
  explicit FakeNetwork(Cluster& cluster) : cluster_(cluster) {}
  Cluster& cluster() override { return cluster_; }
  [[nodiscard]] std::string description() const override { return R"({"directory":"x"})"; }
  void kill(directory::NodeId id) override { note("kill", id); }
  void restart(directory::NodeId id) override { note("restart", id); }
  void cut_links(directory::NodeId id) override { note("cut", id); }
  void set_listed(directory::NodeId id, bool listed) override {
    note(listed ? "join" : "leave", id);
  }
  void set_performance(directory::NodeId id, std::uint8_t percent) override {
    note("performance " + std::to_string(percent), id);
  }
  void advance_epochs(std::uint32_t epochs) override { note("advance", epochs); }
  void rotate_keys() override { note("rotate", 0); }
  [[nodiscard]] DirectoryMode directory_mode() const override { return mode; }
  void set_directory_mode(const DirectoryMode& told) override { mode = told; }
  void set_exit_activity(directory::NodeId id, ExitActivity activity) override {
    note(activity == ExitActivity::kFrozen ? "freeze" : "thaw", id);
  }
  void set_exit_replier(directory::NodeId id, const mixnet::ReplierConfig& told) override {
    note("surbs", id);
    replier = told;
  }
  [[nodiscard]] std::optional<ExitStats> exit_stats(directory::NodeId id) const override {
    if (id != 3) return std::nullopt;
    return ExitStats{};
  }

  std::vector<std::string> calls;
  DirectoryMode mode;
  mixnet::ReplierConfig replier;

 private:
  void note(const std::string& what, std::uint32_t number) {
    calls.push_back(what + " " + std::to_string(number));
  }
  Cluster& cluster_;
};

class AdminTest : public testing::Test {
 protected:
  static ClusterConfig config() {
    ClusterConfig out;
    out.places = {{NodeRole::kEntry, 0, "127.0.0.1", 1001, 9001},
                  {NodeRole::kMix, 1, "127.0.0.1", 1002, std::nullopt},
                  {NodeRole::kExit, 0, "127.0.0.1", 1003, 9003}};
    return out;
  }
  HttpAnswer ask(const std::string& method, const std::string& target,
                 const std::string& body = "") {
    return answer_admin(network_, {method, target, body, "application/json", ""});
  }
  json get(const std::string& target) {
    const HttpAnswer answer = ask("GET", target);
    EXPECT_EQ(answer.status, 200) << target;
    return json::parse(answer.body, nullptr, false);
  }
  void expect_call(const std::string& target, const std::string& body, const std::string& call) {
    network_.calls.clear();
    EXPECT_EQ(ask("POST", target, body).status, 200) << target;
    EXPECT_EQ(network_.calls, std::vector{call});
  }
  void expect_refusal(const std::string& target, const std::string& body, int status,
                      const std::string& words) {
    const HttpAnswer answer = ask("POST", target, body);
    EXPECT_EQ(answer.status, status) << target << " " << body;
    const json error = json::parse(answer.body, nullptr, false);
    EXPECT_NE(error.value("error", "").find(words), std::string::npos) << answer.body;
    EXPECT_TRUE(network_.calls.empty());
  }

  test::SeededRng rng_{31};
  test::ManualClock clock_;
  Cluster cluster_{config(), rng_, clock_.wall_now()};
  FakeNetwork network_{cluster_};
};

TEST_F(AdminTest, ListsItsRequests) {
  EXPECT_TRUE(get("/admin").contains("GET /admin/stats"));
  EXPECT_EQ(get("/admin/network"), (json{{"directory", "x"}}));
}

TEST_F(AdminTest, CountsPerNode) {
  const json stats = get("/admin/stats");
  EXPECT_EQ(stats["epoch"], 96);
  EXPECT_EQ(stats["rotation"], 4);
  ASSERT_EQ(stats["nodes"].size(), 3U);
  EXPECT_EQ(stats["nodes"][0]["role"], "entry");
  EXPECT_EQ(stats["nodes"][0]["gateway"]["sessions"], 0);
  EXPECT_EQ(stats["nodes"][1]["layer"], 1);
  EXPECT_FALSE(stats["nodes"][1].contains("gateway"));
  EXPECT_EQ(stats["nodes"][1]["dropped"]["replay"], 0);
  EXPECT_EQ(stats["nodes"][2]["exit"]["nat"]["packets_out"], 0);
  EXPECT_EQ(get("/admin/nodes/2"), stats["nodes"][1]);
  EXPECT_EQ(get("/admin/nodes/" + stats["nodes"][1]["identity"].get<std::string>()),
            stats["nodes"][1]);
}

TEST_F(AdminTest, SetsFaultsOfOneNodeOrAll) {
  EXPECT_EQ(
      ask("POST", "/admin/nodes/2/faults", R"({"drop":0.25,"reorder":{"rate":1,"ms":1.5}})").status,
      200);
  const FaultRates one = cluster_.find(2)->node->faults();
  EXPECT_EQ(one.drop, 0.25);
  EXPECT_EQ(one.reorder, 1);
  EXPECT_EQ(one.reorder_window, 1500us);
  EXPECT_TRUE(cluster_.find(1)->node->faults().none());
  EXPECT_EQ(get("/admin/nodes/2")["faults"]["reorder"]["ms"], 1.5);

  EXPECT_EQ(
      ask("POST", "/admin/faults", R"({"duplicate":1,"corrupt":0.5,"delay":{"rate":0.1,"ms":200}})")
          .status,
      200);
  for (const auto& entry : cluster_.nodes()) {
    EXPECT_EQ(entry.node->faults().duplicate, 1);
    EXPECT_EQ(entry.node->faults().drop, 0);  // what is left out is reset
    EXPECT_EQ(entry.node->faults().delay, 200ms);
  }
  EXPECT_EQ(ask("POST", "/admin/faults").status, 200);
  EXPECT_TRUE(cluster_.find(3)->node->faults().none());
}

TEST_F(AdminTest, CarriesOutEveryAction) {
  expect_call("/admin/nodes/2/kill", "", "kill 2");
  expect_call("/admin/nodes/2/restart", "{}", "restart 2");
  expect_call("/admin/nodes/1/cut", "", "cut 1");
  expect_call("/admin/nodes/2/leave", "", "leave 2");
  expect_call("/admin/nodes/2/join", "", "join 2");
  expect_call("/admin/nodes/2/performance", R"({"percent":30})", "performance 30 2");
  expect_call("/admin/nodes/3/freeze", "", "freeze 3");
  expect_call("/admin/nodes/3/freeze", R"({"on":false})", "thaw 3");
  expect_call("/admin/rotate", "", "rotate 0");
  expect_call("/admin/epochs", "", "advance 1");
  expect_call("/admin/epochs", R"({"advance":7})", "advance 7");
}

TEST_F(AdminTest, SetsHowAnExitKeepsReplySurbs) {
  expect_call("/admin/nodes/3/starve", "", "surbs 3");
  EXPECT_EQ(network_.replier.max_held_per_sender, 0U);
  expect_call("/admin/nodes/3/starve", R"({"on":false})", "surbs 3");
  EXPECT_EQ(network_.replier.max_held_per_sender, exit_replier().max_held_per_sender);
  expect_call("/admin/nodes/3/surbs", R"({"min_request":1000000,"max_request":1000000})",
              "surbs 3");
  EXPECT_EQ(network_.replier.min_request, 1'000'000U);
  EXPECT_EQ(network_.replier.threshold_buffer, exit_replier().threshold_buffer);
  network_.calls.clear();
  expect_refusal("/admin/nodes/1/starve", "", 409, "not an exit");
  expect_refusal("/admin/nodes/3/surbs", R"({"min_request":-1})", 400, "between");
}

TEST_F(AdminTest, SwitchesWhatAGatewayGrants) {
  GatewayCore& gateway = *cluster_.find(1)->node->gateway();
  const LinkId link = gateway.open(clock_.now()).value();
  const auto answers_registration = [&] {
    gateway.receive(link, gateway::TextFrame{R"({"type":"supportedProtocol"})"}, clock_.now(),
                    clock_.wall_now());
    return gateway.poll_output().has_value();
  };
  EXPECT_TRUE(answers_registration());
  for (const char* action : {"refuse-registrations", "refuse-claims"}) {
    const std::string target = std::string("/admin/nodes/1/") + action;
    EXPECT_EQ(ask("POST", target).status, 200);
    EXPECT_EQ(ask("POST", target, R"({"on":false})").status, 200);
  }
  EXPECT_EQ(ask("POST", "/admin/nodes/1/bandwidth", R"({"bytes":0})").status, 200);
  EXPECT_EQ(ask("POST", "/admin/nodes/1/forget-clients").status, 200);
}

TEST_F(AdminTest, SetsHowTheDirectoryAnswers) {
  using Kind = DirectoryMode::Kind;
  for (const auto& [name, kind] : {std::pair{"hang", Kind::kHang},
                                   {"garbage", Kind::kGarbage},
                                   {"status", Kind::kStatus},
                                   {"normal", Kind::kNormal}}) {
    EXPECT_EQ(ask("POST", "/admin/directory", json{{"mode", name}}.dump()).status, 200);
    EXPECT_EQ(network_.mode.kind, kind);
  }
  ask("POST", "/admin/directory", R"({"mode":"status","status":404})");
  EXPECT_EQ(network_.mode.status, 404);
}

TEST_F(AdminTest, RefusesWithASentence) {
  expect_refusal("/admin/faults", "[1]", 400, "JSON object");
  expect_refusal("/admin/faults", "{", 400, "JSON object");
  expect_refusal("/admin/faults", R"({"drp":1})", 400, "\"drp\"");
  expect_refusal("/admin/faults", R"({"drop":1.5})", 400, "between 0");
  expect_refusal("/admin/faults", R"({"drop":"much"})", 400, "number");
  expect_refusal("/admin/faults", R"({"delay":0.5})", 400, "rate");
  expect_refusal("/admin/faults", R"({"delay":{"rate":0.5}})", 400, "\"ms\"");
  expect_refusal("/admin/faults", R"({"delay":{"rate":0.5,"ms":1e9}})", 400, "between");
  expect_refusal("/admin/nodes/99/kill", "", 404, "no node");
  expect_refusal("/admin/nodes/2x/kill", "", 404, "no node");
  expect_refusal("/admin/nodes/2", "", 404, "action");
  expect_refusal("/admin/nodes/2/dance", "", 404, "dance");
  expect_refusal("/admin/nodes/2/cut", "", 409, "mix");
  expect_refusal("/admin/nodes/2/kill", R"({"now":true})", 400, "\"now\"");
  expect_refusal("/admin/nodes/1/freeze", "", 409, "not an exit");
  expect_refusal("/admin/nodes/3/freeze", R"({"on":1})", 400, "true or false");
  expect_refusal("/admin/nodes/2/performance", "", 400, "missing");
  expect_refusal("/admin/epochs", R"({"advance":0})", 400, "between");
  expect_refusal("/admin/directory", R"({"mode":"sleep"})", 400, "normal");
  expect_refusal("/admin/nothing", "", 404, "GET /admin");
  EXPECT_EQ(ask("GET", "/admin/nothing").status, 404);
  EXPECT_EQ(ask("DELETE", "/admin/stats").status, 405);
}

}  // namespace
}  // namespace mix::localnet
