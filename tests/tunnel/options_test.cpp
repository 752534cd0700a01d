// Options are refused with the name of what is wrong, before anything is sent.
#include "mix/tunnel/options.h"

#include <gtest/gtest.h>

#include <functional>

namespace mix::tunnel {
namespace {

using base::Errc;

Options good() {
  Options options;
  options.nym_api_urls = {"http://127.0.0.1:8080/api"};
  return options;
}

TEST(Options, DefaultsAreValid) {
  EXPECT_TRUE(validate(good()).has_value());
  EXPECT_EQ(good().max_redirects, 5);
  EXPECT_EQ(good().primary_dns, "8.8.8.8:53");
  EXPECT_EQ(good().fallback_dns, "1.1.1.1:53");
  EXPECT_TRUE(good().force_tls);
}

TEST(Options, BareAndBracketedResolversAreAccepted) {
  Options options = good();
  options.primary_dns = "9.9.9.9";
  options.fallback_dns = "[2620:fe::fe]:53";
  EXPECT_TRUE(validate(options).has_value());
}

struct Refusal {
  const char* what;
  std::function<void(Options&)> spoil;
  Errc code;
};

class BadOption : public testing::TestWithParam<Refusal> {};

TEST_P(BadOption, IsRefusedByName) {
  Options options = good();
  GetParam().spoil(options);
  const auto result = validate(options);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, GetParam().code);
  EXPECT_NE(base::describe(result.error()).find(GetParam().what), std::string::npos)
      << base::describe(result.error());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadOption,
    testing::Values(Refusal{"nymApiUrl", [](Options& o) { o.nym_api_urls.clear(); },
                            Errc::config_bad_option},
                    Refusal{"nymApiUrl", [](Options& o) { o.nym_api_urls = {"ws://x/"}; },
                            Errc::config_bad_option},
                    Refusal{"a.b@c", [](Options& o) { o.preferred_ipr = "a.b@c"; },
                            Errc::config_bad_ipr_address},
                    Refusal{"zzz", [](Options& o) { o.preferred_gateway = "zzz"; },
                            Errc::config_bad_gateway_identity},
                    Refusal{"primaryDns", [](Options& o) { o.primary_dns = "dns.example"; },
                            Errc::config_bad_option},
                    Refusal{"fallbackDns", [](Options& o) { o.fallback_dns = "1.2.3.4:99999"; },
                            Errc::config_bad_option},
                    Refusal{"openReplySurbs", [](Options& o) { o.open_reply_surbs = 501; },
                            Errc::config_bad_option},
                    Refusal{"tcpBufferSize", [](Options& o) { o.tcp_buffer_size = 10; },
                            Errc::config_bad_option},
                    Refusal{"connectTimeoutMs", [](Options& o) { o.connect_timeout = {}; },
                            Errc::config_bad_option},
                    Refusal{"mtu", [](Options& o) { o.max_mtu = 576; }, Errc::config_bad_option},
                    Refusal{"extraRoots", [](Options& o) { o.extra_roots = "no certificate"; },
                            Errc::tls_bad_roots}));

}  // namespace
}  // namespace mix::tunnel
