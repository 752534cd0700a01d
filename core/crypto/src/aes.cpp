#include "aes.h"

#include <bit>
#include <cstring>

#include "mix/base/panic.h"

namespace mix::crypto::detail {

namespace {

using ByteLanes = std::uint8_t __attribute__((vector_size(16)));

constexpr std::uint8_t kAffineConstant = 0x63;

Lanes splat(std::uint8_t byte) {
  const std::uint64_t word = 0x0101010101010101U * byte;
  return Lanes{word, word};
}

// ---- SubBytes ------------------------------------------------------------------------------
//
// The S-box is an inversion in GF(2^8) and an affine map. Inverting is cheap in a tower of fields:
// GF(2^2) = GF(2)[w]/(w^2+w+1), GF(2^4) = GF(2^2)[z]/(z^2+z+N) with N = w+1, and
// GF(2^8) = GF(2^4)[y]/(y^2+y+M) with M = zw+w. In AES's own representation w = 0xbd, z = 0x5d,
// y = 0xff; a search over all such towers found these to have the cheapest basis changes.

struct Gf4 {  // hi*w + lo
  Lanes hi, lo;
};
struct Gf16 {  // hi*z + lo
  Gf4 hi, lo;
};

inline Gf4 operator^(const Gf4& a, const Gf4& b) { return {a.hi ^ b.hi, a.lo ^ b.lo}; }
inline Gf16 operator^(const Gf16& a, const Gf16& b) { return {a.hi ^ b.hi, a.lo ^ b.lo}; }

inline Gf4 operator*(const Gf4& a, const Gf4& b) {
  const Lanes low = a.lo & b.lo;
  return {((a.hi ^ a.lo) & (b.hi ^ b.lo)) ^ low, (a.hi & b.hi) ^ low};
}

inline Gf4 square(const Gf4& a) { return {a.hi, a.hi ^ a.lo}; }
inline Gf4 times_n(const Gf4& a) { return {a.lo, a.hi ^ a.lo}; }

inline Gf16 operator*(const Gf16& a, const Gf16& b) {
  const Gf4 low = a.lo * b.lo;
  return {((a.hi ^ a.lo) * (b.hi ^ b.lo)) ^ low, times_n(a.hi * b.hi) ^ low};
}

/// M * a^2, which is linear in the bits of a.
inline Gf16 times_m_squared(const Gf16& a) {
  return {{a.lo.lo ^ a.hi.hi, a.lo.hi ^ a.hi.lo ^ a.hi.hi}, {a.lo.lo, a.lo.hi}};
}

/// 1/a, and 0 for 0: the conjugate over the norm, which lies in GF(2^2), where 1/n is n^2.
inline Gf16 invert(const Gf16& a) {
  const Gf4 sum = a.hi ^ a.lo;
  const Gf4 norm = times_n(square(a.hi)) ^ (a.lo * sum);
  const Gf4 inverse_norm = square(norm);
  return {a.hi * inverse_norm, sum * inverse_norm};
}

/// The S-box on all bytes, without its constant 0x63: that one is part of the round keys.
inline void substitute(Planes& s) {
  const Lanes* x = s.bit;
  // Into the tower.
  const Lanes x57 = x[5] ^ x[7];
  const Lanes x24 = x[2] ^ x[4];
  const Lanes x156 = x[1] ^ x[5] ^ x[6];
  const Gf16 lo{{x24, x[2] ^ x[7]}, {x[1] ^ x[7], x[0] ^ x156}};
  const Gf16 hi{{x57, x[3] ^ x24 ^ x156}, {x[2] ^ x[3] ^ x57, x[1]}};

  // Invert hi*y + lo by the same rule as above, one floor up.
  const Gf16 sum = hi ^ lo;
  const Gf16 inverse_norm = invert(times_m_squared(hi) ^ (lo * sum));
  const Gf16 a = hi * inverse_norm;
  const Gf16 b = sum * inverse_norm;

  // Out of the tower and through the affine map. t[0..7]: b then a, low bits first.
  const Lanes t[8] = {b.lo.lo, b.lo.hi, b.hi.lo, b.hi.hi, a.lo.lo, a.lo.hi, a.hi.lo, a.hi.hi};
  const Lanes t24 = t[2] ^ t[4];
  const Lanes t234 = t[3] ^ t24;
  const Lanes t46 = t[4] ^ t[6];
  const Lanes t01 = t[0] ^ t[1];
  s.bit[0] = t[0] ^ t234;
  s.bit[1] = t[4] ^ t01;
  s.bit[2] = t[7] ^ t24 ^ t01;
  s.bit[3] = t[0] ^ t[6] ^ t234;
  s.bit[4] = t[0] ^ t46;
  s.bit[5] = t[5] ^ t234;
  s.bit[6] = t46;
  s.bit[7] = t[6] ^ t24;
}

// ---- ShiftRows, MixColumns -----------------------------------------------------------------
// State byte p is row p%4 of column p/4.

inline Lanes shift_rows(Lanes x) {
  const auto v = std::bit_cast<ByteLanes>(x);
  return std::bit_cast<Lanes>(
      __builtin_shufflevector(v, v, 0, 5, 10, 15, 4, 9, 14, 3, 8, 13, 2, 7, 12, 1, 6, 11));
}

/// ShiftRows, then every column turned so that row r shows row r+1.
inline Lanes shift_rows_and_turn(Lanes x) {
  const auto v = std::bit_cast<ByteLanes>(x);
  return std::bit_cast<Lanes>(
      __builtin_shufflevector(v, v, 5, 10, 15, 0, 9, 14, 3, 4, 13, 2, 7, 8, 1, 6, 11, 12));
}

/// Row r shows row r+2.
inline Lanes turn_twice(Lanes x) {
  const auto v = std::bit_cast<ByteLanes>(x);
  return std::bit_cast<Lanes>(
      __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
}

inline void shift_rows_and_mix_columns(Planes& s) {
  // out = 2*(r0 ^ r1) ^ r1 ^ r2 ^ r3, where r_k shows row r+k.
  Planes next, pair;
  for (std::size_t b = 0; b < 8; ++b) {
    next.bit[b] = shift_rows_and_turn(s.bit[b]);
    pair.bit[b] = shift_rows(s.bit[b]) ^ next.bit[b];
    s.bit[b] = next.bit[b] ^ turn_twice(pair.bit[b]);
  }
  // Doubling moves plane b to b+1; the top plane comes back as x^4 + x^3 + x + 1.
  const Lanes top = pair.bit[7];
  s.bit[0] ^= top;
  for (std::size_t b = 1; b < 8; ++b) s.bit[b] ^= pair.bit[b - 1];
  s.bit[1] ^= top;
  s.bit[3] ^= top;
  s.bit[4] ^= top;
}

inline void add_round_key(Planes& s, const Planes& key) {
  for (std::size_t b = 0; b < 8; ++b) s.bit[b] ^= key.bit[b];
}

// ---- Slicing -------------------------------------------------------------------------------

/// Exchanges the bits of `a` at `mask << shift` with the bits of `b` at `mask`.
inline void exchange(Lanes& a, Lanes& b, int shift, std::uint8_t mask) {
  const Lanes difference = ((a >> shift) ^ b) & splat(mask);
  b ^= difference;
  a ^= difference << shift;
}

/// Transposes, for every byte position, the 8x8 bits that the eight vectors hold there; its own
/// inverse. Turns blocks into planes and planes into blocks.
inline void transpose(Planes& s) {
  for (std::size_t i = 0; i < 8; i += 2) exchange(s.bit[i], s.bit[i + 1], 1, 0x55);
  for (const std::size_t i : {0U, 1U, 4U, 5U}) exchange(s.bit[i], s.bit[i + 2], 2, 0x33);
  for (std::size_t i = 0; i < 4; ++i) exchange(s.bit[i], s.bit[i + 4], 4, 0x0f);
}

// ---- Key schedule --------------------------------------------------------------------------

using Word = std::array<std::uint8_t, 4>;

/// S-box on four bytes: bit b of each byte alone in plane b.
Word substitute_word(const Word& word) {
  std::uint32_t packed = 0;
  for (std::size_t i = 0; i < 4; ++i) packed |= std::uint32_t{word[i]} << (8 * i);
  Planes s;
  for (unsigned b = 0; b < 8; ++b) {
    s.bit[b] = Lanes{std::uint64_t{packed >> b} & 0x01010101U, 0};
  }
  substitute(s);
  std::uint64_t out = 0x63636363U;
  static_assert(kAffineConstant == 0x63);
  for (unsigned b = 0; b < 8; ++b) out ^= s.bit[b][0] << b;
  return {static_cast<std::uint8_t>(out), static_cast<std::uint8_t>(out >> 8),
          static_cast<std::uint8_t>(out >> 16), static_cast<std::uint8_t>(out >> 24)};
}

}  // namespace

AesKeySchedule::AesKeySchedule(base::ByteView key) : rounds_(key.size() / 4 + 6) {
  if (key.size() != 16 && key.size() != 32) base::panic("AES: key size");
  constexpr std::size_t kWordSize = 4;
  const std::size_t key_words = key.size() / kWordSize;

  std::array<std::uint8_t, (kMaxRounds + 1) * kAesBlockSize> expanded;
  std::memcpy(expanded.data(), key.data(), key.size());
  std::uint8_t round_constant = 1;
  Word word;
  for (std::size_t i = key_words; i < (rounds_ + 1) * kWordSize; ++i) {
    std::memcpy(word.data(), &expanded[(i - 1) * kWordSize], kWordSize);
    if (i % key_words == 0) {
      word = substitute_word({word[1], word[2], word[3], word[0]});
      word[0] ^= round_constant;
      // 0x1b after the eighth doubling; AES-128 needs ten of them.
      round_constant = static_cast<std::uint8_t>((round_constant << 1) ^
                                                 ((round_constant & 0x80) != 0 ? 0x1b : 0));
    } else if (key_words == 8 && i % key_words == 4) {
      word = substitute_word(word);
    }
    for (std::size_t j = 0; j < kWordSize; ++j) {
      expanded[i * kWordSize + j] = expanded[(i - key_words) * kWordSize + j] ^ word[j];
    }
  }

  for (std::size_t round = 0; round <= rounds_; ++round) {
    ByteLanes bytes;
    std::memcpy(&bytes, &expanded[round * kAesBlockSize], sizeof bytes);
    // ShiftRows and MixColumns leave a vector of equal bytes alone, so the S-box's constant may be
    // added with the key.
    if (round != 0) bytes ^= std::bit_cast<ByteLanes>(splat(kAffineConstant));
    for (int b = 0; b < 8; ++b) {
      // 0xff where the bit is set: the same key for all eight blocks.
      const ByteLanes set = (bytes >> b) & std::bit_cast<ByteLanes>(splat(1));
      round_keys_[round].bit[b] = std::bit_cast<Lanes>(-set);
    }
  }
  wipe(expanded);
  wipe(word);
}

AesKeySchedule::~AesKeySchedule() {
  std::memset(round_keys_.data(), 0, sizeof round_keys_);
  asm volatile("" : : "r"(round_keys_.data()) : "memory");
}

void AesKeySchedule::encrypt(AesBatch& blocks) const {
  Planes s;
  std::memcpy(s.bit, blocks.data(), blocks.size());
  transpose(s);
  add_round_key(s, round_keys_[0]);
  for (std::size_t round = 1; round < rounds_; ++round) {
    substitute(s);
    shift_rows_and_mix_columns(s);
    add_round_key(s, round_keys_[round]);
  }
  substitute(s);
  for (Lanes& plane : s.bit) plane = shift_rows(plane);
  add_round_key(s, round_keys_[rounds_]);
  transpose(s);
  std::memcpy(blocks.data(), s.bit, blocks.size());
}

}  // namespace mix::crypto::detail
