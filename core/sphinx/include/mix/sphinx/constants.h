// Sizes of the Sphinx packet format, as sums of named parts. spec: sphinx §2, §8.
#pragma once

#include <cstddef>

namespace mix::sphinx {

inline constexpr std::size_t kMaxHops = 5;
inline constexpr std::size_t kAddressSize = 32;     // node address field and destination
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
inline constexpr std::size_t kPayloadZeros = 16;  // leading zero bytes: the integrity check
inline constexpr std::size_t kPayloadOverhead = kPayloadZeros + 1;
inline constexpr std::size_t kExpandedSize = 16 + 16 + kPayloadKeySize + 32 + 32;
inline constexpr std::size_t kReplayTagSize = 32;

static_assert(kHopMetaSize == 44 && kHopStep == 60);
static_assert(kRoutingInfoSize == 300 && kKeystreamSize == 360);
static_assert(kFinalMetaSize == 52 && kHeaderSize == 348 && kExpandedSize == 288);

}  // namespace mix::sphinx
