// Tables must give X25519's own bytes; libsodium's ladder is the reference.
#include "mix/crypto/fixed_base.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <vector>

#include "odd_points.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using test::hex_array;
using Bytes32 = std::array<std::uint8_t, 32>;

Bytes32 bytes_of(const SharedSecret& secret) {
  Bytes32 out;
  std::ranges::copy(secret.reveal(), out.begin());
  return out;
}

/// libsodium's crypto_scalarmult, which clamps.
Bytes32 ladder(const Bytes32& secret, const X25519PublicKey& point) {
  Bytes32 out{};
  if (crypto_scalarmult(out.data(), secret.data(), point.bytes.data()) != 0) out = {};
  return out;
}

X25519PublicKey random_point(base::Rng& rng) { return X25519KeyPair::generate(rng).public_key; }

std::vector<X25519PublicKey> unfit_points() {
  // Of the twist.
  std::vector<X25519PublicKey> out{
      {hex_array<32>("0200000000000000000000000000000000000000000000000000000000000000")}};
  for (const char* point : test::kLowOrderPoints) out.push_back({hex_array<32>(point)});
  for (const char* point : test::kOddEncodings) out.push_back({hex_array<32>(point)});
  return out;
}

/// Scalars whose digits take every path: carries, the longest digits, none at all.
std::vector<Bytes32> edge_scalars() {
  std::vector<Bytes32> out{Bytes32{}, Bytes32{1}, Bytes32{2}, Bytes32{7}, Bytes32{8}, Bytes32{15}};
  for (const int fill : {0x77, 0x78, 0x80, 0x87, 0x88, 0x08, 0xff, 0x0f, 0xf0}) {
    Bytes32 scalar;
    scalar.fill(static_cast<std::uint8_t>(fill));
    out.push_back(scalar);
  }
  Bytes32 order = hex_array<32>("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  out.push_back(order);
  order[0] -= 1;
  out.push_back(order);
  order[0] += 2;
  out.push_back(order);
  for (std::size_t bit = 0; bit < 256; bit += 3) {
    Bytes32 scalar{};
    scalar[bit / 8] = static_cast<std::uint8_t>(1U << (bit % 8));
    out.push_back(scalar);
  }
  return out;
}

TEST(FixedBaseTable, GivesTheBytesOfLibsodiumsLadder) {
  test::SeededRng rng{71};
  for (int i = 0; i < 10; ++i) {
    const X25519PublicKey point = random_point(rng);
    const auto table = FixedBaseTable::build(point);
    ASSERT_NE(table, nullptr);
    for (int j = 0; j < 30; ++j) {
      const auto secret = rng.bytes<32>();
      ASSERT_EQ(bytes_of(table->multiply(Scalar::clamped(secret))), ladder(secret, point));
    }
    for (const Bytes32& secret : edge_scalars()) {
      ASSERT_EQ(bytes_of(table->multiply(Scalar::clamped(secret))), ladder(secret, point));
    }
  }
}

TEST(FixedBaseTable, MultipliesWithoutClampingAtTheEdges) {
  test::SeededRng rng{72};
  for (const X25519PublicKey& point : {X25519PublicKey{{9}}, random_point(rng)}) {
    const auto table = FixedBaseTable::build(point);
    ASSERT_NE(table, nullptr);
    for (const Bytes32& bytes : edge_scalars()) {
      const Scalar scalar = Scalar::reduced(bytes);
      ASSERT_EQ(bytes_of(table->multiply(scalar)), bytes_of(scalar.multiply(point)))
          << base::hex_encode(bytes);
    }
  }
}

TEST(FixedBaseTable, MultipliesTheBasePointToPublicKeys) {
  test::SeededRng rng{73};
  const auto table = FixedBaseTable::build({{9}});
  for (int i = 0; i < 50; ++i) {
    const X25519KeyPair key = X25519KeyPair::generate(rng);
    ASSERT_EQ(bytes_of(table->multiply(Scalar::clamped(key.secret.reveal()))),
              key.public_key.bytes);
  }
}

TEST(FixedBaseTable, IsRefusedToEveryPointOutsideTheSubgroup) {
  for (const X25519PublicKey& point : unfit_points()) {
    EXPECT_EQ(FixedBaseTable::build(point), nullptr) << base::hex_encode(point.bytes);
  }
  test::SeededRng rng{74};
  int fit = 0;
  for (int i = 0; i < 64; ++i) {
    X25519PublicKey point{rng.bytes<32>()};
    point.bytes.back() &= 0x7f;
    const bool expected = in_prime_order_subgroup(point);
    ASSERT_EQ(FixedBaseTable::build(point) != nullptr, expected);
    fit += expected ? 1 : 0;
  }
  EXPECT_GT(fit, 0);
}

TEST(PointTables, AgreeWithTheLadderBeforeAndAfterATableIsBuilt) {
  test::SeededRng rng{75};
  PointTables tables{{.uses_before_table = 3}};
  const X25519PublicKey point = random_point(rng);
  for (std::size_t use = 1; use <= 6; ++use) {
    const Scalar scalar = Scalar::clamped(rng.bytes<32>());
    ASSERT_EQ(bytes_of(tables.multiply(scalar, point)), bytes_of(scalar.multiply(point)));
    ASSERT_EQ(tables.num_tables(), use < 3 ? 0U : 1U);
    ASSERT_EQ(tables.num_candidates(), use < 3 ? 1U : 0U);
  }
  for (int use = 0; use < 5; ++use) {
    const Scalar scalar = Scalar::clamped(rng.bytes<32>());
    ASSERT_EQ(tables.multiply_base(scalar), scalar.multiply_base());
  }
  EXPECT_EQ(tables.num_tables(), 2U);
}

TEST(PointTables, FallBackToTheLadderForUnfitPoints) {
  test::SeededRng rng{76};
  PointTables tables{{.uses_before_table = 1}};
  for (const X25519PublicKey& point : unfit_points()) {
    for (int use = 0; use < 3; ++use) {
      const Scalar scalar = Scalar::clamped(rng.bytes<32>());
      ASSERT_EQ(bytes_of(tables.multiply(scalar, point)), bytes_of(scalar.multiply(point)));
    }
  }
  EXPECT_EQ(tables.num_tables(), 0U);
}

TEST(PointTables, GiveX25519ForEveryPoint) {
  test::SeededRng rng{78};
  PointTables tables{{.uses_before_table = 1}};
  std::vector<X25519PublicKey> points = unfit_points();
  for (int i = 0; i < 20; ++i) points.push_back(random_point(rng));
  for (int i = 0; i < 40; ++i) points.push_back({rng.bytes<32>()});
  for (const X25519PublicKey& point : points) {
    for (int use = 0; use < 2; ++use) {
      const auto secret = rng.bytes<32>();
      ASSERT_EQ(bytes_of(tables.x25519(X25519SecretKey{secret}, point)), ladder(secret, point))
          << base::hex_encode(point.bytes);
    }
  }
  EXPECT_GE(tables.num_tables(), 20U);
}

TEST(PointTables, HoldNoMoreMemoryThanAllowed) {
  test::SeededRng rng{77};
  PointTables tables{{.max_bytes = 2 * FixedBaseTable::bytes() + 1,
                      .max_candidates = 4,
                      .uses_before_table = 1,
                      .stale_after = 5}};
  const Scalar scalar = Scalar::clamped(rng.bytes<32>());
  std::vector<X25519PublicKey> points(9);
  std::ranges::generate(points, [&rng] { return random_point(rng); });
  const auto use = [&](std::size_t i) {
    ASSERT_EQ(bytes_of(tables.multiply(scalar, points[i])), bytes_of(scalar.multiply(points[i])));
  };
  use(0);
  use(1);
  EXPECT_EQ(tables.num_tables(), 2U);
  // Room only when the oldest has not been used for five multiplications.
  use(2);
  use(3);
  use(0);
  EXPECT_EQ(tables.num_tables(), 2U);
  EXPECT_EQ(tables.num_candidates(), 2U);
  use(2);  // the fourth after point 1
  EXPECT_EQ(tables.num_candidates(), 2U);
  use(2);  // takes its place
  EXPECT_EQ(tables.num_tables(), 2U);
  EXPECT_EQ(tables.num_candidates(), 1U);
  for (std::size_t i = 4; i < points.size(); ++i) {
    use(i);
    use(0);
    use(2);
  }
  EXPECT_EQ(tables.num_tables(), 2U);
  EXPECT_EQ(tables.num_candidates(), 4U);

  PointTables none{{.max_bytes = 0, .uses_before_table = 1}};
  for (const X25519PublicKey& point : points) {
    ASSERT_EQ(bytes_of(none.multiply(scalar, point)), bytes_of(scalar.multiply(point)));
  }
  EXPECT_EQ(none.num_tables(), 0U);
}

}  // namespace
}  // namespace mix::crypto
