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

  /// One Montgomery ladder without clamping: the u coordinate of scalar * point.
  [[nodiscard]] SharedSecret multiply(const X25519PublicKey& point) const;
  [[nodiscard]] X25519PublicKey multiply_base() const;

 private:
  Secret<32> bytes_;
};

/// True when the point lies in the prime-order subgroup, so that merged scalars give the same
/// bytes as a chain of X25519 steps. Check node keys once, when a topology is loaded.
[[nodiscard]] bool in_prime_order_subgroup(const X25519PublicKey& point);

}  // namespace mix::crypto
