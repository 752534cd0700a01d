// The production random source: libsodium over the platform's CSPRNG
// (getrandom natively, crypto.getRandomValues in wasm).
#pragma once

#include "mix/base/rng.h"

namespace mix::crypto {

/// Initialises libsodium on first use; panics when the platform has no entropy.
class SystemRng final : public base::Rng {
 public:
  SystemRng();
  void fill(base::MutByteView out) override;
};

}  // namespace mix::crypto
