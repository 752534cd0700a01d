#include "mix/gateway/frames.h"

#include <algorithm>
#include <array>
#include <span>

namespace mix::gateway {
namespace {

using base::Errc;
using base::Error;
using base::Result;

constexpr std::uint8_t kEncrypted = 1;  // spec: gateway §7

base::Bytes seal_frame(const crypto::GcmSiv& cipher, std::uint8_t kind,
                       const crypto::GcmSivNonce& nonce, base::ByteView plaintext) {
  base::Writer out(kFrameOverhead + plaintext.size());
  out.u8(kind).u8(kEncrypted).bytes(nonce).bytes(cipher.seal(nonce, plaintext));
  return out.take();
}

struct OpenedFrame {
  std::uint8_t kind;
  base::Bytes plaintext;
};

/// A frame of unknown kind is named as such, readable or not.
Result<OpenedFrame> open_frame(const crypto::GcmSiv& cipher, base::ByteView frame,
                               std::span<const std::uint8_t> known_kinds) {
  if (frame.size() < kFrameOverhead || frame.size() > kMaxFrameSize) return Errc::gateway_bad_frame;
  base::Reader in(frame);
  MIX_TRY(const std::uint8_t kind, in.u8());
  MIX_TRY(const std::uint8_t encrypted, in.u8());
  MIX_TRY(const auto nonce, in.fixed<kNonceSize>());
  if (encrypted != kEncrypted) return Errc::gateway_bad_frame;
  if (std::ranges::find(known_kinds, kind) == known_kinds.end()) {
    return Error{Errc::gateway_bad_frame, kind};
  }
  auto plaintext = cipher.open(nonce, in.rest());
  if (!plaintext) return Errc::gateway_bad_frame;
  return OpenedFrame{kind, std::move(*plaintext)};
}

}  // namespace

base::Bytes seal_packet_frame(const crypto::GcmSiv& cipher, const crypto::GcmSivNonce& nonce,
                              PacketFormat format, base::ByteView mix_packet) {
  return seal_frame(cipher, static_cast<std::uint8_t>(format), nonce, mix_packet);
}

base::Bytes seal_push_frame(const crypto::GcmSiv& cipher, const crypto::GcmSivNonce& nonce,
                            base::ByteView plaintext) {
  return seal_frame(cipher, static_cast<std::uint8_t>(PushKind::kMixMessage), nonce, plaintext);
}

Result<PacketFrame> open_packet_frame(const crypto::GcmSiv& cipher, base::ByteView frame) {
  constexpr std::array kKinds{static_cast<std::uint8_t>(PacketFormat::kV1),
                              static_cast<std::uint8_t>(PacketFormat::kV2)};
  MIX_TRY(OpenedFrame opened, open_frame(cipher, frame, kKinds));
  return PacketFrame{static_cast<PacketFormat>(opened.kind), std::move(opened.plaintext)};
}

Result<base::Bytes> open_push_frame(const crypto::GcmSiv& cipher, base::ByteView frame) {
  constexpr std::array kKinds{static_cast<std::uint8_t>(PushKind::kMixMessage)};
  MIX_TRY(OpenedFrame opened, open_frame(cipher, frame, kKinds));
  return std::move(opened.plaintext);
}

}  // namespace mix::gateway
