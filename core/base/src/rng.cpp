#include "mix/base/rng.h"

#include <cmath>

namespace mix::base {

std::uint64_t Rng::u64() {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes<8>()) value = value << 8 | byte;
  return value;
}

std::uint32_t Rng::u32() { return static_cast<std::uint32_t>(u64() >> 32); }

std::uint64_t Rng::uniform(std::uint64_t bound) {
  if (bound == 0) panic("Rng: uniform over nothing");
  // Values below 2^64 mod bound would make the low residues likelier: draw again.
  const std::uint64_t reject_below = (0 - bound) % bound;
  std::uint64_t value = u64();
  while (value < reject_below) value = u64();
  return value % bound;
}

double Rng::unit() { return static_cast<double>(u64() >> 11) * 0x1.0p-53; }

Duration Rng::exponential(Duration mean) {
  if (mean <= Duration::zero()) return Duration::zero();
  const double factor = -std::log1p(-unit());
  return Duration{std::llround(factor * static_cast<double>(mean.count()))};
}

}  // namespace mix::base
