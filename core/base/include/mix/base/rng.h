// The only source of randomness: keys, delays, routes and identifiers all come through Rng.
#pragma once

#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/base/time.h"

namespace mix::base {

/// Cryptographically secure in production (crypto::SystemRng); seeded only under tests/.
class Rng {
 public:
  virtual ~Rng() = default;
  virtual void fill(MutByteView out) = 0;

  template <std::size_t N>
  [[nodiscard]] std::array<std::uint8_t, N> bytes() {
    std::array<std::uint8_t, N> out{};
    fill(out);
    return out;
  }
  [[nodiscard]] std::uint32_t u32();
  [[nodiscard]] std::uint64_t u64();
  /// Uniform in [0, bound), without modulo bias. `bound` must not be 0.
  [[nodiscard]] std::uint64_t uniform(std::uint64_t bound);
  /// Uniform in [0, 1) with 53 bits.
  [[nodiscard]] double unit();
  /// Exponentially distributed with the given mean, rounded to a nanosecond; a mean of zero
  /// gives zero. spec: sphinx §5.2.
  [[nodiscard]] Duration exponential(Duration mean);
};

}  // namespace mix::base
