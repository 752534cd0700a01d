#include "tcp_segment.h"

#include <algorithm>

namespace mix::localnet {

using base::Bytes;
using base::ByteView;
using base::Errc;
using base::Reader;
using base::Result;
using base::Writer;

namespace {

constexpr std::uint8_t kProtocolTcp = 6, kTtl = 64;
constexpr std::size_t kHeaderSize = 20;
constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kPsh = 8, kAck = 16;
constexpr std::uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionMaxSegment = 2, kOptionShift = 3,
                       kOptionSackPermitted = 4, kOptionSack = 5, kOptionTimestamps = 8;
constexpr std::size_t kMaxSackBlocks = 4;

Result<void> read_option(std::uint8_t kind, Reader in, TcpSegment& out) {
  switch (kind) {
    case kOptionMaxSegment: {
      MIX_TRY(out.max_segment, in.u16be());
      break;
    }
    case kOptionShift: {
      MIX_TRY(out.window_shift, in.u8());
      break;
    }
    case kOptionSackPermitted:
      out.sack_permitted = true;
      break;
    case kOptionSack:
      while (!in.empty() && out.sack.size() < kMaxSackBlocks) {
        SackBlock block;
        MIX_TRY(block.begin, in.u32be());
        MIX_TRY(block.end, in.u32be());
        out.sack.push_back(block);
      }
      break;
    case kOptionTimestamps: {
      TcpTimestamps stamps;
      MIX_TRY(stamps.value, in.u32be());
      MIX_TRY(stamps.echo, in.u32be());
      out.timestamps = stamps;
      break;
    }
    default:
      break;
  }
  return {};
}

Result<void> read_options(Reader in, TcpSegment& out) {
  while (!in.empty()) {
    MIX_TRY(const std::uint8_t kind, in.u8());
    if (kind == kOptionEnd) break;
    if (kind == kOptionNop) continue;
    MIX_TRY(const std::uint8_t size, in.u8());
    if (size < 2) return Errc::ipr_malformed;
    MIX_TRY(const Reader value, in.sub(size - 2U));
    MIX_CHECK(read_option(kind, value, out));
  }
  return {};
}

Bytes encode_options(const TcpSegment& segment) {
  Writer out;
  if (segment.max_segment) out.u8(kOptionMaxSegment).u8(4).u16be(*segment.max_segment);
  if (segment.window_shift) out.u8(kOptionNop).u8(kOptionShift).u8(3).u8(*segment.window_shift);
  if (segment.sack_permitted) {
    out.u8(kOptionNop).u8(kOptionNop).u8(kOptionSackPermitted).u8(2);
  }
  if (segment.timestamps) {
    out.u8(kOptionNop).u8(kOptionNop).u8(kOptionTimestamps).u8(10);
    out.u32be(segment.timestamps->value).u32be(segment.timestamps->echo);
  }
  if (!segment.sack.empty()) {
    const std::size_t blocks =
        std::min(segment.sack.size(), kMaxSackBlocks - (segment.timestamps ? 1U : 0U));
    out.u8(kOptionNop).u8(kOptionNop).u8(kOptionSack);
    out.u8(static_cast<std::uint8_t>(2 + 8 * blocks));
    for (std::size_t i = 0; i < blocks; ++i) {
      out.u32be(segment.sack[i].begin).u32be(segment.sack[i].end);
    }
  }
  return out.take();
}

std::uint8_t flag_byte(const TcpFlags& flags) {
  int out = 0;
  if (flags.fin) out |= kFin;
  if (flags.syn) out |= kSyn;
  if (flags.rst) out |= kRst;
  if (flags.psh) out |= kPsh;
  if (flags.ack) out |= kAck;
  return static_cast<std::uint8_t>(out);
}

}  // namespace

Result<TcpSegment> parse_tcp_segment(ByteView bytes, const IpPacket& packet) {
  if (packet.transport != Transport::kTcp || packet.later_fragment || packet.more_fragments) {
    return Errc::ipr_malformed;
  }
  const ByteView transport = bytes.subspan(packet.transport_at, packet.size - packet.transport_at);
  if (checksum(transport, pseudo_header_sum(packet.source, packet.destination, kProtocolTcp,
                                            transport.size())) != 0) {
    return Errc::ipr_malformed;
  }
  Reader in{transport};
  TcpSegment out;
  out.from.address = packet.source;
  out.to.address = packet.destination;
  MIX_TRY(out.from.port, in.u16be());
  MIX_TRY(out.to.port, in.u16be());
  MIX_TRY(out.sequence, in.u32be());
  MIX_TRY(out.acknowledged, in.u32be());
  MIX_TRY(const std::uint8_t offset, in.u8());
  MIX_TRY(const std::uint8_t flags, in.u8());
  MIX_TRY(out.window, in.u16be());
  MIX_TRY([[maybe_unused]] const auto sum_and_urgent, in.u32be());
  const std::size_t header_size = std::size_t{4} * (offset >> 4);
  if (header_size < kHeaderSize) return Errc::ipr_malformed;
  MIX_TRY(const Reader options, in.sub(header_size - kHeaderSize));
  out.flags = {(flags & kFin) != 0, (flags & kSyn) != 0, (flags & kRst) != 0, (flags & kPsh) != 0,
               (flags & kAck) != 0};
  MIX_CHECK(read_options(options, out));
  out.payload = in.rest();
  return out;
}

Bytes encode(const TcpSegment& segment) {
  const Bytes options = encode_options(segment);
  const auto build = [&](std::uint16_t sum) {
    Writer out{kHeaderSize + options.size() + segment.payload.size()};
    out.u16be(segment.from.port).u16be(segment.to.port);
    out.u32be(segment.sequence).u32be(segment.acknowledged);
    out.u8(static_cast<std::uint8_t>((kHeaderSize + options.size()) / 4 << 4));
    out.u8(flag_byte(segment.flags)).u16be(segment.window).u16be(sum).u16be(0);
    out.bytes(options).bytes(segment.payload);
    return out.take();
  };
  const Bytes plain = build(0);
  const IpAddress& from = segment.from.address;
  const IpAddress& to = segment.to.address;
  const Bytes transport =
      build(checksum(plain, pseudo_header_sum(from, to, kProtocolTcp, plain.size())));
  Writer out{kIpv6HeaderSize + transport.size()};
  if (from.family == Family::kV6) {
    out.u32be(0x60000000).u16be(static_cast<std::uint16_t>(transport.size()));
    out.u8(kProtocolTcp).u8(kTtl).bytes(from.view()).bytes(to.view()).bytes(transport);
    return out.take();
  }
  const auto head = [&](std::uint16_t sum) {
    Writer head_out{kIpv4HeaderSize};
    head_out.u16be(0x4500).u16be(static_cast<std::uint16_t>(kIpv4HeaderSize + transport.size()));
    head_out.u16be(0).u16be(0x4000).u8(kTtl).u8(kProtocolTcp).u16be(sum);
    head_out.bytes(from.view()).bytes(to.view());
    return head_out.take();
  };
  out.bytes(head(checksum(head(0)))).bytes(transport);
  return out.take();
}

}  // namespace mix::localnet
