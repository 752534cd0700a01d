// The production random source: the platform's CSPRNG through getentropy (getrandom natively,
// crypto.getRandomValues in wasm).
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/rng.h"

namespace mix::crypto {

/// Draws from the platform in blocks, because a call out of wasm costs microseconds and most wishes
/// are a few bytes long; what was handed out is wiped from the block at once. Panics when the
/// platform has no entropy. Neither copied nor moved: two sources must not share bytes.
class SystemRng final : public base::Rng {
 public:
  SystemRng();
  SystemRng(const SystemRng&) = delete;
  SystemRng& operator=(const SystemRng&) = delete;
  ~SystemRng() override;

  void fill(base::MutByteView out) override;

 private:
  static constexpr std::size_t kBlockSize = 256;  // the most that getentropy gives at once

  std::array<std::uint8_t, kBlockSize> block_{};
  std::size_t used_ = kBlockSize;
};

}  // namespace mix::crypto
