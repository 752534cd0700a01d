// The way out with real sockets on loopback.
#include "mix/localnet/nat.h"

#include <gtest/gtest.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "guest.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using test::Got;
using namespace std::chrono_literals;

constexpr Nat::SessionId kSession = 7;
constexpr auto kPatience = 5s;

IpAddress address(const char* text) { return IpAddress::parse(text).value(); }

/// Echoes on a TCP and a UDP port of an address and remembers who came.
class EchoServer {
 public:
  EchoServer(boost::asio::io_context& io, const char* host)
      : acceptor_(io, tcp::endpoint{boost::asio::ip::make_address(host), 0}),
        udp_(io, udp::endpoint{boost::asio::ip::make_address(host),
                               acceptor_.local_endpoint().port()}) {
    accept();
    receive();
  }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::vector<std::string> clients;

 private:
  struct Connection {
    explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}
    tcp::socket socket;
    std::array<char, 65536> buffer{};
  };

  void accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (error) return;
      clients.push_back(socket.remote_endpoint().address().to_string());
      read(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }
  void read(const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(
        boost::asio::buffer(connection->buffer),
        [this, connection](const boost::system::error_code& error, std::size_t size) {
          if (error) return;
          boost::asio::async_write(
              connection->socket, boost::asio::buffer(connection->buffer, size),
              [this, connection](const boost::system::error_code& failed, std::size_t) {
                if (!failed) read(connection);
              });
        });
  }
  void receive() {
    udp_.async_receive_from(boost::asio::buffer(datagram_), from_,
                            [this](const boost::system::error_code& error, std::size_t size) {
                              if (error) return;
                              clients.push_back(from_.address().to_string());
                              udp_.send_to(boost::asio::buffer(datagram_, size), from_);
                              receive();
                            });
  }

  tcp::acceptor acceptor_;
  udp::socket udp_;
  udp::endpoint from_;
  std::array<char, 65536> datagram_{};
};

struct Way {
  Family family;
  TcpEnds tcp;
};

class NatTest : public testing::TestWithParam<Way> {
 protected:
  boost::asio::io_context io;
  NatConfig config;
  mix::test::SeededRng rng{1};
  std::optional<Nat> nat;
  std::deque<base::Bytes> received;

  bool v4() const { return GetParam().family == Family::kV4; }
  const char* loopback() const { return v4() ? "127.0.0.1" : "::1"; }
  IpAddress guest() const { return v4() ? address("10.0.3.147") : address("fc00::393"); }
  IpEndpoint guest(std::uint16_t port) const { return {guest(), port}; }

  void start() {
    config.tcp = GetParam().tcp;
    nat.emplace(io, config, rng, [this](Nat::SessionId session, base::ByteView packet) {
      EXPECT_EQ(session, kSession);
      received.push_back(base::to_bytes(packet));
    });
    nat->open(kSession, address("10.0.3.147"), address("fc00::393"));
  }
  void send(const base::Bytes& packet) { nat->send(kSession, packet); }

  /// The next packet for the guest.
  std::optional<Got> next(std::chrono::steady_clock::duration patience = kPatience) {
    const auto give_up = std::chrono::steady_clock::now() + patience;
    while (received.empty() && std::chrono::steady_clock::now() < give_up) {
      if (io.stopped()) io.restart();
      io.run_one_for(100ms);
    }
    if (received.empty()) return std::nullopt;
    const base::Bytes packet = std::move(received.front());
    received.pop_front();
    return test::dissect(packet);
  }

  /// The next packet for that port of the guest.
  std::optional<Got> next_for(std::uint16_t port) {
    while (auto got = next()) {
      if (got->packet.destination_port == port) return got;
    }
    return std::nullopt;
  }

  /// Expects an echo of `text` over TCP from `to`, from the guest's port.
  void exchange_over_tcp(std::uint16_t port, const IpEndpoint& to, std::string_view text) {
    using namespace test;
    send(tcp_packet(guest(port), to, kSyn, 1000, 0));
    const auto accepted = next_for(port);
    ASSERT_TRUE(accepted);
    EXPECT_EQ(accepted->flags, kSyn | kAck);
    EXPECT_EQ(accepted->ack, 1001U);
    EXPECT_EQ(accepted->packet.source, to.address);
    EXPECT_EQ(accepted->packet.source_port, to.port);
    EXPECT_EQ(accepted->packet.destination, guest());
    EXPECT_EQ(accepted->packet.destination_port, port);
    std::uint32_t expected = accepted->sequence + 1;
    send(tcp_packet(guest(port), to, kAck, 1001, expected));
    send(tcp_packet(guest(port), to, kAck | kPsh, 1001, expected, text));
    std::string echoed;
    while (echoed.size() < text.size()) {
      const auto data = next_for(port);
      ASSERT_TRUE(data);
      EXPECT_EQ(data->packet.source_port, to.port);
      if (data->payload.empty()) continue;
      EXPECT_EQ(data->sequence, expected);
      expected += static_cast<std::uint32_t>(data->payload.size());
      echoed += data->payload;
    }
    EXPECT_EQ(echoed, text);
    send(tcp_packet(guest(port), to, kAck | kFin, 1001 + static_cast<std::uint32_t>(text.size()),
                    expected));
    bool finished = false;
    while (!finished) {
      const auto end = next_for(port);
      ASSERT_TRUE(end);
      finished = (end->flags & kFin) != 0;
    }
  }

  void exchange_over_udp(std::uint16_t port, const IpEndpoint& to, std::string_view text) {
    send(test::udp_packet(guest(port), to, text));
    const auto echoed = next_for(port);
    ASSERT_TRUE(echoed);
    EXPECT_EQ(echoed->packet.transport, Transport::kUdp);
    EXPECT_EQ(echoed->packet.source, to.address);
    EXPECT_EQ(echoed->packet.source_port, to.port);
    EXPECT_EQ(echoed->packet.destination, guest());
    EXPECT_EQ(echoed->packet.destination_port, port);
    EXPECT_EQ(echoed->payload, text);
  }

  std::string written(const char* host4, const char* host6) const {
    return v4() ? host4 : "[" + std::string{host6} + "]";
  }
};

std::string name_of(const testing::TestParamInfo<Way>& info) {
  const bool v4 = info.param.family == Family::kV4;
  const bool slirp = info.param.tcp == TcpEnds::kInSlirp;
  return std::string{v4 ? "Ipv4" : "Ipv6"} + (slirp ? "Slirp" : "Relay");
}

INSTANTIATE_TEST_SUITE_P(Ways, NatTest,
                         testing::Values(Way{Family::kV4, TcpEnds::kHere},
                                         Way{Family::kV6, TcpEnds::kHere},
                                         Way{Family::kV4, TcpEnds::kInSlirp},
                                         Way{Family::kV6, TcpEnds::kInSlirp}),
                         name_of);

/// What needs a second loopback address, which IPv6 has not.
class Ipv4NatTest : public NatTest {};
INSTANTIATE_TEST_SUITE_P(Ways, Ipv4NatTest,
                         testing::Values(Way{Family::kV4, TcpEnds::kHere},
                                         Way{Family::kV4, TcpEnds::kInSlirp}),
                         name_of);

TEST_P(NatTest, CarriesTcpToALoopbackServer) {
  EchoServer server{io, loopback()};
  start();
  exchange_over_tcp(50000, {address(loopback()), server.port()}, "hello");
  exchange_over_tcp(50001, {address(loopback()), server.port()}, std::string(1300, 'x'));
  EXPECT_EQ(server.clients.size(), 2U);
}

TEST_P(NatTest, CarriesUdpToALoopbackServer) {
  EchoServer server{io, loopback()};
  start();
  exchange_over_udp(50000, {address(loopback()), server.port()}, "hello");
  exchange_over_udp(50000, {address(loopback()), server.port()}, std::string(1200, 'x'));
}

TEST_P(NatTest, SendsMappedDestinationsElsewhere) {
  EchoServer server{io, loopback()};
  const std::string host = written("127.0.0.1", "::1");
  config.map.add(written("8.8.8.8", "2001:4860::8888") + ":53=" + host + ":" +
                 std::to_string(server.port()));
  config.map.add(written("203.0.113.0/24", "2001:db8::/32") + ":*=" + host + ":*");
  start();
  const IpEndpoint resolver{v4() ? address("8.8.8.8") : address("2001:4860::8888"), 53};
  exchange_over_udp(50000, resolver, "query");
  exchange_over_tcp(50000, resolver, "query over TCP");
  const IpEndpoint site{v4() ? address("203.0.113.77") : address("2001:db8::77"), server.port()};
  exchange_over_tcp(50001, site, "ranges keep the port");
  exchange_over_udp(50001, site, "ranges keep the port");
}

TEST_P(NatTest, TellsTwoDestinationsWithOneTargetApart) {
  EchoServer server{io, loopback()};
  const std::string target = written("127.0.0.1", "::1") + ":" + std::to_string(server.port());
  config.map.add(written("8.8.8.8", "2001:4860::1") + ":53=" + target);
  config.map.add(written("1.1.1.1", "2001:4860::2") + ":53=" + target);
  start();
  const IpEndpoint first{v4() ? address("8.8.8.8") : address("2001:4860::1"), 53};
  const IpEndpoint second{v4() ? address("1.1.1.1") : address("2001:4860::2"), 53};
  for (int round = 0; round < 2; ++round) {
    exchange_over_udp(50000, first, "to the first");
    exchange_over_udp(50000, second, "to the second");
  }
  exchange_over_tcp(50000, first, "to the first");
  exchange_over_tcp(50000, second, "to the second");
}

TEST_P(NatTest, AnswersARefusedTcpPortWithAReset) {
  std::uint16_t closed = 0;
  {
    const tcp::acceptor gone{io, {boost::asio::ip::make_address(loopback()), 0}};
    closed = gone.local_endpoint().port();
  }
  config.map.add(written("203.0.113.1", "2001:db8::1") + ":*=" + written("127.0.0.1", "::1") +
                 ":*");
  start();
  const IpEndpoint to{v4() ? address("203.0.113.1") : address("2001:db8::1"), closed};
  send(test::tcp_packet(guest(50000), to, test::kSyn, 1000, 0));
  const auto answer = next();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->packet.transport, Transport::kTcp);
  EXPECT_NE(answer->flags & test::kRst, 0);
  EXPECT_EQ(answer->ack, 1001U);
  EXPECT_EQ(answer->packet.source, to.address);
  EXPECT_EQ(answer->packet.source_port, to.port);
}

TEST_P(NatTest, AnswersARefusedUdpPortWithUnreachable) {
  std::uint16_t closed = 0;
  {
    const udp::socket gone{io, udp::endpoint{boost::asio::ip::make_address(loopback()), 0}};
    closed = gone.local_endpoint().port();
  }
  config.map.add(written("203.0.113.1", "2001:db8::1") + ":*=" + written("127.0.0.1", "::1") +
                 ":*");
  start();
  const IpEndpoint to{v4() ? address("203.0.113.1") : address("2001:db8::1"), closed};
  send(test::udp_packet(guest(50000), to, "anybody?"));
  const auto answer = next();
  ASSERT_TRUE(answer);
  ASSERT_TRUE(is_icmp_error(answer->packet));
  EXPECT_EQ(answer->packet.source, to.address);
  const auto quoted = parse_quoted_packet(base::as_bytes(answer->payload));
  ASSERT_TRUE(quoted.has_value());
  EXPECT_EQ(quoted->source, guest());
  EXPECT_EQ(quoted->source_port, 50000);
  EXPECT_EQ(quoted->destination, to.address);
  EXPECT_EQ(quoted->destination_port, to.port);
}

TEST_P(NatTest, CarriesEchoRequests) {
  config.map.add(written("203.0.113.1", "2001:db8::1") + ":*=" + written("127.0.0.1", "::1") +
                 ":*");
  start();
  for (const char* host : {loopback(), v4() ? "203.0.113.1" : "2001:db8::1"}) {
    send(test::echo_packet(guest(), address(host), 4242, 3, "ping"));
    const auto answer = next();
    ASSERT_TRUE(answer) << host;
    ASSERT_EQ(answer->packet.transport, Transport::kIcmp);
    EXPECT_EQ(answer->packet.icmp_type, v4() ? kIcmpEchoReply : kIcmp6EchoReply);
    EXPECT_EQ(answer->packet.source, address(host));
    EXPECT_EQ(answer->packet.source_port, 4242);
    EXPECT_EQ(answer->payload, "ping");
  }
}

TEST_P(Ipv4NatTest, ShowsServersTheOutboundAddress) {
  EchoServer server{io, loopback()};
  config.outbound_v4 = address("127.0.0.2");
  start();
  exchange_over_tcp(50000, {address(loopback()), server.port()}, "hello");
  exchange_over_udp(50000, {address(loopback()), server.port()}, "hello");
  EXPECT_EQ(server.clients, (std::vector<std::string>{"127.0.0.2", "127.0.0.2"}));
}

TEST_P(NatTest, DropsWhatIsMalformedAndWhatBelongsToNobody) {
  EchoServer server{io, loopback()};
  start();
  const IpEndpoint to{address(loopback()), server.port()};
  const base::Bytes whole = test::udp_packet(guest(50000), to, "hello");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    nat->send(kSession, base::ByteView{whole}.first(size));
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    base::Bytes changed = whole;
    changed[at] = static_cast<std::uint8_t>(changed[at] ^ 0xff);
    nat->send(kSession, changed);
  }
  nat->send(kSession + 1, whole);
  EXPECT_GT(nat->stats().dropped, whole.size());
  exchange_over_tcp(50001, to, "still at work");
}

TEST_P(NatTest, ForgetsASessionThatIsClosed) {
  EchoServer server{io, loopback()};
  start();
  const IpEndpoint to{address(loopback()), server.port()};
  exchange_over_udp(50000, to, "hello");
  EXPECT_GT(nat->stats().sockets, 0U);
  nat->close(kSession);
  send(test::udp_packet(guest(50000), to, "hello"));
  EXPECT_FALSE(next(200ms));
  EXPECT_EQ(nat->stats().sockets, 0U);
}

TEST_P(NatTest, BoundsItsFlows) {
  config.max_flows = 16;
  EchoServer server{io, loopback()};
  config.map.add(written("203.0.113.1", "2001:db8::1") + ":*=" + written("127.0.0.1", "::1") +
                 ":*");
  start();
  const IpEndpoint to{v4() ? address("203.0.113.1") : address("2001:db8::1"), server.port()};
  for (std::uint16_t port = 50000; port < 50100; ++port) {
    exchange_over_udp(port, to, "hello");
    ASSERT_LE(nat->stats().flows, 16U);
  }
}

}  // namespace
}  // namespace mix::localnet
