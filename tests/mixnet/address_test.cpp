#include "mix/mixnet/address.h"

#include <gtest/gtest.h>

#include "mangle.h"
#include "support/seeded_rng.h"
#include "support/vectors.h"

namespace mix::mixnet {
namespace {

TEST(Recipient, ReadsAndWritesTheKnownAddresses) {
  for (const auto& v : test::load_vectors("addresses.json", "recipient")) {
    const auto text = v["string"].get<std::string>();
    const auto recipient = Recipient::parse(text);
    ASSERT_TRUE(recipient) << text;
    EXPECT_EQ(recipient->to_string(), text);
    base::Writer out;
    recipient->encode(out);
    EXPECT_EQ(out.take(), test::hex(v["bytes"]));
    const base::Bytes bytes = test::hex(v["bytes"]);
    base::Reader in(bytes);
    const auto decoded = Recipient::decode(in);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(*decoded, *recipient);
    EXPECT_TRUE(in.empty());
    const auto identity = crypto::Ed25519KeyPair::from_seed(
        crypto::Secret<32>{test::hex_array<32>(v["identity_secret_seed"])});
    EXPECT_EQ(identity.public_key, recipient->identity);
    const auto encryption = crypto::X25519KeyPair::from_secret(
        crypto::Secret<32>{test::hex_array<32>(v["encryption_private_key"])});
    EXPECT_EQ(encryption.public_key, recipient->encryption);
    EXPECT_EQ(base::hex_encode(recipient->identity.view()),
              v["sphinx_destination"].get<std::string>());
  }
}

TEST(Recipient, RefusesTheKnownBadAddresses) {
  for (const auto& v : test::load_vectors("addresses.json", "invalid_recipient")) {
    const auto recipient = Recipient::parse(v["string"].get<std::string>());
    ASSERT_FALSE(recipient) << v["case"];
    EXPECT_EQ(recipient.error().code, base::Errc::mixnet_bad_recipient) << v["case"];
  }
}

TEST(Recipient, RefusesEveryCutAddress) {
  const auto v = test::load_vectors("addresses.json", "recipient")[0];
  const auto text = v["string"].get<std::string>();
  for (std::size_t n = 0; n < text.size(); ++n) {
    const std::string cut(text, 0, n);
    const auto parsed = Recipient::parse(cut);
    // base58 of 32 bytes has 43 or 44 digits, so a cut of one digit may still be an address.
    if (n + 1 < text.size()) {
      EXPECT_FALSE(parsed) << n;
    }
  }
  const base::Bytes bytes = test::hex(v["bytes"]);
  test::mangle(bytes, [&](base::ByteView mangled) {
    base::Reader in(mangled);
    const auto decoded = Recipient::decode(in);
    if (mangled.size() < kRecipientSize) {
      EXPECT_FALSE(decoded);
    }
    if (!decoded) {
      EXPECT_EQ(in.remaining(), mangled.size()) << "moves only on success";
    }
  });
}

TEST(Recipient, OrdersByAllNinetySixBytes) {
  Recipient a;
  Recipient b = a;
  EXPECT_FALSE(a < b);
  b.gateway.bytes[31] = 1;
  EXPECT_TRUE(a < b);
  EXPECT_FALSE(b < a);
  EXPECT_NE(a, b);
}

TEST(SenderTag, ReadsAndWritesTheKnownTags) {
  for (const auto& v : test::load_vectors("addresses.json", "sender_tag")) {
    const auto tag = SenderTag::parse(v["base58"].get<std::string>());
    ASSERT_TRUE(tag);
    EXPECT_EQ(tag->bytes, test::hex_array<16>(v["bytes"]));
    EXPECT_EQ(tag->to_string(), v["base58"].get<std::string>());
  }
  EXPECT_FALSE(SenderTag::parse(""));
  EXPECT_FALSE(SenderTag::parse("1111"));
  EXPECT_FALSE(SenderTag::parse("0OIl"));
}

TEST(ClientKeys, AreFreshEachTime) {
  test::SeededRng rng(1);
  const ClientKeys a = ClientKeys::generate(rng);
  const ClientKeys b = ClientKeys::generate(rng);
  EXPECT_NE(a.identity.public_key, b.identity.public_key);
  EXPECT_NE(a.encryption.public_key, b.encryption.public_key);
  EXPECT_FALSE(crypto::ct_equal(a.ack_key.reveal(), b.ack_key.reveal()));
}

}  // namespace
}  // namespace mix::mixnet
