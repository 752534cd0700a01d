#include "mix/gateway/handshake.h"

#include <gtest/gtest.h>

#include "gateway_vectors.h"
#include "mix/crypto/hash.h"

namespace mix::gateway {
namespace {

using base::Bytes;
using base::Errc;

class Handshake : public testing::Test {
 protected:
  GatewayVectors vectors_;
  const test::Json& messages_ = vectors_.json["handshake"];
  crypto::Ed25519KeyPair client_ = vectors_.client();
  crypto::Ed25519KeyPair gateway_ = vectors_.gateway();
  crypto::X25519KeyPair client_ephemeral_ = vectors_.client_ephemeral();
  crypto::X25519KeyPair gateway_ephemeral_ = vectors_.gateway_ephemeral();
  SharedKey key_ = vectors_.shared_key();
  HandshakeInit init_{client_.public_key, client_ephemeral_.public_key, vectors_.salt()};
  Bytes answer_ = test::hex(messages_["message2"]);
  Bytes proof_ = test::hex(messages_["message3"]);

  base::Result<HandshakeAnswer> open_answer(base::ByteView payload) const {
    return open_handshake_answer(payload, gateway_.public_key, client_ephemeral_, vectors_.salt());
  }
  base::Result<void> verify_proof(base::ByteView payload) const {
    return verify_handshake_proof(payload, init_, gateway_ephemeral_.public_key, key_);
  }
};

TEST_F(Handshake, KeysOfTheVectorsBelongTogether) {
  EXPECT_EQ(client_.public_key.bytes, test::hex_array<32>(vectors_.json["client_identity_public"]));
  EXPECT_EQ(gateway_.public_key.bytes,
            test::hex_array<32>(vectors_.json["gateway_identity_public"]));
  EXPECT_EQ(client_ephemeral_.public_key.bytes,
            test::hex_array<32>(vectors_.json["client_ephemeral_public"]));
  EXPECT_EQ(gateway_ephemeral_.public_key.bytes,
            test::hex_array<32>(vectors_.json["gateway_ephemeral_public"]));
}

TEST_F(Handshake, BothSidesDeriveTheSharedKeyOfTheVector) {
  const auto secret = crypto::x25519(client_ephemeral_.secret, gateway_ephemeral_.public_key);
  EXPECT_TRUE(base::equal(secret.reveal(), test::hex(vectors_.json["dh"])));
  EXPECT_TRUE(base::equal(crypto::hmac_blake3(vectors_.salt(), secret.reveal()),
                          test::hex(vectors_.json["hkdf_prk"])));
  const auto at_client =
      derive_shared_key(client_ephemeral_.secret, gateway_ephemeral_.public_key, vectors_.salt());
  const auto at_gateway =
      derive_shared_key(gateway_ephemeral_.secret, client_ephemeral_.public_key, vectors_.salt());
  ASSERT_TRUE(at_client.has_value() && at_gateway.has_value());
  EXPECT_TRUE(base::equal(at_client->reveal(), test::hex(vectors_.json["shared_key"])));
  EXPECT_TRUE(crypto::ct_equal(at_client->reveal(), at_gateway->reveal()));
}

TEST_F(Handshake, AKeyOfLowOrderIsRefused) {
  crypto::X25519PublicKey zero;
  EXPECT_EQ(derive_shared_key(client_ephemeral_.secret, zero, vectors_.salt()).error().code,
            Errc::gateway_bad_handshake);
  zero.bytes[0] = 1;
  EXPECT_EQ(derive_shared_key(client_ephemeral_.secret, zero, vectors_.salt()).error().code,
            Errc::gateway_bad_handshake);
}

TEST_F(Handshake, EncodesTheInitOfTheVector) {
  EXPECT_EQ(encode_handshake_init(init_), test::hex(messages_["message1"]));
  const auto decoded = decode_handshake_init(test::hex(messages_["message1"]));
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(*decoded, init_);
}

TEST_F(Handshake, RefusesAnInitOfAnotherLength) {
  Bytes init = encode_handshake_init(init_);
  init.push_back(0);
  for (std::size_t size = 0; size <= init.size(); ++size) {
    const bool exact = size == kHandshakeInitSize;
    EXPECT_EQ(decode_handshake_init(base::ByteView(init).first(size)).has_value(), exact) << size;
  }
}

TEST_F(Handshake, BuildsTheAnswerOfTheVector) {
  EXPECT_EQ(build_handshake_answer(gateway_, gateway_ephemeral_.public_key, init_.client_ephemeral,
                                   key_, vectors_.nonce(messages_["gateway_nonce"])),
            answer_);
  const auto opened = open_answer(answer_);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->gateway_ephemeral, gateway_ephemeral_.public_key);
  EXPECT_TRUE(crypto::ct_equal(opened->key.reveal(), key_.reveal()));
}

TEST_F(Handshake, RefusesAnAnswerThatWasCutOrChangedAnywhere) {
  for (std::size_t size = 0; size < answer_.size(); ++size) {
    EXPECT_EQ(open_answer(base::ByteView(answer_).first(size)).error().code,
              Errc::gateway_bad_handshake);
  }
  Bytes longer = answer_;
  longer.push_back(0);
  EXPECT_FALSE(open_answer(longer).has_value());
  for (std::size_t i = 0; i < answer_.size(); ++i) {
    Bytes changed = answer_;
    changed[i] ^= 0x01;
    EXPECT_EQ(open_answer(changed).error().code, Errc::gateway_bad_handshake) << i;
  }
}

TEST_F(Handshake, RefusesAnAnswerOfAnotherGateway) {
  EXPECT_EQ(open_handshake_answer(answer_, client_.public_key, client_ephemeral_, vectors_.salt())
                .error()
                .code,
            Errc::gateway_bad_handshake);
}

TEST_F(Handshake, TheAnswersSignatureCoversOwnKeyFirst) {
  // The same signature over the keys in the client's order must not pass.
  const Bytes swapped =
      build_handshake_proof(gateway_, client_ephemeral_.public_key, gateway_ephemeral_.public_key,
                            key_, vectors_.nonce(messages_["gateway_nonce"]));
  Bytes answer = base::to_bytes(gateway_ephemeral_.public_key.view());
  base::append(answer, swapped);
  ASSERT_EQ(answer.size(), kHandshakeAnswerSize);
  EXPECT_FALSE(open_answer(answer).has_value());
}

TEST_F(Handshake, BuildsTheProofOfTheVector) {
  EXPECT_EQ(
      build_handshake_proof(client_, client_ephemeral_.public_key, gateway_ephemeral_.public_key,
                            key_, vectors_.nonce(messages_["client_nonce"])),
      proof_);
  EXPECT_TRUE(verify_proof(proof_).has_value());
}

TEST_F(Handshake, SignaturesOfTheVectorsAreInside) {
  const crypto::GcmSiv cipher(key_);
  const auto open = [&](base::ByteView sealed) {
    base::Reader in(sealed);
    const auto ciphertext = in.bytes(80).value();
    return cipher.open(in.fixed<12>().value(), ciphertext).value();
  };
  EXPECT_EQ(open(base::ByteView(answer_).subspan(32)), test::hex(messages_["gateway_signature"]));
  EXPECT_EQ(open(proof_), test::hex(messages_["client_signature"]));
}

TEST_F(Handshake, RefusesAProofThatWasCutOrChangedAnywhere) {
  for (std::size_t size = 0; size < proof_.size(); ++size) {
    EXPECT_EQ(verify_proof(base::ByteView(proof_).first(size)).error().code,
              Errc::gateway_bad_handshake);
  }
  for (std::size_t i = 0; i < proof_.size(); ++i) {
    Bytes changed = proof_;
    changed[i] ^= 0x80;
    EXPECT_EQ(verify_proof(changed).error().code, Errc::gateway_bad_handshake) << i;
  }
}

TEST_F(Handshake, RefusesAProofOfAnotherClient) {
  init_.client_identity = gateway_.public_key;
  EXPECT_EQ(verify_proof(proof_).error().code, Errc::gateway_bad_handshake);
}

TEST_F(Handshake, OnlyTheByteOneConfirms) {
  EXPECT_EQ(encode_handshake_confirmation(), test::hex(messages_["message4"]));
  EXPECT_TRUE(decode_handshake_confirmation(Bytes{1}).has_value());
  for (const Bytes& bad : {Bytes{}, Bytes{0}, Bytes{2}, Bytes{255}, Bytes{1, 1}}) {
    EXPECT_EQ(decode_handshake_confirmation(bad).error().code, Errc::gateway_bad_handshake);
  }
}

}  // namespace
}  // namespace mix::gateway
