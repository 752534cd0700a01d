#include "mix/crypto/passphrase.h"

#include <gtest/gtest.h>

#include "mix/base/encoding.h"
#include "support/vectors.h"

namespace mix::crypto {
namespace {

using base::Errc;

constexpr PassphraseCost kCheap{.passes = 1, .memory_kib = 8};

PassphraseSalt salt() {
  PassphraseSalt out{};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

BoxKey key_of(std::string_view passphrase) {
  return derive_box_key(base::as_bytes(passphrase), salt(), kCheap).value();
}

// By OpenSSL's Argon2id.
TEST(DeriveBoxKey, HasTheKnownAnswers) {
  EXPECT_EQ(base::hex_encode(key_of("correct horse").reveal()),
            "3bfa796a86260b73457e1290b51695931a17e266f601d0fb45563e282fb6865b");
  const auto by_default = derive_box_key(base::as_bytes("correct horse"), salt(), {});
  EXPECT_EQ(base::hex_encode(by_default.value().reveal()),
            "e3c889ca40ed01e6b6771fc8a5bf16e35ad60b41c9bd5d7e6d63adf51e50b0fd");
}

TEST(DeriveBoxKey, DependsOnPassphraseSaltAndCost) {
  const BoxKey key = key_of("correct horse");
  EXPECT_TRUE(ct_equal(key.reveal(), key_of("correct horse").reveal()));
  EXPECT_FALSE(ct_equal(key.reveal(), key_of("correct horsf").reveal()));
  EXPECT_FALSE(ct_equal(key.reveal(), key_of("").reveal()));
  PassphraseSalt other = salt();
  other[15] ^= 1;
  EXPECT_FALSE(
      ct_equal(key.reveal(),
               derive_box_key(base::as_bytes("correct horse"), other, kCheap).value().reveal()));
  const PassphraseCost dearer{.passes = 2, .memory_kib = 8};
  EXPECT_FALSE(
      ct_equal(key.reveal(),
               derive_box_key(base::as_bytes("correct horse"), salt(), dearer).value().reveal()));
}

TEST(DeriveBoxKey, RefusesCostsOutOfBounds) {
  const auto refused = [](PassphraseCost cost) {
    const auto key = derive_box_key(base::as_bytes("x"), salt(), cost);
    return !key && key.error().code == Errc::crypto_bad_key;
  };
  EXPECT_TRUE(refused({.passes = 0, .memory_kib = 8}));
  EXPECT_TRUE(refused({.passes = 1, .memory_kib = 0}));
  EXPECT_TRUE(refused({.passes = kMaxPassphraseCost.passes + 1, .memory_kib = 8}));
  EXPECT_TRUE(refused({.passes = 1, .memory_kib = kMaxPassphraseCost.memory_kib + 1}));
  EXPECT_TRUE(refused({.passes = 0xFFFFFFFF, .memory_kib = 0xFFFFFFFF}));
}

// libsodium's own test of crypto_secretbox (test/default/secretbox.c), also in the NaCl paper.
TEST(Box, HasTheKnownAnswer) {
  const BoxKey key = BoxKey::from(
      base::hex_decode("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389").value());
  BoxNonce nonce{};
  const base::Bytes nonce_bytes =
      base::hex_decode("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37").value();
  std::copy(nonce_bytes.begin(), nonce_bytes.end(), nonce.begin());
  const base::Bytes message =
      base::hex_decode(
          "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac7"
          "28d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556a"
          "d6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f9377638"
          "48645e0705")
          .value();
  const base::Bytes box = seal_box(key, nonce, message);
  EXPECT_EQ(base::hex_encode(base::ByteView(box).first(32)),
            "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce");
  EXPECT_EQ(open_box(key, nonce, box).value(), message);
}

TEST(Box, RefusesWhatIsShortOrChanged) {
  const BoxKey key = key_of("k");
  const BoxNonce nonce{};
  const base::Bytes message = test::pattern(40, 1);
  const base::Bytes box = seal_box(key, nonce, message);
  for (std::size_t size = 0; size < box.size(); ++size) {
    EXPECT_FALSE(open_box(key, nonce, base::ByteView(box).first(size)));
  }
  for (std::size_t i = 0; i < box.size(); ++i) {
    base::Bytes changed = box;
    changed[i] ^= 0x80;
    EXPECT_EQ(open_box(key, nonce, changed).error().code, Errc::crypto_bad_ciphertext);
  }
  EXPECT_FALSE(open_box(key_of("l"), nonce, box));
  EXPECT_EQ(open_box(key, nonce, seal_box(key, nonce, {})).value(), base::Bytes{});
}

}  // namespace
}  // namespace mix::crypto
