#include "mix/gateway/frames.h"

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

Result<OpenedFrame> open_frame(const crypto::GcmSiv& cipher, base::ByteView frame) {
  if (frame.size() < kFrameOverhead || frame.size() > kMaxFrameSize) return Errc::gateway_bad_frame;
  base::Reader in(frame);
  MIX_TRY(const std::uint8_t kind, in.u8());
  MIX_TRY(const std::uint8_t encrypted, in.u8());
  MIX_TRY(const auto nonce, in.fixed<kNonceSize>());
  if (encrypted != kEncrypted) return Errc::gateway_bad_frame;
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
  MIX_TRY(OpenedFrame opened, open_frame(cipher, frame));
  const auto format = static_cast<PacketFormat>(opened.kind);
  if (format != PacketFormat::kV1 && format != PacketFormat::kV2) {
    return Error{Errc::gateway_bad_frame, opened.kind};
  }
  return PacketFrame{format, std::move(opened.plaintext)};
}

Result<base::Bytes> open_push_frame(const crypto::GcmSiv& cipher, base::ByteView frame) {
  MIX_TRY(OpenedFrame opened, open_frame(cipher, frame));
  if (opened.kind != static_cast<std::uint8_t>(PushKind::kMixMessage)) {
    return Error{Errc::gateway_bad_frame, opened.kind};
  }
  return std::move(opened.plaintext);
}

}  // namespace mix::gateway
