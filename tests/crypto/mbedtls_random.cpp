// mbedTLS, with which cipher_test compares, wants a random source. Nothing here draws from it, so
// it refuses.
#include <psa/crypto.h>

#include <cstddef>
#include <cstdint>

extern "C" psa_status_t mbedtls_psa_external_get_random(
    mbedtls_psa_external_random_context_t* /*context*/, std::uint8_t* /*output*/,
    std::size_t /*output_size*/, std::size_t* output_length) {
  *output_length = 0;
  return PSA_ERROR_INSUFFICIENT_ENTROPY;
}
