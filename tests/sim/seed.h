// The seed of a randomised run: fixed, so that a failure repeats, and printed. MIX_SIM_SEED
// chooses another.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace mix::sim {

inline std::uint64_t seed_of_run(std::uint64_t fallback) {
  const char* given = std::getenv("MIX_SIM_SEED");
  const std::uint64_t seed = given == nullptr ? fallback : std::strtoull(given, nullptr, 10);
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace mix::sim
