#include "mix/mixnet/config.h"

namespace mix::mixnet {

TrafficConfig traffic_preset(TrafficPreset preset) {
  TrafficConfig config;
  switch (preset) {
    case TrafficPreset::kDefault:
      break;
    case TrafficPreset::kFast:
      config.average_packet_delay = 10ms;
      config.message_sending_average_delay = 4ms;
      config.loop_cover_average_delay = 2000s;
      break;
    case TrafficPreset::kNoCover:
      config.disable_main_poisson = true;
      config.disable_loop_cover = true;
      break;
    case TrafficPreset::kNoCoverWithKeepAlive:
      config.disable_main_poisson = true;
      config.loop_cover_average_delay = 5s;
      break;
    case TrafficPreset::kNoPerHopDelays:
      config.average_packet_delay = 0ms;
      config.average_ack_delay = 0ms;
      break;
    case TrafficPreset::kMedium:
      config = traffic_preset(TrafficPreset::kNoCoverWithKeepAlive);
      config.average_packet_delay = 0ms;
      config.average_ack_delay = 0ms;
      config.secondary_packet_size = sphinx::PacketSize::kExtended16;
      break;
  }
  return config;
}

std::optional<TrafficPreset> parse_traffic_preset(std::string_view name) {
  if (name == "fast") return TrafficPreset::kFast;
  if (name == "noCover") return TrafficPreset::kNoCover;
  if (name == "noCoverWithKeepAlive") return TrafficPreset::kNoCoverWithKeepAlive;
  if (name == "noPerHopDelays") return TrafficPreset::kNoPerHopDelays;
  if (name == "medium") return TrafficPreset::kMedium;
  return std::nullopt;
}

}  // namespace mix::mixnet
