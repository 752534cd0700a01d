#include "mix/sphinx/surb_ack.h"

namespace mix::sphinx {

base::Result<base::Bytes> encode_surb_ack(const RoutedPacket& ack) {
  if (ack.packet.size() != kAckPacketSize) return base::Errc::sphinx_bad_length;
  base::Writer out{kSurbAckSize};
  ack.first_hop.encode_padded(out, kSurbAckAddressSize);
  out.bytes(ack.packet);
  return out.take();
}

base::Result<RoutedPacket> decode_surb_ack(base::ByteView bytes) {
  if (bytes.size() != kSurbAckSize) return base::Errc::sphinx_bad_length;
  MIX_TRY(const NodeAddress first_hop,
          NodeAddress::decode_padded(bytes.first(kSurbAckAddressSize)));
  return RoutedPacket{first_hop, base::to_bytes(bytes.subspan(kSurbAckAddressSize))};
}

base::Result<Delivery> split_delivery(base::ByteView plaintext) {
  if (plaintext.size() < kSurbAckSize) return base::Errc::sphinx_bad_length;
  MIX_TRY(RoutedPacket ack, decode_surb_ack(plaintext.first(kSurbAckSize)));
  return Delivery{std::move(ack), plaintext.subspan(kSurbAckSize)};
}

}  // namespace mix::sphinx
