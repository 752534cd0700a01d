#include "mix/tunnel/key_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/seeded_rng.h"

namespace mix::tunnel {
namespace {

using base::Errc;

constexpr crypto::PassphraseCost kCheap{.passes = 1, .memory_kib = 8};

base::Bytes bytes(std::string_view text) { return base::to_bytes(base::as_bytes(text)); }

Identity some_identity(base::Rng& rng) {
  return Identity{.keys = mixnet::ClientKeys::generate(rng),
                  .gateway = crypto::Ed25519KeyPair::generate(rng).public_key,
                  .shared_key = gateway::SharedKey{rng.bytes<32>()},
                  .last_login = 0x0102030405060708};
}

void expect_equal(const Identity& a, const Identity& b) {
  EXPECT_EQ(a.keys.identity.public_key, b.keys.identity.public_key);
  EXPECT_TRUE(crypto::ct_equal(a.keys.identity.seed.reveal(), b.keys.identity.seed.reveal()));
  EXPECT_EQ(a.keys.encryption.public_key, b.keys.encryption.public_key);
  EXPECT_TRUE(
      crypto::ct_equal(a.keys.encryption.secret.reveal(), b.keys.encryption.secret.reveal()));
  EXPECT_TRUE(crypto::ct_equal(a.keys.ack_key.reveal(), b.keys.ack_key.reveal()));
  EXPECT_EQ(a.gateway, b.gateway);
  EXPECT_TRUE(crypto::ct_equal(a.shared_key.reveal(), b.shared_key.reveal()));
  EXPECT_EQ(a.last_login, b.last_login);
}

bool contains(base::ByteView haystack, base::ByteView needle) {
  return !std::ranges::search(haystack, needle).empty();
}

class KeyVaultTest : public testing::TestWithParam<std::string_view> {
 protected:
  test::SeededRng rng_{11};
  Identity identity_ = some_identity(rng_);

  [[nodiscard]] base::Bytes record() {
    KeyVault writer(bytes(GetParam()), kCheap);
    return writer.seal(identity_, rng_).value();
  }
};

TEST_P(KeyVaultTest, OpensWhatItSealed) {
  KeyVault reader(bytes(GetParam()), kCheap);
  const auto opened = reader.open(record());
  ASSERT_TRUE(opened);
  expect_equal(*opened, identity_);
}

TEST_P(KeyVaultTest, SealsAgainWhatItOpened) {
  const base::Bytes first = record();
  KeyVault vault(bytes(GetParam()), kCheap);
  const auto opened = vault.open(first);
  ASSERT_TRUE(opened);
  const base::Bytes second = vault.seal(*opened, rng_).value();
  // Never the same nonce twice; without a passphrase there is none.
  EXPECT_EQ(first == second, GetParam().empty());
  KeyVault reader(bytes(GetParam()), kCheap);
  ASSERT_TRUE(reader.open(second));
}

TEST_P(KeyVaultTest, RefusesEveryTruncation) {
  const base::Bytes whole = record();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    KeyVault reader(bytes(GetParam()), kCheap);
    const auto opened = reader.open(base::ByteView(whole).first(size));
    ASSERT_FALSE(opened) << size;
    EXPECT_EQ(opened.error().code, Errc::storage_corrupt) << size;
  }
  base::Bytes longer = whole;
  longer.push_back(0);
  KeyVault reader(bytes(GetParam()), kCheap);
  EXPECT_EQ(reader.open(longer).error().code, Errc::storage_corrupt);
}

TEST_P(KeyVaultTest, RefusesEveryChangedByte) {
  const base::Bytes whole = record();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    base::Bytes changed = whole;
    changed[i] ^= 0x01;
    KeyVault reader(bytes(GetParam()), kCheap);
    const auto opened = reader.open(changed);
    ASSERT_FALSE(opened) << i;
    EXPECT_EQ(opened.error().code, Errc::storage_corrupt) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Protections, KeyVaultTest, testing::Values("", "open sesame"),
                         [](const auto& param) {
                           return param.param.empty() ? "Plain" : "Sealed";
                         });

TEST(KeyVault, HidesTheKeysUnderAPassphraseOnly) {
  test::SeededRng rng(12);
  const Identity identity = some_identity(rng);
  const base::ByteView seed = identity.keys.identity.seed.reveal();
  KeyVault open({});
  EXPECT_TRUE(contains(open.seal(identity, rng).value(), seed));
  KeyVault sealed(bytes("secret"), kCheap);
  const base::Bytes record = sealed.seal(identity, rng).value();
  EXPECT_FALSE(contains(record, seed));
  EXPECT_FALSE(contains(record, identity.shared_key.reveal()));
}

TEST(KeyVault, TellsAWrongPassphrase) {
  test::SeededRng rng(13);
  const Identity identity = some_identity(rng);
  KeyVault writer(bytes("right"), kCheap);
  const base::Bytes record = writer.seal(identity, rng).value();
  for (const char* wrong : {"", "wrong", "righ", "right "}) {
    KeyVault reader(bytes(wrong), kCheap);
    const auto opened = reader.open(record);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::storage_wrong_passphrase) << wrong;
  }
}

TEST(KeyVault, ReadsAPlainRecordAndSealsItFromThenOn) {
  test::SeededRng rng(14);
  const Identity identity = some_identity(rng);
  KeyVault plain({});
  const base::Bytes record = plain.seal(identity, rng).value();
  KeyVault vault(bytes("new"), kCheap);
  const auto opened = vault.open(record);
  ASSERT_TRUE(opened);
  const base::Bytes sealed = vault.seal(*opened, rng).value();
  EXPECT_EQ(plain.open(sealed).error().code, Errc::storage_wrong_passphrase);
}

TEST(KeyVault, CostsWhatIsMeantByDefault) {
  test::SeededRng rng(15);
  KeyVault vault(bytes("passphrase"));
  const base::Bytes record = vault.seal(some_identity(rng), rng).value();
  base::Reader in(record);
  (void)in.bytes(6);
  EXPECT_EQ(in.u32be().value(), 3u);
  EXPECT_EQ(in.u32be().value(), 65536u);
}

}  // namespace
}  // namespace mix::tunnel
