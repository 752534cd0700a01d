// What mbedTLS wants from its platform: time and randomness. It asks for both by global hooks, so
// this pair of files is the one place with global state: a pointer to the clock and the random
// source of the call in progress.
#pragma once

#include "mix/base/rng.h"
#include "mix/base/time.h"

namespace mix::tls::detail {

/// While it lives, mbedTLS' hooks on this thread answer from these two. Put one around every call
/// into mbedTLS. Scopes nest (TLS within TLS); the constructor also starts the crypto library.
class PlatformScope {
 public:
  PlatformScope(const base::Clock& clock, base::Rng& rng);
  ~PlatformScope();
  PlatformScope(const PlatformScope&) = delete;
  PlatformScope& operator=(const PlatformScope&) = delete;

 private:
  const base::Clock* outer_clock_;
  base::Rng* outer_rng_;
};

/// Starts mbedTLS' crypto library once; panics when it cannot. For code that parses certificates
/// without a connection.
void ensure_crypto();

}  // namespace mix::tls::detail
