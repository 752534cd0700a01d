// TCP segments of a client at the exit's end of a connection: the input decides what they claim,
// when, and what the target does meanwhile. All it sends must be readable, all counts bounded.
#include "support/target.h"
#include "tcp_endpoint.h"

using namespace mix;

namespace {

const localnet::IpEndpoint kClient = *localnet::IpEndpoint::parse("10.0.0.9:50000");
const localnet::IpEndpoint kServer = *localnet::IpEndpoint::parse("203.0.113.1:443");
constexpr std::uint32_t kClientIsn = 0xffffff00, kServerIsn = 0xfffff000;  // both wrap soon

localnet::TcpSegment segment_of(fuzz::Parts& parts) {
  localnet::TcpSegment out;
  out.from = kClient;
  out.to = kServer;
  const std::uint8_t flags = parts.u8();
  out.flags = {(flags & 1) != 0, (flags & 2) != 0, (flags & 4) != 0, (flags & 8) != 0,
               (flags & 16) == 0};
  // Near what is true, or far from it.
  out.sequence = kClientIsn + 1 + parts.u16();
  out.acknowledged = kServerIsn + 1 + parts.u16();
  if ((flags & 32) != 0) out.sequence ^= static_cast<std::uint32_t>(parts.u16()) << 16;
  if ((flags & 32) != 0) out.acknowledged ^= static_cast<std::uint32_t>(parts.u16()) << 16;
  out.window = parts.u16();
  if ((flags & 64) != 0) out.timestamps = localnet::TcpTimestamps{parts.u16(), parts.u16()};
  if ((flags & 128) != 0) {
    const std::uint32_t begin = kServerIsn + parts.u16();
    out.sack.push_back({begin, begin + parts.u16()});
    out.sack.push_back({kServerIsn + parts.u16(), begin});
  }
  out.payload = parts.take(parts.u8() * 8U);
  return out;
}

void parse(base::ByteView bytes) {
  const auto packet = localnet::parse_ip_packet(bytes);
  if (!packet || packet->transport != localnet::Transport::kTcp) return;
  const auto segment = localnet::parse_tcp_segment(bytes, *packet);
  if (!segment) return;
  fuzz::require(segment->payload.size() < bytes.size(), "a segment grew");
  // Written again it says the same.
  const base::Bytes written = localnet::encode(*segment);
  const auto again = localnet::parse_ip_packet(written);
  fuzz::require(again.has_value(), "a packet that was read cannot be read again");
  const auto same = localnet::parse_tcp_segment(written, *again);
  fuzz::require(same && same->sequence == segment->sequence && same->flags == segment->flags &&
                    same->timestamps == segment->timestamps &&
                    std::ranges::equal(same->payload, segment->payload),
                "a segment changed");
}

}  // namespace

MIX_FUZZ(localnet_tcp) {
  parse(input);
  fuzz::Parts parts(input);
  localnet::TcpEndpointConfig config;
  config.receive_buffer = config.send_buffer = 64 * 1024;
  localnet::TcpSegment syn;
  syn.from = kClient;
  syn.to = kServer;
  syn.flags.syn = true;
  syn.sequence = kClientIsn;
  syn.window = 65535;
  const std::uint8_t how = parts.u8();
  if ((how & 1) != 0) syn.max_segment = parts.u16();
  if ((how & 2) != 0) syn.window_shift = parts.u8();
  syn.sack_permitted = (how & 4) != 0;
  if ((how & 8) != 0) syn.timestamps = localnet::TcpTimestamps{1, 0};
  localnet::TcpEndpoint endpoint(config, syn, kServerIsn, 0);
  base::TimePoint now{std::chrono::hours{1}};
  const auto drain = [&] {
    // A window's worth of the smallest segments is the most that may come at once.
    for (int i = 0; i < 4096; ++i) {
      const auto packet = endpoint.poll_output(now);
      if (!packet) return;
      const auto ip = localnet::parse_ip_packet(*packet);
      fuzz::require(ip && localnet::parse_tcp_segment(*packet, *ip).has_value(),
                    "an unreadable segment is sent");
      fuzz::require(packet->size() <= config.mtu, "a packet beyond the MTU");
    }
    base::panic("it does not stop sending");
  };
  if ((how & 16) == 0) endpoint.accept(now);
  drain();
  for (int i = 0; i < 256 && !parts.empty(); ++i) {
    const std::uint8_t what = parts.u8();
    if (what < 128) {
      endpoint.receive(segment_of(parts), now);
    } else if (what < 160) {
      endpoint.write(base::Bytes(std::min(endpoint.writable(), what * std::size_t{64}), 7));
    } else if (what < 192) {
      endpoint.consume(std::min(endpoint.readable().size(), what * std::size_t{16}));
    } else if (what < 240) {
      now += std::chrono::milliseconds{1U << (what % 16)};
      endpoint.expire(now);
    } else if (what < 244) {
      endpoint.finish();
    } else if (what < 246) {
      endpoint.reset();
    } else if (what < 250 && endpoint.is_dialing()) {
      endpoint.accept(now);
    }
    fuzz::require(endpoint.readable().size() <= config.receive_buffer, "too much is kept");
    drain();
    if (endpoint.is_done()) break;
  }
}
