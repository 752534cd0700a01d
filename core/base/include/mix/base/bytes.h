// Byte containers and the two places where bytes become numbers: Reader and Writer.
//
// Every protocol rung decodes with Reader and encodes with Writer, so bounds checks and
// endianness live here and nowhere else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "mix/base/result.h"

namespace mix::base {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutByteView = std::span<std::uint8_t>;

/// The bytes of a text, without copying. The view lives as long as the text.
[[nodiscard]] ByteView as_bytes(std::string_view text);
/// The bytes as text, without copying or validation.
[[nodiscard]] std::string_view as_text(ByteView bytes);
[[nodiscard]] Bytes to_bytes(ByteView view);
[[nodiscard]] std::string to_string(ByteView bytes);
void append(Bytes& out, ByteView more);
/// Equality in data-dependent time: for public data only (secrets: crypto::ct_equal).
[[nodiscard]] bool equal(ByteView a, ByteView b);
/// True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms).
[[nodiscard]] bool is_utf8(ByteView bytes);

/// A view that shrinks as values are taken from its front.
///
/// Every call moves only on success. Errors: `base_truncated` when too few bytes are left.
class Reader {
 public:
  explicit Reader(ByteView bytes) : rest_(bytes) {}

  [[nodiscard]] Result<std::uint8_t> u8();
  [[nodiscard]] Result<std::uint16_t> u16be();
  [[nodiscard]] Result<std::uint16_t> u16le();
  [[nodiscard]] Result<std::uint32_t> u32be();
  [[nodiscard]] Result<std::uint64_t> u64be();
  /// The next `n` bytes; the view points into the input.
  [[nodiscard]] Result<ByteView> bytes(std::size_t n);
  template <std::size_t N>
  [[nodiscard]] Result<std::array<std::uint8_t, N>> fixed() {
    MIX_TRY(const ByteView view, bytes(N));
    std::array<std::uint8_t, N> out{};
    for (std::size_t i = 0; i < N; ++i) out[i] = view[i];
    return out;
  }
  /// A reader over the next `n` bytes.
  [[nodiscard]] Result<Reader> sub(std::size_t n);
  /// Takes everything that is left.
  [[nodiscard]] ByteView rest();
  [[nodiscard]] std::size_t remaining() const { return rest_.size(); }
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  /// Errors with `base_trailing_bytes` when input is left over.
  [[nodiscard]] Result<void> finish() const;

 private:
  ByteView rest_;
};

/// Appends values to a growing vector.
class Writer {
 public:
  Writer() = default;
  explicit Writer(std::size_t capacity) { out_.reserve(capacity); }

  Writer& u8(std::uint8_t value);
  Writer& u16be(std::uint16_t value);
  Writer& u16le(std::uint16_t value);
  Writer& u32be(std::uint32_t value);
  Writer& u64be(std::uint64_t value);
  Writer& bytes(ByteView value);
  Writer& fill(std::size_t count, std::uint8_t value);
  /// Makes room for `count` more bytes, so that writing them leaves no copy of the earlier ones
  /// behind.
  void reserve(std::size_t count) { out_.reserve(out_.size() + count); }
  /// Reserves two bytes for a length that is known later; hand the slot to `patch_u16be`.
  [[nodiscard]] std::size_t reserve_u16();
  void patch_u16be(std::size_t slot, std::uint16_t value);
  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] ByteView view() const { return out_; }
  [[nodiscard]] Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace mix::base
