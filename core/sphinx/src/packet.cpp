#include "mix/sphinx/packet.h"

#include <algorithm>

#include "header.h"

namespace mix::sphinx {

namespace {

struct SizeRow {
  PacketSize size;
  std::size_t packet;
};

/// The message of a packet, header and overhead added. spec: sphinx §8.
constexpr std::size_t packet_around(std::size_t plaintext) {
  return kHeaderSize + kPayloadOverhead + plaintext;
}

constexpr std::array<SizeRow, 5> kSizes{{
    {PacketSize::kRegular, packet_around(2048)},
    {PacketSize::kAck, packet_around(21)},
    {PacketSize::kExtended32, packet_around(32 * 1024)},
    {PacketSize::kExtended8, packet_around(8 * 1024)},
    {PacketSize::kExtended16, packet_around(16 * 1024)},
}};
static_assert(kSizes[0].packet == 2413 && kSizes[1].packet == 386 && kSizes[2].packet == 33133);

}  // namespace

std::size_t packet_bytes(PacketSize size) {
  const auto* row = std::ranges::find(kSizes, size, &SizeRow::size);
  if (row == kSizes.end()) base::panic("PacketSize: unknown");
  return row->packet;
}

std::size_t payload_bytes(PacketSize size) { return packet_bytes(size) - kHeaderSize; }

std::size_t plaintext_bytes(PacketSize size) { return payload_bytes(size) - kPayloadOverhead; }

base::Result<PacketSize> packet_size_of(std::size_t bytes) {
  const auto* row = std::ranges::find(kSizes, bytes, &SizeRow::packet);
  if (row == kSizes.end()) return base::Errc::sphinx_bad_length;
  return row->size;
}

base::Result<PacketSize> packet_size_from_tag(std::uint8_t tag) {
  const auto* row = std::ranges::find(
      kSizes, tag, [](const SizeRow& r) { return static_cast<std::uint8_t>(r.size); });
  if (row == kSizes.end()) return base::Errc::sphinx_bad_frame;
  return row->size;
}

HeaderSecrets HeaderSecrets::generate(base::Rng& rng) {
  HeaderSecrets out;
  rng.fill(out.initial_secret.reveal_mut());
  rng.fill(out.padding);
  return out;
}

base::Result<Header> build_header(const HeaderSecrets& secrets, std::span<const Hop> route,
                                  const Destination& destination, const Identifier& identifier,
                                  Version version, crypto::PointTables* tables) {
  MIX_TRY(const detail::RouteKeys keys,
          detail::derive_route_keys(secrets.initial_secret, route, version, tables));
  Header out;
  out.bytes = detail::encode_header(keys, route, destination, identifier, version, secrets.padding);
  out.payload_keys.reserve(route.size());
  for (const detail::Expansion& hop : keys.hops) {
    out.payload_keys.push_back(hop.payload_key(version));
  }
  return out;
}

base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                       PacketSize size) {
  return build_packet(header, message, payload_bytes(size));
}

base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                       std::size_t payload_size) {
  return detail::wrap_payload(header.bytes, header.payload_keys, message, payload_size);
}

base::Result<base::Bytes> make_packet(std::span<const Hop> route, const Destination& destination,
                                      base::ByteView message, PacketSize size, Version version,
                                      base::Rng& rng, crypto::PointTables* tables) {
  MIX_TRY(const Header header, build_header(HeaderSecrets::generate(rng), route, destination,
                                            Identifier{}, version, tables));
  return build_packet(header, message, size);
}

}  // namespace mix::sphinx
