#include "mix/crypto/system_rng.h"

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

// mbedTLS's own call for randomness (mbedtls_psa_external_get_random) is answered in mix::tls, from
// the connection's Rng.
