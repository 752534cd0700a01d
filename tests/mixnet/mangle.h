// Every way to cut or flip an encoded value, for the tests of parsers.
#pragma once

#include <array>
#include <cstdint>

#include "mix/base/bytes.h"

namespace mix::test {

/// Calls `parse` with every proper prefix of `good`, and with every byte changed in three ways.
/// The sanitizers judge; `parse` may expect more.
template <class Parse>
void mangle(base::ByteView good, Parse parse) {
  for (std::size_t n = 0; n < good.size(); ++n) {
    // A copy of its own, so that reading past the end is seen.
    const base::Bytes cut = base::to_bytes(good.first(n));
    parse(base::ByteView(cut));
  }
  base::Bytes changed = base::to_bytes(good);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const std::uint8_t mask : std::array<std::uint8_t, 3>{0x01, 0x80, 0xff}) {
      changed[i] = static_cast<std::uint8_t>(good[i] ^ mask);
      parse(base::ByteView(changed));
      changed[i] = good[i];
    }
  }
}

}  // namespace mix::test
