// Takes the place of crypto::declassify: what it returns is no longer followed.
#include <valgrind/memcheck.h>

#include "mix/crypto/secret.h"

namespace mix::crypto {

bool declassify(bool verdict) {
  (void)VALGRIND_MAKE_MEM_DEFINED(&verdict, sizeof verdict);
  return verdict;
}

}  // namespace mix::crypto
