// Scalars of the X25519 group that Sphinx multiplies up along a route.
// spec: sphinx §6 (merged derivation), toolchain "Cost of Sphinx creation".
#pragma once

#include "mix/crypto/keys.h"

namespace mix::crypto {

/// An integer modulo the group order l, kept reduced, held secret.
class Scalar {
 public:
  /// clamp(bytes) reduced mod l: the scalar that X25519 would use.
  [[nodiscard]] static Scalar clamped(base::ByteView bytes32);
  /// bytes reduced mod l without clamping (Sphinx versions 1 and 257).
  [[nodiscard]] static Scalar reduced(base::ByteView bytes32);
  [[nodiscard]] Scalar times(const Scalar& other) const;

  /// The u coordinate of scalar * point, without clamping, in the time of one X25519. A part of
  /// small order of the point is dropped, just as clamping does. For a point of the twist, where no
  /// honest key lies, the result differs from that of a chain of X25519 steps. Zero when the scalar
  /// is zero.
  [[nodiscard]] SharedSecret multiply(const X25519PublicKey& point) const;
  /// The same for the base point.
  [[nodiscard]] X25519PublicKey multiply_base() const;
  /// Little-endian, below l.
  [[nodiscard]] std::span<const std::uint8_t, 32> reveal() const { return bytes_.reveal(); }

 private:
  Secret<32> bytes_;
};

/// True when the point lies in the prime-order subgroup, where honest keys lie and merged scalars
/// give the same bytes as a chain of X25519 steps. False for points of the twist and for encodings
/// that are not reduced. Costs one X25519: check node keys once, when a topology is loaded.
[[nodiscard]] bool in_prime_order_subgroup(const X25519PublicKey& point);

}  // namespace mix::crypto
