#include "sha256.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace mix::crypto::detail {

namespace {

using Word = std::uint32_t;

constexpr std::array<Word, 8> kInitial{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

constexpr std::array<Word, 64> kRounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

inline Word load(const std::uint8_t* in) {
  Word word;
  std::memcpy(&word, in, sizeof word);
  static_assert(std::endian::native == std::endian::little);
  return __builtin_bswap32(word);
}

inline void store(std::uint8_t* out, Word word) {
  word = __builtin_bswap32(word);
  std::memcpy(out, &word, sizeof word);
}

/// One round; the caller renames the variables instead of moving them. FIPS 180-4 §6.2.2.
inline void round(Word a, Word b, Word c, Word& d, Word e, Word f, Word g, Word& h, Word input) {
  const Word choice = g ^ (e & (f ^ g));
  const Word majority = (a & b) | (c & (a | b));
  h += (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + choice + input;
  d += h;
  h += (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + majority;
}

void compress(std::array<Word, 8>& state, const std::uint8_t* block) {
  // The schedule needs only the last sixteen words.
  std::array<Word, 16> w;
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = load(block + 4 * i);
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t at = 0; at < kRounds.size(); at += 16) {
    if (at != 0) {
#pragma clang loop unroll(full)
      for (std::size_t i = 0; i < 16; ++i) {
        const Word x = w[(i + 1) % 16];
        const Word y = w[(i + 14) % 16];
        w[i] += (std::rotr(x, 7) ^ std::rotr(x, 18) ^ (x >> 3)) + w[(i + 9) % 16] +
                (std::rotr(y, 17) ^ std::rotr(y, 19) ^ (y >> 10));
      }
    }
    const Word* k = &kRounds[at];
#pragma clang loop unroll(full)
    for (std::size_t i = 0; i < 16; i += 8) {
      round(a, b, c, d, e, f, g, h, k[i] + w[i]);
      round(h, a, b, c, d, e, f, g, k[i + 1] + w[i + 1]);
      round(g, h, a, b, c, d, e, f, k[i + 2] + w[i + 2]);
      round(f, g, h, a, b, c, d, e, k[i + 3] + w[i + 3]);
      round(e, f, g, h, a, b, c, d, k[i + 4] + w[i + 4]);
      round(d, e, f, g, h, a, b, c, k[i + 5] + w[i + 5]);
      round(c, d, e, f, g, h, a, b, k[i + 6] + w[i + 6]);
      round(b, c, d, e, f, g, h, a, k[i + 7] + w[i + 7]);
    }
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
  state[5] += f;
  state[6] += g;
  state[7] += h;
  // What the schedule leaves behind tells the block.
  std::memset(w.data(), 0, sizeof w);
  asm volatile("" : : "r"(w.data()) : "memory");
}

}  // namespace

Sha256State::Sha256State() : words_(kInitial) {}

Sha256State::~Sha256State() {
  std::memset(words_.data(), 0, sizeof words_);
  wipe(block_);
  asm volatile("" : : "r"(words_.data()) : "memory");
}

void Sha256State::update(base::ByteView data) {
  const std::size_t begun = static_cast<std::size_t>(size_ % kBlockSize);
  size_ += data.size();
  if (begun != 0) {
    const std::size_t take = std::min(kBlockSize - begun, data.size());
    std::copy_n(data.begin(), take, block_.begin() + static_cast<std::ptrdiff_t>(begun));
    data = data.subspan(take);
    if (begun + take < kBlockSize) return;
    compress(words_, block_.data());
  }
  for (; data.size() >= kBlockSize; data = data.subspan(kBlockSize)) compress(words_, data.data());
  std::ranges::copy(data, block_.begin());
}

Digest Sha256State::finish() {
  constexpr std::size_t kLengthSize = 8;
  const std::uint64_t bits = size_ * 8;
  std::size_t begun = static_cast<std::size_t>(size_ % kBlockSize);
  block_[begun++] = 0x80;
  if (begun > kBlockSize - kLengthSize) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(begun), block_.end(), std::uint8_t{0});
    compress(words_, block_.data());
    begun = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(begun), block_.end(), std::uint8_t{0});
  store(&block_[kBlockSize - kLengthSize], static_cast<Word>(bits >> 32));
  store(&block_[kBlockSize - 4], static_cast<Word>(bits));
  compress(words_, block_.data());
  Digest out;
  for (std::size_t i = 0; i < words_.size(); ++i) store(&out[4 * i], words_[i]);
  return out;
}

}  // namespace mix::crypto::detail
