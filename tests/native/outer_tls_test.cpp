// The tunnel's own connections as on the live network: the directory by HTTPS, the gateway by
// wss at the name that it announces, both held to the roots that the caller gave.
#include <gtest/gtest.h>

#include "mix/native/tunnel.h"
#include "native/tls_front.h"

namespace mix::native {
namespace {

/// Waits that end long before in any run that is all right.
constexpr Timeout kLong{300'000};
constexpr auto kName = "localhost";

localnet::NetworkConfig one_entry() {
  localnet::NetworkConfig config;
  config.exit_entries = localnet::NetworkConfig::ExitEntries::kNo;
  return config;
}

/// Puts the gateway's name and TLS port where it says that it has none.
void announce(std::string& body, std::uint16_t port) {
  const auto replace = [&](const std::string& what, const std::string& by) {
    for (auto at = body.find(what); at != std::string::npos; at = body.find(what, at + by.size())) {
      body.replace(at, what.size(), by);
    }
  };
  replace("\"wss_port\":null", "\"wss_port\":" + std::to_string(port));
  replace("\"hostname\":null", std::string("\"hostname\":\"") + kName + "\"");
}

class OuterTls : public testing::Test {
 protected:
  [[nodiscard]] test::Identity identity() const { return ca_.issue_for(kName); }
  [[nodiscard]] TunnelConfig config() const {
    TunnelConfig config;
    config.options.nym_api_urls = {std::string("https://") + kName + ":" +
                                   std::to_string(directory_.port()) + "/api"};
    config.options.traffic.disable_main_poisson = true;
    config.options.traffic.disable_loop_cover = true;
    config.outer_roots = ca_.pem();
    return config;
  }

  crypto::SystemRng rng_;
  test::TestCa ca_{rng_, "CN=throw-away"};
  localnet::RunningNetwork network_{one_entry()};
  test::TlsFront gateway_{
      identity(),
      test::relay_to(localnet::RunningNetwork::port_of(network_.addresses().entries.at(0).url))};
  test::TlsFront directory_{
      identity(), test::directory_at(network_.directory_port(), [this](std::string& body) {
        announce(body, gateway_.port());
      })};
};

TEST_F(OuterTls, LeadsToDirectoryAndGateway) {
  const auto tunnel = Tunnel::open(config(), kLong);
  ASSERT_TRUE(tunnel) << base::describe(tunnel.error());
  EXPECT_FALSE(tunnel->info()->exit.empty());
  EXPECT_EQ(gateway_.served(), 1);
  EXPECT_GE(directory_.served(), 1);
}

TEST_F(OuterTls, AsksNobodyWhoseCertificateIsOfAStranger) {
  TunnelConfig stranger = config();
  stranger.outer_roots = test::TestCa(rng_, "CN=another").pem();
  const auto tunnel = Tunnel::open(stranger, kLong);
  ASSERT_FALSE(tunnel);
  EXPECT_EQ(directory_.served(), 0);
  EXPECT_EQ(gateway_.served(), 0);
}

}  // namespace
}  // namespace mix::native
