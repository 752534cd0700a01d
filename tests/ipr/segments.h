// TCP segments in IP packets, for tests of what looks into them.
#pragma once

#include <utility>
#include <vector>

#include "mix/base/bytes.h"

namespace mix::ipr {

/// An IPv4 TCP segment: ports 1000 -> `to`, flags, acknowledgement number, payload of `size`.
inline base::Bytes segment(std::uint16_t to, std::uint8_t flags, std::uint32_t ack,
                           std::size_t size) {
  base::Writer out;
  out.u8(0x45).u8(0).u16be(static_cast<std::uint16_t>(40 + size)).u32be(0x4000);
  out.u8(64).u8(6).u16be(0).u32be(0x0a000002).u32be(0x01020304);
  out.u16be(1000).u16be(to).u32be(7).u32be(ack).u8(0x50).u8(flags).u16be(1000).u32be(0);
  out.fill(size, 0x55);
  return out.take();
}

/// A pure acknowledgement over IPv6.
inline base::Bytes segment6(std::uint16_t to, std::uint32_t ack) {
  base::Writer out;
  out.u8(0x60).fill(3, 0).u16be(20).u8(6).u8(64).fill(32, 1);
  out.u16be(1000).u16be(to).u32be(7).u32be(ack).u8(0x50).u8(0x10).u16be(1000).u32be(0);
  return out.take();
}

/// A pure acknowledgement with timestamps and SACK blocks, to port 80.
inline base::Bytes sack(std::uint32_t ack,
                        const std::vector<std::pair<std::uint32_t, std::uint32_t>>& blocks) {
  const auto options = static_cast<std::uint16_t>(12 + 4 + 8 * blocks.size());
  base::Writer out;
  out.u8(0x45).u8(0).u16be(static_cast<std::uint16_t>(40 + options)).u32be(0x4000);
  out.u8(64).u8(6).u16be(0).u32be(0x0a000002).u32be(0x01020304);
  out.u16be(1000).u16be(80).u32be(7).u32be(ack);
  out.u8(static_cast<std::uint8_t>((20 + options) / 4 << 4)).u8(0x10).u16be(1000).u32be(0);
  out.u16be(0x0101).u8(8).u8(10).u32be(1).u32be(2);
  out.u16be(0x0101).u8(5).u8(static_cast<std::uint8_t>(2 + 8 * blocks.size()));
  for (const auto& [from, to] : blocks) out.u32be(from).u32be(to);
  return out.take();
}

}  // namespace mix::ipr
