// Building and unwrapping Sphinx packets. spec: sphinx §3 to §9.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/blinding.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/sphinx/address.h"
#include "mix/sphinx/constants.h"

namespace mix::sphinx {

/// The number inside the encrypted header. Values not listed behave like `kSeeded` when unwrapped.
enum class Version : std::uint16_t {
  kUnclamped1 = 1,
  kUnclamped257 = 257,
  kLongKeys = 258,  // option useLegacySphinxFormat
  kSeeded = 259,    // default (versions.md)
};

/// Sizes of a whole packet. The tag values travel in node frames. spec: sphinx §8.
enum class PacketSize : std::uint8_t {
  kRegular = 1,
  kAck = 2,
  kExtended32 = 3,
  kExtended8 = 4,
  kExtended16 = 5,
};

[[nodiscard]] std::size_t packet_bytes(PacketSize size);
[[nodiscard]] std::size_t payload_bytes(PacketSize size);    // packet less header
[[nodiscard]] std::size_t plaintext_bytes(PacketSize size);  // payload less overhead
/// Errors: `sphinx_bad_length`.
[[nodiscard]] base::Result<PacketSize> packet_size_of(std::size_t bytes);
/// Errors: `sphinx_bad_frame` (unknown tag, Outfox included).
[[nodiscard]] base::Result<PacketSize> packet_size_from_tag(std::uint8_t tag);

/// A node on a route, with the delay for which it shall hold the packet.
struct Hop {
  NodeAddress address;
  crypto::X25519PublicKey key;
  base::Duration delay{};
};

using Destination = std::array<std::uint8_t, kAddressSize>;
using Identifier = std::array<std::uint8_t, kIdentifierSize>;
using ReplayTag = std::array<std::uint8_t, kReplayTagSize>;

/// A built header: what precedes the payload, and the keys that wrap the payload.
struct Header {
  std::array<std::uint8_t, kHeaderSize> bytes;
  /// First hop first. Seeds have been expanded.
  std::vector<crypto::LionessKey> payload_keys;
  /// Set for seeded versions only: what a SURB carries instead of the keys.
  std::vector<crypto::Secret<kPayloadKeySeedSize>> payload_key_seeds;
};

/// The random inputs of a header, explicit so that vectors can be reproduced.
struct HeaderSecrets {
  crypto::Secret<32> initial_secret;
  /// Padding of the last hop's block; its first bytes are used as needed.
  std::array<std::uint8_t, kRoutingInfoSize> padding{};

  [[nodiscard]] static HeaderSecrets generate(base::Rng& rng);
};

/// How the per-hop secrets are derived. Both give the same bytes for honest node keys.
enum class Derivation : std::uint8_t { kMerged, kChained };

/// Errors: `sphinx_bad_route`.
[[nodiscard]] base::Result<Header> build_header(const HeaderSecrets& secrets,
                                                std::span<const Hop> route,
                                                const Destination& destination,
                                                const Identifier& identifier, Version version,
                                                Derivation derivation = Derivation::kMerged);

/// Wraps `message` for the header's route: header || payload of exactly `size`.
/// Errors: `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                                     PacketSize size);
/// The same for an explicit payload size (vectors use sizes outside the table).
[[nodiscard]] base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                                     std::size_t payload_size);
/// build_header and build_packet with fresh secrets and zero identifier.
/// Errors: `sphinx_bad_route`, `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> make_packet(std::span<const Hop> route,
                                                    const Destination& destination,
                                                    base::ByteView message, PacketSize size,
                                                    Version version, base::Rng& rng);

struct ForwardHop {
  NodeAddress next;
  base::Duration delay;
  base::Bytes packet;  // what goes to `next`, same size as the input
};

struct FinalHop {
  Destination destination;
  Identifier identifier;
  base::Bytes payload;  // after the last decryption, padding included

  /// The message between the zeros and the last marker byte. Errors: `sphinx_bad_payload`.
  [[nodiscard]] base::Result<base::Bytes> recover_plaintext() const;
};

struct Unwrapped {
  Version version;
  ReplayTag replay_tag;
  std::variant<ForwardHop, FinalHop> hop;
};


/// Peels one layer. Errors: `sphinx_bad_length`, `sphinx_bad_mac`, `sphinx_bad_flag`,
/// `sphinx_bad_address`. Replay is the caller's business (see `replay_tag`).
[[nodiscard]] base::Result<Unwrapped> unwrap(base::ByteView packet,
                                             const crypto::X25519SecretKey& node_key);

/// Replay tag after a MAC check only, so that a node can refuse a replay early.
/// Errors: `sphinx_bad_length`, `sphinx_bad_mac`.
[[nodiscard]] base::Result<ReplayTag> check_header(base::ByteView packet,
                                                   const crypto::X25519SecretKey& node_key);

}  // namespace mix::sphinx
