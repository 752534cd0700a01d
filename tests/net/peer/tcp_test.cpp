// TCP of the stack against a second lwIP, over a link on virtual time.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>

#include "mix/net/stack.h"
#include "support/ip_world.h"

namespace mix::net {
namespace {

using namespace std::chrono_literals;
using base::Bytes;
using base::Errc;
using test::Internet;
using test::IpWorld;

const Endpoint kServer4{Ipv4{{93, 184, 216, 34}}, 443};
const Endpoint kServer6{Ipv6{{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}}, 443};

Bytes pattern(std::size_t size, std::uint64_t seed) {
  Bytes out(size);
  std::uint64_t x = seed * 2654435761u + 1;
  for (auto& byte : out) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<std::uint8_t>(x >> 56);
  }
  return out;
}

std::uint32_t u32_at(const Bytes& bytes, std::size_t at) {
  base::Reader reader(base::ByteView(bytes).subspan(at));
  return reader.u32be().value_or(0);
}

/// A connection and its far end.
struct Pair {
  std::unique_ptr<Stream> client;
  int server = 0;
};

Pair establish(IpWorld& world, const Endpoint& to = kServer4, TcpOptions options = {}) {
  world.internet().listen(to.port);
  auto client = world.stack().connect(to, options, world.now());
  EXPECT_TRUE(client.has_value());
  Pair out{*std::move(client), 0};
  EXPECT_TRUE(world.run_until([&] {
    if (out.server == 0) {
      if (auto accepted = world.internet().accept(to.port)) {
        out.server = accepted->connection;
        EXPECT_EQ(accepted->local, to);
      }
    }
    return out.server != 0 && out.client->state() != StreamState::kConnecting;
  }));
  EXPECT_EQ(out.client->state(), StreamState::kOpen);
  return out;
}

/// Moves bytes both ways at once until both ends have everything; checks them.
void exchange(IpWorld& world, Pair& pair, std::size_t size_up, std::size_t size_down,
              base::Duration limit = std::chrono::hours{1}) {
  const Bytes up = pattern(size_up, 1);
  const Bytes down = pattern(size_down, 2);
  std::size_t sent_up = 0, sent_down = 0;
  Bytes got_up, got_down;
  world.on_turn = [&] {
    auto n = pair.client->write(base::ByteView(up).subspan(sent_up));
    if (n) sent_up += *n;
    sent_down += world.internet().write(pair.server, base::ByteView(down).subspan(sent_down));
    base::append(got_up, world.internet().read(pair.server));
    std::array<std::uint8_t, 4096> buffer{};
    while (const std::size_t got = pair.client->read(buffer)) {
      base::append(got_down, base::ByteView(buffer).first(got));
    }
  };
  EXPECT_TRUE(world.run_until(
      [&] { return got_up.size() >= up.size() && got_down.size() >= down.size(); }, limit));
  world.on_turn = nullptr;
  EXPECT_TRUE(got_up == up);
  EXPECT_TRUE(got_down == down);
}

Bytes read_all(Stream& stream) {
  Bytes out(stream.readable());
  out.resize(stream.read(out));
  return out;
}

class Tcp : public testing::TestWithParam<Endpoint> {};
INSTANTIATE_TEST_SUITE_P(BothFamilies, Tcp, testing::Values(kServer4, kServer6),
                         [](const auto& info) {
                           return std::holds_alternative<Ipv4>(info.param.address) ? "V4" : "V6";
                         });

TEST_P(Tcp, CarriesBytesBothWays) {
  IpWorld world;
  Pair pair = establish(world, GetParam());
  exchange(world, pair, 1000, 3000);
}

TEST_P(Tcp, EndsWhenBothSidesHaveEnded) {
  IpWorld world;
  Pair pair = establish(world, GetParam());
  ASSERT_EQ(pair.client->write(base::as_bytes("ping")).value(), 4u);
  pair.client->shutdown();
  pair.client->shutdown();
  EXPECT_EQ(pair.client->write(base::as_bytes("more")).error().code, Errc::net_closed);
  ASSERT_TRUE(
      world.run_until([&] { return world.internet().state(pair.server) == LWIP_PEER_ENDED; }));
  EXPECT_EQ(base::to_string(world.internet().read(pair.server)), "ping");
  EXPECT_EQ(pair.client->state(), StreamState::kOpen);  // half-closed: reading goes on

  world.internet().write(pair.server, base::as_bytes("pong"));
  lwip_peer_shutdown(pair.server);
  ASSERT_TRUE(world.run_until([&] { return pair.client->state() == StreamState::kPeerClosed; }));
  EXPECT_FALSE(pair.client->at_end());
  EXPECT_EQ(base::to_string(read_all(*pair.client)), "pong");
  EXPECT_TRUE(pair.client->at_end());
  EXPECT_EQ(pair.client->state(), StreamState::kClosed);
  EXPECT_FALSE(pair.client->error());
  world.run_for(1s);
  EXPECT_EQ(world.internet().state(pair.server), LWIP_PEER_CLOSED);
}

TEST_P(Tcp, CanWriteAfterThePeerHasEnded) {
  IpWorld world;
  Pair pair = establish(world, GetParam());
  lwip_peer_shutdown(pair.server);
  ASSERT_TRUE(world.run_until([&] { return pair.client->state() == StreamState::kPeerClosed; }));
  EXPECT_TRUE(pair.client->at_end());
  ASSERT_EQ(pair.client->write(base::as_bytes("late")).value(), 4u);
  pair.client->shutdown();
  EXPECT_EQ(pair.client->state(), StreamState::kClosed);
  EXPECT_EQ(pair.client->unacknowledged(), 4u);
  world.run_for(1s);
  EXPECT_EQ(pair.client->unacknowledged(), 0u);
  EXPECT_EQ(pair.client->state(), StreamState::kClosed);
  EXPECT_FALSE(pair.client->error());
  EXPECT_EQ(base::to_string(world.internet().read(pair.server)), "late");
}

TEST(TcpConnect, IsRefusedByAReset) {
  IpWorld world;
  auto client = *world.stack().connect(kServer4, {}, world.now());
  EXPECT_EQ(client->state(), StreamState::kConnecting);
  EXPECT_EQ(client->writable(), 0u);
  ASSERT_TRUE(world.run_until([&] { return client->state() == StreamState::kFailed; }));
  EXPECT_EQ(client->error()->code, Errc::net_connect_refused);
  EXPECT_EQ(client->error()->context, "93.184.216.34:443");
  EXPECT_EQ(client->write(base::as_bytes("x")).error().code, Errc::net_connect_refused);
}

TEST(TcpConnect, TimesOutWhenItSaysAndNotBefore) {
  IpWorld world;
  world.tap_up = [](const Bytes&) { return false; };
  const base::TimePoint start = world.now();
  TcpOptions options;
  options.connect_timeout = 60s;
  auto client = *world.stack().connect(kServer4, options, start);
  ASSERT_TRUE(world.run_until([&] { return client->state() == StreamState::kFailed; }));
  EXPECT_EQ(client->error()->code, Errc::net_connect_timeout);
  EXPECT_EQ(world.now() - start, base::Duration{60s});
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
}

TEST(TcpConnect, SurvivesTheLossOfItsFirstSegments) {
  IpWorld world;
  int seen = 0;
  world.tap_up = [&](const Bytes&) { return ++seen > 3; };
  Pair pair = establish(world);
  EXPECT_EQ(world.stack().stats().tcp_retransmits, 3u);
  world.tap_up = nullptr;
  exchange(world, pair, 200000, 10);
}

TEST(TcpConnect, NeedsAnAddressOfTheFamily) {
  StackConfig only4 = test::dual_stack();
  only4.ipv6.reset();
  IpWorld world(1, only4);
  EXPECT_TRUE(world.stack().supports(kServer4.address));
  EXPECT_FALSE(world.stack().supports(kServer6.address));
  const auto client = world.stack().connect(kServer6, {}, world.now());
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().code, Errc::net_unreachable);
}

TEST(TcpConnect, IsFailedByExitPolicyForThatDestinationOnly) {
  IpWorld world;
  auto first = *world.stack().connect(kServer4, {}, world.now());
  auto second = *world.stack().connect(kServer6, {}, world.now());
  world.stack().fail_connects(kServer4, base::Error{Errc::ipr_destination_denied});
  EXPECT_EQ(first->error()->code, Errc::ipr_destination_denied);
  EXPECT_EQ(second->state(), StreamState::kConnecting);
}

TEST(TcpConnect, LeavesOpenConnectionsToPolicyAlone) {
  IpWorld world;
  Pair pair = establish(world);
  world.stack().fail_connects(kServer4, base::Error{Errc::ipr_destination_denied});
  EXPECT_EQ(pair.client->state(), StreamState::kOpen);
}

TEST(TcpConnect, UsesUnpredictablePortsAndNumbers) {
  IpWorld world;
  std::set<std::uint16_t> ports;
  std::set<std::uint32_t> numbers;
  world.tap_up = [&](const Bytes& packet) {
    ports.insert(static_cast<std::uint16_t>(packet[20] << 8 | packet[21]));
    numbers.insert(u32_at(packet, 24));
    return false;
  };
  std::vector<std::unique_ptr<Stream>> clients;
  clients.reserve(20);
  for (int i = 0; i < 20; ++i) {
    clients.push_back(*world.stack().connect(kServer4, {}, world.now()));
  }
  world.turn();
  EXPECT_EQ(ports.size(), 20u);
  EXPECT_EQ(numbers.size(), 20u);
  EXPECT_GE(*ports.begin(), 49152);
  // A counter would put them side by side.
  EXPECT_GT(*ports.rbegin() - *ports.begin(), 1000);
}

TEST(TcpReset, EndsAnOpenStreamButKeepsWhatArrived) {
  IpWorld world;
  Pair pair = establish(world);
  world.internet().write(pair.server, base::as_bytes("half an ans"));
  ASSERT_TRUE(world.run_until([&] { return pair.client->readable() == 11; }));
  lwip_peer_abort(pair.server);
  ASSERT_TRUE(world.run_until([&] { return pair.client->state() == StreamState::kFailed; }));
  EXPECT_EQ(pair.client->error()->code, Errc::net_connection_reset);
  EXPECT_EQ(base::to_string(read_all(*pair.client)), "half an ans");
  EXPECT_FALSE(pair.client->at_end());
}

TEST(TcpReset, IsSentByAbort) {
  IpWorld world;
  Pair pair = establish(world);
  pair.client->abort();
  EXPECT_EQ(pair.client->state(), StreamState::kClosed);
  EXPECT_EQ(pair.client->write(base::as_bytes("x")).error().code, Errc::net_closed);
  world.run_for(1s);
  EXPECT_EQ(world.internet().state(pair.server), LWIP_PEER_RESET);
}

TEST(TcpReset, IsSentWhenAStreamIsDroppedWithUnreadBytes) {
  IpWorld world;
  Pair pair = establish(world);
  world.internet().write(pair.server, base::as_bytes("never read"));
  ASSERT_TRUE(world.run_until([&] { return pair.client->readable() == 10; }));
  pair.client.reset();
  world.run_for(1s);
  EXPECT_EQ(world.internet().state(pair.server), LWIP_PEER_RESET);
}

TEST(TcpClose, DeliversEverythingAfterTheStreamIsGone) {
  IpWorld world;
  Pair pair = establish(world);
  const Bytes data = pattern(150000, 3);
  ASSERT_EQ(pair.client->write(data).value(), data.size());
  pair.client.reset();
  Bytes got;
  ASSERT_TRUE(world.run_until([&] {
    base::append(got, world.internet().read(pair.server));
    return world.internet().state(pair.server) == LWIP_PEER_ENDED;
  }));
  base::append(got, world.internet().read(pair.server));
  EXPECT_TRUE(got == data);
  lwip_peer_close(pair.server);
  world.run_for(60s);
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
}

TEST(TcpClose, GivesUpOnAPeerThatTakesNothing) {
  IpWorld world;
  Pair pair = establish(world);
  const Bytes data = pattern(200000, 3);
  ASSERT_GT(pair.client->write(data).value(), 0u);
  world.run_for(1s);
  pair.client.reset();
  world.tap_up = [](const Bytes&) { return false; };
  const base::TimePoint start = world.now();
  (void)world.run_until([&] { return world.stack().next_deadline() == std::nullopt; }, 1h);
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
  EXPECT_LE(world.now() - start, base::Duration{65s});
}

TEST(TcpTransfer, CarriesAMebibyteEachWay) {
  IpWorld world;
  Pair pair = establish(world);
  const base::TimePoint start = world.now();
  exchange(world, pair, 1 << 20, 1 << 20);
  // 80 ms round trip, windows of 512 KiB: a few seconds of slow start at most.
  EXPECT_LT(world.now() - start, base::Duration{10s});
  EXPECT_EQ(world.stack().stats().tcp_retransmits, 0u);
}

class TcpStorm : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, TcpStorm, testing::Values(1, 2, 3, 4, 5, 6));

TEST_P(TcpStorm, CarriesAMebibyteEachWayThroughLossReorderingAndDuplication) {
  IpWorld world(GetParam());
  world.up = {20ms, 40ms, 0.03, 0.03};
  world.down = {20ms, 40ms, 0.03, 0.03};
  Pair pair = establish(world, GetParam() % 2 == 0 ? kServer4 : kServer6);
  const base::TimePoint start = world.now();
  exchange(world, pair, 1 << 20, 1 << 20);
  RecordProperty("seconds", static_cast<int>((world.now() - start) / 1s));
  pair.client->shutdown();
  lwip_peer_shutdown(pair.server);
  EXPECT_TRUE(world.run_until([&] { return pair.client->state() == StreamState::kClosed; }));
}

TEST_P(TcpStorm, TakesReorderingForLossOnlySeldom) {
  IpWorld world(GetParam());
  world.up = world.down = test::kMixnetLink;
  Pair pair = establish(world);
  const base::TimePoint start = world.now();
  exchange(world, pair, 1 << 20, 0);
  const StackStats stats = world.stack().stats();
  EXPECT_LT(static_cast<double>(stats.tcp_retransmits),
            0.01 * static_cast<double>(stats.packets_out));
  EXPECT_LT(world.now() - start, base::Duration{3s});
}

TEST_P(TcpStorm, LearnsHowFarSegmentsOvertake) {
  IpWorld world(GetParam());
  world.up = world.down = test::kMixnetLink;
  world.up.jitter = world.down.jitter = 50ms;
  Pair pair = establish(world);
  const base::TimePoint start = world.now();
  exchange(world, pair, 1 << 20, 0);
  const StackStats stats = world.stack().stats();
  EXPECT_LT(static_cast<double>(stats.tcp_retransmits),
            0.03 * static_cast<double>(stats.packets_out));
  EXPECT_LT(world.now() - start, base::Duration{10s});
}

TEST_P(TcpStorm, RepairsSingleLossesWithoutATimeOut) {
  IpWorld world(GetParam());
  world.up = world.down = test::kMixnetLink;
  Pair pair = establish(world);
  // Each hundredth full segment, once.
  std::set<Bytes> lost;
  int count = 0;
  world.tap_up = [&](const Bytes& packet) {
    if (packet.size() < 1000 || ++count % 100 != 0) return true;
    return !lost.insert(Bytes(packet.end() - 64, packet.end())).second;
  };
  const base::TimePoint start = world.now();
  exchange(world, pair, 1 << 20, 0);
  EXPECT_GE(lost.size(), 7u);
  EXPECT_LT(world.now() - start, base::Duration{10s});
}

TEST(TcpWindow, ClosesWhenNobodyReads) {
  IpWorld world;
  TcpOptions options;
  options.receive_buffer = 100 * 1024;
  Pair pair = establish(world, kServer4, options);
  const Bytes data = pattern(400 * 1024, 4);
  std::size_t sent = 0;
  world.on_turn = [&] {
    sent += world.internet().write(pair.server, base::ByteView(data).subspan(sent));
  };
  world.run_for(30s);
  EXPECT_LE(pair.client->readable(), options.receive_buffer);
  EXPECT_GE(pair.client->readable(), options.receive_buffer - 1500);
  Bytes got;
  ASSERT_TRUE(world.run_until([&] {
    EXPECT_LE(pair.client->readable(), options.receive_buffer);
    base::append(got, read_all(*pair.client));
    return got.size() == data.size();
  }));
  EXPECT_TRUE(got == data);
}

TEST(TcpWindow, BelowAnUnscaledOneIsReachedAfterTheFirstBytes) {
  IpWorld world;
  TcpOptions options;
  options.receive_buffer = 16 * 1024;
  Pair pair = establish(world, kServer4, options);
  const Bytes data = pattern(400 * 1024, 4);
  std::size_t sent = 0;
  world.on_turn = [&] {
    sent += world.internet().write(pair.server, base::ByteView(data).subspan(sent));
  };
  world.run_for(30s);
  EXPECT_LE(pair.client->readable(), 65535u);
  Bytes got = read_all(*pair.client);
  while (got.size() < data.size()) {
    const std::size_t before = got.size();
    world.run_for(10s);
    EXPECT_LE(pair.client->readable(), options.receive_buffer);
    base::append(got, read_all(*pair.client));
    ASSERT_GT(got.size(), before);
  }
  EXPECT_TRUE(got == data);
}

TEST(TcpWindow, OpensAgainAfterAClosedOneWithoutWaitingForAProbe) {
  IpWorld world;
  TcpOptions options;
  options.receive_buffer = 64 * 1024;
  Pair pair = establish(world, kServer4, options);
  const Bytes data = pattern(200 * 1024, 4);
  std::size_t sent = 0;
  world.on_turn = [&] {
    sent += world.internet().write(pair.server, base::ByteView(data).subspan(sent));
  };
  world.run_for(20s);
  (void)read_all(*pair.client);
  const base::TimePoint start = world.now();
  ASSERT_TRUE(world.run_until([&] { return pair.client->readable() >= 32 * 1024; }));
  EXPECT_LE(world.now() - start, base::Duration{500ms});
}

TEST(TcpSend, IsBoundedByTheSendBuffer) {
  IpWorld world;
  TcpOptions options;
  options.send_buffer = 50000;
  Pair pair = establish(world, kServer4, options);
  EXPECT_EQ(pair.client->writable(), 50000u);
  EXPECT_EQ(pair.client->write(pattern(200000, 5)).value(), 50000u);
  EXPECT_EQ(pair.client->writable(), 0u);
  EXPECT_EQ(pair.client->unacknowledged(), 50000u);
  world.run_for(2s);
  EXPECT_EQ(pair.client->unacknowledged(), 0u);
  EXPECT_EQ(pair.client->writable(), 50000u);
}

TEST(TcpSend, StopsAtTheWindowOfAPeerThatDoesNotRead) {
  IpWorld world;
  TcpOptions options;
  Pair pair = establish(world, kServer4, options);
  std::size_t taken = 0;
  const Bytes piece = pattern(10000, 6);
  world.on_turn = [&] { taken += pair.client->write(piece).value(); };
  world.run_for(60s);
  const std::size_t stuck = taken;
  world.run_for(60s);
  EXPECT_EQ(taken, stuck);
  EXPECT_EQ(pair.client->state(), StreamState::kOpen);
  std::size_t got = 0;
  ASSERT_TRUE(world.run_until([&] {
    got += world.internet().read(pair.server).size();
    return got > stuck;
  }));
}

TEST(TcpSend, PutsOneTurnsWritesIntoFullSegments) {
  IpWorld world;
  Pair pair = establish(world);
  world.run_for(1s);
  std::vector<std::size_t> sizes;
  world.tap_up = [&](const Bytes& packet) {
    sizes.push_back(packet.size());
    return true;
  };
  for (int i = 0; i < 30; ++i) ASSERT_TRUE(pair.client->write(pattern(100, 7)).has_value());
  world.turn();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1420, 1420, 3000 - 2 * 1368 + 52}));
}

class TcpMtu : public testing::TestWithParam<std::uint16_t> {};
INSTANTIATE_TEST_SUITE_P(Sizes, TcpMtu, testing::Values(1280, 1420, 1500));

TEST_P(TcpMtu, BoundsPacketsOfBothDirections) {
  IpWorld world(1, test::dual_stack(GetParam()));
  std::size_t largest_up = 0, largest_down = 0;
  world.tap_up = [&](const Bytes& packet) {
    largest_up = std::max(largest_up, packet.size());
    return true;
  };
  world.tap_down = [&](const Bytes& packet) {
    largest_down = std::max(largest_down, packet.size());
    return true;
  };
  for (const Endpoint& to : {kServer4, Endpoint{kServer6.address, 80}}) {
    largest_up = largest_down = 0;
    Pair pair = establish(world, to);
    exchange(world, pair, 100000, 100000);
    EXPECT_EQ(largest_up, GetParam());
    EXPECT_EQ(largest_down, GetParam());
  }
}

TEST(TcpKeepalive, FindsADeadPeer) {
  IpWorld world;
  Pair pair = establish(world);
  world.run_for(60s);
  EXPECT_EQ(pair.client->state(), StreamState::kOpen);
  world.tap_down = [](const Bytes&) { return false; };
  const base::TimePoint start = world.now();
  ASSERT_TRUE(world.run_until([&] { return pair.client->state() == StreamState::kFailed; }));
  EXPECT_EQ(pair.client->error()->code, Errc::net_connection_lost);
  EXPECT_GE(world.now() - start, base::Duration{80s});
  EXPECT_LE(world.now() - start, base::Duration{105s});
}

TEST(TcpKeepalive, WakesAnIdleConnectionOnlyAtItsInterval) {
  IpWorld world;
  Pair pair = establish(world);
  world.run_for(5s);
  int wakes = 0;
  world.on_turn = [&] { ++wakes; };
  int packets = 0;
  world.tap_up = [&](const Bytes&) { return ++packets, true; };
  const base::TimePoint end = world.now() + 100s;
  while (world.now() < end) {
    const base::Deadline next = world.stack().next_deadline();
    ASSERT_TRUE(next);
    world.run_for(*next - world.now());
  }
  EXPECT_GE(packets, 8);
  EXPECT_LE(packets, 11);
}

TEST(TcpKeepalive, OfZeroIsOff) {
  IpWorld world;
  TcpOptions options;
  options.keepalive = base::Duration::zero();
  Pair pair = establish(world, kServer4, options);
  world.run_for(5s);
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
}

TEST(TcpTimers, AreSilentWhenNothingIsOpen) {
  IpWorld world;
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
  Pair pair = establish(world);
  pair.client.reset();
  world.run_for(1s);
  lwip_peer_close(pair.server);
  world.run_for(60s);  // TIME-WAIT included
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
}

TEST(TcpTimers, DoNotFireEarlyAfterALongSilence) {
  IpWorld world;
  TcpOptions options;
  options.keepalive = base::Duration::zero();
  Pair pair = establish(world, kServer4, options);
  world.run_for(std::chrono::hours{5} + 130ms);
  world.up.delay = 400ms;
  ASSERT_TRUE(pair.client->write(base::as_bytes("hello again")).has_value());
  ASSERT_TRUE(world.run_until([&] { return pair.client->unacknowledged() == 0; }));
  EXPECT_EQ(world.stack().stats().tcp_retransmits, 0u);
}

TEST(TcpTimers, ForgiveAHostThatSlept) {
  IpWorld world;
  Pair pair = establish(world);
  ASSERT_TRUE(pair.client->write(base::as_bytes("before the lid closed")).has_value());
  world.turn();
  world.clock().advance(std::chrono::hours{1});
  ASSERT_TRUE(world.run_until([&] { return pair.client->unacknowledged() == 0; }));
  EXPECT_EQ(pair.client->state(), StreamState::kOpen);
}

TEST(TcpAcknowledgement, IsDelayedShortlyAndCoversTwoSegments) {
  IpWorld world;
  Pair pair = establish(world);
  world.run_for(1s);
  int packets = 0;
  world.tap_up = [&](const Bytes&) { return ++packets, true; };
  world.internet().write(pair.server, pattern(100, 8));
  ASSERT_TRUE(world.run_until([&] { return pair.client->readable() == 100; }));
  EXPECT_EQ(packets, 0);
  const base::TimePoint arrival = world.now();
  EXPECT_EQ(world.stack().next_deadline(), base::Deadline{arrival + 20ms});
  world.run_for(20ms);
  EXPECT_EQ(packets, 1);

  packets = 0;
  std::array<std::uint8_t, 65536> buffer{};
  world.internet().write(pair.server, pattern(100 * 1368, 8));
  std::size_t got = pair.client->read(buffer);
  world.run_until([&] {
    got += pair.client->read(buffer);
    return got >= 100 + 100 * 1368u;
  });
  EXPECT_GE(packets, 5);  // a burst that arrives at once is acknowledged once
  EXPECT_LE(packets, 50);
}

TEST(TcpAcknowledgement, TakesThePlaceOfAnOlderOneThatHasNotLeft) {
  IpWorld world;
  Pair pair = establish(world);
  world.run_for(1s);
  std::vector<Bytes> segments;
  world.tap_down = [&](const Bytes& packet) { return segments.push_back(packet), false; };
  world.internet().write(pair.server, pattern(4 * 1368, 8));
  world.turn();
  ASSERT_GE(segments.size(), 3u);
  // In an order that makes lwIP acknowledge each at once.
  for (const std::size_t i : {2u, 0u, 1u}) world.stack().receive(segments[i], world.now());
  auto first = world.stack().poll_output();
  ASSERT_TRUE(first);
  EXPECT_EQ(world.stack().poll_output(), std::nullopt);
  EXPECT_EQ(pair.client->readable(), 3 * 1368u);
  const std::uint32_t acknowledged = u32_at(*first, 28);
  EXPECT_EQ(acknowledged, u32_at(segments[2], 24) + 1368);
}

TEST(TcpPrivacy, GivesEachConnectionAClockOfItsOwn) {
  IpWorld world;
  std::vector<std::uint32_t> clocks;
  std::set<int> identifications;
  world.tap_up = [&](const Bytes& packet) {
    identifications.insert(packet[4] << 8 | packet[5]);
    // SYN: MSS, timestamp (after two NOPs), window scale, SACK.
    if ((packet[33] & 2) != 0) {
      clocks.push_back(u32_at(packet, 48));
    }
    return true;
  };
  Pair first = establish(world);
  lwip_peer_close(first.server);
  Pair second = establish(world);
  ASSERT_EQ(clocks.size(), 2u);
  const std::uint32_t apart = clocks[1] - clocks[0];
  EXPECT_TRUE(apart > 1000000 && apart < 0u - 1000000u) << apart;
  EXPECT_GE(identifications.size(), 4u);
  EXPECT_GT(*identifications.rbegin() - *identifications.begin(), 100);
  exchange(world, second, 50000, 50000);  // the checksums still hold
}

TEST(TcpOutput, QueueIsBoundedAndNothingIsLostByIt) {
  StackConfig config = test::dual_stack();
  config.max_queued_packets = 16;
  IpWorld world(1, config);
  Pair pair = establish(world);
  exchange(world, pair, 300000, 1);
  ASSERT_TRUE(pair.client->write(pattern(200000, 9)).has_value());
  std::size_t queued = 0;
  // Without the link: one turn's output at most.
  while (auto packet = world.stack().poll_output()) ++queued;
  EXPECT_GT(queued, 16u);  // lwIP went on as the queue emptied
  EXPECT_GT(world.stack().stats().dropped_out, 0u);
}

TEST(StackLife, AllowsOneAfterTheOther) {
  for (int i = 0; i < 3; ++i) {
    IpWorld world(static_cast<std::uint64_t>(i + 1));
    Pair pair = establish(world);
    exchange(world, pair, 1000, 1000);
    // Left open in the first round, closing in the others.
    if (i == 1) pair.client->shutdown();
    if (i == 2) pair.client.reset();
  }
}

TEST(StackLife, EndsStreamsThatOutliveIt) {
  std::unique_ptr<Stream> open, connecting;
  {
    IpWorld world;
    Pair pair = establish(world);
    open = std::move(pair.client);
    connecting = *world.stack().connect(kServer6, {}, world.now());
  }
  for (auto* stream : {open.get(), connecting.get()}) {
    EXPECT_EQ(stream->state(), StreamState::kFailed);
    EXPECT_EQ(stream->error()->code, Errc::net_closed);
    EXPECT_EQ(stream->write(base::as_bytes("x")).error().code, Errc::net_closed);
    stream->shutdown();
    stream->abort();
  }
}

TEST(StackReaddress, FailsStreamsAndUsesTheNewAddress) {
  IpWorld world;
  Pair pair = establish(world);
  auto connecting = *world.stack().connect(kServer6, {}, world.now());
  StackConfig config = test::dual_stack(1280);
  config.ipv4 = Ipv4{{10, 0, 0, 99}};
  config.ipv6.reset();
  world.stack().readdress(config, base::Error{Errc::ipr_disconnected});
  EXPECT_EQ(pair.client->error()->code, Errc::ipr_disconnected);
  EXPECT_EQ(connecting->error()->code, Errc::ipr_disconnected);
  EXPECT_EQ(world.stack().poll_output(), std::nullopt);
  EXPECT_EQ(world.stack().next_deadline(), std::nullopt);
  EXPECT_FALSE(world.stack().supports(kServer6.address));

  std::set<Bytes> sources;
  world.tap_up = [&](const Bytes& packet) {
    sources.insert(Bytes(packet.begin() + 12, packet.begin() + 16));
    return true;
  };
  Pair again = establish(world);
  exchange(world, again, 5000, 5000);
  EXPECT_EQ(sources, (std::set<Bytes>{{10, 0, 0, 99}}));
}

TEST(StackStatistics, CountPacketsAndStreams) {
  IpWorld world;
  EXPECT_EQ(world.stack().stats().tcp_open, 0u);
  std::uint64_t packets = 0, bytes = 0;
  world.tap_up = [&](const Bytes& packet) {
    packets += 1;
    bytes += packet.size();
    return true;
  };
  Pair pair = establish(world);
  exchange(world, pair, 10000, 10000);
  const StackStats stats = world.stack().stats();
  EXPECT_EQ(stats.packets_out, packets);
  EXPECT_EQ(stats.bytes_out, bytes);
  EXPECT_GT(stats.packets_in, 7u);
  EXPECT_GT(stats.bytes_in, 10000u);
  EXPECT_EQ(stats.tcp_open, 1u);
  pair.client.reset();
  EXPECT_EQ(world.stack().stats().tcp_open, 0u);
}

}  // namespace
}  // namespace mix::net
