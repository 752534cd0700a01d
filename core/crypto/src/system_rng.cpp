#include "mix/crypto/system_rng.h"

#include <psa/crypto.h>

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

// mbedTLS is built without entropy sources of its own and asks here. It passes no context, so the
// platform's generator answers and not the caller's Rng.
extern "C" psa_status_t mbedtls_psa_external_get_random(
    mbedtls_psa_external_random_context_t* /*context*/, uint8_t* output, size_t output_size,
    size_t* output_length) {
  mix::crypto::SystemRng{}.fill({output, output_size});
  *output_length = output_size;
  return PSA_SUCCESS;
}
