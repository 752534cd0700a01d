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
#include "mix/crypto/fixed_base.h"
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

/// How the secret shared with a hop is derived: by one multiplication with the product of the
/// blinding factors so far, or by one X25519 for each factor. Both give the same bytes for every
/// key that lies on the curve.
enum class Derivation : std::uint8_t { kMerged, kChained };

/// A node on a route, with the delay for which it shall hold the packet.
struct Hop {
  NodeAddress address;
  crypto::X25519PublicKey key;
  /// Not negative. That of the last hop is not transmitted.
  base::Duration delay{};
  /// `kChained` for a key that failed `crypto::in_prime_order_subgroup` when it was loaded. One
  /// such hop makes the whole route chained.
  Derivation derivation = Derivation::kMerged;
};

using Destination = std::array<std::uint8_t, kAddressSize>;
using Identifier = std::array<std::uint8_t, kIdentifierSize>;
using ReplayTag = std::array<std::uint8_t, kReplayTagSize>;

using PayloadKeySeed = crypto::Secret<kPayloadKeySeedSize>;

/// A built header: what precedes the payload, and the keys that wrap the payload.
struct Header {
  std::array<std::uint8_t, kHeaderSize> bytes;
  /// First hop first. Seeds have been expanded.
  std::vector<crypto::LionessKey> payload_keys;
};

/// The random inputs of a header, explicit so that vectors can be reproduced.
struct HeaderSecrets {
  crypto::Secret<32> initial_secret;
  /// Padding of the last hop's block; its first bytes are used as needed (248 for one hop).
  std::array<std::uint8_t, kRoutingInfoSize - kFinalMetaSize> padding{};

  [[nodiscard]] static HeaderSecrets generate(base::Rng& rng);
};

/// Builds the header for a route of 1 to 5 hops. With `tables`, nodes' keys that are used often
/// are multiplied by table; null: always by ladder. The bytes are the same. spec: sphinx §6.
/// Errors: `sphinx_bad_route`.
[[nodiscard]] base::Result<Header> build_header(const HeaderSecrets& secrets,
                                                std::span<const Hop> route,
                                                const Destination& destination,
                                                const Identifier& identifier, Version version,
                                                crypto::PointTables* tables = nullptr);

/// Wraps `message` for the header's route: header || payload of exactly `size`. spec: sphinx §7.
/// Errors: `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                                     PacketSize size);
/// The same for an explicit payload size of at least `kMinPayloadSize` (vectors use sizes outside
/// the table). Errors: `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> build_packet(const Header& header, base::ByteView message,
                                                     std::size_t payload_size);
/// build_header and build_packet with fresh secrets and zero identifier.
/// Errors: `sphinx_bad_route`, `sphinx_message_too_long`.
[[nodiscard]] base::Result<base::Bytes> make_packet(std::span<const Hop> route,
                                                    const Destination& destination,
                                                    base::ByteView message, PacketSize size,
                                                    Version version, base::Rng& rng,
                                                    crypto::PointTables* tables = nullptr);

struct ForwardHop {
  NodeAddress next;
  base::Duration delay;  // as asked for; the node applies its own maximum
  base::Bytes packet;    // what goes to `next`, same size as the input
};

struct FinalHop {
  Destination destination;
  Identifier identifier;
  base::Bytes payload;  // after the last decryption, padding included

  /// The message between the zeros and the last marker byte. Errors: `sphinx_bad_payload`.
  [[nodiscard]] base::Result<base::Bytes> recover_plaintext() const;
};

/// What a node learns from a packet.
struct Unwrapped {
  Version version;
  ReplayTag replay_tag;
  std::variant<ForwardHop, FinalHop> hop;
};

/// Peels one layer. spec: sphinx §9. Errors: `sphinx_bad_length`, `sphinx_bad_mac`,
/// `sphinx_bad_flag`, `sphinx_bad_address`. Replay is the caller's business (see `replay_tag`).
[[nodiscard]] base::Result<Unwrapped> unwrap(base::ByteView packet,
                                             const crypto::X25519SecretKey& node_key);

/// Replay tag after a MAC check only, so that a node can refuse a replay early.
/// Errors: `sphinx_bad_length`, `sphinx_bad_mac`.
[[nodiscard]] base::Result<ReplayTag> check_header(base::ByteView packet,
                                                   const crypto::X25519SecretKey& node_key);

}  // namespace mix::sphinx
