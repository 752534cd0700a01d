// Hexadecimal, base58 and base64 against published answers.
#include "mix/base/encoding.h"

#include <gtest/gtest.h>

namespace mix::base {
namespace {

TEST(Hex, EncodesAndDecodes) {
  EXPECT_EQ(hex_encode(Bytes{0x00, 0x0f, 0xa5, 0xff}), "000fa5ff");
  EXPECT_EQ(*hex_decode("000FA5ff"), (Bytes{0x00, 0x0f, 0xa5, 0xff}));
  EXPECT_EQ(hex_decode("0").error().code, Errc::base_bad_encoding);
  EXPECT_EQ(hex_decode("0g").error().code, Errc::base_bad_encoding);
}

// Answers of draft-msporny-base58.
TEST(Base58, MatchesThePublishedAnswers) {
  EXPECT_EQ(base58_encode(as_bytes("Hello World!")), "2NEpo7TZRRrLZSi2U");
  EXPECT_EQ(base58_encode(as_bytes("The quick brown fox jumps over the lazy dog.")),
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z");
  EXPECT_EQ(base58_encode(Bytes{0x00, 0x00, 0x28, 0x7f, 0xb4, 0xcd}), "11233QC4");
  EXPECT_EQ(*base58_decode("11233QC4"), (Bytes{0x00, 0x00, 0x28, 0x7f, 0xb4, 0xcd}));
  EXPECT_EQ(to_string(*base58_decode("2NEpo7TZRRrLZSi2U")), "Hello World!");
}

TEST(Base58, HandlesEmptyTextAndZeros) {
  EXPECT_EQ(base58_encode({}), "");
  EXPECT_EQ(base58_decode("")->size(), 0U);
  EXPECT_EQ(base58_encode(Bytes{0, 0, 0}), "111");
  EXPECT_EQ(*base58_decode("111"), (Bytes{0, 0, 0}));
}

TEST(Base58, RefusesForeignCharactersAndTooManyBytes) {
  for (const char* bad : {"0", "O", "I", "l", "+", "a b"}) {
    EXPECT_EQ(base58_decode(bad).error().code, Errc::base_bad_encoding) << bad;
  }
  EXPECT_EQ(base58_decode(std::string(200, 'z')).error().code, Errc::base_bad_encoding);
  EXPECT_EQ(base58_decode(std::string(200, '1')).error().code, Errc::base_bad_encoding);
}

// RFC 4648 §10.
TEST(Base64, MatchesRfc4648) {
  const std::pair<const char*, const char*> kAnswers[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
  };
  for (const auto& [plain, encoded] : kAnswers) {
    EXPECT_EQ(base64_encode(as_bytes(plain)), encoded);
    EXPECT_EQ(to_string(*base64_decode(encoded)), plain);
  }
}

TEST(Base64, RefusesWhatIsNotCanonical) {
  for (const char* bad :
       {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zm 9", "Zg==Zg==", "-_+/"}) {
    EXPECT_EQ(base64_decode(bad).error().code, Errc::base_bad_encoding) << bad;
  }
}

}  // namespace
}  // namespace mix::base
