// Sizes of the Sphinx packet format, as sums of named parts. spec: sphinx §2, §8.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mix::sphinx {

inline constexpr std::size_t kMaxHops = 5;
inline constexpr std::size_t kAddressSize = 32;             // node address field and destination
inline constexpr std::size_t kEncodedIpv4Size = 1 + 2 + 4;  // kind, port, octets; spec: sphinx §5.1
inline constexpr std::size_t kEncodedIpv6Size = 1 + 2 + 16;
inline constexpr std::size_t kIdentifierSize = 16;  // last hop; unused by the network
inline constexpr std::size_t kMacSize = 16;         // truncated HMAC-SHA-256
inline constexpr std::size_t kFlagSize = 1;
inline constexpr std::size_t kVersionSize = 3;
inline constexpr std::size_t kDelaySize = 8;  // nanoseconds, u64
inline constexpr std::size_t kHopMetaSize = kFlagSize + kVersionSize + kAddressSize + kDelaySize;
inline constexpr std::size_t kHopStep = kHopMetaSize + kMacSize;
inline constexpr std::size_t kRoutingInfoSize = kMaxHops * kHopStep;        // beta
inline constexpr std::size_t kKeystreamSize = kRoutingInfoSize + kHopStep;  // room to shift
inline constexpr std::size_t kFinalMetaSize =
    kFlagSize + kVersionSize + kAddressSize + kIdentifierSize;
inline constexpr std::size_t kSharedElementSize = 32;  // alpha
inline constexpr std::size_t kHeaderSize = kSharedElementSize + kMacSize + kRoutingInfoSize;
inline constexpr std::size_t kPayloadKeySize = 192;
inline constexpr std::size_t kPayloadKeySeedSize = 16;
inline constexpr std::size_t kPayloadZeros = 16;   // leading zero bytes: the integrity check
inline constexpr std::uint8_t kPayloadMarker = 1;  // ends the message
inline constexpr std::uint8_t kFlagForward = 1;    // spec: sphinx §5.4
inline constexpr std::uint8_t kFlagFinal = 2;
inline constexpr std::size_t kPayloadOverhead = kPayloadZeros + 1;
inline constexpr std::size_t kStreamKeySize = 16;  // AES-128
inline constexpr std::size_t kMacKeySize = 16;
inline constexpr std::size_t kBlindingSize = 32;
inline constexpr std::size_t kReplayTagSize = 32;
inline constexpr std::size_t kExpandedSize = kStreamKeySize + kMacKeySize + kPayloadKeySize +
                                             kBlindingSize + kReplayTagSize;  // spec: sphinx §4.2
/// The wide-block cipher needs more than its 32-byte left part. spec: sphinx §7
inline constexpr std::size_t kMinPayloadSize = 33;

static_assert(kHopMetaSize == 44 && kHopStep == 60);
static_assert(kRoutingInfoSize == 300 && kKeystreamSize == 360);
static_assert(kFinalMetaSize == 52 && kHeaderSize == 348 && kExpandedSize == 288);

}  // namespace mix::sphinx
