#include "mix/crypto/blinding.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "odd_points.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using test::hex_array;
using Bytes32 = std::array<std::uint8_t, 32>;

// ---- A slow and plain reference: integers modulo 2^255-19, the ladder of RFC 7748 §5 ------------

/// Sixteen digits of 16 bits, lowest first; below 2^256, not always below p.
using Field = std::array<std::uint32_t, 16>;

Field carry(std::array<std::uint64_t, 16> digits) {
  for (int round = 0; round < 3; ++round) {
    std::uint64_t over = 0;
    for (auto& digit : digits) {
      digit += over;
      over = digit >> 16;
      digit &= 0xffff;
    }
    digits[0] += 38 * over;  // 2^256 = 38 modulo p
  }
  Field out;
  for (std::size_t i = 0; i < 16; ++i) out[i] = static_cast<std::uint32_t>(digits[i]);
  return out;
}

Field add(const Field& a, const Field& b) {
  std::array<std::uint64_t, 16> sum{};
  for (std::size_t i = 0; i < 16; ++i) sum[i] = std::uint64_t{a[i]} + b[i];
  return carry(sum);
}

Field sub(const Field& a, const Field& b) {
  // Plus 2^18 * p, digit by digit, so that no digit goes below zero.
  std::array<std::uint64_t, 16> difference{};
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint64_t p_digit = i == 0 ? 0xffed : i == 15 ? 0x7fff : 0xffff;
    difference[i] = (p_digit << 18) + a[i] - b[i];
  }
  return carry(difference);
}

Field mul(const Field& a, const Field& b) {
  std::array<std::uint64_t, 16> product{};
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 16; ++j) {
      const std::uint64_t term = std::uint64_t{a[i]} * b[j];
      product[(i + j) % 16] += i + j < 16 ? term : 38 * term;
    }
  }
  return carry(product);
}

Bytes32 to_bytes(Field value) {
  // Below 2^256 there are at most two multiples of p to take away.
  for (int round = 0; round < 3; ++round) {
    Field less{};
    std::int64_t borrow = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      const std::int64_t p_digit = i == 0 ? 0xffed : i == 15 ? 0x7fff : 0xffff;
      const std::int64_t digit = std::int64_t{value[i]} - p_digit + borrow;
      borrow = digit >> 16;
      less[i] = static_cast<std::uint32_t>(digit & 0xffff);
    }
    if (borrow == 0) value = less;
  }
  Bytes32 out;
  for (std::size_t i = 0; i < 32; ++i) {
    out[i] = static_cast<std::uint8_t>(value[i / 2] >> (8 * (i % 2)));
  }
  return out;
}

Field from_bytes(const Bytes32& bytes) {
  Field out{};
  for (std::size_t i = 0; i < 32; ++i) {
    const std::uint32_t byte = i == 31 ? bytes[i] & 0x7fU : bytes[i];
    out[i / 2] |= byte << (8 * (i % 2));
  }
  return out;
}

bool is_zero(const Field& value) { return to_bytes(value) == Bytes32{}; }

Field power(const Field& base, const Bytes32& exponent) {
  Field out{1};
  for (std::size_t bit = 256; bit-- > 0;) {
    out = mul(out, out);
    if ((exponent[bit / 8] >> (bit % 8) & 1) != 0) out = mul(out, base);
  }
  return out;
}

struct Projective {
  Field x, z;
};

/// scalar * point, all bits of the scalar taken as they are.
Projective reference_ladder(const Bytes32& scalar, const X25519PublicKey& point) {
  const Field x1 = from_bytes(point.bytes);
  Field x2{1};
  Field z2{};
  Field x3 = x1;
  Field z3{1};
  for (std::size_t bit = 256; bit-- > 0;) {
    const bool set = (scalar[bit / 8] >> (bit % 8) & 1) != 0;
    if (set) std::swap(x2, x3), std::swap(z2, z3);
    const Field a = add(x2, z2);
    const Field b = sub(x2, z2);
    const Field aa = mul(a, a);
    const Field bb = mul(b, b);
    const Field e = sub(aa, bb);
    const Field da = mul(sub(x3, z3), a);
    const Field cb = mul(add(x3, z3), b);
    x3 = mul(add(da, cb), add(da, cb));
    z3 = mul(x1, mul(sub(da, cb), sub(da, cb)));
    x2 = mul(aa, bb);
    z2 = mul(e, add(aa, mul(Field{0xdb41, 1}, e)));  // a24 = 121665
    if (set) std::swap(x2, x3), std::swap(z2, z3);
  }
  return {x2, z2};
}

Bytes32 reference_multiply(const Bytes32& scalar, const X25519PublicKey& point) {
  const Projective out = reference_ladder(scalar, point);
  Bytes32 p_minus_2;
  p_minus_2.fill(0xff);
  p_minus_2.front() = 0xeb;
  p_minus_2.back() = 0x7f;
  return to_bytes(mul(out.x, power(out.z, p_minus_2)));
}

/// l, the order of the group.
const Bytes32 kOrder =
    hex_array<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

Bytes32 order_minus(std::uint8_t small) {
  Bytes32 out = kOrder;
  out[0] = static_cast<std::uint8_t>(out[0] - small);  // l ends in 0xed
  return out;
}

Bytes32 bytes_of(const SharedSecret& secret) {
  Bytes32 out;
  std::ranges::copy(secret.reveal(), out.begin());
  return out;
}

X25519PublicKey random_point(base::Rng& rng) { return X25519KeyPair::generate(rng).public_key; }

// ---- Tests -------------------------------------------------------------------------------------

TEST(Scalar, MultipliesLikeALadderWithoutClamping) {
  test::SeededRng rng{51};
  for (int i = 0; i < 100; ++i) {
    const Bytes32 scalar = rng.bytes<32>();
    const X25519PublicKey point = random_point(rng);
    ASSERT_EQ(bytes_of(Scalar::reduced(scalar).multiply(point)), reference_multiply(scalar, point));
  }
}

TEST(Scalar, MultipliesRightAtTheEdges) {
  test::SeededRng rng{52};
  const X25519PublicKey point = random_point(rng);
  std::vector<Bytes32> scalars = {
      Bytes32{1},     Bytes32{2},     Bytes32{7},      Bytes32{8},     Bytes32{24},
      order_minus(1), order_minus(8), order_minus(16), order_minus(7),
  };
  // Every power of two, and what lies just below it: eighths around 2^124.4, where one step stops
  // being enough, are among them.
  for (std::size_t bit = 0; bit < 252; ++bit) {
    Bytes32 at{};
    at[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    scalars.push_back(at);
    Bytes32 below{};
    for (std::size_t i = 0; i < bit; ++i) {
      below[i / 8] = static_cast<std::uint8_t>(below[i / 8] | 1U << (i % 8));
    }
    scalars.push_back(below);
  }
  for (const Bytes32& scalar : scalars) {
    const Scalar s = Scalar::reduced(scalar);
    ASSERT_EQ(bytes_of(s.multiply(point)), reference_multiply(scalar, point))
        << base::hex_encode(scalar);
    ASSERT_EQ(s.multiply_base().bytes, reference_multiply(scalar, {{9}}))
        << base::hex_encode(scalar);
  }
}

TEST(Scalar, ZeroGivesZero) {
  test::SeededRng rng{53};
  for (const Bytes32& zero : {Bytes32{}, kOrder}) {
    const Scalar s = Scalar::reduced(zero);
    EXPECT_EQ(bytes_of(s.multiply(random_point(rng))), Bytes32{});
    EXPECT_EQ(s.multiply_base().bytes, Bytes32{});
  }
}

TEST(Scalar, ClampedIsX25519) {
  test::SeededRng rng{54};
  for (int i = 0; i < 100; ++i) {
    const X25519KeyPair key = X25519KeyPair::generate(rng);
    const X25519PublicKey point = random_point(rng);
    const Scalar s = Scalar::clamped(key.secret.reveal());
    ASSERT_EQ(bytes_of(s.multiply(point)), bytes_of(x25519(key.secret, point)));
    ASSERT_EQ(s.multiply_base(), key.public_key);
  }
}

TEST(Scalar, ProductEqualsTheChainOfX25519) {
  test::SeededRng rng{55};
  for (int i = 0; i < 300; ++i) {
    const X25519PublicKey point = random_point(rng);
    X25519PublicKey chained = point;
    std::optional<Scalar> merged;
    const std::uint64_t steps = 1 + rng.uniform(5);
    for (std::uint64_t step = 0; step < steps; ++step) {
      const X25519SecretKey secret{rng.bytes<32>()};
      chained.bytes = bytes_of(x25519(secret, chained));
      const Scalar factor = Scalar::clamped(secret.reveal());
      merged = merged ? merged->times(factor) : Scalar::clamped(secret.reveal());
    }
    ASSERT_EQ(bytes_of(merged->multiply(point)), chained.bytes) << i;
  }
}

TEST(ScalarDeathTest, RefusesAnotherLength) {
  const base::Bytes short_bytes(31);
  EXPECT_DEATH_IF_SUPPORTED(static_cast<void>(Scalar::reduced(short_bytes)), "length");
  EXPECT_DEATH_IF_SUPPORTED(static_cast<void>(Scalar::clamped(short_bytes)), "length");
}

TEST(PrimeOrderSubgroup, HoldsAllHonestKeys) {
  test::SeededRng rng{56};
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(in_prime_order_subgroup(random_point(rng)));
  EXPECT_TRUE(in_prime_order_subgroup({{9}}));
}

TEST(PrimeOrderSubgroup, HoldsExactlyThePointsThatTheGroupOrderAnnihilates) {
  test::SeededRng rng{57};
  int inside = 0;
  for (int i = 0; i < 400; ++i) {
    X25519PublicKey point{rng.bytes<32>()};
    point.bytes.back() &= 0x7f;
    // l times a point of the twist is never the neutral element.
    const bool expected = is_zero(reference_ladder(kOrder, point).z);
    ASSERT_EQ(in_prime_order_subgroup(point), expected) << base::hex_encode(point.bytes);
    inside += expected ? 1 : 0;
  }
  // One in sixteen: half the values of u are on the twist, and the cofactor is 8.
  EXPECT_GT(inside, 5);
  EXPECT_LT(inside, 60);
}

TEST(PrimeOrderSubgroup, RefusesPointsOfLowOrderAndOddEncodings) {
  for (const char* point : test::kLowOrderPoints) {
    EXPECT_FALSE(in_prime_order_subgroup({hex_array<32>(point)})) << point;
  }
  for (const char* point : test::kOddEncodings) {
    EXPECT_FALSE(in_prime_order_subgroup({hex_array<32>(point)})) << point;
  }
}

}  // namespace
}  // namespace mix::crypto
