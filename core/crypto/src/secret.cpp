#include "mix/crypto/secret.h"

#include <cstring>

namespace mix::crypto {

void wipe(base::MutByteView bytes) {
  if (bytes.empty()) return;
  std::memset(bytes.data(), 0, bytes.size());
  // The empty statement claims to read the memory, so the stores above cannot
  // be dropped.
  asm volatile("" : : "r"(bytes.data()) : "memory");
}

bool ct_equal(base::ByteView a, base::ByteView b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
    // Keeps the compiler from leaving the loop at the first difference.
    asm volatile("" : "+r"(difference));
  }
  return declassify(difference == 0);
}

}  // namespace mix::crypto
