// Our primitives against Project Wycheproof: edge cases that implementations got wrong elsewhere.
#include "wycheproof.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "mix/crypto/cipher.h"
#include "mix/crypto/hash.h"
#include "mix/crypto/keys.h"
#include "pinned.h"

namespace mix::crypto {
namespace {

using base::Bytes;
using test::for_each_case;
using test::has_flag;
using test::hex;
using test::is_valid;
using test::Json;

TEST(Wycheproof, X25519) {
  const std::size_t cases = for_each_case("x25519", [](const Json&, const Json& vector) {
    const auto secret = X25519SecretKey{test::hex_array<32>(vector["private"])};
    const auto peer = X25519PublicKey{test::hex_array<32>(vector["public"])};
    const SharedSecret shared = x25519(secret, peer);
    const auto bytes = shared.reveal();
    EXPECT_EQ(Bytes(bytes.begin(), bytes.end()), hex(vector["shared"]));
    // Callers of handshakes refuse these.
    EXPECT_EQ(is_zero(shared), has_flag(vector, "ZeroSharedSecret"));
  });
  EXPECT_EQ(cases, 518u);
}

TEST(Wycheproof, Ed25519) {
  const std::size_t cases = for_each_case("ed25519", [](const Json& group, const Json& vector) {
    const auto key = Ed25519PublicKey{test::hex_array<32>(group["publicKey"]["pk"])};
    const bool verifies = ed25519_verify(key, hex(vector["msg"]), hex(vector["sig"])).has_value();
    EXPECT_EQ(verifies, is_valid(vector));
  });
  EXPECT_EQ(cases, 150u);
}

// Ours is AES-256 without associated data.
TEST(Wycheproof, Aes256GcmSiv) {
  std::size_t used = 0;
  for_each_case("aes_gcm_siv", [&](const Json& group, const Json& vector) {
    if (group["keySize"] != 256 || vector["aad"] != "") return;
    ++used;
    const GcmSiv cipher{AesKey256{test::hex_array<32>(vector["key"])}};
    const auto nonce = test::hex_array<kGcmSivNonceSize>(vector["iv"]);
    Bytes sealed = hex(vector["ct"]);
    base::append(sealed, hex(vector["tag"]));
    const auto opened = cipher.open(nonce, sealed);
    EXPECT_EQ(opened.has_value(), is_valid(vector));
    if (!is_valid(vector)) return;
    EXPECT_EQ(cipher.seal(nonce, hex(vector["msg"])), sealed);
    EXPECT_TRUE(opened && *opened == hex(vector["msg"]));
  });
  EXPECT_GE(used, 25u);
}

TEST(Wycheproof, HkdfSha256) {
  const std::size_t cases = for_each_case("hkdf_sha256", [](const Json&, const Json& vector) {
    if (!is_valid(vector)) {
      EXPECT_TRUE(has_flag(vector, "SizeTooLarge"));  // the caller's duty
      return;
    }
    Bytes out(vector["size"].get<std::size_t>());
    hkdf_sha256(hex(vector["salt"]), hex(vector["ikm"]), hex(vector["info"]), out);
    EXPECT_EQ(out, hex(vector["okm"]));
  });
  EXPECT_EQ(cases, 86u);
}

TEST(Wycheproof, HmacSha256) {
  const std::size_t cases = for_each_case("hmac_sha256", [](const Json& group, const Json& vector) {
    const Digest whole = hmac_sha256(hex(vector["key"]), hex(vector["msg"]));
    const auto size = group["tagSize"].get<std::size_t>() / 8;
    const bool agrees = ct_equal(base::ByteView(whole).first(size), hex(vector["tag"]));
    EXPECT_EQ(agrees, is_valid(vector));
  });
  EXPECT_EQ(cases, 174u);
}

}  // namespace
}  // namespace mix::crypto
