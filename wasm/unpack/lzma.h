// Unpacks LZMA: the inlined module is a fifth smaller than with gzip, the best that every platform
// unpacks by itself (ADR 0014). Needs no library, so that it is two kilobytes of wasm.
//
// The format is the raw stream of the LZMA specification (LZMA SDK, in the public domain) with the
// parameters lc 3, lp 0, pb 0, as tools/pack-module writes it.
#pragma once

#include <cstdint>
#include <span>

namespace mix::unpack {

/// Fills `out`; false when `packed` is no stream of so many bytes. Reads and writes nothing beyond
/// the two. Takes about 30 kB of stack.
[[nodiscard]] bool unpack_lzma(std::span<const std::uint8_t> packed, std::span<std::uint8_t> out);

}  // namespace mix::unpack
