// BLAKE3's official vectors, and POLYVAL's of RFC 8452 appendix A.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "mix/base/encoding.h"
#include "mix/crypto/hash.h"
#include "pinned.h"
#include "polyval.h"

namespace mix::crypto {
namespace {

using base::Bytes;
using test::Json;

/// The input that the vectors describe: 0 to 250, again and again.
Bytes blake3_input(std::size_t size) {
  constexpr std::size_t kPeriod = 251;
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i % kPeriod);
  return out;
}

TEST(Blake3, AgreesWithTheOfficialVectors) {
  const Json file = test::load_pinned("blake3_vectors", "tests/test_vectors.json");
  std::size_t cases = 0;
  for (const Json& vector : file["cases"]) {
    const auto size = vector["input_len"].get<std::size_t>();
    const Digest digest = blake3(blake3_input(size));
    EXPECT_EQ(base::hex_encode(digest), vector["hash"].get<std::string>().substr(0, 64)) << size;
    ++cases;
  }
  EXPECT_EQ(cases, 22u);
}

/// The hexadecimal text that follows `name` in a source file that holds it as a literal.
std::string literal_after(const std::string& source, const std::string& name) {
  const std::size_t at = source.find("const " + name + ":");
  const std::size_t begin = source.find('"', at) + 1;
  const std::size_t end = source.find('"', begin);
  if (at == std::string::npos || end == std::string::npos) test::bad_vector(name + " is missing");
  return source.substr(begin, end - begin);
}

TEST(Polyval, AgreesWithRfc8452) {
  const std::string source = test::read_pinned("polyval_vectors", "tests/lib.rs");
  const auto key = test::hex_array<16>(literal_after(source, "H"));
  detail::Polyval polyval(key);
  polyval.update_padded(test::hex(literal_after(source, "X_1")));
  polyval.update_padded(test::hex(literal_after(source, "X_2")));
  EXPECT_EQ(base::hex_encode(polyval.digest()), literal_after(source, "POLYVAL_RESULT"));
}

}  // namespace
}  // namespace mix::crypto
