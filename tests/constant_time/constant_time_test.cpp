// No branch and no address depends on a secret. Secrets are marked as undefined memory, and
// valgrind's memcheck, which follows what is computed from it, reports every jump and every access
// that depends on it. The last tests show that it would. Needs an optimised native build: that is
// the code whose compiler may have turned arithmetic into branches.
//
// Not here: Argon2id, whose second half addresses memory by its data as designed (RFC 9106 §3.1.1
// keeps the first half free of it); mbedTLS, which has such tests of its own.
#include <gtest/gtest.h>
#include <valgrind/memcheck.h>

#include <array>
#include <vector>

#include "mix/crypto/blinding.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/fixed_base.h"
#include "mix/crypto/hash.h"
#include "mix/crypto/keys.h"
#include "mix/crypto/passphrase.h"
#include "mix/mixnet/fragment_crypto.h"
#include "mix/sphinx/packet.h"
#include "mix/sphinx/surb.h"
#include "support/seeded_rng.h"

namespace mix {
namespace {

using base::Bytes;
using base::ByteView;
using base::MutByteView;

void hide(ByteView bytes) { (void)VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size()); }
void publish(ByteView bytes) { (void)VALGRIND_MAKE_MEM_DEFINED(bytes.data(), bytes.size()); }

/// All that is drawn from it is secret, but for the numbers that choices are made by.
class SecretRng final : public base::Rng {
 public:
  void fill(MutByteView out) override {
    rng_.fill(out);
    hide(out);
  }

 private:
  test::SeededRng rng_{7};
};

class ConstantTime : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RUNNING_ON_VALGRIND) << "run by: valgrind constant_time_test";
    errors_ = VALGRIND_COUNT_ERRORS;
  }
  /// Dependencies on secrets that were met in this test so far.
  [[nodiscard]] unsigned long dependencies() const { return VALGRIND_COUNT_ERRORS - errors_; }

  template <std::size_t N>
  crypto::Secret<N> secret() {
    crypto::Secret<N> out;
    rng_.fill(out.reveal_mut());
    return out;
  }
  Bytes secret_bytes(std::size_t size) {
    Bytes out(size);
    rng_.fill(out);
    return out;
  }
  /// Public keys of nodes, as a topology has them.
  std::vector<sphinx::Hop> route(std::size_t hops) {
    std::vector<sphinx::Hop> out;
    out.reserve(hops);
    for (std::size_t i = 0; i < hops; ++i) {
      out.push_back({.address = {.ip = sphinx::Ipv4Octets{10, 0, 0, 1}, .port = 1789},
                     .key = crypto::X25519KeyPair::generate(public_rng_).public_key,
                     .delay = std::chrono::milliseconds{15}});
    }
    return out;
  }

  SecretRng rng_;
  test::SeededRng public_rng_{8};

 private:
  unsigned long errors_ = 0;
};

TEST_F(ConstantTime, X25519AndScalars) {
  const auto key = secret<32>();
  const auto peer = crypto::X25519KeyPair::generate(public_rng_).public_key;
  const auto shared = crypto::x25519(key, peer);
  const auto a = crypto::Scalar::clamped(key.reveal());
  const auto b = crypto::Scalar::reduced(shared.reveal());
  const auto product = a.times(b);
  (void)product.multiply(peer);
  (void)product.multiply_base();
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, TablesOfPoints) {
  const auto peer = crypto::X25519KeyPair::generate(public_rng_).public_key;
  const auto table = crypto::FixedBaseTable::build(peer);
  ASSERT_NE(table, nullptr);
  const auto scalar = crypto::Scalar::clamped(secret<32>().reveal());
  (void)table->multiply(scalar);
  crypto::PointTables tables({.uses_before_table = 2});
  for (int use = 0; use < 4; ++use) {
    (void)tables.multiply(scalar, peer);
    const auto key = secret<32>();
    (void)tables.x25519(key, peer);
    (void)tables.multiply_base(scalar);
  }
  EXPECT_EQ(tables.num_tables(), 2U);
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, Ed25519Signatures) {
  crypto::Ed25519KeyPair pair = crypto::Ed25519KeyPair::from_seed(secret<32>());
  publish(pair.public_key.bytes);
  (void)crypto::ed25519_sign(pair, secret_bytes(100));
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, HashesAndKeyDerivation) {
  const Bytes data = secret_bytes(1000);
  const auto key = secret<32>();
  std::array<std::uint8_t, 100> out{};
  for (const std::size_t size : {0U, 1U, 55U, 64U, 65U, 1000U}) {
    const ByteView part = ByteView{data}.first(size);
    (void)crypto::sha256(part);
    (void)crypto::blake3(part);
    (void)crypto::hmac_sha256(key.reveal(), part);
    (void)crypto::hmac_blake3(key.reveal(), part);
    crypto::hkdf_sha256({}, part, key.reveal(), out);
    crypto::hkdf_blake3(key.reveal(), part, {}, out);
  }
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, AesCtrAndLioness) {
  Bytes data = secret_bytes(2065);
  const auto key = secret<16>();
  crypto::aes128_ctr_xor(key.reveal(), data);
  const auto wide = secret<crypto::kLionessKeySize>();
  crypto::lioness_encrypt(wide, data);
  crypto::lioness_decrypt(wide, data);
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, GcmSiv) {
  const crypto::GcmSiv cipher(secret<32>());
  const crypto::GcmSivNonce nonce{1, 2, 3};
  Bytes sealed = cipher.seal(nonce, secret_bytes(2413));
  EXPECT_TRUE(cipher.open(nonce, sealed).has_value());
  sealed[5] = static_cast<std::uint8_t>(sealed[5] ^ 1U);
  EXPECT_FALSE(cipher.open(nonce, sealed).has_value());
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, BoxesOfStoredKeys) {
  (void)crypto::seal_box(secret<32>(), crypto::BoxNonce{1}, secret_bytes(300));
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, SphinxHeadersPacketsAndSurbs) {
  const auto hops = route(4);
  crypto::PointTables tables({.uses_before_table = 2});
  for (int packet = 0; packet < 4; ++packet) {
    for (const auto version : {sphinx::Version::kSeeded, sphinx::Version::kLongKeys}) {
      const auto header = sphinx::build_header(sphinx::HeaderSecrets::generate(rng_), hops, {}, {},
                                               version, &tables);
      ASSERT_TRUE(header.has_value());
      ASSERT_TRUE(sphinx::build_packet(*header, secret_bytes(1000), sphinx::PacketSize::kRegular)
                      .has_value());
      auto surb =
          sphinx::Surb::build(sphinx::HeaderSecrets::generate(rng_), hops, {}, version, &tables);
      ASSERT_TRUE(surb.has_value());
      (void)surb->encode();
      ASSERT_TRUE(
          (*std::move(surb)).use(secret_bytes(100), sphinx::PacketSize::kRegular).has_value());
    }
  }
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, SphinxHeadersThatAreChecked) {
  crypto::X25519KeyPair node = crypto::X25519KeyPair::generate(public_rng_);
  auto hops = route(3);
  hops[0].key = node.public_key;
  auto packet = sphinx::make_packet(hops, {}, Bytes(10), sphinx::PacketSize::kRegular,
                                    sphinx::Version::kSeeded, public_rng_);
  ASSERT_TRUE(packet.has_value());
  hide(node.secret.reveal());
  EXPECT_TRUE(sphinx::check_header(*packet, node.secret).has_value());
  packet->at(200) ^= 1U;
  EXPECT_FALSE(sphinx::check_header(*packet, node.secret).has_value());
  EXPECT_EQ(dependencies(), 0U);
}

TEST_F(ConstantTime, Fragments) {
  const auto recipient = crypto::X25519KeyPair::generate(public_rng_);
  crypto::PointTables tables;
  const Bytes sealed = mixnet::seal_fragment(
      secret_bytes(1500), mixnet::FragmentSeal::generate(recipient.public_key, rng_, tables));
  publish(ByteView{sealed}.first(crypto::X25519PublicKey::kSize));
  const auto opened = mixnet::open_fragment(sealed, recipient.secret);
  ASSERT_TRUE(opened.has_value());
  const auto key = secret<16>();
  (void)mixnet::seal_reply_fragment(secret_bytes(1500), key);
  EXPECT_EQ(dependencies(), 0U);
}

// --- that the method sees what it should ---

TEST_F(ConstantTime, ABranchOnASecretIsSeen) {
  const auto key = secret<32>();
  volatile int taken = 0;
  if (key.reveal()[3] == 7) taken = 1;
  (void)taken;
  EXPECT_GT(dependencies(), 0U);
}

TEST_F(ConstantTime, AnIndexThatIsSecretIsSeen) {
  const auto key = secret<32>();
  static const std::array<volatile std::uint8_t, 256> table{};
  volatile std::uint8_t read = table[key.reveal()[3]];
  (void)read;
  EXPECT_GT(dependencies(), 0U);
}

}  // namespace
}  // namespace mix
