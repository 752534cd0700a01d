#include "polyval.h"

#include <bit>
#include <cstring>

namespace mix::crypto::detail {

namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

/// Every fourth bit, starting at bit `first`.
constexpr std::uint64_t every_fourth(unsigned first) { return 0x1111111111111111U << first; }

/// The low 64 bits of the product of two polynomials over GF(2).
///
/// Integer multiplication does the work: when only every fourth bit of the factors may be set, the
/// sums of a column (at most 15, except in the top column, whose carry leaves the word) stay within
/// the three empty bits above it, so the column's lowest bit is the parity that is wanted.
inline std::uint64_t multiply_low(std::uint64_t x, std::uint64_t y) {
  std::uint64_t xs[4];
  std::uint64_t ys[4];
  for (unsigned i = 0; i < 4; ++i) {
    xs[i] = x & every_fourth(i);
    ys[i] = y & every_fourth(i);
  }
  std::uint64_t product = 0;
  for (unsigned i = 0; i < 4; ++i) {
    std::uint64_t columns = 0;
    for (unsigned j = 0; j < 4; ++j) columns ^= xs[j] * ys[(i + 4 - j) % 4];
    product |= columns & every_fourth(i);
  }
  return product;
}

inline std::uint64_t reverse_bits(std::uint64_t x) {
  const auto swap = [&x](unsigned shift, std::uint64_t mask) {
    x = (x & mask) << shift | ((x >> shift) & mask);
  };
  swap(1, 0x5555555555555555U);
  swap(2, 0x3333333333333333U);
  swap(4, 0x0f0f0f0f0f0f0f0fU);
  swap(8, 0x00ff00ff00ff00ffU);
  swap(16, 0x0000ffff0000ffffU);
  return std::rotl(x, 32);
}

/// A polynomial of degree below 127: the product of two words.
struct Product {
  std::uint64_t low;
  std::uint64_t high;
};

/// The mirror image of a product is the product of the mirror images, so the upper half comes from
/// a low product too.
inline Product multiply(std::uint64_t x, std::uint64_t y, std::uint64_t reversed_x,
                        std::uint64_t reversed_y) {
  return {multiply_low(x, y), reverse_bits(multiply_low(reversed_x, reversed_y)) >> 1};
}

/// Adds word * (x^121 + x^126 + x^127), divided by x^64, to the two words above `word`. Together
/// with word * (1 + x^128) that is a multiple of the field's polynomial which cancels `word`.
inline void fold(std::uint64_t word, std::uint64_t& next, std::uint64_t& after) {
  next ^= word << 63 ^ word << 62 ^ word << 57;
  after ^= word ^ word >> 1 ^ word >> 2 ^ word >> 7;
}

PolyvalElement load(std::span<const std::uint8_t, 16> bytes) {
  PolyvalElement out;
  std::memcpy(&out.low, bytes.data(), 8);
  std::memcpy(&out.high, bytes.data() + 8, 8);
  return out;
}

}  // namespace

Polyval::Polyval(std::span<const std::uint8_t, 16> key) {
  const PolyvalElement h = load(key);
  key_ = {h.low, h.high, h.low ^ h.high};
  for (std::size_t i = 0; i < 3; ++i) reversed_key_[i] = reverse_bits(key_[i]);
}

Polyval::~Polyval() {
  std::memset(key_.data(), 0, sizeof key_);
  std::memset(reversed_key_.data(), 0, sizeof reversed_key_);
  asm volatile("" : : "r"(this) : "memory");
}

void Polyval::absorb(const PolyvalElement& block) {
  const std::uint64_t low = sum_.low ^ block.low;
  const std::uint64_t high = sum_.high ^ block.high;
  const std::uint64_t reversed_low = reverse_bits(low);
  const std::uint64_t reversed_high = reverse_bits(high);

  // Karatsuba: three products instead of four.
  const Product bottom = multiply(low, key_[0], reversed_low, reversed_key_[0]);
  const Product top = multiply(high, key_[1], reversed_high, reversed_key_[1]);
  const Product both =
      multiply(low ^ high, key_[2], reversed_low ^ reversed_high, reversed_key_[2]);
  const std::uint64_t w0 = bottom.low;
  std::uint64_t w1 = bottom.high ^ both.low ^ bottom.low ^ top.low;
  std::uint64_t w2 = top.low ^ both.high ^ bottom.high ^ top.high;
  std::uint64_t w3 = top.high;

  // POLYVAL's product carries a factor x^-128: cancel the two low words, keep the high ones.
  fold(w0, w1, w2);
  fold(w1, w2, w3);
  sum_ = {w2, w3};
}

void Polyval::update_padded(base::ByteView data) {
  std::array<std::uint8_t, 16> block;
  while (data.size() >= block.size()) {
    absorb(load(data.first<16>()));
    data = data.subspan(block.size());
  }
  if (data.empty()) return;
  block = {};
  std::memcpy(block.data(), data.data(), data.size());
  absorb(load(block));
  wipe(block);
}

AesBlock Polyval::digest() const {
  AesBlock out;
  std::memcpy(out.data(), &sum_.low, 8);
  std::memcpy(out.data() + 8, &sum_.high, 8);
  return out;
}

}  // namespace mix::crypto::detail
