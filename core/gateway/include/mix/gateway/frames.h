// Binary frames: mix packets to the gateway, received messages to the client.
// spec: gateway §7. Layout: kind, encrypted flag, nonce, ciphertext and tag.
#pragma once

#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/cipher.h"
#include "mix/gateway/constants.h"

namespace mix::gateway {

/// How packets to the gateway are laid out; the value is the frame's kind. The plaintext is a mix
/// packet (spec: messages §8) without and with the key rotation byte.
enum class PacketFormat : std::uint8_t { kV1 = 1, kV2 = 2 };

/// What the gateway pushes; the value is the frame's kind.
enum class PushKind : std::uint8_t { kMixMessage = 1 };

/// The format that gateway and client use with a protocol version. spec: gateway §2 step 5.
[[nodiscard]] constexpr PacketFormat packet_format_of(std::uint8_t protocol_version) {
  return protocol_version >= kKeyRotationProtocolVersion ? PacketFormat::kV2 : PacketFormat::kV1;
}

/// Client to gateway: `plaintext` grows by `kFrameOverhead`.
[[nodiscard]] base::Bytes seal_packet_frame(const crypto::GcmSiv& cipher,
                                            const crypto::GcmSivNonce& nonce, PacketFormat format,
                                            base::ByteView mix_packet);
/// Gateway to client: the payload that the last hop recovered.
[[nodiscard]] base::Bytes seal_push_frame(const crypto::GcmSiv& cipher,
                                          const crypto::GcmSivNonce& nonce,
                                          base::ByteView plaintext);

struct PacketFrame {
  PacketFormat format;
  base::Bytes mix_packet;
};

/// At the gateway. Errors: `gateway_bad_frame` with the kind as detail when that is unknown (0 for
/// every other fault: too short, plain, or does not authenticate).
/// Differs: the reference still accepts unencrypted frames; we never do. spec: gateway §7.
[[nodiscard]] base::Result<PacketFrame> open_packet_frame(const crypto::GcmSiv& cipher,
                                                          base::ByteView frame);
/// At the client; gives the pushed plaintext. Errors as `open_packet_frame`.
[[nodiscard]] base::Result<base::Bytes> open_push_frame(const crypto::GcmSiv& cipher,
                                                        base::ByteView frame);

}  // namespace mix::gateway
