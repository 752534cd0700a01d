// What an observer of the client's link sees: packets of one size on a Poisson schedule, whether
// pages are fetched or not.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mixnet/statistics.h"
#include "world.h"

namespace mix::sim {
namespace {

constexpr std::size_t kSealedPacketSize = 2452;  // spec: gateway §7.1

std::vector<LinkRecord> frames_since(const World& world, std::size_t first) {
  return {world.sent_on_link().begin() + static_cast<std::ptrdiff_t>(first),
          world.sent_on_link().end()};
}

/// Seconds between the frames.
std::vector<double> gaps(const std::vector<LinkRecord>& frames) {
  std::vector<double> out;
  for (std::size_t i = 1; i < frames.size(); ++i) {
    out.push_back(std::chrono::duration<double>(frames[i].at - frames[i - 1].at).count());
  }
  return out;
}

/// Main stream every 20 ms and loop cover every 200 ms: together a Poisson process of 55 a second.
constexpr double kMeanGap = 1 / (1 / 0.020 + 1 / 0.200);

void expect_poisson(const std::vector<double>& between) {
  ASSERT_GT(between.size(), 300u);
  EXPECT_NEAR(test::mean(between) / kMeanGap, 1,
              4 / std::sqrt(static_cast<double>(between.size())));
  EXPECT_LT(test::ks_exponential(between, kMeanGap), test::ks_limit(between.size()));
}

TEST(ObserverOfTheLink, SeesPacketsOfOneSizeOnly) {
  World world;
  ASSERT_TRUE(world.set_up());
  tunnel::FetchRequest request;
  request.method = "POST";
  request.url = "https://" + std::string(kHost) + "/echo";
  request.body = pattern(10'000);
  ASSERT_TRUE(world.run(std::move(request)).end.has_value());
  std::size_t packets = 0, texts = 0;
  for (const LinkRecord& frame : world.sent_on_link()) {
    if (frame.is_text) {
      ++texts;
      EXPECT_EQ(packets, 0u) << "control frames come before the first packet";
    } else {
      ++packets;
      EXPECT_EQ(frame.size, kSealedPacketSize);
    }
  }
  EXPECT_GT(packets, 20u);
  EXPECT_GT(texts, 1u);
}

TEST(ObserverOfTheLink, CannotTellAnIdleClientFromABusyOne) {
  World world;
  ASSERT_TRUE(world.set_up());
  world.run_for(1s);
  const std::size_t first = world.sent_on_link().size();
  world.run_for(20s);
  const std::vector<double> idle = gaps(frames_since(world, first));
  const std::size_t second = world.sent_on_link().size();
  const base::TimePoint begin = world.now();
  std::size_t fetched = 0;
  while (world.now() - begin < 20s) {
    ASSERT_TRUE(world.get("https://" + std::string(kHost) + "/bytes/20000").end.has_value());
    ++fetched;
  }
  EXPECT_GT(fetched, 10u);
  EXPECT_EQ(world.engine().stats().mixnet.send_multiplier, 1u);
  const std::vector<double> busy = gaps(frames_since(world, second));
  expect_poisson(idle);
  expect_poisson(busy);
  EXPECT_LT(test::ks_two_samples(idle, busy), test::ks_limit(idle.size(), busy.size()));
}

TEST(TrafficPresets, CarryRequests) {
  for (const char* name : {"fast", "noPerHopDelays", "medium"}) {
    SCOPED_TRACE(name);
    WorldConfig config;
    config.options.traffic = mixnet::traffic_preset(*mixnet::parse_traffic_preset(name));
    World world(std::move(config));
    ASSERT_TRUE(world.set_up(10s));
    const Fetch& fetch = world.get("https://" + std::string(kHost) + "/bytes/1000", 10s);
    ASSERT_TRUE(fetch.end.has_value());
    EXPECT_EQ(fetch.body, pattern(1000));
  }
}

TEST(ObserverOfTheLink, SeesNothingOfAnIdleClientWithoutShaping) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  world.run_for(5s);  // the rest of the SURBs for the exit
  const std::size_t first = world.sent_on_link().size();
  world.run_for(10s);
  EXPECT_EQ(world.sent_on_link().size(), first);
}

}  // namespace
}  // namespace mix::sim
