// Every part of the network that can fail to do its share, and the error that names it.
#include <gtest/gtest.h>

#include <string>

#include "world.h"

namespace mix::sim {
namespace {

using base::Errc;
using tunnel::Phase;
using tunnel::State;

/// The engine's last word is `failed` with this code.
void expect_failed(const World& world, Errc code) {
  ASSERT_FALSE(world.news().empty());
  const tunnel::StateChanged& last = world.news().back();
  EXPECT_EQ(last.state, State::kFailed);
  ASSERT_TRUE(last.error.has_value());
  EXPECT_EQ(last.error->code, code) << base::error_name(last.error->code);
}

void expect_job_failed(const Fetch& fetch, Errc code, Phase phase) {
  ASSERT_TRUE(fetch.failed.has_value());
  EXPECT_EQ(fetch.failed->error.code, code) << base::error_name(fetch.failed->error.code);
  EXPECT_EQ(fetch.failed->phase, phase);
  EXPECT_FALSE(fetch.end.has_value());
}

std::string host_url(const std::string& rest) { return "https://" + std::string(kHost) + rest; }

// --- set-up ---

struct BadDirectory {
  const char* name;
  DirectoryMode mode;
  Errc code;
};

class SetUpWithBadDirectory : public testing::TestWithParam<BadDirectory> {};

TEST_P(SetUpWithBadDirectory, FailsInTimeAndWorksOnceItIsBack) {
  World world;
  world.set_directory(GetParam().mode);
  const base::TimePoint begin = world.now();
  ASSERT_FALSE(world.set_up());
  EXPECT_LE(world.now() - begin, 2min);
  expect_failed(world, GetParam().code);

  world.set_directory(DirectoryMode::kNormal);
  world.replace_engine();
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(world.get(host_url("/bytes/100")).body, pattern(100));
}

INSTANTIATE_TEST_SUITE_P(
    All, SetUpWithBadDirectory,
    testing::Values(
        BadDirectory{"Unreachable", DirectoryMode::kUnreachable, Errc::directory_unreachable},
        BadDirectory{"Hangs", DirectoryMode::kHangs, Errc::directory_timeout},
        BadDirectory{"ServerError", DirectoryMode::kServerError, Errc::directory_bad_status},
        BadDirectory{"Garbage", DirectoryMode::kGarbage, Errc::directory_malformed}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SetUp, WithoutARoutableLayerFails) {
  World world;
  world.set_listed(kMix2Id, false);
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::directory_not_routable);
}

TEST(SetUp, WithoutExitsFails) {
  World world;
  world.set_listed(kExitId, false);
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::directory_no_exit);
}

TEST(SetUp, AtAnUnreachableGatewayFails) {
  World world;
  world.set_links(LinkMode::kRefused);
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::gateway_unreachable);
}

TEST(SetUp, AtAGatewayThatRefusesRegistrationsFailsWithItsReason) {
  WorldConfig config;
  config.cluster.gateway.registrations = localnet::Registrations::kRefused;
  World world(std::move(config));
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::gateway_bad_handshake);
  EXPECT_FALSE(world.news().back().error->context.empty());
}

TEST(SetUp, AtAGatewayThatNeverAnswersFails) {
  World world;
  world.set_links(LinkMode::kSilent);
  const base::TimePoint begin = world.now();
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::gateway_timeout);
  EXPECT_LE(world.now() - begin, 1min);
}

TEST(SetUp, AtAGatewayThatAnswersGarbageFails) {
  World world;
  world.set_links(LinkMode::kGarbage);
  ASSERT_FALSE(world.set_up());
  ASSERT_TRUE(world.news().back().error.has_value());
  const Errc code = world.news().back().error->code;
  EXPECT_TRUE(code == Errc::gateway_malformed || code == Errc::gateway_timeout)
      << base::error_name(code);
}

TEST(SetUp, AtASilentExitFailsWithinItsLimit) {
  WorldConfig config = without_cover();
  config.options.connect_timeout = 10s;
  World world(std::move(config));
  world.exit(kExitId).set_mode(ExitMode::kSilent);
  const base::TimePoint begin = world.now();
  ASSERT_FALSE(world.set_up());
  expect_failed(world, Errc::ipr_connect_timeout);
  // Version 9 is given the whole limit after version 10 got no answer. spec: ipr §1.1
  EXPECT_GE(world.now() - begin, 15s);
  EXPECT_LE(world.now() - begin, 16s);
}

// The client draws; over these seeds it draws both.
constexpr std::uint64_t kSeeds = 4;

TEST(SetUp, PassesOverASilentExit) {
  int passed_over = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    WorldConfig config = with_second(localnet::NodeRole::kExit);
    config.seed = seed;
    World world(std::move(config));
    world.exit(kExitId).set_mode(ExitMode::kSilent);
    const base::TimePoint begin = world.now();
    ASSERT_TRUE(world.set_up()) << seed;
    if (world.now() - begin > 10s) ++passed_over;
    EXPECT_EQ(world.engine().info()->exit,
              localnet::Cluster::ipr_address(*world.cluster().find(kSecondId)).to_string());
    EXPECT_EQ(world.get(host_url("/bytes/100")).body, pattern(100)) << seed;
  }
  EXPECT_GT(passed_over, 0);
}

TEST(SetUp, PassesOverADeadEntry) {
  int passed_over = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    WorldConfig config = with_second(localnet::NodeRole::kEntry);
    config.seed = seed;
    World world(std::move(config));
    world.node(kEntryId).kill();
    ASSERT_TRUE(world.set_up()) << seed;
    if (world.links_opened() > 1) ++passed_over;
    EXPECT_EQ(world.node(kSecondId).gateway()->stats().sessions, 1u);
    EXPECT_EQ(world.get(host_url("/bytes/100")).body, pattern(100)) << seed;
  }
  EXPECT_GT(passed_over, 0);
}

// --- fetches ---

enum class Fault : std::uint8_t { kExpired, kNotYetValid, kUnknownAuthority };

struct BadCertificate {
  const char* name;
  Fault fault;
  Errc code;
};

class FetchWithBadCertificate : public testing::TestWithParam<BadCertificate> {};

TEST_P(FetchWithBadCertificate, FailsBeforeTheRequestIsSent) {
  World world;
  test::SeededRng rng(11);
  test::CertificateSpec spec;
  spec.dns_names = {kHost};
  constexpr base::WallTime kLongAgo{std::chrono::seconds{1600000000}};  // 2020
  constexpr base::WallTime kFuture{std::chrono::seconds{1800000000}};   // 2027
  if (GetParam().fault == Fault::kExpired) {
    spec.not_before = kLongAgo;
    spec.not_after = kLongAgo + 24h;
  }
  if (GetParam().fault == Fault::kNotYetValid) spec.not_before = kFuture;
  const test::TestCa stranger(rng, "CN=Nobody");
  const bool unknown = GetParam().fault == Fault::kUnknownAuthority;
  constexpr std::uint16_t kPort = 8443;
  world.origin().listen(kPort, (unknown ? stranger : simulated_root()).issue(spec));

  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get(host_url(":8443/bytes/1")), GetParam().code, Phase::kTls);
  EXPECT_TRUE(world.origin().served().empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, FetchWithBadCertificate,
    testing::Values(BadCertificate{"Expired", Fault::kExpired, Errc::tls_cert_expired},
                    BadCertificate{"NotYetValid", Fault::kNotYetValid, Errc::tls_cert_expired},
                    BadCertificate{"UnknownAuthority", Fault::kUnknownAuthority,
                                   Errc::tls_cert_unknown_ca}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(FetchError, ServerThatEndsWithinTheBodyTruncates) {
  World world;
  ASSERT_TRUE(world.set_up());
  const Fetch& fetch = world.get(host_url("/truncated"));
  expect_job_failed(fetch, Errc::http_truncated, Phase::kResponse);
  EXPECT_EQ(fetch.body, pattern(100));
}

TEST(FetchError, ServerThatEndsWithoutAnswerIsEmpty) {
  World world;
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get(host_url("/closed")), Errc::http_empty_response, Phase::kRequest);
}

TEST(FetchError, ServerThatNeverAnswersRunsIntoTheLimit) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  tunnel::FetchRequest request;
  request.url = host_url("/silent");
  request.headers_timeout = 10s;
  const base::TimePoint begin = world.now();
  expect_job_failed(world.run(std::move(request)), Errc::http_headers_timeout, Phase::kRequest);
  EXPECT_LE(world.now() - begin, 12s);
}

TEST(FetchError, UnknownNameIsADnsError) {
  World world;
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get("https://nowhere.example.com/"), Errc::dns_not_found, Phase::kDns);
}

TEST(FetchError, CertificateOfAnotherHostIsATlsError) {
  World world;
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get("https://" + std::string(kWrongHost) + "/bytes/1"),
                    Errc::tls_cert_wrong_host, Phase::kTls);
  EXPECT_TRUE(world.origin().served().empty());
}

TEST(FetchError, ClosedPortRefuses) {
  World world;
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get("https://" + std::string(kHost) + ":444/"), Errc::net_connect_refused,
                    Phase::kConnect);
}

TEST(FetchError, PolicyOfTheExitIsNamed) {
  WorldConfig config;
  config.router.policy = localnet::ExitPolicy::parse("reject *:25\naccept *:*");
  World world(std::move(config));
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get("http://" + std::string(kHost) + ":25/"),
                    Errc::ipr_destination_denied, Phase::kConnect);
}

TEST(FetchError, PrivateAddressesAreRefusedByTheExit) {
  World world;
  ASSERT_TRUE(world.set_up());
  expect_job_failed(world.get("http://192.168.1.1/"), Errc::ipr_destination_denied,
                    Phase::kConnect);
}

TEST(FetchError, SilentExitEndsInATimeoutOfTheFetch) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.exit(kExitId).set_mode(ExitMode::kSilent);
  tunnel::FetchRequest request;
  request.url = host_url("/bytes/1");
  request.total_timeout = 20s;
  const base::TimePoint begin = world.now();
  const Fetch& fetch = world.run(std::move(request));
  ASSERT_TRUE(fetch.failed.has_value());
  EXPECT_EQ(base::error_class(fetch.failed->error.code), base::ErrorClass::timeout);
  EXPECT_LE(world.now() - begin, 21s);
}

TEST(Shutdown, EndsJobsAndClosesTheLink) {
  World world;
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(host_url("/bytes/100000"));
  ASSERT_TRUE(world.run_until([&] { return !world.fetch(job).body.empty(); }));
  world.shut_down();
  world.run_for(1s);
  expect_job_failed(world.fetch(job), Errc::tunnel_shut_down, Phase::kResponse);
  EXPECT_EQ(world.engine().state(), State::kShutdown);
  EXPECT_EQ(world.entry_stats().sessions, 0u);
  tunnel::FetchRequest request;
  request.url = host_url("/");
  const auto refused = world.engine().start_fetch(std::move(request));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::usage_not_ready);
}

TEST(Shutdown, LeavesRoomForANewTunnel) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.shut_down();
  world.run_for(1s);
  world.replace_engine();
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(world.get(host_url("/bytes/100")).body, pattern(100));
  EXPECT_EQ(world.entry_stats().registrations, 2u);
}

}  // namespace
}  // namespace mix::sim
