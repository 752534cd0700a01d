#include "mix/ipr/bundle.h"

#include <algorithm>
#include <array>
#include <span>

namespace mix::ipr {

using base::Bytes;
using base::ByteView;
using base::Reader;
using base::Result;
using base::TimePoint;

namespace {

constexpr std::size_t kMaxWaitingPackets = 512;
constexpr std::size_t kMaxWaitingBytes = std::size_t{256} * 1024;
/// How far back the queue is searched for an acknowledgement that a newer one covers.
constexpr std::size_t kAckSearchDepth = 32;

constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kTcpFlagAck = 0x10;
constexpr std::size_t kWindowChecksumUrgentSize = 2 + 2 + 2;
constexpr std::uint8_t kOptionEnd = 0, kOptionNop = 1, kOptionSack = 5;
constexpr std::size_t kMaxSackBlocks = 4;

/// Bytes that were received out of order, [from, to). RFC 2018.
struct SackBlock {
  std::uint32_t from = 0, to = 0;
};

/// A TCP segment without payload whose only flag is ACK.
struct PureAck {
  ByteView addresses;  // source and destination
  ByteView ports;
  std::uint32_t number = 0;
  std::array<SackBlock, kMaxSackBlocks> blocks{};
  std::size_t num_blocks = 0;
};

Result<void> parse_options(ByteView options, PureAck& ack) {
  Reader in{options};
  while (!in.empty()) {
    MIX_TRY(const std::uint8_t kind, in.u8());
    if (kind == kOptionEnd) return {};
    if (kind == kOptionNop) continue;
    MIX_TRY(const std::uint8_t size, in.u8());
    if (size < 2) return base::Errc::ipr_malformed;
    MIX_TRY(Reader value, in.sub(size - std::size_t{2}));
    if (kind != kOptionSack) continue;
    while (!value.empty()) {
      if (ack.num_blocks == ack.blocks.size()) return base::Errc::ipr_malformed;
      SackBlock& block = ack.blocks[ack.num_blocks++];
      MIX_TRY(block.from, value.u32be());
      MIX_TRY(block.to, value.u32be());
    }
  }
  return {};
}

Result<PureAck> parse_tcp_ack(ByteView addresses, ByteView segment) {
  constexpr auto other = base::Errc::ipr_malformed;
  Reader in{segment};
  PureAck ack;
  ack.addresses = addresses;
  MIX_TRY(ack.ports, in.bytes(4));
  MIX_TRY([[maybe_unused]] const auto sequence, in.u32be());
  MIX_TRY(ack.number, in.u32be());
  MIX_TRY(const std::uint8_t offset, in.u8());
  MIX_TRY(const std::uint8_t flags, in.u8());
  if (flags != kTcpFlagAck || segment.size() != std::size_t{4} * (offset >> 4)) return other;
  MIX_CHECK(in.bytes(kWindowChecksumUrgentSize));
  MIX_CHECK(parse_options(in.rest(), ack));
  return ack;
}

Result<PureAck> parse_pure_ack(ByteView packet) {
  constexpr auto other = base::Errc::ipr_malformed;
  Reader in{packet};
  MIX_TRY(const std::uint8_t first, in.u8());
  if (first == 0x45) {  // IPv4 without options
    MIX_CHECK(in.bytes(5));
    MIX_TRY(const std::uint16_t fragment, in.u16be());
    MIX_CHECK(in.u8());
    MIX_TRY(const std::uint8_t protocol, in.u8());
    MIX_CHECK(in.u16be());
    MIX_TRY(const ByteView addresses, in.bytes(2 * kIpv4Size));
    if (protocol != kProtocolTcp || (fragment & 0x3fff) != 0) return other;
    return parse_tcp_ack(addresses, in.rest());
  }
  if (first >> 4 == 6) {
    MIX_CHECK(in.bytes(5));
    MIX_TRY(const std::uint8_t next_header, in.u8());
    MIX_CHECK(in.u8());
    MIX_TRY(const ByteView addresses, in.bytes(2 * kIpv6Size));
    if (next_header != kProtocolTcp) return other;
    return parse_tcp_ack(addresses, in.rest());
  }
  return other;
}

/// Serial number arithmetic: `a` is not before `b`.
bool reaches(std::uint32_t a, std::uint32_t b) { return a - b < 0x80000000U; }

/// `newer` tells the peer all that `older` does. Duplicates without SACK blocks are a signal by
/// their number, so none covers another.
bool covers(const PureAck& newer, const PureAck& older) {
  if (!base::equal(older.addresses, newer.addresses) || !base::equal(older.ports, newer.ports)) {
    return false;
  }
  if (!reaches(newer.number, older.number)) return false;
  if (newer.number == older.number && newer.num_blocks == 0) return false;
  const std::span told{newer.blocks.data(), newer.num_blocks};
  const std::span known{older.blocks.data(), older.num_blocks};
  return std::ranges::all_of(known, [&](const SackBlock& block) {
    return reaches(newer.number, block.to) ||
           std::ranges::any_of(told, [&](const SackBlock& wider) {
             return reaches(block.from, wider.from) && reaches(wider.to, block.to);
           });
  });
}

}  // namespace

Unbundled unbundle(ByteView bundle) {
  Unbundled out;
  Reader in{bundle};
  while (true) {
    Reader ahead = in;
    const auto size = ahead.u16be();
    if (!size) break;
    const auto packet = ahead.bytes(*size);
    if (!packet) break;
    out.packets.push_back(*packet);
    in = ahead;
  }
  out.left_over = in.remaining();
  return out;
}

void append_to_bundle(Bytes& bundle, ByteView packet) {
  base::Writer prefix{kBundlePrefixSize};
  prefix.u16be(static_cast<std::uint16_t>(packet.size()));
  base::append(bundle, prefix.view());
  base::append(bundle, packet);
}

ExitBundler::ExitBundler(base::Duration flush_after, TimePoint now)
    : flush_after_(flush_after), flush_at_(now + flush_after) {}

std::optional<Bytes> ExitBundler::push(ByteView packet, TimePoint now) {
  if (packet.size() > kMaxBundledPacket) return std::nullopt;
  const std::size_t size = packet.size() + kBundlePrefixSize;
  std::optional<Bytes> out;
  if (buffer_.empty() && size > kMaxBundleSize) {
    append_to_bundle(out.emplace(), packet);
    flush_at_ = now + flush_after_;
    return out;
  }
  if (buffer_.size() + size > kMaxBundleSize) out = flush(now);
  if (buffer_.empty() && flush_at_ <= now) {
    // The timer ticked unheard while there was nothing to flush.
    flush_at_ += flush_after_ * ((now - flush_at_) / flush_after_ + 1);
  }
  append_to_bundle(buffer_, packet);
  return out;
}

std::optional<Bytes> ExitBundler::flush(TimePoint now) {
  if (buffer_.empty()) return std::nullopt;
  flush_at_ = now + flush_after_;
  return std::exchange(buffer_, {});
}

base::Deadline ExitBundler::next_deadline() const {
  if (buffer_.empty()) return std::nullopt;
  return flush_at_;
}

bool PacketQueue::push(ByteView packet) {
  drop_covered_ack(packet);
  if (packets_.size() >= kMaxWaitingPackets || bytes_ + packet.size() > kMaxWaitingBytes) {
    return false;
  }
  packets_.push_back(base::to_bytes(packet));
  bytes_ += packet.size();
  if (!parse_pure_ack(packet)) ++others_;
  return true;
}

void PacketQueue::drop_covered_ack(ByteView packet) {
  if (packets_.empty()) return;
  const auto newer = parse_pure_ack(packet);
  if (!newer) return;
  const std::size_t depth = std::min(packets_.size(), kAckSearchDepth);
  const auto end = packets_.rend();
  auto at = packets_.rbegin();
  for (std::size_t i = 0; i < depth && at != end; ++i, ++at) {
    const auto older = parse_pure_ack(*at);
    if (!older || !covers(*newer, *older)) continue;
    bytes_ -= at->size();
    packets_.erase(std::next(at).base());
    return;
  }
}

std::optional<Bytes> PacketQueue::pop_bundle() {
  if (packets_.empty()) return std::nullopt;
  Bytes bundle;
  while (!packets_.empty()) {
    const Bytes& next = packets_.front();
    if (!bundle.empty() && bundle.size() + kBundlePrefixSize + next.size() > kMaxBundleSize) break;
    append_to_bundle(bundle, next);
    bytes_ -= next.size();
    if (!parse_pure_ack(next)) --others_;
    packets_.pop_front();
  }
  return bundle;
}

void PacketQueue::clear() {
  packets_.clear();
  bytes_ = 0;
  others_ = 0;
}

}  // namespace mix::ipr
