// Sphinx packets, SURBs, acknowledgements and node frames: raw, and built well around the input.
#include <vector>

#include "mix/sphinx/frame.h"
#include "mix/sphinx/packet.h"
#include "mix/sphinx/surb.h"
#include "mix/sphinx/surb_ack.h"
#include "support/target.h"

using namespace mix;

namespace {

const crypto::X25519KeyPair& node() {
  static fuzz::FixedRng rng;
  static const auto pair = crypto::X25519KeyPair::generate(rng);
  return pair;
}

sphinx::HeaderSecrets secrets() {
  fuzz::FixedRng rng;
  return sphinx::HeaderSecrets::generate(rng);
}

void unwrap_all(base::Bytes packet, base::ByteView message) {
  for (int hop = 0; hop < 2; ++hop) {
    auto unwrapped = sphinx::unwrap(packet, node().secret);
    fuzz::require(unwrapped.has_value(), "a sound packet was refused");
    if (auto* forward = std::get_if<sphinx::ForwardHop>(&unwrapped->hop)) {
      packet = std::move(forward->packet);
      continue;
    }
    const auto plain = std::get<sphinx::FinalHop>(unwrapped->hop).recover_plaintext();
    fuzz::require(plain && std::ranges::equal(*plain, message), "a message changed on its way");
    return;
  }
  base::panic("a packet that never arrives");
}

}  // namespace

MIX_FUZZ(sphinx) {
  fuzz::Parts parts(input);
  const std::uint8_t what = parts.u8();
  const base::ByteView rest = parts.rest();
  switch (what % 6) {
    case 0:
      (void)sphinx::check_header(rest, node().secret);
      (void)sphinx::unwrap(rest, node().secret);
      break;
    case 1: {
      // The last decryption gives anything to whom did not make the packet.
      const auto plain = sphinx::FinalHop{{}, {}, base::to_bytes(rest)}.recover_plaintext();
      fuzz::require(!plain || plain->size() < rest.size(), "a plaintext grew");
      if (auto delivery = sphinx::split_delivery(rest)) (void)delivery->ack.packet.size();
      break;
    }
    case 2: {
      auto surb = sphinx::Surb::decode(rest);
      if (!surb) break;
      // What pads the address is not kept.
      const base::Bytes bytes = surb->encode();
      const auto again = sphinx::Surb::decode(bytes);
      fuzz::require(bytes.size() == rest.size() && again && again->encode() == bytes,
                    "a SURB changed");
      (void)std::move(*surb).use(rest.first(std::min<std::size_t>(rest.size(), 100)),
                                 sphinx::PacketSize::kRegular);
      break;
    }
    case 3: {
      const auto ack = sphinx::decode_surb_ack(rest);
      if (!ack) break;
      const auto again = sphinx::encode_surb_ack(*ack);
      fuzz::require(again.has_value() && again->size() == rest.size(), "an ack changed its size");
      break;
    }
    case 4: {
      sphinx::FrameDecoder decoder;
      for (base::ByteView left = rest; !left.empty();) {
        const std::size_t size = std::min<std::size_t>(left.size(), 1 + left[0]);
        decoder.receive(left.first(size));
        left = left.subspan(size);
        while (true) {
          const auto frame = decoder.next();
          if (!frame) return;
          if (!*frame) break;
        }
      }
      break;
    }
    default: {
      const base::ByteView message = rest.first(std::min<std::size_t>(rest.size(), 1500));
      const std::vector<sphinx::Hop> route(
          2, sphinx::Hop{{}, node().public_key, std::chrono::milliseconds{5}});
      const auto version = (what & 64) != 0 ? sphinx::Version::kLongKeys : sphinx::Version::kSeeded;
      const auto header = sphinx::build_header(secrets(), route, {}, {}, version);
      if (!header) break;
      auto packet = sphinx::build_packet(*header, message, sphinx::PacketSize::kRegular);
      fuzz::require(packet.has_value(), "a packet could not be built");
      if ((what & 128) != 0 && !message.empty()) {
        // One bit of the header is wrong.
        const std::size_t at = message[0] % header->bytes.size();
        (*packet)[at] ^= static_cast<std::uint8_t>(1U << (message.size() % 8));
        (void)sphinx::unwrap(*packet, node().secret);
        break;
      }
      unwrap_all(*std::move(packet), message);
    }
  }
}
