// SHA-256 (FIPS 180-4) as a running state. libsodium's keeps its working variables in memory, which
// costs a multiple of the time in wasm, and much of what is left of building a Sphinx header is
// SHA-256.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/hash.h"
#include "mix/crypto/secret.h"

namespace mix::crypto::detail {

/// Copyable; wiped when it goes, for it may have absorbed a key.
class Sha256State {
 public:
  Sha256State();
  Sha256State(const Sha256State&) = default;
  Sha256State& operator=(const Sha256State&) = default;
  ~Sha256State();

  void update(base::ByteView data);
  /// Ends the message; the state is of no use afterwards.
  [[nodiscard]] Digest finish();

 private:
  static constexpr std::size_t kBlockSize = 64;

  std::array<std::uint32_t, 8> words_;
  std::array<std::uint8_t, kBlockSize> block_{};  // begun, not yet absorbed
  std::uint64_t size_ = 0;
};

}  // namespace mix::crypto::detail
