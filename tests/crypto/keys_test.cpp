#include "mix/crypto/keys.h"

#include <gtest/gtest.h>

#include "mix/base/encoding.h"
#include "odd_points.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using test::hex;
using test::hex_array;

X25519PublicKey public_key(const test::Json& text) { return {hex_array<32>(text)}; }
X25519SecretKey secret_key(const test::Json& text) { return X25519SecretKey{hex_array<32>(text)}; }

TEST(X25519, AgreesWithTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "x25519")) {
    const X25519KeyPair own = X25519KeyPair::from_secret(secret_key(vector["private_key"]));
    const X25519KeyPair peer = X25519KeyPair::from_secret(secret_key(vector["peer_private_key"]));
    EXPECT_EQ(own.public_key, public_key(vector["public_key"]));
    EXPECT_EQ(peer.public_key, public_key(vector["peer_public_key"]));
    const base::Bytes expected = hex(vector["shared_secret"]);
    EXPECT_TRUE(base::equal(x25519(own.secret, peer.public_key).reveal(), expected));
    EXPECT_TRUE(base::equal(x25519(peer.secret, own.public_key).reveal(), expected));
  }
}

TEST(X25519, IsRfc7748FirstAnswer) {
  const SharedSecret shared =
      x25519(secret_key("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
             public_key("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"));
  EXPECT_EQ(base::hex_encode(shared.reveal()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
}

TEST(X25519, GivesZeroForEveryPointOfLowOrder) {
  test::SeededRng rng{31};
  const X25519KeyPair key = X25519KeyPair::generate(rng);
  for (const char* point : test::kLowOrderPoints) {
    EXPECT_TRUE(is_zero(x25519(key.secret, public_key(point)))) << point;
  }
  EXPECT_FALSE(is_zero(x25519(key.secret, key.public_key)));
}

TEST(X25519, ReadsBase58AndNothingElse) {
  test::SeededRng rng{32};
  const X25519PublicKey key = X25519KeyPair::generate(rng).public_key;
  const auto parsed = parse_x25519(base::base58_encode(key.bytes));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed, key);
  for (const char* text : {"", "1", "0OIl", "not base58!"}) {
    const auto refused = parse_x25519(text);
    ASSERT_FALSE(refused.has_value()) << text;
    EXPECT_EQ(refused.error().code, base::Errc::crypto_bad_key);
  }
  for (const std::size_t size : {31U, 33U}) {
    EXPECT_FALSE(parse_x25519(base::base58_encode(base::Bytes(size, 7))).has_value()) << size;
  }
}

TEST(Ed25519, SignsAsRfc8032) {
  // RFC 8032 §7.1, tests 1 and 2.
  const auto empty = Ed25519KeyPair::from_seed(Secret<32>{
      hex_array<32>("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")});
  EXPECT_EQ(base::hex_encode(empty.public_key.bytes),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  EXPECT_EQ(base::hex_encode(ed25519_sign(empty, {})),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39"
            "701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  const auto one = Ed25519KeyPair::from_seed(Secret<32>{
      hex_array<32>("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")});
  EXPECT_EQ(base::hex_encode(ed25519_sign(one, hex("72"))),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f36"
            "13d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST(Ed25519, VerifiesOnlyTheExactMessageKeyAndSignature) {
  test::SeededRng rng{33};
  const Ed25519KeyPair key = Ed25519KeyPair::generate(rng);
  const base::Bytes message = test::pattern(100, 3);
  const Signature signature = ed25519_sign(key, message);
  EXPECT_TRUE(ed25519_verify(key.public_key, message, signature).has_value());

  for (std::size_t i = 0; i < signature.size(); ++i) {
    Signature flipped = signature;
    flipped[i] ^= 0x10;
    const auto result = ed25519_verify(key.public_key, message, flipped);
    ASSERT_FALSE(result.has_value()) << i;
    EXPECT_EQ(result.error().code, base::Errc::crypto_bad_signature);
  }
  for (std::size_t i = 0; i < message.size(); ++i) {
    base::Bytes flipped = message;
    flipped[i] ^= 1;
    EXPECT_FALSE(ed25519_verify(key.public_key, flipped, signature).has_value()) << i;
  }
  for (std::size_t size = 0; size < signature.size(); ++size) {
    EXPECT_FALSE(
        ed25519_verify(key.public_key, message, base::ByteView{signature}.first(size)).has_value());
  }
  EXPECT_FALSE(
      ed25519_verify(Ed25519KeyPair::generate(rng).public_key, message, signature).has_value());
}

TEST(Ed25519, TellsPointsFromOtherBytes) {
  test::SeededRng rng{34};
  EXPECT_TRUE(is_ed25519_point(Ed25519KeyPair::generate(rng).public_key));
  // The neutral element and a point of order 4 are points, though useless as keys.
  EXPECT_TRUE(is_ed25519_point(
      {hex_array<32>("0100000000000000000000000000000000000000000000000000000000000000")}));
  EXPECT_TRUE(is_ed25519_point(
      {hex_array<32>("0000000000000000000000000000000000000000000000000000000000000000")}));
  // y = 2 gives no square root.
  const Ed25519PublicKey none{
      hex_array<32>("0200000000000000000000000000000000000000000000000000000000000000")};
  EXPECT_FALSE(is_ed25519_point(none));
  const auto refused = parse_ed25519(base::base58_encode(none.bytes));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, base::Errc::crypto_bad_key);

  std::size_t points = 0;
  for (int i = 0; i < 200; ++i) {
    if (is_ed25519_point({rng.bytes<32>()})) points += 1;
  }
  // About half of all values of y belong to a point.
  EXPECT_GT(points, 60U);
  EXPECT_LT(points, 140U);
}

TEST(Ed25519, ReadsTheNetworksAddresses) {
  for (const test::Json& vector : test::load_vectors("addresses.json", "recipient")) {
    const auto parsed = parse_ed25519(vector["identity"].get<std::string>());
    ASSERT_TRUE(parsed.has_value());
    const auto pair =
        Ed25519KeyPair::from_seed(Secret<32>{hex_array<32>(vector["identity_secret_seed"])});
    EXPECT_EQ(pair.public_key, *parsed);
  }
}

}  // namespace
}  // namespace mix::crypto
