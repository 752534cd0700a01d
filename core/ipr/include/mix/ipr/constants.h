// Sizes and fixed numbers of the IP packet router's protocol, as sums of named parts. spec: ipr.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"

namespace mix::ipr {

// Stream frames. spec: ipr §6.
inline constexpr std::size_t kFrameKindSize = 2;
inline constexpr std::size_t kStreamIdSize = 8;
inline constexpr std::size_t kStreamTypeSize = 1;
inline constexpr std::size_t kSequenceSize = 4;
inline constexpr std::size_t kFrameReservedSize = 1;
inline constexpr std::size_t kFrameAttributesSize =
    kStreamIdSize + kStreamTypeSize + kSequenceSize + kFrameReservedSize;
inline constexpr std::size_t kFrameHeadSize = kFrameKindSize + kFrameAttributesSize;
static_assert(kFrameHeadSize == 16);

// Bundles. spec: ipr §5.
inline constexpr std::size_t kBundlePrefixSize = 2;       // u16 BE in front of each packet
inline constexpr std::size_t kMaxBundleSize = 1500;       // prefixes included
inline constexpr std::size_t kMaxBundledPacket = 0xffff;  // what the prefix can tell

// Requests and responses. spec: ipr §3, §4.
inline constexpr std::size_t kRequestHeadSize = 2 + 1;  // version, service provider, body kind
inline constexpr std::size_t kIpv4Size = 4;
inline constexpr std::size_t kIpv6Size = 16;

// Varints: the first byte tells the width above 250. spec: ipr §2.
inline constexpr std::uint8_t kVarintMaxByte = 250;
inline constexpr std::uint8_t kVarint16 = 0xfb;
inline constexpr std::uint8_t kVarint32 = 0xfc;
inline constexpr std::uint8_t kVarint64 = 0xfd;

// MTU. spec: ipr §7.5.
inline constexpr std::uint16_t kMinMtu = 1280;
inline constexpr std::uint16_t kDefaultMtu = 1420;
inline constexpr std::uint16_t kMaxMtu = 1500;

// Life time of a session at the exit. spec: ipr §7.4.
/// Older than this without a packet of ours, the addresses are taken for lost (the exit's limit is
/// 60 s, what is on the way needs some of it).
inline constexpr base::Duration kAssignmentLifetime = std::chrono::seconds{55};

// Capacity of one regular Sphinx packet. spec: limits §1.
/// Payload of a fragment with a short header.
inline constexpr std::size_t kFragmentPayload = 1604;
inline constexpr std::size_t kPaddingMark = 1;
/// Head of an anonymous message, list of SURBs without the SURBs themselves: type, sender tag,
/// content tag, list head.
inline constexpr std::size_t kRepliableHeadV2 = 1 + 16 + 1 + 4;
inline constexpr std::size_t kRepliableHeadV1 = 1 + 16 + 1 + 4;
inline constexpr std::size_t kReplyHead = 1 + 1;      // type, content tag
inline constexpr std::size_t kSurbSizeV2 = 460;       // a seed per hop. spec: messages §3.2
inline constexpr std::size_t kSurbSizeV1 = 1164;      // long keys
inline constexpr std::size_t kMaxSurbsPerBulk = 100;  // spec: messages §11.2

// The exit's store. spec: ipr §8.
inline constexpr std::uint32_t kExitReserve = 10;
inline constexpr std::uint32_t kExitLowStock = 60;  // below this it asks for more
inline constexpr std::uint32_t kExitMaxStock = 200;
inline constexpr std::uint32_t kExitRequestSize = 50;

}  // namespace mix::ipr
