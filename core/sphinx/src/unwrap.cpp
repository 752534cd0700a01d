#include <algorithm>
#include <limits>

#include "expansion.h"
#include "mix/sphinx/packet.h"

namespace mix::sphinx {

namespace {

using detail::Expansion;

/// A packet cut into the paper's four letters.
struct PacketView {
  crypto::X25519PublicKey shared_element;  // alpha
  base::ByteView mac;                      // gamma
  base::ByteView routing_info;             // beta
  base::ByteView payload;                  // delta
};

/// Errors: `base_truncated`, `sphinx_bad_length`.
base::Result<PacketView> split(base::ByteView packet) {
  base::Reader reader{packet};
  PacketView out;
  MIX_TRY(out.shared_element.bytes, reader.fixed<kSharedElementSize>());
  MIX_TRY(out.mac, reader.bytes(kMacSize));
  MIX_TRY(out.routing_info, reader.bytes(kRoutingInfoSize));
  out.payload = reader.rest();
  // Differs: the spec bounds the packet at 365 bytes, but the cipher needs a payload of 33.
  if (out.payload.size() < kMinPayloadSize) return base::Errc::sphinx_bad_length;
  return out;
}

/// The packet's parts and its keys, when its MAC is right.
struct Opened {
  PacketView packet;
  Expansion keys;
};

base::Result<Opened> open(base::ByteView packet, const crypto::X25519SecretKey& node_key) {
  const base::Result<PacketView> view = split(packet);
  if (!view.has_value()) return base::Errc::sphinx_bad_length;
  Expansion keys{crypto::x25519(node_key, view->shared_element)};
  if (!crypto::ct_equal(detail::header_mac(keys, view->routing_info), view->mac)) {
    return base::Errc::sphinx_bad_mac;
  }
  return Opened{*view, std::move(keys)};
}

base::Duration read_delay(std::uint64_t nanoseconds) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<base::Duration::rep>::max());
  return base::Duration{static_cast<base::Duration::rep>(std::min(nanoseconds, kMax))};
}

crypto::SharedSecret blind(const crypto::X25519PublicKey& shared_element, const Expansion& keys,
                           Version version) {
  if (detail::is_unclamped(version)) {
    // Differs: of an element outside the prime-order subgroup, which no honest sender makes, the
    // part of small order is lost here and kept by the reference.
    return crypto::Scalar::reduced(keys.blinding()).multiply(shared_element);
  }
  return crypto::x25519(crypto::Secret<kBlindingSize>::from(keys.blinding()), shared_element);
}

base::Result<ForwardHop> read_forward(base::Reader& block, const Opened& opened, Version version) {
  MIX_TRY(const base::ByteView address, block.bytes(kAddressSize));
  MIX_TRY(const std::uint64_t delay, block.u64be());
  // What is left is the next gamma and beta.
  const base::ByteView next_header = block.rest();
  ForwardHop out;
  MIX_TRY(out.next, NodeAddress::decode_padded(address));
  out.delay = read_delay(delay);

  base::Writer packet{kHeaderSize + opened.packet.payload.size()};
  packet.bytes(blind(opened.packet.shared_element, opened.keys, version).reveal());
  packet.bytes(next_header).bytes(opened.packet.payload);
  out.packet = packet.take();
  crypto::lioness_decrypt(opened.keys.payload_key(version),
                          base::MutByteView{out.packet}.subspan(kHeaderSize));
  return out;
}

base::Result<FinalHop> read_final(base::Reader& block, const Opened& opened, Version version) {
  FinalHop out;
  MIX_TRY(out.destination, block.fixed<kAddressSize>());
  MIX_TRY(out.identifier, block.fixed<kIdentifierSize>());
  out.payload = base::to_bytes(opened.packet.payload);
  crypto::lioness_decrypt(opened.keys.payload_key(version), out.payload);
  return out;
}

}  // namespace

base::Result<Unwrapped> unwrap(base::ByteView packet, const crypto::X25519SecretKey& node_key) {
  MIX_TRY(const Opened opened, open(packet, node_key));

  detail::Keystream raw = detail::header_keystream(opened.keys);
  for (std::size_t i = 0; i < kRoutingInfoSize; ++i) raw[i] ^= opened.packet.routing_info[i];
  base::Reader block{raw};
  MIX_TRY(const std::uint8_t flag, block.u8());
  // The first of the three version bytes is not looked at. spec: sphinx §3
  MIX_TRY(const std::uint8_t unused, block.u8());
  static_cast<void>(unused);
  MIX_TRY(const std::uint16_t number, block.u16be());

  Unwrapped out{Version{number}, opened.keys.replay_tag(), {}};
  if (flag == kFlagForward) {
    MIX_TRY(out.hop, read_forward(block, opened, out.version));
  } else if (flag == kFlagFinal) {
    MIX_TRY(out.hop, read_final(block, opened, out.version));
  } else {
    return base::Errc::sphinx_bad_flag;
  }
  return out;
}

base::Result<ReplayTag> check_header(base::ByteView packet,
                                     const crypto::X25519SecretKey& node_key) {
  MIX_TRY(const Opened opened, open(packet, node_key));
  return opened.keys.replay_tag();
}

base::Result<base::Bytes> FinalHop::recover_plaintext() const {
  base::Reader reader{payload};
  const auto zeros = reader.bytes(kPayloadZeros);
  if (!zeros.has_value() ||
      std::ranges::any_of(*zeros, [](std::uint8_t byte) { return byte != 0; })) {
    return base::Errc::sphinx_bad_payload;
  }
  // Tolerated: bytes other than zero behind the marker, as the reference does.
  const base::ByteView rest = reader.rest();
  const auto marker = std::find(rest.rbegin(), rest.rend(), kPayloadMarker);
  if (marker == rest.rend()) return base::Errc::sphinx_bad_payload;
  return base::Bytes{rest.begin(), marker.base() - 1};
}

}  // namespace mix::sphinx
