#include "segment_check.h"

namespace mix::net {
namespace {

constexpr std::size_t kTimestampSize = 10;  // RFC 7323 §3.2

bool is_own_handshake(const tcp_pcb& pcb, const tcp_hdr& header) {
  return (TCPH_FLAGS(&header) & TCP_ACK) != 0 && header.ackno == pcb.lastack + 1;
}

}  // namespace

SegmentCheck check_segment(const tcp_pcb& pcb, const tcp_hdr& header, base::ByteView options) {
  SegmentCheck out;
  const bool has_syn = (TCPH_FLAGS(&header) & TCP_SYN) != 0;
  if (has_syn && pcb.state == SYN_SENT) out.is_acceptable = is_own_handshake(pcb, header);
  base::Reader reader(options);
  while (!reader.empty()) {
    const std::uint8_t kind = reader.u8().value_or(LWIP_TCP_OPT_EOL);
    if (kind == LWIP_TCP_OPT_EOL) break;
    if (kind == LWIP_TCP_OPT_NOP) continue;
    if (kind == LWIP_TCP_OPT_MSS && !has_syn) out.is_acceptable = false;
    const std::uint8_t size = reader.u8().value_or(0);
    if (size < 2) break;
    auto value = reader.sub(size - std::size_t{2});
    if (!value) break;
    if (kind == LWIP_TCP_OPT_TS && size == kTimestampSize) {
      const auto own = value->u32be();
      const auto echoed = value->u32be();
      if (own && echoed) out.echoed_timestamp = *echoed;
    }
  }
  return out;
}

}  // namespace mix::net
