#include "mix/mixnet/mix_packet.h"

namespace mix::mixnet {

// spec: messages §8
base::Bytes MixPacket::encode(MixPacketFormat format) const {
  base::Writer out(2 + first_hop.encoded_size() + packet.size());
  out.u8(sphinx::kPacketTypeSphinx);
  if (format == MixPacketFormat::kV2) out.u8(static_cast<std::uint8_t>(rotation));
  first_hop.encode(out);
  out.bytes(packet);
  return out.take();
}

base::Result<MixPacket> MixPacket::decode(base::ByteView bytes, MixPacketFormat format) {
  base::Reader in(bytes);
  MixPacket out;
  MIX_TRY(const std::uint8_t type, in.u8());
  if (type != sphinx::kPacketTypeSphinx) return base::Errc::sphinx_bad_frame;
  if (format == MixPacketFormat::kV2) {
    MIX_TRY(const std::uint8_t rotation, in.u8());
    MIX_TRY(out.rotation, sphinx::key_rotation_from_byte(rotation));
  }
  MIX_TRY(out.first_hop, sphinx::NodeAddress::decode(in));
  out.packet = base::to_bytes(in.rest());
  MIX_TRY([[maybe_unused]] const auto size, sphinx::packet_size_of(out.packet.size()));
  return out;
}

}  // namespace mix::mixnet
