// Counts TCP segments with data on their way past an exit, and those that were sent before.
#pragma once

#include <cstdint>
#include <set>
#include <tuple>

#include "mix/base/bytes.h"

namespace mix::sim {

class SegmentCounter {
 public:
  /// An IPv4 packet; others are ignored.
  void count(base::ByteView packet) {
    base::Reader in(packet);
    const auto head = in.fixed<kIpv4HeaderSize>();
    constexpr std::uint8_t kTcp = 6;
    if (!head || (*head)[0] != 0x45 || (*head)[9] != kTcp) return;
    const auto source = in.u16be();
    const auto destination = in.u16be();
    const auto sequence = in.u32be();
    const auto acknowledgement = in.u32be();
    const auto offset_and_flags = in.u16be();
    if (!source || !destination || !sequence || !acknowledgement || !offset_and_flags) return;
    const std::size_t tcp_size = static_cast<std::size_t>(*offset_and_flags >> 12U) * 4;
    const std::size_t total = std::size_t{(*head)[2]} * 256 + (*head)[3];
    if (total <= kIpv4HeaderSize + tcp_size) return;
    const auto size = static_cast<std::uint32_t>(total - kIpv4HeaderSize - tcp_size);
    ++segments_;
    if (!seen_.emplace(*source, *destination, *sequence + size).second) ++repeated_;
  }
  [[nodiscard]] std::size_t segments() const { return segments_; }
  [[nodiscard]] std::size_t repeated() const { return repeated_; }

 private:
  static constexpr std::size_t kIpv4HeaderSize = 20;
  std::set<std::tuple<std::uint16_t, std::uint16_t, std::uint32_t>> seen_;
  std::size_t segments_ = 0, repeated_ = 0;
};

}  // namespace mix::sim
