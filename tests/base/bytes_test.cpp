// Reader, Writer and the byte helpers.
#include "mix/base/bytes.h"

#include <gtest/gtest.h>

namespace mix::base {
namespace {

TEST(Reader, TakesValuesFromTheFront) {
  const Bytes input{0x01, 0x02, 0x03, 0x04, 0x05, 0xff, 0xee, 0xdd, 0xcc};
  Reader reader{input};
  EXPECT_EQ(*reader.u8(), 0x01);
  EXPECT_EQ(*reader.u16be(), 0x0203);
  EXPECT_EQ(*reader.u16le(), 0x0504);
  EXPECT_EQ(*reader.u32be(), 0xffeeddccU);
  EXPECT_TRUE(reader.empty());
  EXPECT_TRUE(reader.finish().has_value());
}

TEST(Reader, ReadsSixtyFourBitsBigEndian) {
  const Bytes input{1, 2, 3, 4, 5, 6, 7, 8};
  EXPECT_EQ(*Reader{input}.u64be(), 0x0102030405060708U);
}

TEST(Reader, MovesOnlyOnSuccess) {
  const Bytes input{1, 2, 3};
  Reader reader{input};
  EXPECT_EQ(reader.u32be().error().code, Errc::base_truncated);
  EXPECT_EQ(reader.u64be().error().code, Errc::base_truncated);
  EXPECT_EQ(reader.bytes(4).error().code, Errc::base_truncated);
  EXPECT_EQ(reader.fixed<4>().error().code, Errc::base_truncated);
  EXPECT_EQ(reader.sub(4).error().code, Errc::base_truncated);
  EXPECT_EQ(reader.remaining(), 3U);
  EXPECT_EQ(*reader.fixed<2>(), (std::array<std::uint8_t, 2>{1, 2}));
  EXPECT_EQ(reader.u16be().error().code, Errc::base_truncated);
  EXPECT_EQ(*reader.u8(), 3);
}

TEST(Reader, CutsOffASubReader) {
  const Bytes input{1, 2, 3, 4};
  Reader reader{input};
  auto sub = reader.sub(2);
  ASSERT_TRUE(sub.has_value());
  EXPECT_EQ(*sub->u16be(), 0x0102);
  EXPECT_EQ(sub->u8().error().code, Errc::base_truncated);
  EXPECT_EQ(reader.finish().error().code, Errc::base_trailing_bytes);
  EXPECT_EQ(to_bytes(reader.rest()), (Bytes{3, 4}));
}

TEST(Writer, WritesWhatReaderReads) {
  Writer writer;
  const std::size_t slot = writer.reserve_u16();
  writer.u8(7).u16be(0x0102).u16le(0x0102).u32be(0x01020304).u64be(5).bytes(as_bytes("ab"));
  writer.fill(2, 0x20);
  writer.patch_u16be(slot, static_cast<std::uint16_t>(writer.size()));
  EXPECT_EQ(writer.take(), (Bytes{0, 23, 7, 1, 2, 2, 1, 1,   2,   3,    4,   0,
                                  0, 0,  0, 0, 0, 0, 5, 'a', 'b', 0x20, 0x20}));
}

TEST(Utf8, AcceptsWellFormedText) {
  EXPECT_TRUE(is_utf8(as_bytes("")));
  EXPECT_TRUE(is_utf8(as_bytes("plain")));
  EXPECT_TRUE(is_utf8(as_bytes("\xc3\xbc \xe2\x82\xac \xf0\x9f\x90\x9f \xf4\x8f\xbf\xbf")));
}

TEST(Utf8, RefusesOverlongFormsSurrogatesAndTruncation) {
  for (const char* bad :
       {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x90", "\xff"}) {
    EXPECT_FALSE(is_utf8(as_bytes(bad))) << bad;
  }
}

}  // namespace
}  // namespace mix::base
