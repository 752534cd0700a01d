#include "replay_server.h"

#include <algorithm>

#include "net/raw_packet.h"

namespace mix::bench {
namespace {

constexpr std::size_t kSegmentSize = 1420 - 20 - 32;  // the exit's MTU, IP, TCP with time stamps
constexpr std::uint8_t kWindowShift = 5;              // lwipopts.h: TCP_RCV_SCALE
constexpr std::uint8_t kTimestampOption = 8;          // RFC 7323 §3.2
constexpr std::uint32_t kOwnTime = 1;                 // time stands still

/// The time stamp among the options, 0 when there is none.
std::uint32_t timestamp(base::ByteView options) {
  base::Reader in{options};
  while (const auto kind = in.u8()) {
    if (*kind <= 1) continue;  // end, no operation
    const std::size_t size = in.u8().value_or(2);
    auto value = in.sub(size < 2 ? 0 : size - 2);
    if (!value) break;
    if (*kind == kTimestampOption) return value->u32be().value_or(0);
  }
  return 0;
}

base::Bytes timestamp_option(std::uint32_t echo) {
  return base::Writer{}
      .u16be(0x0101)
      .u8(kTimestampOption)
      .u8(10)
      .u32be(kOwnTime)
      .u32be(echo)
      .take();
}

}  // namespace

void ReplayServer::receive(base::ByteView packet) {
  const test::TcpSegment segment = test::decode_tcp(packet);
  echo_ = timestamp(segment.options);
  if ((segment.flags & test::kSyn) != 0) {
    client_ = segment.from;
    own_ = segment.to;
    client_next_ = segment.sequence + 1;
    window_end_ = next_ + 1;
    return answer_syn();
  }
  if (segment.sequence == client_next_) {
    client_next_ += static_cast<std::uint32_t>(segment.payload.size());
    received_ += segment.payload.size();
  }
  window_end_ = segment.acknowledged + (std::uint32_t{segment.window} << kWindowShift);
}

void ReplayServer::answer_syn() {
  base::Writer options;
  options.u8(2).u8(4).u16be(kSegmentSize + 12);  // segment size, RFC 9293 §3.7.1
  options.u8(1).u8(3).u8(3).u8(7);               // window scale, RFC 7323 §2
  options.bytes(timestamp_option(echo_));
  add(test::kSyn | test::kAck, options.view(), {});
  packets_.back().end = ++next_;
}

void ReplayServer::say(base::ByteView bytes) {
  const base::Bytes options = timestamp_option(echo_);
  while (!bytes.empty()) {
    const base::ByteView piece = bytes.first(std::min(bytes.size(), kSegmentSize));
    add(test::kAck, options, piece);
    bytes = bytes.subspan(piece.size());
  }
}

void ReplayServer::add(std::uint8_t flags, base::ByteView options, base::ByteView payload) {
  const base::Bytes packet = test::encode({.from = own_,
                                           .to = client_,
                                           .sequence = next_,
                                           .acknowledged = client_next_,
                                           .flags = flags,
                                           .options = base::to_bytes(options),
                                           .payload = base::to_bytes(payload)});
  next_ += static_cast<std::uint32_t>(payload.size());
  packets_.push_back({bytes_.size(), packet.size(), next_});
  base::append(bytes_, packet);
}

base::ByteView ReplayServer::poll() {
  if (sent_ == packets_.size()) return {};
  const Packet& packet = packets_[sent_];
  // Serial numbers: beyond the window's end?
  if (static_cast<std::int32_t>(packet.end - window_end_) > 0) return {};
  ++sent_;
  return base::ByteView{bytes_}.subspan(packet.at, packet.size);
}

}  // namespace mix::bench
