#include "mix/ipr/codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/vectors.h"

namespace mix::ipr {
namespace {

using base::Bytes;
using base::Errc;
using base::Reader;
using base::Writer;
using test::Json;

std::uint64_t number(const Json& text) { return std::stoull(text.get<std::string>()); }

TEST(Varint, AgreesWithTheNetworksCodec) {
  const Json file = test::load_vector_file("ipr.json");
  ASSERT_FALSE(file["varints"].empty());
  for (const Json& vector : file["varints"]) {
    const Bytes bytes = test::hex(vector["hex"]);
    Writer out;
    Reader in{bytes};
    if (vector.contains("u64")) {
      write_varint(out, number(vector["u64"]));
      const auto value = read_u64(in);
      ASSERT_TRUE(value.has_value()) << vector;
      EXPECT_EQ(*value, number(vector["u64"]));
    } else {
      const auto expected = vector["i32_zigzag"].get<std::int32_t>();
      write_zigzag(out, expected);
      const auto value = read_i32(in);
      ASSERT_TRUE(value.has_value()) << vector;
      EXPECT_EQ(*value, expected);
    }
    EXPECT_EQ(Bytes(out.view().begin(), out.view().end()), bytes) << vector;
    EXPECT_TRUE(in.empty());
  }
}

TEST(Varint, IsReadInLongerFormsThanNeeded) {
  for (const Bytes& bytes : {Bytes{0x01}, Bytes{0xfb, 0, 1}, Bytes{0xfc, 0, 0, 0, 1},
                             Bytes{0xfd, 0, 0, 0, 0, 0, 0, 0, 1}}) {
    Reader in{bytes};
    EXPECT_EQ(read_u16(in).value_or(0), 1);
  }
}

TEST(Varint, RefusesReservedFirstBytesAndNumbersTooLargeForTheType) {
  for (const int first : {0xfe, 0xff}) {
    const Bytes bytes(20, static_cast<std::uint8_t>(first));
    Reader in{bytes};
    EXPECT_EQ(read_u64(in).error().code, Errc::ipr_malformed);
    EXPECT_EQ(in.remaining(), bytes.size());
  }
  const Bytes large{0xfc, 0, 1, 0, 0};
  Reader in{large};
  EXPECT_EQ(read_u16(in).error().code, Errc::ipr_malformed);
  EXPECT_EQ(in.remaining(), large.size()) << "moves only on success";
  EXPECT_EQ(read_u32(in).value_or(0), 0x10000U);
  const Bytes larger{0xfd, 0, 0, 0, 1, 0, 0, 0, 0};
  Reader wide{larger};
  EXPECT_EQ(read_u32(wide).error().code, Errc::ipr_malformed);
  EXPECT_EQ(read_i32(wide).error().code, Errc::ipr_malformed);
}

TEST(Varint, RefusesEveryTruncation) {
  for (const std::uint64_t value : {std::uint64_t{250}, std::uint64_t{251}, std::uint64_t{65536},
                                    std::numeric_limits<std::uint64_t>::max()}) {
    Writer out;
    write_varint(out, value);
    for (std::size_t size = 0; size < out.size(); ++size) {
      Reader in{out.view().first(size)};
      EXPECT_EQ(read_u64(in).error().code, Errc::base_truncated);
      EXPECT_EQ(in.remaining(), size);
    }
  }
}

TEST(Codec, RefusesABooleanThatIsNeitherZeroNorOne) {
  const Bytes bytes{2};
  Reader in{bytes};
  EXPECT_EQ(read_bool(in).error().code, Errc::ipr_malformed);
}

TEST(Codec, RefusesATextThatIsNotUtf8) {
  const Bytes bytes{2, 0xc3, 0x28};
  Reader in{bytes};
  EXPECT_EQ(read_string(in).error().code, Errc::ipr_malformed);
  EXPECT_EQ(in.remaining(), bytes.size());
}

TEST(Codec, ComparesALengthWithTheInputBeforeItTakesAnything) {
  const Bytes bytes{0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3};
  Reader in{bytes};
  EXPECT_EQ(read_bytes(in).error().code, Errc::base_truncated);
  const Bytes beyond_32_bits{0xfd, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3};
  Reader wide{beyond_32_bits};
  EXPECT_EQ(read_bytes(wide).error().code, Errc::base_truncated);
}

TEST(Codec, ReadsASignedByte) {
  const Bytes bytes{0xfd};
  Reader in{bytes};
  EXPECT_EQ(read_i8(in).value_or(0), -3);
}

}  // namespace
}  // namespace mix::ipr
