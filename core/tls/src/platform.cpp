#include "platform.h"

#include <mbedtls/platform.h>
#include <mbedtls/platform_time.h>
#include <psa/crypto.h>

#include "mix/base/panic.h"
#include "mix/crypto/system_rng.h"

namespace mix::tls::detail {

namespace {

thread_local const base::Clock* current_clock = nullptr;
thread_local base::Rng* current_rng = nullptr;

mbedtls_time_t wall_seconds(mbedtls_time_t* out) {
  if (current_clock == nullptr) base::panic("tls: mbedTLS asked for the time outside a call");
  const auto seconds =
      std::chrono::floor<std::chrono::seconds>(current_clock->wall_now()).time_since_epoch();
  const auto value = static_cast<mbedtls_time_t>(seconds.count());
  if (out != nullptr) *out = value;
  return value;
}

}  // namespace

void ensure_crypto() {
  static const bool ready = [] {
    return mbedtls_platform_set_time(&wall_seconds) == 0 && psa_crypto_init() == PSA_SUCCESS;
  }();
  if (!ready) base::panic("tls: the crypto library cannot be initialised");
}

PlatformScope::PlatformScope(const base::Clock& clock, base::Rng& rng)
    : outer_clock_(current_clock), outer_rng_(current_rng) {
  current_clock = &clock;
  current_rng = &rng;
  ensure_crypto();
}

PlatformScope::~PlatformScope() {
  current_clock = outer_clock_;
  current_rng = outer_rng_;
}

}  // namespace mix::tls::detail

extern "C" {

/// Age of session tickets; any origin will do, so the monotonic clock serves.
mbedtls_ms_time_t mbedtls_ms_time(void) {
  using mix::tls::detail::current_clock;
  if (current_clock == nullptr) mix::base::panic("tls: mbedTLS asked for the time outside a call");
  const auto since = current_clock->now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(since).count();
}

/// Every random byte of mbedTLS: ephemeral keys, hello randoms, blinding. Outside a connection's
/// call (the library's start) the platform's own source answers.
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t*,
                                             std::uint8_t* output, std::size_t output_size,
                                             std::size_t* output_length) {
  const mix::base::MutByteView out{output, output_size};
  if (mix::tls::detail::current_rng != nullptr) {
    mix::tls::detail::current_rng->fill(out);
  } else {
    mix::crypto::SystemRng{}.fill(out);
  }
  *output_length = output_size;
  return PSA_SUCCESS;
}

}  // extern "C"
