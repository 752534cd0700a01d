#include "mix/ipr/codec.h"

#include <bit>
#include <limits>

#include "mix/ipr/constants.h"

namespace mix::ipr {

using base::ByteView;
using base::Errc;
using base::Error;
using base::Reader;
using base::Result;
using base::Writer;

namespace {

template <class T>
Result<T> read_narrow(Reader& in) {
  Reader ahead = in;
  MIX_TRY(const std::uint64_t value, read_u64(ahead));
  if (value > std::numeric_limits<T>::max()) return Error{Errc::ipr_malformed};
  in = ahead;
  return static_cast<T>(value);
}

}  // namespace

void write_varint(Writer& out, std::uint64_t value) {
  if (value <= kVarintMaxByte) {
    out.u8(static_cast<std::uint8_t>(value));
  } else if (value <= std::numeric_limits<std::uint16_t>::max()) {
    out.u8(kVarint16).u16be(static_cast<std::uint16_t>(value));
  } else if (value <= std::numeric_limits<std::uint32_t>::max()) {
    out.u8(kVarint32).u32be(static_cast<std::uint32_t>(value));
  } else {
    out.u8(kVarint64).u64be(value);
  }
}

void write_zigzag(Writer& out, std::int32_t value) {
  const auto wide = static_cast<std::int64_t>(value);
  write_varint(out, static_cast<std::uint64_t>(wide >= 0 ? 2 * wide : -2 * wide - 1));
}

void write_string(Writer& out, std::string_view text) { write_bytes(out, base::as_bytes(text)); }

void write_bytes(Writer& out, ByteView bytes) {
  write_varint(out, bytes.size());
  out.bytes(bytes);
}

Result<std::uint64_t> read_u64(Reader& in) {
  Reader ahead = in;
  MIX_TRY(const std::uint8_t first, ahead.u8());
  std::uint64_t value = first;
  if (first == kVarint16) {
    MIX_TRY(value, ahead.u16be());
  } else if (first == kVarint32) {
    MIX_TRY(value, ahead.u32be());
  } else if (first == kVarint64) {
    MIX_TRY(value, ahead.u64be());
  } else if (first > kVarintMaxByte) {
    return Error{Errc::ipr_malformed};  // 128-bit or reserved
  }
  in = ahead;
  return value;
}

Result<std::uint32_t> read_u32(Reader& in) { return read_narrow<std::uint32_t>(in); }
Result<std::uint16_t> read_u16(Reader& in) { return read_narrow<std::uint16_t>(in); }

Result<std::int32_t> read_i32(Reader& in) {
  MIX_TRY(const std::uint32_t zigzag, read_u32(in));
  const auto half = static_cast<std::int32_t>(zigzag >> 1);
  return (zigzag & 1) != 0 ? -half - 1 : half;
}

Result<std::int8_t> read_i8(Reader& in) {
  MIX_TRY(const std::uint8_t raw, in.u8());
  return std::bit_cast<std::int8_t>(raw);
}

Result<bool> read_bool(Reader& in) {
  Reader ahead = in;
  MIX_TRY(const std::uint8_t raw, ahead.u8());
  if (raw > 1) return Error{Errc::ipr_malformed};
  in = ahead;
  return raw == 1;
}

Result<std::string> read_string(Reader& in) {
  Reader ahead = in;
  MIX_TRY(const ByteView bytes, read_bytes(ahead));
  if (!base::is_utf8(bytes)) return Error{Errc::ipr_malformed};
  in = ahead;
  return base::to_string(bytes);
}

Result<ByteView> read_bytes(Reader& in) {
  Reader ahead = in;
  MIX_TRY(const std::uint64_t size, read_u64(ahead));
  // Compared before the narrowing: wasm's size_t has 32 bits.
  if (size > ahead.remaining()) return Error{Errc::base_truncated};
  MIX_TRY(const ByteView bytes, ahead.bytes(static_cast<std::size_t>(size)));
  in = ahead;
  return bytes;
}

Result<std::uint32_t> read_variant(Reader& in, std::uint32_t count) {
  Reader ahead = in;
  MIX_TRY(const std::uint32_t index, read_u32(ahead));
  if (index >= count) return Error{Errc::ipr_malformed};
  in = ahead;
  return index;
}

}  // namespace mix::ipr
