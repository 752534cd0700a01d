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

  /// The u coordinate of scalar * point, without clamping, in the time of one X25519. The point
  /// must lie in the prime-order subgroup (`in_prime_order_subgroup`); for another one the result
  /// is some multiple of it, of no use and no harm. Zero when the scalar is zero.
  [[nodiscard]] SharedSecret multiply(const X25519PublicKey& point) const;
  /// The same for the base point.
  [[nodiscard]] X25519PublicKey multiply_base() const;

 private:
  Secret<32> bytes_;
};

/// True when the point lies in the prime-order subgroup, so that merged scalars give the same
/// bytes as a chain of X25519 steps. False for points of the twist and for encodings that are not
/// reduced. Costs one X25519, in time that may depend on the point: check node keys once, when a
/// topology is loaded.
[[nodiscard]] bool in_prime_order_subgroup(const X25519PublicKey& point);

}  // namespace mix::crypto
