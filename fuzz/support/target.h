// What all fuzz targets share. A target is one function over bytes; it ends the program when an
// input breaks a promise. The fuzzer runs one of them, the tests replay the corpus through all.
#pragma once

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "mix/base/bytes.h"
#include "mix/base/panic.h"
#include "mix/base/rng.h"
#include "mix/base/time.h"

namespace mix::fuzz {

using Function = void (*)(base::ByteView input);

struct Target {
  std::string_view name;  // also its folder in fuzz/corpus/
  Function run;
};
/// Those linked in.
[[nodiscard]] std::vector<Target>& targets();
bool add(std::string_view name, Function run);

/// What must hold for every input.
inline void require(bool holds, const char* what) {
  if (!holds) base::panic(what);
}

/// Repeatable and quick; the inputs are what varies.
class FixedRng final : public base::Rng {
 public:
  void fill(base::MutByteView out) override {
    for (std::uint8_t& byte : out) {
      state_ ^= state_ << 13;
      state_ ^= state_ >> 7;
      state_ ^= state_ << 17;
      byte = static_cast<std::uint8_t>(state_);
    }
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

class FixedClock final : public base::Clock {
 public:
  [[nodiscard]] base::TimePoint now() const override {
    return base::TimePoint{std::chrono::hours{1}};
  }
  [[nodiscard]] base::WallTime wall_now() const override {
    return base::WallTime{std::chrono::seconds{1748736000}};  // 2025-06-01
  }
};

/// Cuts an input into parts: each is what the bytes before it decide.
class Parts {
 public:
  explicit Parts(base::ByteView input) : rest_(input) {}

  /// Zero at the end.
  [[nodiscard]] std::uint8_t u8() {
    const base::ByteView byte = take(1);
    return byte.empty() ? std::uint8_t{0} : byte.front();
  }
  [[nodiscard]] std::uint16_t u16() {
    const std::uint8_t high = u8();
    return static_cast<std::uint16_t>(high << 8 | u8());
  }
  /// At most `size` bytes.
  [[nodiscard]] base::ByteView take(std::size_t size) {
    const base::ByteView out = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(out.size());
    return out;
  }
  /// A part behind its 16-bit length.
  [[nodiscard]] base::ByteView part() { return take(u16()); }
  [[nodiscard]] base::ByteView rest() { return take(rest_.size()); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  base::ByteView rest_;
};

}  // namespace mix::fuzz

// MIX_FUZZ(name) { ... input ... }
#define MIX_FUZZ(name)                                                                     \
  static void fuzz_##name(mix::base::ByteView input);                                      \
  [[maybe_unused]] static const bool is_added_##name = mix::fuzz::add(#name, fuzz_##name); \
  static void fuzz_##name(mix::base::ByteView input)
