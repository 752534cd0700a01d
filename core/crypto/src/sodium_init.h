// The one door to libsodium: whoever calls it holds proof that it was
// initialised.
#pragma once

#include <sodium.h>

namespace mix::crypto::detail {

/// Initialises libsodium once (it then picks its implementations). Panics when
/// it cannot.
void ensure_sodium();

}  // namespace mix::crypto::detail
