// The unpacker against streams of liblzma (tests/vectors/lzma.json, made by Python's lzma module
// with the filters of tools/pack-module).
#include "lzma.h"

#include <gtest/gtest.h>

#include <string>

#include "support/vectors.h"

namespace mix::unpack {
namespace {

struct Case {
  base::Bytes plain, packed;
};

Case read_case(const test::Json& vector) {
  return {test::hex(vector["plain"]), test::hex(vector["packed"])};
}

/// Guard bytes that nobody may touch follow the output.
constexpr std::size_t kGuard = 64;

struct Unpacked {
  bool whole;
  base::Bytes bytes;
};

Unpacked unpack(base::ByteView packed, std::size_t size) {
  base::Bytes out(size + kGuard, 0xA5);
  const bool whole = unpack_lzma(packed, base::MutByteView{out}.first(size));
  EXPECT_EQ(base::Bytes(out.end() - kGuard, out.end()), base::Bytes(kGuard, 0xA5));
  out.resize(size);
  return {whole, std::move(out)};
}

TEST(Lzma, GivesBackWhatLiblzmaPacked) {
  for (const test::Json& vector : test::load_vectors("lzma.json")) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Case known = read_case(vector);
    const Unpacked out = unpack(known.packed, known.plain.size());
    EXPECT_TRUE(out.whole);
    EXPECT_EQ(out.bytes, known.plain);
  }
}

TEST(Lzma, NoticesAStreamThatIsCutOff) {
  for (const test::Json& vector : test::load_vectors("lzma.json")) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const Case known = read_case(vector);
    if (known.plain.empty()) continue;
    for (std::size_t size = 0; size < known.packed.size(); ++size) {
      const Unpacked out = unpack(base::ByteView{known.packed}.first(size), known.plain.size());
      // The coder's last bytes may have told nothing new.
      if (out.whole) {
        EXPECT_EQ(out.bytes, known.plain);
      }
      if (size < known.packed.size() / 2) {
        EXPECT_FALSE(out.whole);
      }
    }
  }
}

TEST(Lzma, StaysWithinItsBuffersWhateverTheStreamSays) {
  for (const test::Json& vector : test::load_vectors("lzma.json")) {
    Case known = read_case(vector);
    for (std::size_t at = 0; at < known.packed.size(); ++at) {
      for (const int flip : {1, 0x10, 0x80}) {
        known.packed[at] ^= static_cast<std::uint8_t>(flip);
        (void)unpack(known.packed, known.plain.size());
        known.packed[at] ^= static_cast<std::uint8_t>(flip);
      }
    }
  }
}

}  // namespace
}  // namespace mix::unpack
