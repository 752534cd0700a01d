// Sizes and fixed numbers of the messaging layer, as sums of named parts. spec: messages §1 to §11.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "mix/base/time.h"
#include "mix/sphinx/surb_ack.h"

namespace mix::mixnet {

// Parts of a packet's plaintext. spec: messages §7.
using sphinx::kSurbAckSize;
inline constexpr std::size_t kKeyPartSize = 32;  // ephemeral public key, or reply key digest
static_assert(kSurbAckSize == 405);

/// Bytes of one fragment, header included ("P"): 1611 in a regular packet. spec: messages §1.
[[nodiscard]] inline std::size_t fragment_bytes(sphinx::PacketSize size) {
  return sphinx::plaintext_bytes(size) - kSurbAckSize - kKeyPartSize;
}

// Typed messages. spec: messages §3.
inline constexpr std::size_t kMessageTypeSize = 1;
inline constexpr std::size_t kContentTagSize = 1;
inline constexpr std::size_t kSenderTagSize = 16;
inline constexpr std::size_t kReplyKeySize = 16;               // symmetric key in front of a SURB
inline constexpr std::size_t kSurbListHeadV1Size = 4;          // count
inline constexpr std::size_t kSurbListHeadV2Size = 2 + 1 + 1;  // count, hops, key rotation
inline constexpr std::size_t kRouteHops = 4;                   // three mixes and the egress gateway

// Fragments. spec: messages §5.
inline constexpr std::size_t kShortHeaderSize = 4 + 1 + 1 + 1;   // word, total, index, 00
inline constexpr std::size_t kLinkedHeaderSize = 4 + 1 + 1 + 4;  // word, total, index, link
inline constexpr std::size_t kMaxSetFragments = 255;
inline constexpr std::size_t kPaddingMarkSize = 1;  // spec: messages §4

// Acknowledgements. spec: messages §9.
inline constexpr std::size_t kFragmentIdSize = 4 + 1;  // set id, index
inline constexpr std::size_t kAckIvSize = 16;
inline constexpr std::size_t kAckContentSize = kAckIvSize + kFragmentIdSize;
static_assert(kAckContentSize == sphinx::kAckPlaintextSize);
/// Other deliveries up to this length are dropped. spec: messages §7.
inline constexpr std::size_t kMaxShortDelivery = 48;

/// What the content of cover packets begins with. spec: messages §10.3.
inline constexpr std::string_view kCoverMarker = "The cake is a lie!";
static_assert(kCoverMarker.size() == 18);

// Reassembly. spec: messages §5.2.
inline constexpr base::Duration kReassemblyTimeout = std::chrono::minutes{30};
inline constexpr base::Duration kReassemblyCheckInterval = std::chrono::seconds{10};
inline constexpr std::size_t kFinishedSetWindow = 100'000;

// Lanes. spec: messages §10.4.
inline constexpr std::size_t kSmallLane = 100;  // packets
inline constexpr std::size_t kBusyLanes = 4;
inline constexpr base::Duration kLaneIdleTimeout = std::chrono::minutes{10};

// Queue towards the gateway and the multiplier of the main stream. spec: messages §10.5.
inline constexpr std::size_t kLinkQueueLimit = 32;
inline constexpr std::size_t kLinkPressure = 10;
inline constexpr std::uint32_t kMinMultiplier = 1;
inline constexpr std::uint32_t kMaxMultiplier = 6;
inline constexpr base::Duration kSlowDownInterval = std::chrono::seconds{1};
inline constexpr base::Duration kSpeedUpInterval = std::chrono::seconds{2};

// Headers built ahead (docs/adr/0015): after so long without messages in or out, so many at once
// (about 2 ms in wasm), with so long between for whatever else the host has to do.
inline constexpr base::Duration kQuietBeforeHeaders = std::chrono::milliseconds{50};
inline constexpr std::size_t kHeadersPerStep = 8;
inline constexpr base::Duration kPauseBetweenHeaders = std::chrono::milliseconds{5};

// Reply SURBs. spec: messages §9.1, §11.2, §11.3.
inline constexpr std::uint32_t kMaxSurbsPerMessage = 100;
inline constexpr std::uint32_t kSurbRequestRetransmissions = 10;
inline constexpr base::Duration kReplierCheckInterval = std::chrono::seconds{5};
inline constexpr base::Duration kEpochTolerance = std::chrono::seconds{2};
inline constexpr int kChecksPerEpoch = 8;

}  // namespace mix::mixnet
