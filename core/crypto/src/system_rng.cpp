#include "mix/crypto/system_rng.h"

#include "mix/base/panic.h"
#include "sodium_init.h"

namespace mix::crypto {

namespace detail {

void ensure_sodium() {
  // sodium_init answers 0 the first time and 1 afterwards.
  static const bool ready = sodium_init() >= 0;
  if (!ready) base::panic("libsodium cannot be initialised");
}

}  // namespace detail

SystemRng::SystemRng() { detail::ensure_sodium(); }

void SystemRng::fill(base::MutByteView out) { randombytes_buf(out.data(), out.size()); }

}  // namespace mix::crypto
