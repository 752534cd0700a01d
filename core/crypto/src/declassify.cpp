// Apart from its callers, so that the checks of constant time can put their own in its place.
#include "mix/crypto/secret.h"

namespace mix::crypto {

bool declassify(bool verdict) { return verdict; }

}  // namespace mix::crypto
