// The stack against hand-made packets: also what no honest peer would send.
#include "mix/net/stack.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "raw_packet.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::net {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using base::Errc;
using test::TcpSegment;

const Ipv4 kOwn4{{10, 0, 0, 7}};
const Ipv6 kOwn6{{0xfc, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
const Endpoint kServer4{Ipv4{{93, 184, 216, 34}}, 443};
const Endpoint kServer6{Ipv6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, 443};
constexpr std::uint32_t kServerNumber = 1000;
constexpr base::Duration kTick = 500ms;  // of lwIP, which times repetitions by it

StackConfig both() {
  StackConfig config;
  config.ipv4 = kOwn4;
  config.ipv6 = kOwn6;
  return config;
}

class StackTest : public testing::Test {
 protected:
  [[nodiscard]] base::TimePoint now() const { return clock.now(); }
  void receive(const Bytes& packet) { stack->receive(packet, now()); }
  [[nodiscard]] std::vector<Bytes> output() {
    std::vector<Bytes> out;
    while (auto packet = stack->poll_output()) out.push_back(*std::move(packet));
    return out;
  }

  /// Starts a connection and returns its SYN.
  TcpSegment connect(const Endpoint& to = kServer4, TcpOptions options = {}) {
    stream.reset();
    (void)output();
    stream = *stack->connect(to, options, now());
    auto packets = output();
    EXPECT_EQ(packets.size(), 1u);
    const TcpSegment syn = test::decode_tcp(packets.at(0));
    EXPECT_EQ(syn.flags, test::kSyn);
    EXPECT_EQ(syn.to, to);
    return syn;
  }
  static TcpSegment answer(const TcpSegment& to, std::uint8_t flags) {
    TcpSegment out;
    out.from = to.to;
    out.to = to.from;
    out.sequence = kServerNumber;
    out.acknowledged = to.sequence + 1;
    out.flags = flags;
    return out;
  }
  /// Completes the handshake; returns a segment that continues the server's stream.
  TcpSegment establish(const Endpoint& to = kServer4, Bytes options = {2, 4, 5, 0xb4},
                       std::uint16_t window = 65535) {
    TcpSegment next = answer(connect(to), test::kSyn | test::kAck);
    next.options = std::move(options);
    next.window = window;
    receive(test::encode(next));
    EXPECT_EQ(stream->state(), StreamState::kOpen);
    EXPECT_EQ(output().size(), 1u);
    next.options.clear();
    next.sequence += 1;
    next.flags = test::kAck;
    return next;
  }
  /// Lets time pass, deadline by deadline; returns what left.
  std::vector<Bytes> run_for(base::Duration span) {
    const base::TimePoint end = now() + span;
    std::vector<Bytes> out;
    while (true) {
      for (Bytes& packet : output()) out.push_back(std::move(packet));
      const base::Deadline next_wake = stack->next_deadline();
      if (!next_wake || *next_wake > end) break;
      clock.advance(*next_wake - now());
      stack->expire(now());
    }
    clock.advance(end - now());
    return out;
  }
  [[nodiscard]] std::size_t below(std::size_t bound) {
    return static_cast<std::size_t>(rng.uniform(bound));
  }
  [[nodiscard]] std::string readable_text() {
    Bytes out(stream->readable());
    out.resize(stream->read(out));
    return base::to_string(out);
  }

  test::ManualClock clock;
  test::SeededRng rng{7};
  std::unique_ptr<Stack> stack = Stack::create(both(), clock, rng);
  std::unique_ptr<Stream> stream;

  void TearDown() override { stream.reset(); }
};

TEST_F(StackTest, OpensAConnectionByHand) {
  for (const Endpoint& to : {kServer4, kServer6}) {
    TcpSegment next = establish(to);
    next.payload = base::to_bytes(base::as_bytes("hello"));
    receive(test::encode(next));
    EXPECT_EQ(readable_text(), "hello");
    ASSERT_EQ(stream->write(base::as_bytes("world")).value(), 5u);
    const auto packets = output();
    ASSERT_EQ(packets.size(), 1u);  // the acknowledgement rides on the data
    const TcpSegment sent = test::decode_tcp(packets[0]);
    EXPECT_EQ(base::to_string(sent.payload), "world");
    EXPECT_EQ(sent.acknowledged, next.sequence + 5);
    EXPECT_EQ(sent.sequence, next.acknowledged);
  }
}

TEST_F(StackTest, OffersSegmentsOfTheMtu) {
  struct Case {
    std::uint16_t mtu;
    Endpoint to;
    std::uint16_t mss;
  };
  for (const Case& c :
       {Case{1280, kServer4, 1240}, Case{1420, kServer4, 1380}, Case{1500, kServer4, 1460},
        Case{1280, kServer6, 1220}, Case{1420, kServer6, 1360}, Case{1500, kServer6, 1440}}) {
    StackConfig config = both();
    config.mtu = c.mtu;
    stack->readdress(config, base::Error{Errc::ipr_disconnected});
    const TcpSegment syn = connect(c.to);
    const Bytes expected{2, 4, static_cast<std::uint8_t>(c.mss >> 8),
                         static_cast<std::uint8_t>(c.mss & 0xff)};
    EXPECT_EQ(Bytes(syn.options.begin(), syn.options.begin() + 4), expected) << c.mtu;
  }
}

TEST_F(StackTest, DropsHostileHandshakes) {
  const TcpSegment syn = connect();
  TcpSegment bad = answer(syn, test::kSyn);  // no acknowledgement
  bad.options = {2, 4, 0, 1};
  receive(test::encode(bad));
  EXPECT_EQ(stream->state(), StreamState::kConnecting);
  bad = answer(syn, test::kSyn | test::kAck);
  bad.acknowledged += 5;  // of another connection
  receive(test::encode(bad));
  EXPECT_EQ(stream->state(), StreamState::kConnecting);
  bad = answer(syn, test::kRst | test::kAck);
  bad.acknowledged += 1;
  receive(test::encode(bad));
  EXPECT_EQ(stream->state(), StreamState::kConnecting);
  receive(test::encode(answer(syn, test::kSyn | test::kAck)));
  EXPECT_EQ(stream->state(), StreamState::kOpen);
}

TEST_F(StackTest, IgnoresResetsOfOtherNumbers) {
  TcpSegment next = establish();
  next.flags = test::kRst;
  next.sequence += 1000;  // within the window: lwIP asks back (RFC 5961)
  receive(test::encode(next));
  next.sequence -= 2000;
  receive(test::encode(next));
  EXPECT_EQ(stream->state(), StreamState::kOpen);
  next.sequence += 1000;
  receive(test::encode(next));
  EXPECT_EQ(stream->state(), StreamState::kFailed);
  EXPECT_EQ(stream->error()->code, Errc::net_connection_reset);
}

TEST_F(StackTest, BoundsHowSmallAPeerMakesSegments) {
  (void)establish(kServer4, {2, 4, 0, 1});
  ASSERT_EQ(stream->write(Bytes(1000, 1)).value(), 1000u);
  EXPECT_EQ(output().size(), 5u);  // 216 bytes each
}

TEST_F(StackTest, DropsSegmentsThatChangeTheSegmentSizeLater) {
  TcpSegment next = establish(kServer4, {2, 4, 5, 0xb4}, 0);
  ASSERT_EQ(stream->write(Bytes(1000, 1)).value(), 1000u);
  next.options = {2, 4, 0, 100};
  next.payload = base::to_bytes(base::as_bytes("x"));
  receive(test::encode(next));
  EXPECT_EQ(stream->readable(), 0u);
  ASSERT_EQ(stream->write(Bytes(1000, 1)).value(), 1000u);  // lwIP would break its invariant here
  next.options = {1, 1, 1, 1};
  receive(test::encode(next));
  EXPECT_EQ(stream->readable(), 1u);
}

TEST_F(StackTest, BearsAWindowThatOpensByAFewBytes) {
  TcpSegment next = establish(kServer4, {2, 4, 5, 0xb4}, 0);
  ASSERT_EQ(stream->write(Bytes(1000, 1)).value(), 1000u);
  next.window = 10;
  receive(test::encode(next));
  ASSERT_EQ(stream->write(Bytes(1000, 1)).value(), 1000u);
  std::size_t sent = 0;
  for (int i = 0; i < 100; ++i) {
    for (const Bytes& packet : output())
      sent = std::max(sent, test::decode_tcp(packet).payload.size());
    const base::Deadline next_wake = stack->next_deadline();
    ASSERT_TRUE(next_wake);
    clock.advance(*next_wake - now());
    stack->expire(now());
  }
  EXPECT_EQ(sent, 10u);
}

TEST_F(StackTest, RepeatsWithinATickWhenThePathIsBack) {
  const TcpSegment next = establish();
  ASSERT_EQ(stream->write(base::as_bytes("hello")).value(), 5u);
  run_for(30s);  // nothing is answered: the back-off grows to many seconds
  (void)output();
  stack->resume(now());
  std::vector<Bytes> sent = run_for(kTick);
  const auto is_empty = [](const Bytes& packet) {
    return test::decode_tcp(packet).payload.empty();
  };
  const auto data = std::partition(sent.begin(), sent.end(), is_empty);
  ASSERT_EQ(sent.end() - data, 1);
  EXPECT_EQ(base::to_string(test::decode_tcp(*data).payload), "hello");
  // Equal acknowledgements, for the peer to repeat what was lost (RFC 5681 §3.2).
  EXPECT_GE(std::count_if(sent.begin(), data,
                          [&](const Bytes& packet) {
                            const TcpSegment segment = test::decode_tcp(packet);
                            return segment.flags == test::kAck &&
                                   segment.acknowledged == next.sequence;
                          }),
            3);
}

TEST_F(StackTest, RepeatsAConnectWithinATickWhenThePathIsBack) {
  const TcpSegment syn = connect();
  run_for(30s);
  stack->resume(now());
  EXPECT_TRUE(output().empty()) << "there is nothing to acknowledge yet";
  const auto repeated = run_for(kTick);
  ASSERT_EQ(repeated.size(), 1u);
  const TcpSegment segment = test::decode_tcp(repeated[0]);
  EXPECT_EQ(segment.flags, test::kSyn);
  EXPECT_EQ(segment.sequence, syn.sequence);
}

TEST_F(StackTest, SurvivesEveryAlterationOfASegment) {
  TcpSegment next =
      establish(kServer4, {2, 4, 5, 0xb4, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7});
  next.options = {1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 0};
  next.payload = base::to_bytes(base::as_bytes("payload"));
  next.sequence += 50;  // out of order: it is kept, acknowledged and never delivered
  const Bytes packet = test::encode(next);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    receive(Bytes(packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(size)));
  }
  for (std::size_t at = 0; at < packet.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes altered = packet;
      altered[at] = static_cast<std::uint8_t>(altered[at] ^ (1 << bit));
      receive(altered);
      (void)output();
    }
  }
  EXPECT_EQ(stream->state(), StreamState::kOpen);
  EXPECT_EQ(stream->readable(), 0u);
}

TEST_F(StackTest, SurvivesHostileHeadersWithGoodChecksums) {
  TcpSegment next = establish(kServer4, {2, 4, 5, 0xb4, 1, 3, 3, 14});
  for (int round = 0; round < 3000; ++round) {
    TcpSegment hostile = next;
    hostile.sequence += static_cast<std::uint32_t>(rng.uniform(3000)) - 100;
    hostile.acknowledged += static_cast<std::uint32_t>(rng.uniform(200)) - 100;
    hostile.flags = static_cast<std::uint8_t>(rng.uniform(64)) & ~(test::kRst | test::kFin);
    hostile.window = static_cast<std::uint16_t>(rng.u32());
    hostile.options.resize(below(11) * 4);
    rng.fill(hostile.options);
    hostile.payload.resize(below(1400));
    rng.fill(hostile.payload);
    receive(test::encode(hostile));
    (void)stream->write(hostile.payload);
    if (round % 7 == 0) (void)readable_text();
    (void)output();
    clock.advance(10ms);
    if (base::is_due(stack->next_deadline(), now())) stack->expire(now());
  }
  (void)output();
}

TEST_F(StackTest, SurvivesGarbage) {
  (void)connect();
  for (int round = 0; round < 3000; ++round) {
    Bytes garbage(below(200));
    rng.fill(garbage);
    if (!garbage.empty()) {
      garbage[0] = static_cast<std::uint8_t>((round % 2 == 0 ? 0x40 : 0x60) | (garbage[0] & 0x0f));
    }
    receive(garbage);
    (void)output();
  }
  EXPECT_EQ(stream->state(), StreamState::kConnecting);
}

// --- ICMP ---------------------------------------------------------------------------------------

Bytes unreachable(const Endpoint& from, const Bytes& quoted, std::uint8_t code) {
  const bool is_v4 = std::holds_alternative<Ipv4>(from.address);
  base::Writer out;
  out.u8(is_v4 ? 3 : 1).u8(code).u16be(0).u32be(0).bytes(quoted);
  const IpAddress own = is_v4 ? IpAddress{kOwn4} : IpAddress{kOwn6};
  return test::ip_packet(from.address, own, is_v4 ? 1 : 58, out.take(), 2);
}

TEST_F(StackTest, EndsAConnectThatARouterCannotDeliver) {
  struct Case {
    Endpoint to;
    std::uint8_t code;
    std::optional<Errc> expected;
  };
  for (const Case& c :
       {Case{kServer4, 1, Errc::net_unreachable}, Case{kServer4, 3, Errc::net_connect_refused},
        Case{kServer4, 13, Errc::net_unreachable}, Case{kServer4, 4, std::nullopt},
        Case{kServer6, 0, Errc::net_unreachable}, Case{kServer6, 4, Errc::net_connect_refused}}) {
    stream = *stack->connect(c.to, {}, now());
    Bytes quoted = output().at(0);
    quoted.resize((std::holds_alternative<Ipv4>(c.to.address) ? 20 : 40) + 8);
    receive(unreachable(c.to, quoted, c.code));
    if (c.expected) {
      ASSERT_TRUE(stream->error());
      EXPECT_EQ(stream->error()->code, *c.expected);
    } else {
      EXPECT_EQ(stream->state(), StreamState::kConnecting);
    }
  }
}

TEST_F(StackTest, BelievesNoIcmpThatQuotesAnotherNumber) {
  stream = *stack->connect(kServer4, {}, now());
  const Bytes syn = output().at(0);
  for (std::size_t at : {12u, 16u, 20u, 22u, 24u, 27u}) {  // addresses, ports, sequence number
    Bytes quoted(syn.begin(), syn.begin() + 28);
    quoted[at] ^= 1;
    if (at == 12) continue;  // our own address in the quotation is not looked at
    receive(unreachable(kServer4, quoted, 1));
    EXPECT_EQ(stream->state(), StreamState::kConnecting) << at;
  }
  for (std::size_t size = 0; size < 28; ++size) {
    receive(unreachable(kServer4,
                        Bytes(syn.begin(), syn.begin() + static_cast<std::ptrdiff_t>(size)), 1));
  }
  EXPECT_EQ(stream->state(), StreamState::kConnecting);
}

TEST_F(StackTest, LeavesOpenConnectionsAloneOnIcmp) {
  (void)establish();
  ASSERT_EQ(stream->write(base::as_bytes("data")).value(), 4u);
  Bytes quoted = output().at(0);
  quoted.resize(28);
  receive(unreachable(kServer4, quoted, 1));
  EXPECT_EQ(stream->state(), StreamState::kOpen);
}

TEST_F(StackTest, AnswersPing) {
  for (const Endpoint& from : {kServer4, kServer6}) {
    const bool is_v4 = std::holds_alternative<Ipv4>(from.address);
    base::Writer echo;
    echo.u8(is_v4 ? 8 : 128).u8(0).u16be(0).u32be(0x12340001).bytes(base::as_bytes("ping"));
    const IpAddress own = is_v4 ? IpAddress{kOwn4} : IpAddress{kOwn6};
    receive(test::ip_packet(from.address, own, is_v4 ? 1 : 58, echo.take(), 2));
    const auto packets = output();
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0][is_v4 ? 20 : 40], is_v4 ? 0 : 129);
  }
}

TEST_F(StackTest, IgnoresNeighbourDiscovery) {
  // A router advertisement with an MTU option and one prefix, hop limit 255 as it must have.
  base::Writer advertisement;
  advertisement.u8(134).u8(0).u16be(0).u32be(0x40000708).u32be(0).u32be(0);
  advertisement.u8(5).u8(1).u16be(0).u32be(1280);
  const Ipv6 router{{0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
  Bytes packet = test::ip_packet(router, kOwn6, 58, advertisement.take(), 2);
  packet[7] = 255;
  receive(packet);
  EXPECT_TRUE(output().empty());
  base::Writer solicitation;
  solicitation.u8(135).u8(0).u16be(0).u32be(0).bytes(kOwn6.octets);
  packet = test::ip_packet(router, kOwn6, 58, solicitation.take(), 2);
  packet[7] = 255;
  receive(packet);
  EXPECT_TRUE(output().empty());
  EXPECT_EQ(stack->next_deadline(), std::nullopt);
  const TcpSegment syn = connect(kServer6);
  EXPECT_EQ(syn.options[2] << 8 | syn.options[3], 1360);
}

// --- UDP ----------------------------------------------------------------------------------------

/// The packet as its receiver would send it back.
Bytes mirrored(Bytes packet) {
  const bool is_v4 = packet[0] >> 4 == 4;
  const std::size_t width = is_v4 ? 4 : 16;
  const std::size_t addresses = is_v4 ? 12 : 8;
  const std::size_t ports = is_v4 ? 20 : 40;
  for (std::size_t i = 0; i < width; ++i)
    std::swap(packet[addresses + i], packet[addresses + width + i]);
  for (std::size_t i = 0; i < 2; ++i) std::swap(packet[ports + i], packet[ports + 2 + i]);
  return packet;
}

TEST_F(StackTest, SendsAndReceivesDatagramsOfBothFamilies) {
  auto socket = *stack->open_udp();
  for (const Endpoint& to : {Endpoint{kServer4.address, 53}, Endpoint{kServer6.address, 53}}) {
    ASSERT_TRUE(socket->send(to, base::as_bytes("question")));
    const auto packets = output();
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(socket->receive(), std::nullopt);
    receive(mirrored(packets[0]));
    const auto datagram = socket->receive();
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->peer, to);
    EXPECT_EQ(base::to_string(datagram->payload), "question");
    EXPECT_EQ(socket->receive(), std::nullopt);
  }
  ASSERT_TRUE(socket->send({kServer4.address, 53}, {}));
  receive(mirrored(output().at(0)));
  EXPECT_TRUE(socket->receive()->payload.empty());
}

TEST_F(StackTest, KeepsOnlySoManyDatagrams) {
  auto socket = *stack->open_udp();
  for (int i = 0; i < 70; ++i) {
    const std::uint8_t number = static_cast<std::uint8_t>(i);
    ASSERT_TRUE(socket->send({kServer4.address, 53}, base::ByteView(&number, 1)));
    receive(mirrored(output().at(0)));
  }
  for (int i = 0; i < 64; ++i) EXPECT_EQ(socket->receive()->payload.at(0), i);
  EXPECT_EQ(socket->receive(), std::nullopt);
}

TEST_F(StackTest, PutsEachUdpSocketOnARandomPort) {
  std::vector<std::unique_ptr<UdpSocket>> sockets;
  std::vector<int> ports;
  for (int i = 0; i < 20; ++i) {
    sockets.push_back(*stack->open_udp());
    ASSERT_TRUE(sockets.back()->send({kServer4.address, 53}, base::as_bytes("x")));
    const Bytes packet = output().at(0);
    ports.push_back(packet[20] << 8 | packet[21]);
    EXPECT_GE(ports.back(), 49152);
  }
  int neighbours = 0;
  for (std::size_t i = 1; i < ports.size(); ++i) neighbours += ports[i] == ports[i - 1] + 1 ? 1 : 0;
  EXPECT_LE(neighbours, 1);
}

TEST_F(StackTest, ReportsWhyADatagramCannotLeave) {
  StackConfig only4 = both();
  only4.ipv6.reset();
  only4.max_queued_packets = 2;
  stack->readdress(only4, base::Error{Errc::ipr_disconnected});
  auto socket = *stack->open_udp();
  EXPECT_EQ(socket->send({kServer6.address, 53}, base::as_bytes("x")).error().code,
            Errc::net_unreachable);
  EXPECT_EQ(socket->send({kServer4.address, 53}, Bytes(70000)).error().code,
            Errc::net_out_of_memory);
  EXPECT_TRUE(socket->send({kServer4.address, 53}, base::as_bytes("x")));
  EXPECT_TRUE(socket->send({kServer4.address, 53}, base::as_bytes("x")));
  EXPECT_EQ(socket->send({kServer4.address, 53}, base::as_bytes("x")).error().code,
            Errc::net_out_of_memory);
  EXPECT_EQ(stack->stats().dropped_out, 1u);
  EXPECT_EQ(output().size(), 2u);
  stack.reset();
  EXPECT_EQ(socket->send({kServer4.address, 53}, base::as_bytes("x")).error().code,
            Errc::net_closed);
}

TEST_F(StackTest, JoinsFragmentsAndForgetsIncompleteOnes) {
  auto socket = *stack->open_udp();
  for (const Endpoint& to : {Endpoint{kServer4.address, 53}, Endpoint{kServer6.address, 53}}) {
    ASSERT_TRUE(socket->send(to, Bytes(3000, 9)));
    auto packets = output();
    ASSERT_EQ(packets.size(), 3u);
    // Fragments carry the ports in the first one only.
    for (auto& packet : packets) {
      const bool is_v4 = packet[0] >> 4 == 4;
      const std::size_t width = is_v4 ? 4 : 16;
      const std::size_t addresses = is_v4 ? 12 : 8;
      for (std::size_t i = 0; i < width; ++i)
        std::swap(packet[addresses + i], packet[addresses + width + i]);
    }
    const std::size_t ports = std::holds_alternative<Ipv4>(to.address) ? 20 : 48;
    for (std::size_t i = 0; i < 2; ++i) std::swap(packets[0][ports + i], packets[0][ports + 2 + i]);
    receive(packets[2]);
    receive(packets[0]);
    EXPECT_EQ(socket->receive(), std::nullopt);
    receive(packets[1]);
    const auto datagram = socket->receive();
    ASSERT_TRUE(datagram);
    EXPECT_EQ(datagram->payload, Bytes(3000, 9));

    receive(packets[0]);
    ASSERT_TRUE(stack->next_deadline());
    clock.advance(*stack->next_deadline() - now());
    stack->expire(now());
    EXPECT_EQ(stack->next_deadline(), std::nullopt);
    (void)output();  // "time exceeded" is allowed
    receive(packets[1]);
    receive(packets[2]);
    EXPECT_EQ(socket->receive(), std::nullopt);
    clock.advance(16s);
    stack->expire(now());
    (void)output();
  }
}

TEST_F(StackTest, ListsNoDeadlineWhileIdle) {
  EXPECT_EQ(stack->next_deadline(), std::nullopt);
  auto socket = *stack->open_udp();
  EXPECT_EQ(stack->next_deadline(), std::nullopt);
  ASSERT_TRUE(socket->send({kServer4.address, 53}, base::as_bytes("x")));
  (void)output();
  EXPECT_EQ(stack->next_deadline(), std::nullopt);
}

using StackDeathTest = StackTest;

TEST_F(StackTest, LivesAgainAfterItsEnd) {
  stack.reset();
  stack = Stack::create(both(), clock, rng);
  (void)establish();
}

#ifdef GTEST_HAS_DEATH_TEST
TEST_F(StackDeathTest, RefusesASecondOne) {
  EXPECT_DEATH((void)Stack::create(both(), clock, rng), "second stack");
}
#endif

}  // namespace
}  // namespace mix::net
