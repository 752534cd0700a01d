// Numbers of the gateway protocol, as sums of named parts. spec: gateway §2 to §9.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "mix/base/time.h"
#include "mix/crypto/cipher.h"

namespace mix::gateway {

inline constexpr std::uint8_t kProtocolVersion = 6;             // spec: gateway §2
inline constexpr std::uint8_t kOldestProtocolVersion = 4;       // signed authentication
inline constexpr std::uint8_t kKeyRotationProtocolVersion = 5;  // packets as binary kind 2

inline constexpr std::size_t kKeySize = 32;        // any public key, and the shared key
inline constexpr std::size_t kSignatureSize = 64;  // Ed25519
inline constexpr std::size_t kNonceSize = crypto::kGcmSivNonceSize;
inline constexpr std::size_t kTagSize = crypto::kGcmSivTagSize;

// Handshake payloads. spec: gateway §4
inline constexpr std::size_t kSaltSize = 16;
inline constexpr std::size_t kHandshakeInitSize = kKeySize + kKeySize + kSaltSize;
inline constexpr std::size_t kSealedSignatureSize = kSignatureSize + kTagSize + kNonceSize;
inline constexpr std::size_t kHandshakeAnswerSize = kKeySize + kSealedSignatureSize;
inline constexpr std::size_t kHandshakeProofSize = kSealedSignatureSize;
inline constexpr std::size_t kHandshakeConfirmationSize = 1;
inline constexpr std::uint8_t kHandshakeAccepted = 1;
static_assert(kHandshakeInitSize == 80 && kHandshakeAnswerSize == 124);
static_assert(kHandshakeProofSize == 92);

// Authentication. spec: gateway §5
inline constexpr std::size_t kAddressCiphertextSize = kKeySize + kTagSize;
inline constexpr std::size_t kTimestampSize = 8;
inline constexpr std::size_t kAuthenticationSignedSize =
    1 + kKeySize + kAddressCiphertextSize + kNonceSize + kTimestampSize;
inline constexpr std::chrono::seconds kMaxTimestampSkew{120};
static_assert(kAddressCiphertextSize == 48 && kAuthenticationSignedSize == 101);

// Bandwidth, bytes of mix packets. spec: gateway §6
inline constexpr std::int64_t kFreeBandwidth = std::int64_t{64} << 30;
inline constexpr std::int64_t kClaimThreshold = 40'000'000;

// Binary frames. spec: gateway §7
inline constexpr std::size_t kFrameHeadSize = 1 + 1 + kNonceSize;  // kind, encrypted, nonce
inline constexpr std::size_t kFrameOverhead = kFrameHeadSize + kTagSize;
inline constexpr std::size_t kAckPlaintextSize = 21;  // spec: gateway §7.2
static_assert(kFrameOverhead == 30);

// Ours: what is refused unread. The largest legal binary frame carries an extended-32 packet
// (33133 bytes), the largest control message a credential.
inline constexpr std::size_t kMaxFrameSize = 64 * 1024;
inline constexpr std::size_t kMaxControlMessageSize = 256 * 1024;

}  // namespace mix::gateway
