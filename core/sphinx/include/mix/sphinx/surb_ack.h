// SURB-ACK: the finished packet, with its first hop, that travels inside a message and comes back
// to the sender as proof of delivery. Made by the client, taken out by the last gateway.
// spec: sphinx §9.2, §11.
#pragma once

#include "mix/sphinx/surb.h"

namespace mix::sphinx {

inline constexpr std::size_t kSurbAckAddressSize = kEncodedIpv6Size;  // the longest address
inline constexpr std::size_t kAckPlaintextSize = 21;                  // content of an ack
inline constexpr std::size_t kAckPacketSize = kHeaderSize + kPayloadOverhead + kAckPlaintextSize;
inline constexpr std::size_t kSurbAckSize = kSurbAckAddressSize + kAckPacketSize;
static_assert(kAckPacketSize == 386 && kSurbAckSize == 405);

/// Errors: `sphinx_bad_length` (the packet is not an ack's).
[[nodiscard]] base::Result<base::Bytes> encode_surb_ack(const RoutedPacket& ack);
/// Errors: `sphinx_bad_length` (not 405 bytes), `sphinx_bad_address`.
[[nodiscard]] base::Result<RoutedPacket> decode_surb_ack(base::ByteView bytes);

/// The plaintext of a packet other than an ack, as the last gateway cuts it.
struct Delivery {
  RoutedPacket ack;     // send to its first hop at once
  base::ByteView body;  // for the recipient, unchanged; a view into the plaintext
};

/// Errors: `sphinx_bad_length` (shorter than a SURB-ACK), `sphinx_bad_address`.
[[nodiscard]] base::Result<Delivery> split_delivery(base::ByteView plaintext);

}  // namespace mix::sphinx
