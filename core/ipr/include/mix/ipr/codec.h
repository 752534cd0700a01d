// The serialisation rules of the exit's messages: bincode with big-endian varints.
// spec: ipr §2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mix/base/bytes.h"

namespace mix::ipr {

/// Writes the shortest form.
void write_varint(base::Writer& out, std::uint64_t value);
/// Signed numbers: zigzag, then varint.
void write_zigzag(base::Writer& out, std::int32_t value);
void write_string(base::Writer& out, std::string_view text);
void write_bytes(base::Writer& out, base::ByteView bytes);

// Readers move only on success. Longer varints than needed are tolerated, as the network does.
// Errors of all: `ipr_malformed` (value out of range or invalid), `base_truncated`.

[[nodiscard]] base::Result<std::uint64_t> read_u64(base::Reader& in);
[[nodiscard]] base::Result<std::uint32_t> read_u32(base::Reader& in);
[[nodiscard]] base::Result<std::uint16_t> read_u16(base::Reader& in);
[[nodiscard]] base::Result<std::int32_t> read_i32(base::Reader& in);
/// One raw byte, two's complement.
[[nodiscard]] base::Result<std::int8_t> read_i8(base::Reader& in);
/// One byte, 0 or 1.
[[nodiscard]] base::Result<bool> read_bool(base::Reader& in);
/// Must be UTF-8.
[[nodiscard]] base::Result<std::string> read_string(base::Reader& in);
/// The view points into the input.
[[nodiscard]] base::Result<base::ByteView> read_bytes(base::Reader& in);
/// Variant index, less than `count`.
[[nodiscard]] base::Result<std::uint32_t> read_variant(base::Reader& in, std::uint32_t count);

}  // namespace mix::ipr
