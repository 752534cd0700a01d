// A tunnel from its set-up to whole pages, with nothing going wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "world.h"

namespace mix::sim {
namespace {

using tunnel::State;
using tunnel::Step;

std::string https(const std::string& path) { return "https://" + std::string(kHost) + path; }

TEST(WholeStack, SetUpTellsItsStepsInOrderAndEndsReady) {
  World world;
  ASSERT_TRUE(world.set_up());
  std::vector<Step> steps;
  for (const tunnel::StateChanged& news : world.news()) {
    ASSERT_TRUE(news.step.has_value());
    EXPECT_FALSE(news.error.has_value());
    EXPECT_EQ(news.attempt, 0u);
    EXPECT_EQ(news.state, news.step == Step::kReady ? State::kReady : State::kConnecting);
    steps.push_back(*news.step);
  }
  EXPECT_EQ(steps, (std::vector{Step::kKeys, Step::kDirectory, Step::kGateway, Step::kRegister,
                                Step::kTopology, Step::kExit, Step::kReady}));
  const auto info = world.engine().info();
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->assignment->version, ipr::ProtocolVersion::k10);
  EXPECT_EQ(info->exit, localnet::Cluster::ipr_address(*world.cluster().find(kExitId)).to_string());
  EXPECT_EQ(world.entry_stats().registrations, 1u);
}

TEST(WholeStack, FetchesOverTlsByteForByte) {
  World world;
  ASSERT_TRUE(world.set_up());
  for (const std::size_t size : {std::size_t{1}, std::size_t{1024}, std::size_t{100 * 1024}}) {
    const Fetch& fetch = world.get(https("/bytes/" + std::to_string(size)));
    ASSERT_TRUE(fetch.end.has_value()) << size;
    ASSERT_TRUE(fetch.head.has_value());
    EXPECT_EQ(fetch.head->status, 200);
    EXPECT_EQ(fetch.body, pattern(size)) << size;
  }
}

TEST(WholeStack, PostedBodyComesBack) {
  World world;
  ASSERT_TRUE(world.set_up());
  tunnel::FetchRequest request;
  request.method = "POST";
  request.url = https("/echo");
  request.body = pattern(20'000);
  const Fetch& fetch = world.run(std::move(request));
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_EQ(fetch.head->status, 200);
  EXPECT_EQ(fetch.body, pattern(20'000));
}

TEST(WholeStack, SecondRequestUsesTheConnectionOfTheFirst) {
  World world;
  ASSERT_TRUE(world.set_up());
  ASSERT_TRUE(world.get(https("/bytes/10")).end.has_value());
  const std::size_t asked = world.name_server().asked();
  const Fetch& second = world.get(https("/bytes/20"));
  ASSERT_TRUE(second.end.has_value());
  EXPECT_TRUE(second.end->timing.reused);
  EXPECT_EQ(second.body, pattern(20));
  EXPECT_EQ(world.origin().accepted(), 1u);
  EXPECT_EQ(world.name_server().asked(), asked);
  EXPECT_EQ(world.origin().served().size(), 2u);
}

TEST(WholeStack, ParallelRequestsDoNotMixTheirBodies) {
  World world;
  ASSERT_TRUE(world.set_up());
  std::vector<tunnel::JobId> jobs;
  for (std::size_t i = 1; i <= 4; ++i) {
    jobs.push_back(world.start_get(https("/bytes/" + std::to_string(5000 * i))));
  }
  ASSERT_TRUE(world.run_until([&] {
    return std::ranges::all_of(jobs, [&](auto job) { return world.fetch(job).done(); });
  }));
  for (std::size_t i = 1; i <= 4; ++i) {
    EXPECT_EQ(world.fetch(jobs[i - 1]).body, pattern(5000 * i));
  }
}

TEST(WholeStack, ReachesAnIpv6LiteralWithoutAskingForNames) {
  World world;
  ASSERT_TRUE(world.set_up());
  const Fetch& fetch = world.get("https://[" + std::string(kServerIpv6) + "]/bytes/3000");
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_EQ(fetch.body, pattern(3000));
  EXPECT_EQ(world.name_server().asked(), 0u);
  ASSERT_EQ(world.origin().served().size(), 1u);
  EXPECT_TRUE(std::holds_alternative<net::Ipv6>(world.origin().served().front().client.address));
}

TEST(WholeStack, PlainHttpAndTheServersStatusPassThrough) {
  World world;
  ASSERT_TRUE(world.set_up());
  const Fetch& fetch = world.get("http://" + std::string(kHost) + "/nothing-here");
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_EQ(fetch.head->status, 404);
  EXPECT_TRUE(fetch.body.empty());
}

TEST(WholeStack, RedirectIsFollowedOnTheSameConnection) {
  World world;
  ASSERT_TRUE(world.set_up());
  const Fetch& fetch = world.get(https("/redirect/77"));
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_TRUE(fetch.head->redirected);
  EXPECT_EQ(fetch.head->url, https("/bytes/77"));
  EXPECT_EQ(fetch.body, pattern(77));
  EXPECT_EQ(world.origin().accepted(), 1u);
}

TEST(WholeStack, RedirectWhoseBodyNeverEndsIsFollowedAllTheSame) {
  World world;
  ASSERT_TRUE(world.set_up());
  const base::TimePoint begin = world.now();
  const Fetch& fetch = world.get(https("/redirect-open/77"));
  ASSERT_TRUE(fetch.end.has_value());
  EXPECT_EQ(fetch.body, pattern(77));
  EXPECT_LT(world.now() - begin, 10s);
  EXPECT_EQ(world.origin().accepted(), 2u);
}

TEST(WholeStack, OtherIsolationKeysKnowNoConnectionAndNoName) {
  World world;
  world.name_server().add(kHost, kServerIpv6);
  ASSERT_TRUE(world.set_up());
  const auto asked_for = [&](const char* scheme, const char* key) {
    const std::size_t asked = world.name_server().asked();
    tunnel::FetchRequest request;
    request.url = scheme + std::string("://") + std::string(kHost) + "/bytes/1";
    request.isolation_key = key;
    EXPECT_TRUE(world.run(std::move(request)).end.has_value()) << key;
    return world.name_server().asked() - asked;
  };
  EXPECT_EQ(asked_for("https", "a"), 2u);
  EXPECT_EQ(asked_for("http", "a"), 0u);
  EXPECT_EQ(asked_for("https", "b"), 2u);
  EXPECT_EQ(asked_for("https", ""), 2u);
  EXPECT_EQ(world.origin().accepted(), 4u);
}

TEST(WholeStack, LookUpGivesBothFamilies) {
  World world;
  world.name_server().add("both.example.com", kServerIpv4);
  world.name_server().add("both.example.com", kServerIpv6);
  ASSERT_TRUE(world.set_up());
  const Lookup both = world.look_up("both.example.com");
  ASSERT_TRUE(both.finished.has_value());
  EXPECT_EQ(both.finished->addresses, (std::vector<std::string>{kServerIpv4, kServerIpv6}));
  const Lookup nothing = world.look_up("nowhere.example.com");
  ASSERT_TRUE(nothing.failed.has_value());
  EXPECT_EQ(nothing.failed->error.code, base::Errc::dns_not_found);
}

TEST(WholeStack, PageThatDoesNotReadHoldsTheServerBack) {
  WorldConfig config = without_cover();
  config.options.tcp_buffer_size = 16 * 1024;
  World world(std::move(config));
  ASSERT_TRUE(world.set_up());
  constexpr std::size_t kSize = 700 * 1024;
  constexpr std::size_t kMost = 512 * 1024 + 32 * 1024;  // given to the page unread, and one chunk
  world.set_reading(Reading::kOff);
  const tunnel::JobId job = world.start_get(https("/bytes/" + std::to_string(kSize)));
  EXPECT_FALSE(world.run_until([&] { return world.fetch(job).body.size() > kMost; }, 60s));
  EXPECT_GE(world.fetch(job).body.size(), std::size_t{512 * 1024});
  world.set_reading(Reading::kOn);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).done(); }));
  EXPECT_EQ(world.fetch(job).body, pattern(kSize));
}

TEST(WholeStack, TimeForTheHeadBeginsOnceTheBodyIsSent) {
  constexpr std::size_t kSize = 200'000;
  constexpr base::Duration kLimit = 1s;
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  tunnel::FetchRequest request;
  request.method = "POST";
  request.url = https("/echo");
  request.headers_timeout = kLimit;
  auto at_once = request;
  at_once.body = pattern(kSize);
  const base::TimePoint begin = world.now();
  const tunnel::JobId whole = world.start(std::move(at_once));
  ASSERT_TRUE(
      world.run_until([&] { return world.fetch(whole).head || world.fetch(whole).done(); }));
  EXPECT_GT(world.now() - begin, kLimit + 200ms) << "too quick to show anything";
  ASSERT_TRUE(world.fetch(whole).head.has_value());
  world.cancel(whole);
  request.streamed = http::StreamedBody{kSize};
  // Then it does count.
  request.url = https("/silent");
  request.upload_news = tunnel::UploadNews::kTell;
  const tunnel::JobId unanswered = world.start_upload(request, pattern(kSize));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(unanswered).uploaded == kSize; }));
  const base::TimePoint sent = world.now();
  ASSERT_TRUE(world.run_until([&] { return world.fetch(unanswered).done(); }));
  ASSERT_TRUE(world.fetch(unanswered).failed.has_value());
  EXPECT_EQ(world.fetch(unanswered).failed->error.code, base::Errc::http_headers_timeout);
  EXPECT_EQ(world.now() - sent, kLimit);
}

TEST(WholeStack, CancelledFetchIsHeardOfNoMore) {
  World world;
  ASSERT_TRUE(world.set_up());
  const tunnel::JobId job = world.start_get(https("/bytes/200000"));
  ASSERT_TRUE(world.run_until([&] { return !world.fetch(job).body.empty(); }));
  const std::size_t had = world.fetch(job).body.size();
  world.cancel(job);
  world.run_for(2s);
  EXPECT_EQ(world.fetch(job).body.size(), had);
  EXPECT_FALSE(world.fetch(job).done());
  EXPECT_EQ(world.engine().stats().jobs, 0u);
  EXPECT_EQ(world.get(https("/bytes/10")).body, pattern(10));
}

TEST(WholeStack, ServerSeesTheAddressThatTheExitAssigned) {
  World world;
  ASSERT_TRUE(world.set_up());
  ASSERT_TRUE(world.get(https("/bytes/1")).end.has_value());
  const auto info = world.engine().info();
  ASSERT_TRUE(info.has_value());
  ASSERT_EQ(world.origin().served().size(), 1u);
  EXPECT_EQ(world.origin().served().front().client.address,
            net::IpAddress{net::Ipv4{info->assignment->ipv4}});
}

TEST(WholeStack, ExitWithoutVersion10IsAskedInVersion9) {
  WorldConfig config = without_cover();
  config.router.newest = localnet::NewestVersion::k9;
  World world(std::move(config));
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(world.engine().info()->assignment->version, ipr::ProtocolVersion::k9);
  EXPECT_EQ(world.get(https("/bytes/5000")).body, pattern(5000));
}

TEST(WholeStack, LegacySphinxFormatWorksToo) {
  WorldConfig config;
  config.options.traffic.use_legacy_sphinx_format = true;
  World world(std::move(config));
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(world.get(https("/bytes/5000")).body, pattern(5000));
}

TEST(WholeStack, SameSeedGivesTheSameRun) {
  const auto run = [](std::uint64_t seed) {
    WorldConfig config;
    config.seed = seed;
    World world(std::move(config));
    EXPECT_TRUE(world.set_up());
    EXPECT_TRUE(world.get(https("/bytes/1000")).end.has_value());
    std::vector<base::TimePoint> times;
    for (const LinkRecord& record : world.sent_on_link()) times.push_back(record.at);
    return times;
  };
  const auto first = run(5);
  EXPECT_EQ(first, run(5));
  EXPECT_NE(first, run(6));
}

}  // namespace
}  // namespace mix::sim
