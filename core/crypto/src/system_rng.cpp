#include "mix/crypto/system_rng.h"

#include <psa/crypto.h>
#include <sodium.h>
#include <unistd.h>

#include <algorithm>

#include "mix/base/panic.h"
#include "mix/crypto/secret.h"

namespace mix::crypto {

SystemRng::SystemRng() {
  // Lets libsodium pick its implementations; answers 1 when that was done before.
  if (sodium_init() < 0) base::panic("libsodium cannot be initialised");
}

SystemRng::~SystemRng() { wipe(block_); }

void SystemRng::fill(base::MutByteView out) {
  while (!out.empty()) {
    if (used_ == block_.size()) {
      // Not libsodium's generator: in wasm it leaves the module once for every byte.
      if (getentropy(block_.data(), block_.size()) != 0) base::panic("no entropy");
      used_ = 0;
    }
    const std::size_t take = std::min(out.size(), block_.size() - used_);
    const auto source = base::MutByteView{block_}.subspan(used_, take);
    std::ranges::copy(source, out.begin());
    wipe(source);
    used_ += take;
    out = out.subspan(take);
  }
}

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
