// Secret bytes: wiped when they go away, never copied, compared only in constant time.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"

namespace mix::crypto {

/// Overwrites memory in a way the compiler may not remove.
void wipe(base::MutByteView bytes);

/// Declares a verdict about secrets public, so that it may be branched upon: whether a tag fits,
/// whether a point was of small order. The checks of constant time (tests/constant_time) stop to
/// follow it here; every call says why that is right. Returns `verdict`.
[[nodiscard]] bool declassify(bool verdict);

/// Equality without a data-dependent branch. Lengths and the verdict are public.
[[nodiscard]] bool ct_equal(base::ByteView a, base::ByteView b);

template <std::size_t N>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  explicit Secret(const std::array<std::uint8_t, N>& bytes) : bytes_(bytes) {}
  /// Copies from a view of exactly N bytes; panics on another length.
  [[nodiscard]] static Secret from(base::ByteView view) {
    if (view.size() != N) base::panic("Secret: wrong length");
    Secret out;
    for (std::size_t i = 0; i < N; ++i) out.bytes_[i] = view[i];
    return out;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  /// An explicit second copy, for the few places that need one.
  [[nodiscard]] Secret clone() const { return Secret{bytes_}; }
  [[nodiscard]] std::span<const std::uint8_t, N> reveal() const { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> reveal_mut() { return bytes_; }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace mix::crypto
