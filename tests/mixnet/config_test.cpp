// The named settings of the traffic streams. spec: messages §12
#include "mix/mixnet/config.h"

#include <gtest/gtest.h>

namespace mix::mixnet {
namespace {

TrafficConfig named(std::string_view name) {
  const auto preset = parse_traffic_preset(name);
  EXPECT_TRUE(preset.has_value()) << name;
  return traffic_preset(preset.value_or(TrafficPreset::kDefault));
}

TEST(TrafficPreset, FastDelaysLessAndSendsMore) {
  const TrafficConfig fast = named("fast");
  EXPECT_EQ(fast.average_packet_delay, 10ms);
  EXPECT_EQ(fast.message_sending_average_delay, 4ms);
  EXPECT_EQ(fast.loop_cover_average_delay, 2000s);
  EXPECT_FALSE(fast.disable_main_poisson);
}

TEST(TrafficPreset, NoCoverTurnsBothStreamsOff) {
  EXPECT_TRUE(named("noCover").disable_main_poisson);
  EXPECT_TRUE(named("noCover").disable_loop_cover);
  EXPECT_TRUE(named("noCoverWithKeepAlive").disable_main_poisson);
  EXPECT_FALSE(named("noCoverWithKeepAlive").disable_loop_cover);
  EXPECT_EQ(named("noCoverWithKeepAlive").loop_cover_average_delay, 5s);
}

TEST(TrafficPreset, NoPerHopDelaysIsForPacketsAndAcks) {
  EXPECT_EQ(named("noPerHopDelays").average_packet_delay, 0ms);
  EXPECT_EQ(named("noPerHopDelays").average_ack_delay, 0ms);
  EXPECT_EQ(named("noPerHopDelays").message_sending_average_delay, 20ms);
}

TEST(TrafficPreset, MediumIsKeepAliveWithoutDelaysInLargerPackets) {
  const TrafficConfig medium = named("medium");
  EXPECT_TRUE(medium.disable_main_poisson);
  EXPECT_EQ(medium.loop_cover_average_delay, 5s);
  EXPECT_EQ(medium.average_packet_delay, 0ms);
  EXPECT_EQ(medium.secondary_packet_size, sphinx::PacketSize::kExtended16);
}

TEST(TrafficPreset, OfAnotherNameIsNone) {
  EXPECT_FALSE(parse_traffic_preset("").has_value());
  EXPECT_FALSE(parse_traffic_preset("Fast").has_value());
}

}  // namespace
}  // namespace mix::mixnet
