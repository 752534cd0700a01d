#include "mix/crypto/cipher.h"

#include <gtest/gtest.h>
#include <mbedtls/aes.h>
#include <sodium.h>

#include <algorithm>

#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using test::hex;
using test::hex_array;

/// One block under AES, from mbedTLS.
AesBlock reference_aes(base::ByteView key, const AesBlock& block) {
  mbedtls_aes_context context;
  mbedtls_aes_init(&context);
  EXPECT_EQ(mbedtls_aes_setkey_enc(&context, key.data(), static_cast<unsigned>(key.size() * 8)), 0);
  AesBlock out;
  EXPECT_EQ(mbedtls_aes_crypt_ecb(&context, MBEDTLS_AES_ENCRYPT, block.data(), out.data()), 0);
  mbedtls_aes_free(&context);
  return out;
}

/// POLYVAL's product, bit by bit as RFC 8452 §3 defines it: a * b * x^-128.
AesBlock reference_dot(const AesBlock& a, const AesBlock& b) {
  // x^-128 = x^127 + x^124 + x^121 + x^114 + 1.
  const auto times = [](const AesBlock& left, const AesBlock& right) {
    AesBlock power = left;
    AesBlock sum{};
    for (std::size_t bit = 0; bit < 128; ++bit) {
      if ((right[bit / 8] >> (bit % 8) & 1) != 0) {
        for (std::size_t i = 0; i < 16; ++i) sum[i] ^= power[i];
      }
      const bool overflow = (power[15] & 0x80) != 0;
      for (std::size_t i = 16; i-- > 0;) {
        power[i] = static_cast<std::uint8_t>(power[i] << 1 | (i > 0 ? power[i - 1] >> 7 : 0));
      }
      if (overflow) {
        // x^128 = x^127 + x^126 + x^121 + 1
        power[15] ^= 0xc2;
        power[0] ^= 0x01;
      }
    }
    return sum;
  };
  AesBlock inverse{};
  for (const std::size_t bit : {127U, 124U, 121U, 114U, 0U}) {
    inverse[bit / 8] = static_cast<std::uint8_t>(inverse[bit / 8] | 1U << (bit % 8));
  }
  return times(times(a, b), inverse);
}

/// AES-256-GCM-SIV straight from RFC 8452 over the two references above.
base::Bytes reference_seal(base::ByteView key, const GcmSivNonce& nonce, base::ByteView plaintext) {
  base::Bytes derived;
  for (std::uint8_t i = 0; i < 6; ++i) {
    AesBlock block{i};
    std::ranges::copy(nonce, block.begin() + 4);
    base::append(derived, base::ByteView{reference_aes(key, block)}.first(8));
  }
  AesBlock authentication;
  std::ranges::copy(base::ByteView{derived}.first(16), authentication.begin());
  const base::ByteView encryption = base::ByteView{derived}.subspan(16);

  base::Bytes padded = base::to_bytes(plaintext);
  padded.resize((padded.size() + 15) / 16 * 16);
  padded.resize(padded.size() + 8);
  for (int i = 0; i < 8; ++i) {
    padded.push_back(static_cast<std::uint8_t>(std::uint64_t{plaintext.size()} * 8 >> (8 * i)));
  }
  AesBlock sum{};
  for (std::size_t at = 0; at < padded.size(); at += 16) {
    for (std::size_t i = 0; i < 16; ++i) sum[i] ^= padded[at + i];
    sum = reference_dot(sum, authentication);
  }
  for (std::size_t i = 0; i < 12; ++i) sum[i] ^= nonce[i];
  sum[15] &= 0x7f;
  const AesBlock tag = reference_aes(encryption, sum);

  base::Bytes out = base::to_bytes(plaintext);
  AesBlock counter = tag;
  counter[15] |= 0x80;
  for (std::size_t at = 0; at < out.size(); at += 16) {
    const AesBlock stream = reference_aes(encryption, counter);
    for (std::size_t i = 0; i < 16 && at + i < out.size(); ++i) out[at + i] ^= stream[i];
    for (std::size_t i = 0; i < 4 && ++counter[i] == 0; ++i) {
    }
  }
  base::append(out, tag);
  return out;
}

// ---- AES-128-CTR ---------------------------------------------------------------------------

TEST(AesCtr, EncryptsTheBlockOfFips197) {
  // FIPS 197 appendices B and C.1: the counter block is the plaintext, the data zero.
  AesBlock data{};
  aes128_ctr_xor(hex("000102030405060708090a0b0c0d0e0f"),
                 hex_array<16>("00112233445566778899aabbccddeeff"), data);
  EXPECT_EQ(data, hex_array<16>("69c4e0d86a7b0430d8cdb78070b4c55a"));
  data = {};
  aes128_ctr_xor(hex("2b7e151628aed2a6abf7158809cf4f3c"),
                 hex_array<16>("3243f6a8885a308d313198a2e0370734"), data);
  EXPECT_EQ(data, hex_array<16>("3925841d02dc09fbdc118597196a0b32"));
}

TEST(AesCtr, KeystreamsAreThoseOfTheNetwork) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "stream_cipher")) {
    const base::Bytes expected = hex(vector["keystream"]);
    base::Bytes data(expected.size());
    aes128_ctr_xor(hex(vector["key"]), hex_array<16>(vector["iv"]), data);
    EXPECT_EQ(data, expected);
  }
}

/// Adds 1 or -1 to a counter of 128 bits, big-endian.
void step(AesBlock& counter, int by) {
  for (std::size_t i = counter.size(); i-- > 0;) {
    counter[i] = static_cast<std::uint8_t>(counter[i] + by);
    if (counter[i] != (by > 0 ? 0x00 : 0xff)) return;
  }
}

TEST(AesCtr, AgreesWithMbedtlsForEveryLength) {
  test::SeededRng rng{41};
  for (std::size_t size = 0; size <= 400; ++size) {
    const auto key = rng.bytes<16>();
    // A low half that cannot wrap, so that mbedTLS's counter of 128 bits agrees.
    AesBlock counter = rng.bytes<16>();
    counter[8] = 0;
    base::Bytes data(size);
    rng.fill(data);
    base::Bytes expected = data;
    for (std::size_t at = 0; at < size; at += 16) {
      const AesBlock stream = reference_aes(key, counter);
      for (std::size_t i = 0; i < 16 && at + i < size; ++i) expected[at + i] ^= stream[i];
      step(counter, 1);
    }
    for (std::size_t back = 0; back < (size + 15) / 16; ++back) step(counter, -1);
    aes128_ctr_xor(key, counter, data);
    ASSERT_EQ(data, expected) << size;
  }
}

TEST(AesCtr, CountsInTheLowHalfOnly) {
  const auto key = hex_array<16>("000102030405060708090a0b0c0d0e0f");
  const AesBlock last = hex_array<16>("1122334455667788ffffffffffffffff");
  const AesBlock wrapped = hex_array<16>("11223344556677880000000000000000");
  base::Bytes data(32);
  aes128_ctr_xor(key, last, data);
  const AesBlock first = reference_aes(key, last);
  const AesBlock second = reference_aes(key, wrapped);
  EXPECT_TRUE(base::equal(base::ByteView{data}.first(16), first));
  EXPECT_TRUE(base::equal(base::ByteView{data}.last(16), second));
}

TEST(AesCtrDeathTest, RefusesAnotherKeySize) {
  base::Bytes data(16);
  EXPECT_DEATH_IF_SUPPORTED(aes128_ctr_xor(base::Bytes(15), data), "key size");
}

// ---- GCM-SIV -------------------------------------------------------------------------------

struct GcmSivAnswer {
  const char* key;
  const char* nonce;
  const char* plaintext;
  const char* result;
};

// RFC 8452 appendix C.2 (those without associated data) and C.3 (counter wraps).
constexpr const char* kKey = "0100000000000000000000000000000000000000000000000000000000000000";
constexpr const char* kZeroKey = "0000000000000000000000000000000000000000000000000000000000000000";
constexpr const char* kNonce = "030000000000000000000000";
constexpr const char* kZeroNonce = "000000000000000000000000";
constexpr GcmSivAnswer kGcmSivAnswers[] = {
    {kKey, kNonce, "", "07f5f4169bbf55a8400cd47ea6fd400f"},
    {kKey, kNonce, "0100000000000000", "c2ef328e5c71c83b843122130f7364b761e0b97427e3df28"},
    {kKey, kNonce, "010000000000000000000000",
     "9aab2aeb3faa0a34aea8e2b18ca50da9ae6559e48fd10f6e5c9ca17e"},
    {kKey, kNonce, "01000000000000000000000000000000",
     "85a01b63025ba19b7fd3ddfc033b3e76c9eac6fa700942702e90862383c6c366"},
    {kKey, kNonce, "0100000000000000000000000000000002000000000000000000000000000000",
     "4a6a9db4c8c6549201b9edb53006cba821ec9cf850948a7c86c68ac7539d027fe819e63abcd020b006a976397632e"
     "b"
     "5d"},
    {kZeroKey, kZeroNonce, "000000000000000000000000000000004db923dc793ee6497c76dcc03a98e108",
     "f3f80f2cf0cb2dd9c5984fcda908456cc537703b5ba70324a6793a7bf218d3eaffffffff00000000000000000000"
     "0000"},
};

GcmSiv gcm_siv(base::ByteView key) { return GcmSiv{AesKey256::from(key)}; }

TEST(GcmSiv, SealsAndOpensTheAnswersOfRfc8452) {
  for (const GcmSivAnswer& answer : kGcmSivAnswers) {
    const GcmSiv cipher = gcm_siv(hex(answer.key));
    const auto nonce = hex_array<12>(answer.nonce);
    EXPECT_EQ(cipher.seal(nonce, hex(answer.plaintext)), hex(answer.result));
    const auto opened = cipher.open(nonce, hex(answer.result));
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(*opened, hex(answer.plaintext));
  }
}

TEST(GcmSiv, AgreesWithTheReferenceForEveryLength) {
  test::SeededRng rng{42};
  for (std::size_t size = 0; size <= 300; ++size) {
    const auto key = rng.bytes<32>();
    const GcmSivNonce nonce = rng.bytes<12>();
    base::Bytes plaintext(size);
    rng.fill(plaintext);
    const base::Bytes sealed = gcm_siv(key).seal(nonce, plaintext);
    ASSERT_EQ(sealed, reference_seal(key, nonce, plaintext)) << size;
    const auto opened = gcm_siv(key).open(nonce, sealed);
    ASSERT_TRUE(opened.has_value()) << size;
    ASSERT_EQ(*opened, plaintext) << size;
  }
}

TEST(GcmSiv, AgreesWithTheReferenceOnAWholePacket) {
  test::SeededRng rng{43};
  const auto key = rng.bytes<32>();
  const GcmSivNonce nonce = rng.bytes<12>();
  base::Bytes plaintext(2422);
  rng.fill(plaintext);
  EXPECT_EQ(gcm_siv(key).seal(nonce, plaintext), reference_seal(key, nonce, plaintext));
}

TEST(GcmSiv, RefusesEveryFlippedBitAndEveryTruncation) {
  test::SeededRng rng{44};
  const GcmSiv cipher = gcm_siv(rng.bytes<32>());
  const GcmSivNonce nonce = rng.bytes<12>();
  const base::Bytes sealed = cipher.seal(nonce, test::pattern(45, 9));
  for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
    base::Bytes flipped = sealed;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1U << (bit % 8));
    const auto opened = cipher.open(nonce, flipped);
    ASSERT_FALSE(opened.has_value()) << bit;
    ASSERT_EQ(opened.error().code, base::Errc::crypto_bad_ciphertext);
  }
  for (std::size_t size = 0; size < sealed.size(); ++size) {
    ASSERT_FALSE(cipher.open(nonce, base::ByteView{sealed}.first(size)).has_value()) << size;
  }
  GcmSivNonce other = nonce;
  other[0] ^= 1;
  EXPECT_FALSE(cipher.open(other, sealed).has_value());
  EXPECT_FALSE(gcm_siv(rng.bytes<32>()).open(nonce, sealed).has_value());
}

// ---- LIONESS -------------------------------------------------------------------------------

TEST(Lioness, AgreesWithTheNetworkInBothDirections) {
  for (const test::Json& vector : test::load_vectors("primitives.json", "lioness")) {
    const LionessKey key = LionessKey::from(hex(vector["key"]));
    base::Bytes block = hex(vector["plaintext"]);
    lioness_encrypt(key, block);
    EXPECT_EQ(block, hex(vector["ciphertext"]));
    lioness_decrypt(key, block);
    EXPECT_EQ(block, hex(vector["plaintext"]));
  }
}

TEST(Lioness, AgreesWithItsDefinitionForEveryLength) {
  test::SeededRng rng{45};
  for (std::size_t size = 33; size <= 700; size += size < 200 ? 1 : 37) {
    LionessKey key;
    rng.fill(key.reveal_mut());
    base::Bytes block(size);
    rng.fill(block);

    base::Bytes left{block.begin(), block.begin() + 32};
    base::Bytes right{block.begin() + 32, block.end()};
    const auto stream = [&](std::size_t at) {
      base::Bytes stream_key(32);
      for (std::size_t i = 0; i < 32; ++i) {
        stream_key[i] = static_cast<std::uint8_t>(left[i] ^ key.reveal()[at + i]);
      }
      const base::Bytes nonce(8);
      crypto_stream_chacha20_xor(right.data(), right.data(), right.size(), nonce.data(),
                                 stream_key.data());
    };
    const auto hash = [&](std::size_t at) {
      base::Bytes digest(32);
      crypto_generichash(digest.data(), 32, right.data(), right.size(), &key.reveal()[at], 64);
      for (std::size_t i = 0; i < 32; ++i) left[i] ^= digest[i];
    };
    stream(0);
    hash(32);
    stream(96);
    hash(128);
    base::append(left, right);

    const base::Bytes original = block;
    lioness_encrypt(key, block);
    ASSERT_EQ(block, left) << size;
    lioness_decrypt(key, block);
    ASSERT_EQ(block, original) << size;
  }
}

TEST(Lioness, EveryFlippedByteScramblesTheWholeBlock) {
  test::SeededRng rng{46};
  LionessKey key;
  rng.fill(key.reveal_mut());
  base::Bytes block(200);
  lioness_encrypt(key, block);
  for (std::size_t i = 0; i < block.size(); ++i) {
    base::Bytes flipped = block;
    flipped[i] ^= 0x01;
    lioness_decrypt(key, flipped);
    EXPECT_LT(std::ranges::count(flipped, std::uint8_t{0}), 20) << i;
  }
}

TEST(LionessDeathTest, RefusesABlockThatHasNoRightHalf) {
  const LionessKey key;
  base::Bytes block(32);
  EXPECT_DEATH_IF_SUPPORTED(lioness_encrypt(key, block), "too short");
  EXPECT_DEATH_IF_SUPPORTED(lioness_decrypt(key, block), "too short");
}

}  // namespace
}  // namespace mix::crypto
