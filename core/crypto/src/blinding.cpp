#include "mix/crypto/blinding.h"

#include <sodium.h>

#include <algorithm>
#include <optional>

#include "mix/base/panic.h"

// How a multiplication without clamping goes through X25519, which always clamps.
//
// Clamping makes the scalar a multiple of 8 in [2^254, 2^255). For a point of prime order l only
// the scalar s modulo l matters, and not even its sign, since a point and its negative share their
// u coordinate. So with t = s/8 mod l both 8t and 8(l-t) serve as well as s, and both are multiples
// of 8. Their sum is 8l, a little above 2^255, hence the larger one is at least 4l > 2^254; and it
// is below 2^255 unless t or l-t is below 2^125. Then clamping changes nothing, and libsodium's
// hardened ladder multiplies by exactly s. The other scalars, hit once in 2^126 draws, are
// multiplied in two steps.

namespace mix::crypto {

namespace {

using ScalarBytes = std::array<std::uint8_t, 32>;
static_assert(crypto_core_ed25519_SCALARBYTES == std::tuple_size_v<ScalarBytes>);

/// 1/8 modulo l.
constexpr ScalarBytes kInverseOf8{0x79, 0x2f, 0xdc, 0xe2, 0x29, 0xe5, 0x06, 0x61, 0xd0, 0xda, 0x1c,
                                  0x7d, 0xb3, 0x9d, 0xd3, 0x07, 0,    0,    0,    0,    0,    0,
                                  0,    0,    0,    0,    0,    0,    0,    0,    0,    0x06};
/// 2^126: brings every t below 2^125 into the range where one step is enough.
constexpr ScalarBytes kTwoTo126{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x40};
/// 2^-126 modulo l.
constexpr ScalarBytes kTwoToMinus126{
    0x9e, 0x41, 0x59, 0x59, 0x20, 0x14, 0xbc, 0x24, 0x22, 0x0f, 0x9e, 0x15, 0xfb, 0x8d, 0x2f, 0xd0,
    0x86, 0x1f, 0x95, 0xc4, 0x68, 0x47, 0xad, 0xf4, 0x3f, 0xa1, 0x6e, 0xbf, 0xbc, 0x81, 0x68, 0x0c};

void clamp(std::span<std::uint8_t, 32> scalar) {
  scalar.front() &= 0xf8;
  scalar.back() = static_cast<std::uint8_t>((scalar.back() & 0x7f) | 0x40);
}

Secret<32> reduce(base::ByteView bytes32) {
  if (bytes32.size() != 32) base::panic("Scalar: wrong length");
  Secret<crypto_core_ed25519_NONREDUCEDSCALARBYTES> wide;
  std::ranges::copy(bytes32, wide.reveal_mut().begin());
  Secret<32> out;
  crypto_core_ed25519_scalar_reduce(out.reveal_mut().data(), wide.reveal().data());
  return out;
}

Secret<32> product(base::ByteView a, base::ByteView b) {
  Secret<32> out;
  crypto_core_ed25519_scalar_mul(out.reveal_mut().data(), a.data(), b.data());
  return out;
}

/// 0xff when a < b, else 0; little-endian numbers, in constant time.
std::uint8_t less_than(std::span<const std::uint8_t, 32> a, std::span<const std::uint8_t, 32> b) {
  unsigned borrow = 0;
  for (std::size_t i = 0; i < 32; ++i) borrow = (unsigned{a[i]} - b[i] - borrow) >> 8 & 1;
  return static_cast<std::uint8_t>(0 - borrow);
}

/// What X25519 has to be given to multiply by +-s; nothing for the rare scalars of the note above.
std::optional<X25519SecretKey> clamp_proof(base::ByteView scalar) {
  const Secret<32> eighth = product(scalar, kInverseOf8);
  Secret<32> larger;
  crypto_core_ed25519_scalar_negate(larger.reveal_mut().data(), eighth.reveal().data());
  const std::uint8_t keep = less_than(eighth.reveal(), larger.reveal());
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned chosen = (larger.reveal()[i] & keep) | (eighth.reveal()[i] & ~unsigned{keep});
    larger.reveal_mut()[i] = static_cast<std::uint8_t>(chosen << 3 | carry);
    carry = chosen >> 5;
  }
  // What tells nothing about a scalar but that it is not one of the rare.
  if (declassify((larger.reveal().back() & 0xc0) != 0x40)) return std::nullopt;
  return larger;
}

/// The same for a scalar that is known not to be rare.
X25519SecretKey surely_clamp_proof(base::ByteView scalar) {
  std::optional<X25519SecretKey> out = clamp_proof(scalar);
  if (!out) base::panic("Scalar: out of range");
  return *std::move(out);
}

bool is_zero(base::ByteView scalar) { return sodium_is_zero(scalar.data(), scalar.size()) == 1; }

X25519PublicKey as_point(const SharedSecret& u) {
  X25519PublicKey out;
  std::ranges::copy(u.reveal(), out.bytes.begin());
  return out;
}

}  // namespace

Scalar Scalar::clamped(base::ByteView bytes32) {
  Secret<32> bytes = Secret<32>::from(bytes32);
  clamp(bytes.reveal_mut());
  return reduced(bytes.reveal());
}

Scalar Scalar::reduced(base::ByteView bytes32) {
  Scalar out;
  out.bytes_ = reduce(bytes32);
  return out;
}

Scalar Scalar::times(const Scalar& other) const {
  Scalar out;
  out.bytes_ = product(bytes_.reveal(), other.bytes_.reveal());
  return out;
}

SharedSecret Scalar::multiply(const X25519PublicKey& point) const {
  if (const auto scalar = clamp_proof(bytes_.reveal())) return x25519(*scalar, point);
  if (is_zero(bytes_.reveal())) return {};
  const auto enlarged = surely_clamp_proof(product(bytes_.reveal(), kTwoTo126).reveal());
  return x25519(surely_clamp_proof(kTwoToMinus126), as_point(x25519(enlarged, point)));
}

X25519PublicKey Scalar::multiply_base() const {
  if (auto scalar = clamp_proof(bytes_.reveal())) {
    return X25519KeyPair::from_secret(*std::move(scalar)).public_key;
  }
  static constexpr X25519PublicKey kBasePoint{{9}};
  return as_point(multiply(kBasePoint));
}

bool in_prime_order_subgroup(const X25519PublicKey& point) {
  // One, in its clamp-proof form, is 1 or -1 modulo l and 0 modulo 8: it leaves the points of order
  // l where they are and strips every other point of the curve of its part of small order. On the
  // twist, whose large order is another prime, it moves every point too. Only u = 0 stays besides,
  // which has order 2.
  static constexpr X25519PublicKey kOrderTwo{};
  static constexpr ScalarBytes kOne{1};
  return point != kOrderTwo && as_point(Scalar::reduced(kOne).multiply(point)) == point;
}

}  // namespace mix::crypto
