// POLYVAL, the universal hash of GCM-SIV (RFC 8452 §3), in constant time.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"
#include "mix/crypto/cipher.h"

namespace mix::crypto::detail {

/// An element of GF(2^128), bit i of the polynomial in bit i%64 of word i/64.
struct PolyvalElement {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// Runs over blocks of 16 bytes; wiped when it goes.
class Polyval {
 public:
  explicit Polyval(std::span<const std::uint8_t, 16> key);
  Polyval(const Polyval&) = delete;
  Polyval& operator=(const Polyval&) = delete;
  ~Polyval();

  /// Absorbs the data, filled up with zeros to whole blocks.
  void update_padded(base::ByteView data);
  [[nodiscard]] AesBlock digest() const;

 private:
  void absorb(const PolyvalElement& block);

  /// The key's two words, their sum, and the bit reversals of the three.
  std::array<std::uint64_t, 3> key_;
  std::array<std::uint64_t, 3> reversed_key_;
  PolyvalElement sum_;
};

}  // namespace mix::crypto::detail
