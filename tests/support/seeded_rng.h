// Deterministic randomness for tests: the ChaCha20 keystream of a printed seed.
//
// Lives under tests/ only, so that no release can link a predictable source.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>

#include "mix/base/rng.h"

namespace mix::test {

/// The same seed gives the same bytes on every platform. The seed is printed at
/// construction, so that the log of a failed run tells how to repeat it.
class SeededRng final : public base::Rng {
 public:
  explicit SeededRng(std::uint64_t seed) : seed_(seed) {
    std::printf("[ SEED     ] %llu\n", static_cast<unsigned long long>(seed));
  }

  [[nodiscard]] std::uint64_t seed() const { return seed_; }

  void fill(base::MutByteView out) override {
    for (std::uint8_t& byte : out) {
      if (used_ == block_.size()) refill();
      byte = block_[used_++];
    }
  }

 private:
  using State = std::array<std::uint32_t, 16>;

  static void quarter_round(State& x, std::size_t a, std::size_t b, std::size_t c, std::size_t d) {
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 16);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 12);
    x[a] += x[b], x[d] = std::rotl(x[d] ^ x[a], 8);
    x[c] += x[d], x[b] = std::rotl(x[b] ^ x[c], 7);
  }

  /// One ChaCha20 block with the seed as key (rest zero), nonce zero and a
  /// running counter.
  void refill() {
    State input{0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    input[4] = static_cast<std::uint32_t>(seed_);
    input[5] = static_cast<std::uint32_t>(seed_ >> 32);
    input[12] = static_cast<std::uint32_t>(counter_);
    input[13] = static_cast<std::uint32_t>(counter_ >> 32);
    counter_ += 1;
    State x = input;
    for (int double_round = 0; double_round < 10; ++double_round) {
      for (std::size_t i = 0; i < 4; ++i) quarter_round(x, i, 4 + i, 8 + i, 12 + i);
      for (std::size_t i = 0; i < 4; ++i) {
        quarter_round(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
      }
    }
    for (std::size_t i = 0; i < block_.size(); ++i) {
      const std::uint32_t word = x[i / 4] + input[i / 4];
      block_[i] = static_cast<std::uint8_t>(word >> (8 * (i % 4)));
    }
    used_ = 0;
  }

  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
  std::array<std::uint8_t, 64> block_{};
  std::size_t used_ = 64;
};

}  // namespace mix::test
