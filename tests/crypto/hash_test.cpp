#include "mix/crypto/hash.h"

#include <gtest/gtest.h>
#include <mbedtls/hkdf.h>
#include <mbedtls/md.h>

#include <vector>

#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using test::hex;
using test::hex_array;

TEST(Hash, Sha256OfAbcIsFips180Answer) {
  EXPECT_EQ(sha256(base::as_bytes("abc")),
            hex_array<32>("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST(Hash, Blake3OfNothingIsKnownAnswer) {
  EXPECT_EQ(blake3({}),
            hex_array<32>("af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"));
}

TEST(Hash, ReplyKeyDigestsAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "reply_key_digest")) {
    EXPECT_EQ(blake3(hex(vector["key"])), hex_array<32>(vector["digest"]));
  }
}

TEST(Hmac, Sha256IsRfc4231Answers) {
  EXPECT_EQ(hmac_sha256(base::as_bytes("Jefe"), base::as_bytes("what do ya want for nothing?")),
            hex_array<32>("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
  // A key longer than a block is hashed first.
  EXPECT_EQ(hmac_sha256(base::Bytes(131, 0xaa),
                        base::as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")),
            hex_array<32>("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"));
}

TEST(Hmac, HeaderMacsAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "header_mac")) {
    const Digest mac = hmac_sha256(hex(vector["key"]), hex(vector["data"]));
    EXPECT_TRUE(base::equal(base::ByteView{mac}.first(16), hex(vector["mac"])));
  }
}

TEST(Hmac, Sha256AgreesWithMbedtlsForAllLengthsAroundABlock) {
  test::SeededRng rng{11};
  for (const std::size_t key_size : {0U, 1U, 16U, 63U, 64U, 65U, 200U}) {
    for (std::size_t size = 0; size <= 130; ++size) {
      base::Bytes key(key_size);
      base::Bytes data(size);
      rng.fill(key);
      rng.fill(data);
      Digest expected;
      ASSERT_EQ(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), key.data(),
                                key.size(), data.data(), data.size(), expected.data()),
                0);
      ASSERT_EQ(hmac_sha256(key, data), expected) << key_size << " " << size;
    }
  }
}

TEST(Hmac, Blake3IsTheTextbookFormula) {
  test::SeededRng rng{12};
  base::Bytes key(32);
  base::Bytes data(77);
  rng.fill(key);
  rng.fill(data);
  base::Bytes inner(64, 0x36);
  base::Bytes outer(64, 0x5c);
  for (std::size_t i = 0; i < key.size(); ++i) {
    inner[i] ^= key[i];
    outer[i] ^= key[i];
  }
  base::append(inner, data);
  base::append(outer, blake3(inner));
  EXPECT_EQ(hmac_blake3(key, data), blake3(outer));
}

TEST(Hkdf, Sha256IsRfc5869FirstAnswer) {
  base::Bytes out(42);
  hkdf_sha256(hex("000102030405060708090a0b0c"), base::Bytes(22, 0x0b), hex("f0f1f2f3f4f5f6f7f8f9"),
              out);
  EXPECT_EQ(out, hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8"
                     "87185865"));
}

TEST(Hkdf, Sha256AgreesWithMbedtlsForEveryOutputLength) {
  test::SeededRng rng{13};
  base::Bytes salt(20);
  base::Bytes ikm(32);
  base::Bytes info(97);
  rng.fill(salt);
  rng.fill(ikm);
  rng.fill(info);
  for (std::size_t size = 1; size <= 300; ++size) {
    base::Bytes expected(size);
    ASSERT_EQ(mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), salt.data(), salt.size(),
                           ikm.data(), ikm.size(), info.data(), info.size(), expected.data(),
                           expected.size()),
              0);
    base::Bytes out(size);
    hkdf_sha256(salt, ikm, info, out);
    ASSERT_EQ(out, expected);
  }
}

TEST(Hkdf, EmptySaltEqualsZeroBytes) {
  base::Bytes a(40);
  base::Bytes b(40);
  hkdf_sha256({}, base::as_bytes("secret"), {}, a);
  hkdf_sha256(base::Bytes(32), base::as_bytes("secret"), {}, b);
  EXPECT_EQ(a, b);
}

TEST(Hkdf, Blake3FragmentKeysAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "fragment_key")) {
    base::Bytes key(16);
    hkdf_blake3({}, hex(vector["dh_result"]), {}, key);
    EXPECT_EQ(key, hex(vector["key"]));
  }
}

TEST(Hkdf, Blake3GatewayKeyIsThatOfTheNetwork) {
  const test::Json file = test::load_vector_file("gateway.json");
  EXPECT_EQ(hmac_blake3(hex(file["salt"]), hex(file["dh"])), hex_array<32>(file["hkdf_prk"]));
  base::Bytes key(32);
  hkdf_blake3(hex(file["salt"]), hex(file["dh"]), {}, key);
  EXPECT_EQ(key, hex(file["shared_key"]));
}

TEST(HkdfDeathTest, RefusesMoreThanTheCounterCanCount) {
  base::Bytes out(255 * 32 + 1);
  EXPECT_DEATH_IF_SUPPORTED(hkdf_sha256({}, {}, {}, out), "HKDF");
}

}  // namespace
}  // namespace mix::crypto
