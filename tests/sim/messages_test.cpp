// Mixnet messages through the engine: to itself, without an exit, in a network that loses packets.
#include <gtest/gtest.h>

#include "world.h"

namespace mix::sim {
namespace {

using base::Errc;
using tunnel::Confirm;
using tunnel::MessageRequest;
using tunnel::MessageTo;
using tunnel::State;

WorldConfig no_exit() {
  WorldConfig config = without_cover();
  config.options.exit = false;
  return config;
}

MessageRequest to_self(World& world, base::Bytes data, std::uint32_t reply_surbs = 0) {
  MessageRequest request;
  request.to = world.engine().info()->address;
  request.data = std::move(data);
  request.reply_surbs = reply_surbs;
  return request;
}

Errc refusal(World& world, MessageRequest request) {
  const auto job = world.engine().send_message(std::move(request));
  return job ? Errc{} : job.error().code;
}

TEST(Messages, NeedNoExit) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  EXPECT_TRUE(world.engine().info()->exit.empty());
  EXPECT_FALSE(world.engine().info()->assignment);
  const auto job = world.send(to_self(world, pattern(5000)));
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 1min));
  EXPECT_TRUE(world.run_until([&] { return !world.messages().empty(); }, 1min));
  EXPECT_EQ(world.messages()[0].data, pattern(5000));
  EXPECT_FALSE(world.messages()[0].sender_tag);
  tunnel::FetchRequest fetch;
  fetch.url = "https://www.example.com/";
  EXPECT_EQ(world.engine().start_fetch(fetch).error().code, Errc::usage_no_exit);
  EXPECT_EQ(world.engine().start_lookup("www.example.com").error().code, Errc::usage_no_exit);
}

TEST(Messages, AreAnsweredBySurbs) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  (void)world.send(to_self(world, pattern(10), 5));
  ASSERT_TRUE(world.run_until([&] { return !world.messages().empty(); }, 1min));
  const auto tag = world.messages()[0].sender_tag;
  ASSERT_TRUE(tag);
  MessageRequest reply;
  reply.to = *tag;
  reply.addressing = MessageTo::kSenderTag;
  reply.data = pattern(3000);
  const auto job = world.send(std::move(reply));
  EXPECT_TRUE(world.run_until([&] { return world.messages().size() == 2; }, 1min));
  EXPECT_EQ(world.messages()[1].data, pattern(3000));
  EXPECT_FALSE(world.messages()[1].sender_tag);
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 1min));
}

TEST(Messages, ArriveBesideIpTrafficWhichIsNoMessage) {
  World world(without_cover());
  ASSERT_TRUE(world.set_up());
  const auto job = world.send(to_self(world, pattern(100'000)));
  EXPECT_TRUE(world.get("https://" + std::string(kHost) + "/bytes/20000").end);
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 1min));
  EXPECT_EQ(world.messages().size(), 1u);
}

TEST(Messages, SurviveLoss) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.drop = 0.1;
  world.node(kMix2Id).set_faults(rates);
  const auto job = world.send(to_self(world, pattern(60'000)));
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 2min));
  ASSERT_EQ(world.messages().size(), 1u);
  EXPECT_EQ(world.messages()[0].data, pattern(60'000));
  EXPECT_GT(world.engine().stats().mixnet.retransmitted, 0u);
}

TEST(Messages, EndAtTheirTimeLimit) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.drop = 1;
  world.node(kMix2Id).set_faults(rates);
  MessageRequest request = to_self(world, pattern(10));
  request.timeout = 10s;
  const base::TimePoint start = world.now();
  const auto job = world.send(std::move(request));
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).failed.has_value(); }, 1min));
  EXPECT_EQ(world.fetch(job).failed->error.code, Errc::mixnet_timeout);
  EXPECT_FALSE(world.fetch(job).failed->retryable);
  EXPECT_EQ(world.now() - start, 10s);
  EXPECT_EQ(world.engine().stats().mixnet.unacknowledged, 0u);
}

TEST(Messages, AreConfirmedAtOnceWhenAPlaceInTheQueueIsEnough) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  MessageRequest request = to_self(world, pattern(10));
  request.confirm = Confirm::kQueued;
  const base::TimePoint start = world.now();
  const auto job = world.send(std::move(request));
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 1min));
  EXPECT_EQ(world.now(), start);
  EXPECT_TRUE(world.run_until([&] { return !world.messages().empty(); }, 1min));
}

TEST(Messages, WaitForRoomAndComeInOrderOfTheirLane) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  std::vector<tunnel::JobId> jobs;
  // Each fills its lane.
  for (int i = 0; i < 6; ++i) jobs.push_back(world.send(to_self(world, pattern(150'000))));
  MessageRequest quick = to_self(world, pattern(1));
  quick.lane = tunnel::MessageLane::kFast;
  const auto fast = world.send(std::move(quick));
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(fast); }, 1min));
  EXPECT_FALSE(world.confirmed(jobs.back()));
  EXPECT_TRUE(world.run_until(
      [&] {
        for (const auto job : jobs) {
          if (!world.confirmed(job)) return false;
        }
        return true;
      },
      10min));
  EXPECT_EQ(world.messages().size(), jobs.size() + 1);
}

TEST(Messages, AreRefusedBeyondTheBounds) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(refusal(world, to_self(world, pattern((16u << 20) + 1))),
            Errc::mixnet_message_too_long);
  // More than the queue could ever take: found when it is handed over.
  const auto job = world.send(to_self(world, pattern(8u << 20)));
  EXPECT_EQ(refusal(world, to_self(world, pattern(9u << 20))), Errc::usage_queue_full);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).failed.has_value(); }, 1min));
  EXPECT_EQ(world.fetch(job).failed->error.code, Errc::mixnet_message_too_long);
  EXPECT_TRUE(world.fetch(job).failed->retryable);
}

TEST(Messages, OfACallerWhoCannotBeAnsweredAreRefused) {
  World world(no_exit());
  MessageRequest early;
  early.to = "x";
  EXPECT_EQ(refusal(world, early), Errc::usage_not_ready);
  ASSERT_TRUE(world.set_up());
  EXPECT_EQ(refusal(world, early), Errc::mixnet_bad_recipient);
  MessageRequest reply;
  reply.addressing = MessageTo::kSenderTag;
  reply.to = mixnet::SenderTag{}.to_string();
  EXPECT_EQ(refusal(world, reply), Errc::mixnet_empty_reply);
  EXPECT_EQ(refusal(world, to_self(world, {}, 501)), Errc::config_bad_option);
  reply.data = pattern(1);
  const auto job = world.send(reply);
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).failed.has_value(); }, 1min));
  EXPECT_EQ(world.fetch(job).failed->error.code, Errc::mixnet_unknown_sender);
  world.shut_down();
  EXPECT_EQ(refusal(world, reply), Errc::usage_not_ready);
}

TEST(Messages, ThatAreCancelledAreForgotten) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  localnet::FaultRates rates;
  rates.drop = 1;
  world.node(kMix2Id).set_faults(rates);
  const auto job = world.send(to_self(world, pattern(20'000)));
  world.run_for(100ms);
  EXPECT_GT(world.engine().stats().mixnet.unacknowledged, 0u);
  world.cancel(job);
  EXPECT_EQ(world.engine().stats().mixnet.unacknowledged, 0u);
  world.run_for(5min);
  EXPECT_FALSE(world.confirmed(job));
}

TEST(Messages, EndWithTheTunnel) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  const auto job = world.send(to_self(world, pattern(20'000)));
  world.shut_down();
  ASSERT_TRUE(world.run_until([&] { return world.fetch(job).failed.has_value(); }, 1min));
  EXPECT_EQ(world.fetch(job).failed->error.code, Errc::tunnel_shut_down);
}

TEST(Messages, WaitWhileTheGatewayIsAway) {
  World world(no_exit());
  ASSERT_TRUE(world.set_up());
  world.cut_links();
  ASSERT_TRUE(world.run_until([&] { return world.engine().state() == State::kConnecting; }, 1min));
  const auto job = world.send(to_self(world, pattern(20'000)));
  EXPECT_TRUE(world.run_until([&] { return world.confirmed(job); }, 1min));
  ASSERT_EQ(world.messages().size(), 1u);
  EXPECT_EQ(world.messages()[0].data, pattern(20'000));
}

}  // namespace
}  // namespace mix::sim
