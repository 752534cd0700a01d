#include "mix/ipr/bundle.h"

#include <algorithm>

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

/// A TCP segment without payload whose only flag is ACK.
struct PureAck {
  ByteView addresses;  // source and destination
  ByteView ports;
  std::uint32_t number = 0;
};

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

/// Serial number arithmetic: `newer` acknowledges more than `older`.
bool covers(std::uint32_t newer, std::uint32_t older) {
  const std::uint32_t ahead = newer - older;
  return ahead != 0 && ahead < 0x80000000U;
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
    if (!older || !base::equal(older->addresses, newer->addresses) ||
        !base::equal(older->ports, newer->ports) || !covers(newer->number, older->number)) {
      continue;
    }
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
    packets_.pop_front();
  }
  return bundle;
}

void PacketQueue::clear() {
  packets_.clear();
  bytes_ = 0;
}

}  // namespace mix::ipr
