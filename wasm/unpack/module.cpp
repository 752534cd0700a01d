// The unpacker as a wasm module of its own: worker/src/unpack.ts puts the packed bytes into its
// memory.
#include <cstddef>

#include "lzma.h"

extern unsigned char __heap_base;

extern "C" {

/// Where memory is free, from there to its end.
[[clang::export_name("free")]] std::uint8_t* mix_free() { return &__heap_base; }

/// 1 when the stream was whole.
[[clang::export_name("unpack")]] int mix_unpack(const std::uint8_t* packed, std::size_t packed_size,
                                                std::uint8_t* out, std::size_t size) {
  return mix::unpack::unpack_lzma({packed, packed_size}, {out, size}) ? 1 : 0;
}
}
