// Single use reply blocks: a ready header, its first hop and the payload keys. spec: sphinx §10.
#pragma once

#include "mix/sphinx/packet.h"

namespace mix::sphinx {

inline constexpr std::size_t kSurbPrefixSize = kHeaderSize + kAddressSize;

/// A built packet and where it goes first.
struct RoutedPacket {
  NodeAddress first_hop;
  base::Bytes packet;
};

/// Move-only: a SURB must be used once, for the first node drops a second packet as a replay.
class Surb {
 public:
  Surb(const Surb&) = delete;
  Surb& operator=(const Surb&) = delete;
  Surb(Surb&&) = default;
  Surb& operator=(Surb&&) = default;
  ~Surb() = default;

  /// Builds a block whose replies end at `destination`; `tables` as in `build_header`. Errors:
  /// `sphinx_bad_route`.
  [[nodiscard]] static base::Result<Surb> build(const HeaderSecrets& secrets,
                                                std::span<const Hop> route,
                                                const Destination& destination, Version version,
                                                crypto::PointTables* tables = nullptr);
  /// Key material decides the form: fewer than 192 bytes are seeds. Errors: `sphinx_bad_surb`.
  [[nodiscard]] static base::Result<Surb> decode(base::ByteView bytes);
  [[nodiscard]] base::Bytes encode() const;
  /// Appends the same to `out`, which then holds the only copy of the keys.
  void encode(base::Writer& out) const;
  [[nodiscard]] std::size_t encoded_size() const;
  /// Encoded size for `hops` hops.
  [[nodiscard]] static std::size_t encoded_size(Version version, std::size_t hops);

  [[nodiscard]] const NodeAddress& first_hop() const { return first_hop_; }
  /// Wraps a reply and uses the block up; panics when that has happened before. spec: sphinx §10.
  /// Errors: `sphinx_message_too_long`.
  [[nodiscard]] base::Result<RoutedPacket> use(base::ByteView message, std::size_t payload_size) &&;
  [[nodiscard]] base::Result<RoutedPacket> use(base::ByteView message, PacketSize size) &&;

 private:
  Surb() = default;

  std::array<std::uint8_t, kHeaderSize> header_{};
  NodeAddress first_hop_;
  /// Either 192-byte keys or 16-byte seeds, one per hop, first hop first.
  std::vector<crypto::LionessKey> keys_;
  std::vector<PayloadKeySeed> seeds_;
};

}  // namespace mix::sphinx
