#include "mix/gateway/authentication.h"

#include <gtest/gtest.h>

#include "gateway_vectors.h"
#include "mix/base/encoding.h"

namespace mix::gateway {
namespace {

using base::Errc;
using std::chrono::seconds;

class Authentication : public testing::Test {
 protected:
  AuthenticateV2Request build(std::uint8_t version) const {
    return build_authentication(client_, key_, version, timestamp_,
                                vectors_.nonce(expected_["nonce"]));
  }

  GatewayVectors vectors_;
  const test::Json& expected_ = vectors_.json["authenticate_v2"];
  crypto::Ed25519KeyPair client_ = vectors_.client();
  SharedKey key_ = vectors_.shared_key();
  std::uint64_t timestamp_ = expected_["timestamp"].get<std::uint64_t>();
  base::WallTime now_{seconds{static_cast<std::int64_t>(timestamp_)}};
};

TEST_F(Authentication, BuildsTheRequestOfTheVector) {
  const AuthenticateV2Request request = build(expected_["version"].get<std::uint8_t>());
  EXPECT_EQ(request.protocol_version, 6);
  EXPECT_EQ(request.client_identity, client_.public_key);
  EXPECT_EQ(base::to_bytes(request.address_ciphertext), test::hex(expected_["address_ciphertext"]));
  EXPECT_EQ(base::base64_encode(request.address_ciphertext),
            expected_["address_ciphertext_base64"].get<std::string>());
  EXPECT_EQ(base::base64_encode(request.nonce), expected_["nonce_base64"].get<std::string>());
  EXPECT_EQ(request.unix_timestamp, timestamp_);
  EXPECT_EQ(base::to_bytes(request.signature), test::hex(expected_["signature"]));
}

TEST_F(Authentication, TheSignatureOfTheVectorCoversItsSignedBytes) {
  EXPECT_TRUE(crypto::ed25519_verify(client_.public_key, test::hex(expected_["signed_bytes"]),
                                     build(6).signature)
                  .has_value());
}

TEST_F(Authentication, VerifiesTheRequestOfTheVector) {
  EXPECT_TRUE(verify_authentication(build(6), now_).has_value());
  EXPECT_TRUE(verify_authentication_key(build(6), key_).has_value());
}

TEST_F(Authentication, AcceptsVersionsFourToSix) {
  for (int version = 0; version <= 255; ++version) {
    const auto verified = verify_authentication(build(static_cast<std::uint8_t>(version)), now_);
    const bool supported = version >= 4 && version <= 6;
    EXPECT_EQ(verified.has_value(), supported) << version;
    if (!supported) {
      EXPECT_EQ(verified.error().code, Errc::gateway_old_protocol);
    }
  }
}

TEST_F(Authentication, AcceptsAClockUpToTwoMinutesOff) {
  const AuthenticateV2Request request = build(6);
  for (const int sign : {-1, 1}) {
    EXPECT_TRUE(verify_authentication(request, now_ + sign * seconds{120}).has_value());
    EXPECT_EQ(verify_authentication(request, now_ + sign * seconds{121}).error().code,
              Errc::gateway_clock_skew);
  }
}

TEST_F(Authentication, ExtremeTimestampsAreSkewNotOverflow) {
  timestamp_ = UINT64_MAX;
  EXPECT_EQ(verify_authentication(build(6), now_).error().code, Errc::gateway_clock_skew);
  timestamp_ = 0;
  EXPECT_EQ(verify_authentication(build(6), now_).error().code, Errc::gateway_clock_skew);
}

TEST_F(Authentication, EverySignedFieldIsProtected) {
  const auto refused = [&](auto change) {
    AuthenticateV2Request request = build(6);
    change(request);
    const auto verified = verify_authentication(request, now_);
    return !verified.has_value() && verified.error().code == Errc::gateway_refused;
  };
  EXPECT_TRUE(refused([](auto& r) { r.protocol_version = 5; }));
  EXPECT_TRUE(refused([&](auto& r) { r.client_identity = vectors_.gateway().public_key; }));
  EXPECT_TRUE(refused([](auto& r) { r.address_ciphertext[0] ^= 1; }));
  EXPECT_TRUE(refused([](auto& r) { r.nonce[11] ^= 1; }));
  EXPECT_TRUE(refused([](auto& r) { r.unix_timestamp += 1; }));
  EXPECT_TRUE(refused([](auto& r) { r.signature[63] ^= 1; }));
}

TEST_F(Authentication, AnotherSharedKeyIsRefused) {
  SharedKey other = key_.clone();
  other.reveal_mut()[0] ^= 1;
  EXPECT_EQ(verify_authentication_key(build(6), other).error().code, Errc::gateway_refused);
}

TEST_F(Authentication, ACiphertextOfAnotherAddressIsRefused) {
  AuthenticateV2Request request = build(6);
  request.client_identity = vectors_.gateway().public_key;
  EXPECT_EQ(verify_authentication_key(request, key_).error().code, Errc::gateway_refused);
}

}  // namespace
}  // namespace mix::gateway
