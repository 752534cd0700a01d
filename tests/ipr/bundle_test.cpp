#include "mix/ipr/bundle.h"

#include <gtest/gtest.h>

#include "segments.h"
#include "support/vectors.h"

namespace mix::ipr {
namespace {

using base::Bytes;
using base::ByteView;
using base::TimePoint;
using test::Json;
using namespace std::chrono_literals;

constexpr TimePoint kStart{1h};

TEST(Bundle, IsTakenApartAsTheNetworkDoes) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["unbundle"].empty());
  for (const Json& vector : file["unbundle"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    const Unbundled out = unbundle(bytes);
    EXPECT_EQ(out.left_over, vector["left_over_bytes"].get<std::size_t>()) << vector;
    ASSERT_EQ(out.packets.size(), vector["packets"].size()) << vector;
    for (std::size_t i = 0; i < out.packets.size(); ++i) {
      EXPECT_EQ(base::to_bytes(out.packets[i]), test::hex(vector["packets"][i]));
    }
  }
}

TEST(Bundle, CutAtAnyLengthGivesItsWholePackets) {
  Bytes bundle;
  append_to_bundle(bundle, Bytes(3, 0xaa));
  append_to_bundle(bundle, Bytes(300, 0xbb));
  for (std::size_t size = 0; size <= bundle.size(); ++size) {
    const std::size_t whole = size < 5 ? 0 : size < bundle.size() ? 1 : 2;
    const Unbundled out = unbundle(ByteView{bundle}.first(size));
    EXPECT_EQ(out.packets.size(), whole);
    EXPECT_EQ(out.left_over, size - (whole > 0 ? 5 : 0) - (whole > 1 ? 302 : 0));
  }
}

TEST(ExitBundler, EmitsWhatTheNetworksBundlerEmits) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["bundler"].empty());
  for (const Json& vector : file["bundler"]) {
    ExitBundler bundler{20ms, kStart};
    Bytes sent;
    Bytes emitted;
    for (std::size_t i = 0; i < vector["packet_lengths"].size(); ++i) {
      const Bytes packet = test::pattern(vector["packet_lengths"][i].get<std::size_t>(), i);
      append_to_bundle(sent, packet);
      const auto out = bundler.push(packet, kStart);
      EXPECT_EQ(out ? out->size() : 0, vector["emitted_bytes_per_push"][i].get<std::size_t>())
          << vector;
      if (out) base::append(emitted, *out);
    }
    const auto rest = bundler.flush(kStart);
    EXPECT_EQ(rest ? rest->size() : 0, vector["emitted_bytes_on_flush"].get<std::size_t>());
    if (rest) base::append(emitted, *rest);
    EXPECT_EQ(emitted, sent) << "no byte lost or moved";
  }
}

TEST(ExitBundler, WantsToBeWokenOnlyWhileItHoldsPackets) {
  ExitBundler bundler{20ms, kStart};
  EXPECT_FALSE(bundler.next_deadline());
  EXPECT_FALSE(bundler.push(Bytes(40), kStart + 5ms));
  EXPECT_EQ(bundler.next_deadline(), kStart + 20ms);
  EXPECT_TRUE(bundler.flush(kStart + 20ms));
  EXPECT_FALSE(bundler.next_deadline());
}

TEST(ExitBundler, KeepsItsPeriodWhileNothingWaits) {
  ExitBundler bundler{20ms, kStart};
  EXPECT_FALSE(bundler.push(Bytes(40), kStart + 71ms));
  EXPECT_EQ(bundler.next_deadline(), kStart + 80ms);
}

TEST(ExitBundler, RestartsItsTimerAtEveryEmission) {
  ExitBundler bundler{20ms, kStart};
  EXPECT_FALSE(bundler.push(Bytes(1000), kStart + 15ms));
  EXPECT_TRUE(bundler.push(Bytes(1000), kStart + 19ms));
  EXPECT_EQ(bundler.next_deadline(), kStart + 39ms);
}

std::vector<Bytes> drain(PacketQueue& queue) {
  std::vector<Bytes> out;
  while (const auto bundle = queue.pop_bundle()) {
    for (const ByteView packet : unbundle(*bundle).packets) out.push_back(base::to_bytes(packet));
  }
  return out;
}

TEST(PacketQueue, FillsBundlesInOrderUpToTheLimit) {
  PacketQueue queue;
  for (const std::size_t size : {700U, 796U, 40U, 1400U, 100U})
    ASSERT_TRUE(queue.push(Bytes(size)));
  EXPECT_EQ(queue.pop_bundle()->size(), 1500U) << "exactly full, prefixes included";
  EXPECT_EQ(queue.pop_bundle()->size(), 42U + 1402U);
  EXPECT_EQ(queue.pop_bundle()->size(), 102U);
  EXPECT_FALSE(queue.pop_bundle());
}

TEST(PacketQueue, LetsAPacketOverTheLimitGoAlone) {
  PacketQueue queue;
  for (const std::size_t size : {40U, 1500U, 40U}) ASSERT_TRUE(queue.push(Bytes(size)));
  EXPECT_EQ(queue.pop_bundle()->size(), 42U);
  EXPECT_EQ(queue.pop_bundle()->size(), 1502U);
  EXPECT_EQ(queue.pop_bundle()->size(), 42U);
}

TEST(PacketQueue, RefusesBeyondItsBoundAndLosesNothing) {
  PacketQueue queue;
  std::size_t taken = 0;
  while (queue.push(Bytes(1400, static_cast<std::uint8_t>(taken)))) ++taken;
  EXPECT_GT(taken, 100U);
  EXPECT_EQ(drain(queue).size(), taken);
  EXPECT_TRUE(queue.push(Bytes(1400)));
}

TEST(PacketQueue, DropsAnAcknowledgementThatANewerOneCovers) {
  PacketQueue queue;
  ASSERT_TRUE(queue.push(segment(80, 0x10, 1000, 0)));
  ASSERT_TRUE(queue.push(segment6(80, 500)));
  ASSERT_TRUE(queue.push(segment(80, 0x10, 2000, 0)));
  ASSERT_TRUE(queue.push(segment6(80, 600)));
  EXPECT_EQ(drain(queue), (std::vector<Bytes>{segment(80, 0x10, 2000, 0), segment6(80, 600)}));
}

TEST(PacketQueue, ComparesAcknowledgementsAcrossTheWrap) {
  PacketQueue queue;
  ASSERT_TRUE(queue.push(segment(80, 0x10, 0xffffff00, 0)));
  ASSERT_TRUE(queue.push(segment(80, 0x10, 5, 0)));
  EXPECT_EQ(drain(queue), (std::vector<Bytes>{segment(80, 0x10, 5, 0)}));
}

TEST(PacketQueue, KeepsDuplicateAcknowledgementsDataFlagsAndOtherConnections) {
  PacketQueue queue;
  const std::vector<Bytes> packets{
      segment(80, 0x10, 1000, 0), segment(80, 0x10, 1000, 0),  // duplicates tell of a loss
      segment(81, 0x10, 2000, 0),                              // another connection
      segment(80, 0x18, 900, 10),                              // data
      segment(82, 0x11, 100, 0),  segment(82, 0x10, 200, 0),   // FIN
      segment(83, 0x10, 300, 0),  segment(83, 0x10, 200, 0),   // out of order
  };
  for (const Bytes& packet : packets) ASSERT_TRUE(queue.push(packet));
  EXPECT_EQ(drain(queue), packets);
}

TEST(PacketQueue, DropsSelectiveAcknowledgementsOnlyWhenAllTheirBlocksAreTold) {
  const auto left = [](const std::vector<Bytes>& packets) {
    PacketQueue queue;
    for (const Bytes& packet : packets) EXPECT_TRUE(queue.push(packet));
    return drain(queue).size();
  };
  const Bytes older = sack(1000, {{2000, 3000}});
  EXPECT_EQ(left({older, sack(1000, {{2000, 3000}})}), 1U);
  EXPECT_EQ(left({older, sack(1000, {{5000, 6000}, {2000, 3500}})}), 1U) << "wider and more";
  EXPECT_EQ(left({older, segment(80, 0x10, 3000, 0)}), 1U) << "acknowledged by now";
  EXPECT_EQ(left({segment(80, 0x10, 1000, 0), older}), 1U) << "a duplicate that tells more";
  EXPECT_EQ(left({older, sack(1000, {{2100, 3000}})}), 2U);
  EXPECT_EQ(left({older, sack(1500, {{5000, 6000}})}), 2U) << "the peer would forget a block";
  EXPECT_EQ(left({older, segment(80, 0x10, 1000, 0)}), 2U);
  EXPECT_EQ(left({older, sack(999, {{2000, 3000}})}), 2U);
}

TEST(PacketQueue, KnowsWhetherOnlyAcknowledgementsWait) {
  PacketQueue queue;
  EXPECT_TRUE(queue.push(segment(80, 0x10, 1000, 0)));
  EXPECT_TRUE(queue.has_only_acks());
  EXPECT_TRUE(queue.push(segment(80, 0x18, 1000, 10)));
  EXPECT_FALSE(queue.has_only_acks());
  (void)queue.pop_bundle();
  EXPECT_TRUE(queue.has_only_acks());
}

TEST(PacketQueue, TakesCutAndFlippedPacketsAsTheyAre) {
  const Bytes whole = segment(80, 0x10, 1000, 0);
  const Bytes whole6 = segment6(80, 1000);
  for (const Bytes* packet : {&whole, &whole6}) {
    for (std::size_t size = 0; size < packet->size(); ++size) {
      PacketQueue queue;
      ASSERT_TRUE(queue.push(ByteView{*packet}.first(size)));
      ASSERT_TRUE(queue.push(ByteView{*packet}.first(size)));
      EXPECT_EQ(queue.size(), 2U);
    }
    for (std::size_t at = 0; at < packet->size(); ++at) {
      Bytes changed = *packet;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0xff);
      PacketQueue queue;
      ASSERT_TRUE(queue.push(*packet));
      ASSERT_TRUE(queue.push(changed));
      EXPECT_FALSE(drain(queue).empty());
    }
  }
}

}  // namespace
}  // namespace mix::ipr
