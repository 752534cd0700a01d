// What mbedTLS does for TLS against Project Wycheproof: AEADs and ECDSA as configured here.
#include <gtest/gtest.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/pk.h>
#include <psa/crypto.h>

#include <cstdlib>
#include <string>

#include "mix/crypto/hash.h"
#include "wycheproof.h"

namespace mix::crypto {
namespace {

using base::Bytes;
using test::for_each_case;
using test::has_flag;
using test::hex;
using test::is_valid;
using test::Json;

constexpr std::size_t kNonceSize = 12;  // TLS' only one

TEST(WycheproofOfTls, ChaCha20Poly1305) {
  const std::size_t cases = for_each_case("chacha20_poly1305", [](const Json&, const Json& vector) {
    const Bytes nonce = hex(vector["iv"]);
    if (nonce.size() != kNonceSize) return;
    const Bytes aad = hex(vector["aad"]), sealed = hex(vector["ct"]), tag = hex(vector["tag"]);
    const Bytes key = hex(vector["key"]);
    mbedtls_chachapoly_context context;
    mbedtls_chachapoly_init(&context);
    ASSERT_EQ(mbedtls_chachapoly_setkey(&context, key.data()), 0);
    Bytes opened(sealed.size());
    const int result =
        mbedtls_chachapoly_auth_decrypt(&context, sealed.size(), nonce.data(), aad.data(),
                                        aad.size(), tag.data(), sealed.data(), opened.data());
    mbedtls_chachapoly_free(&context);
    EXPECT_EQ(result == 0, is_valid(vector));
    if (is_valid(vector)) {
      EXPECT_EQ(opened, hex(vector["msg"]));
    }
  });
  EXPECT_EQ(cases, 325u);
}

TEST(WycheproofOfTls, AesGcm) {
  const std::size_t cases = for_each_case("aes_gcm", [](const Json&, const Json& vector) {
    const Bytes nonce = hex(vector["iv"]);
    const Bytes key = hex(vector["key"]);
    if (nonce.size() != kNonceSize || key.size() == 24) return;  // no suite has AES-192
    const Bytes aad = hex(vector["aad"]), sealed = hex(vector["ct"]), tag = hex(vector["tag"]);
    mbedtls_gcm_context context;
    mbedtls_gcm_init(&context);
    ASSERT_EQ(mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key.data(),
                                 static_cast<unsigned>(key.size() * 8)),
              0);
    Bytes opened(sealed.size());
    const int result =
        mbedtls_gcm_auth_decrypt(&context, sealed.size(), nonce.data(), nonce.size(), aad.data(),
                                 aad.size(), tag.data(), tag.size(), sealed.data(), opened.data());
    mbedtls_gcm_free(&context);
    EXPECT_EQ(result == 0, is_valid(vector));
    if (is_valid(vector)) {
      EXPECT_EQ(opened, hex(vector["msg"]));
    }
  });
  EXPECT_EQ(cases, 316u);
}

/// A signature costs milliseconds: every so many cases of a file, all with MIX_ALL_KNOWN_ANSWERS.
constexpr std::size_t kStep = 4;

void check_ecdsa(const std::string& name, psa_algorithm_t hash, mbedtls_md_type_t md) {
  ASSERT_EQ(psa_crypto_init(), PSA_SUCCESS);
  const std::size_t step = std::getenv("MIX_ALL_KNOWN_ANSWERS") != nullptr ? 1 : kStep;
  std::size_t index = 0;
  const std::size_t cases = for_each_case(name, [&](const Json& group, const Json& vector) {
    // The odd ones out, of which there are few, are never left out.
    const bool is_frequent = has_flag(vector, "ArithmeticError") ||
                             has_flag(vector, "SpecialCaseHash") ||
                             has_flag(vector, "InvalidSignature");
    if (index++ % step != 0 && is_frequent) return;
    const Bytes key = hex(group["publicKeyDer"]);
    mbedtls_pk_context context;
    mbedtls_pk_init(&context);
    ASSERT_EQ(mbedtls_pk_parse_public_key(&context, key.data(), key.size()), 0);
    const Bytes message = hex(vector["msg"]), signature = hex(vector["sig"]);
    Bytes digest(PSA_HASH_LENGTH(hash));
    std::size_t size = 0;
    ASSERT_EQ(
        psa_hash_compute(hash, message.data(), message.size(), digest.data(), digest.size(), &size),
        PSA_SUCCESS);
    const int result = mbedtls_pk_verify(&context, md, digest.data(), digest.size(),
                                         signature.data(), signature.size());
    mbedtls_pk_free(&context);
    // mbedTLS reads lengths that DER would write shorter; the numbers are the same.
    if (has_flag(vector, "BerEncodedSignature")) return;
    EXPECT_EQ(result == 0, is_valid(vector));
  });
  EXPECT_GT(cases, 450u);
}

TEST(WycheproofOfTls, EcdsaP256) {
  check_ecdsa("ecdsa_secp256r1_sha256", PSA_ALG_SHA_256, MBEDTLS_MD_SHA256);
}

TEST(WycheproofOfTls, EcdsaP384) {
  check_ecdsa("ecdsa_secp384r1_sha384", PSA_ALG_SHA_384, MBEDTLS_MD_SHA384);
}

}  // namespace
}  // namespace mix::crypto
