// AES encryption in constant time: eight blocks at once, bitsliced over 128-bit vectors.
//
// No table is indexed and no branch taken by key or data. Vectors are the compiler's generic ones,
// so the same code becomes SSE2, NEON or wasm SIMD. spec: FIPS 197.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/cipher.h"

namespace mix::crypto::detail {

/// Sixteen bytes as the compiler's vector, in lanes of 64 bits.
using Lanes = std::uint64_t __attribute__((vector_size(16)));

/// Eight 16-byte vectors. Sliced: plane b holds bit b of every state byte; byte p of a plane is
/// position p of the state, and bit j of that byte belongs to block j.
struct Planes {
  Lanes bit[8];
};

inline constexpr std::size_t kAesBlockSize = 16;
inline constexpr std::size_t kAesBatchBlocks = 8;
inline constexpr std::size_t kAesBatchSize = kAesBatchBlocks * kAesBlockSize;
using AesBatch = std::array<std::uint8_t, kAesBatchSize>;

/// An expanded key of 16 or 32 bytes; wiped when it goes.
class AesKeySchedule {
 public:
  explicit AesKeySchedule(base::ByteView key);
  AesKeySchedule(const AesKeySchedule&) = delete;
  AesKeySchedule& operator=(const AesKeySchedule&) = delete;
  ~AesKeySchedule();

  /// Encrypts eight independent blocks in place.
  void encrypt(AesBatch& blocks) const;

 private:
  static constexpr std::size_t kMaxRounds = 14;
  std::size_t rounds_;
  std::array<Planes, kMaxRounds + 1> round_keys_;
};

/// XORs `data` with the encryptions of the counter blocks that `next_counter(block)` writes, called
/// once for each 16 bytes in order.
template <class NextCounter>
void aes_counter_xor(const AesKeySchedule& key, base::MutByteView data, NextCounter next_counter) {
  AesBatch batch{};
  while (!data.empty()) {
    const std::size_t take = data.size() < batch.size() ? data.size() : batch.size();
    for (std::size_t at = 0; at < take; at += kAesBlockSize) {
      next_counter(std::span{batch}.subspan(at).template first<kAesBlockSize>());
    }
    key.encrypt(batch);
    for (std::size_t i = 0; i < take; ++i) data[i] ^= batch[i];
    data = data.subspan(take);
  }
  wipe(batch);
}

}  // namespace mix::crypto::detail
