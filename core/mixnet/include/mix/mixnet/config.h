// What can be tuned in the mixnet client, with the defaults of the network.
// spec: messages §11.3, §12.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mix/base/time.h"
#include "mix/sphinx/packet.h"

namespace mix::mixnet {

using namespace std::chrono_literals;

/// Which lists of reply SURBs of others are read: the network's release 2.0 reads version 2 only.
enum class ReadSurbLists : std::uint8_t { kAll, kVersion2 };

/// Defaults of spec: messages §12.
struct TrafficConfig {
  base::Duration average_packet_delay = 15ms;           // mean per mix, data and cover
  base::Duration average_ack_delay = 15ms;              // mean per mix, acks
  base::Duration message_sending_average_delay = 20ms;  // main stream interval
  base::Duration loop_cover_average_delay = 200ms;      // loop cover interval
  bool disable_main_poisson = false;
  bool disable_loop_cover = false;
  double ack_wait_multiplier = 1.5;
  base::Duration ack_wait_addition = 1500ms;
  std::optional<std::uint32_t> max_retransmissions;  // none: no limit
  bool use_legacy_sphinx_format = false;             // 258 with v1 lists
  ReadSurbLists read_surb_lists = ReadSurbLists::kAll;
  sphinx::PacketSize primary_packet_size = sphinx::PacketSize::kRegular;
  /// Used for a message when it then needs fewer packets. spec: messages §10.6.
  std::optional<sphinx::PacketSize> secondary_packet_size;
  double cover_primary_size_ratio = 0.70;  // of cover, when there is a secondary size
  std::size_t max_queued_packets = 2048;   // over all lanes; `send` refuses beyond
  std::size_t max_unacknowledged = 8192;   // queued and in flight; `send` refuses beyond
  std::size_t max_reassembly_bytes = 16u << 20;
  base::Duration max_reply_key_age = std::chrono::hours{24};
  std::size_t max_reply_keys = 20'000;  // oldest go first
};

/// Named settings of the reference. spec: messages §12.
enum class TrafficPreset : std::uint8_t {
  kDefault,
  kFast,                  // 10 ms per mix, 4 ms between packets, loop cover every 2000 s
  kNoCover,               // main Poisson stream and loop cover off
  kNoCoverWithKeepAlive,  // main Poisson stream off, loop cover every 5 s
  kNoPerHopDelays,        // packets and acks are not delayed
  kMedium,                // keep-alive, no delays, secondary size extended16
};
[[nodiscard]] TrafficConfig traffic_preset(TrafficPreset preset);
/// By its name among the options of the API: "fast", "noCover", "noCoverWithKeepAlive",
/// "noPerHopDelays", "medium".
[[nodiscard]] std::optional<TrafficPreset> parse_traffic_preset(std::string_view name);

/// Thresholds of the side that replies. spec: messages §11.3.
struct ReplierConfig {
  std::uint32_t min_storage = 10;  // reserve, used only to ask for more
  std::uint32_t max_storage = 200;
  std::uint32_t threshold_buffer = 0;
  std::uint32_t min_request = 10, max_request = 50;
  std::uint32_t max_allowed_request = 500;
  base::Duration rerequest_after = std::chrono::seconds{10};
  base::Duration drop_after = std::chrono::minutes{5};
  std::uint32_t max_rerequests = 5;
  /// Bounds on what others may make us keep; the oldest go first.
  std::size_t max_held_per_sender = 2000;
  std::size_t max_senders = 4096;
};

}  // namespace mix::mixnet
