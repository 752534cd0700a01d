// IP packets from the exit into the stack, while a connection is being made and a socket listens.
#include "mix/net/stack.h"
#include "support/target.h"

using namespace mix;

MIX_FUZZ(net_packets) {
  static const fuzz::FixedClock clock;
  fuzz::FixedRng rng;
  net::StackConfig config;
  config.ipv4 = net::Ipv4{{10, 0, 0, 2}};
  config.ipv6 = net::Ipv6{{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}};
  auto stack = net::Stack::create(config, clock, rng);
  base::TimePoint now = clock.now();
  const net::Endpoint peer{net::Ipv4{{10, 0, 0, 1}}, 80};
  {
    auto stream = stack->connect(peer, {}, now);
    auto socket = stack->open_udp();
    fuzz::require(stream.has_value() && socket.has_value(), "no connection can be made");
    (void)(*socket)->send(peer, base::Bytes{1});
    fuzz::Parts parts(input);
    base::Bytes sent;
    base::Bytes sink(4096);
    for (int i = 0; i < 64 && !parts.empty(); ++i) {
      while (auto packet = stack->poll_output()) sent = *std::move(packet);
      const std::uint8_t how = parts.u8();
      base::Bytes packet = base::to_bytes(parts.part());
      if ((how & 1) != 0 && sent.size() >= 40 && sent[0] == 0x45) {
        // An answer to what was sent last: addresses and ports turned round, the rest altered.
        base::Bytes answer = sent;
        std::swap_ranges(answer.begin() + 12, answer.begin() + 16, answer.begin() + 16);
        std::swap_ranges(answer.begin() + 20, answer.begin() + 22, answer.begin() + 22);
        for (std::size_t k = 0; k < packet.size() && 24 + k < answer.size(); ++k) {
          answer[24 + k] ^= packet[k];
        }
        packet = std::move(answer);
      }
      stack->receive(packet, now);
      (void)(*stream)->read(sink);
      while ((*socket)->receive()) {
      }
      now += std::chrono::milliseconds{how * 8};
      stack->expire(now);
    }
  }
}
