// Blocking sockets through a whole network on loopback: bytes there and back, ends from both sides,
// time-outs, and a tunnel that ends under its users.
#include "mix/native/tunnel.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/write.hpp>
#include <set>
#include <thread>

#include "localnet/running_network.h"

namespace mix::native {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using base::Errc;

/// Waits that end long before in any run that is all right.
constexpr Timeout kLong{300'000};
/// For waits that are to end without an answer.
constexpr Timeout kShort{100};

/// Sends back what comes, by TCP until the client's end, and by UDP.
class Echo {
 public:
  Echo()
      : acceptor_(io_, {asio::ip::address_v4::loopback(), 0}),
        datagrams_(io_, {asio::ip::address_v4::loopback(), 0}) {
    accept();
    receive();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Echo() {
    io_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t tcp_port() const { return acceptor_.local_endpoint().port(); }
  [[nodiscard]] std::uint16_t udp_port() const { return datagrams_.local_endpoint().port(); }

 private:
  struct Connection {
    explicit Connection(tcp::socket connected) : socket(std::move(connected)) {}
    tcp::socket socket;
    std::array<char, 16384> buffer{};
  };
  void accept() {
    acceptor_.async_accept([this](boost::system::error_code error, tcp::socket socket) {
      if (error) return;
      pump(std::make_shared<Connection>(std::move(socket)));
      accept();
    });
  }
  void pump(const std::shared_ptr<Connection>& connection) {
    connection->socket.async_read_some(
        asio::buffer(connection->buffer),
        [this, connection](boost::system::error_code error, std::size_t size) {
          if (error) return;  // ends the connection
          asio::async_write(connection->socket, asio::buffer(connection->buffer.data(), size),
                            [this, connection](boost::system::error_code failed, std::size_t) {
                              if (!failed) pump(connection);
                            });
        });
  }
  void receive() {
    datagrams_.async_receive_from(asio::buffer(buffer_), from_,
                                  [this](boost::system::error_code error, std::size_t size) {
                                    if (error) return;
                                    datagrams_.send_to(asio::buffer(buffer_.data(), size), from_);
                                    receive();
                                  });
  }

  asio::io_context io_;
  tcp::acceptor acceptor_;
  udp::socket datagrams_;
  udp::endpoint from_;
  std::array<char, 2048> buffer_{};
  std::thread thread_;
};

class NativeTunnel : public testing::Test {
 protected:
  static localnet::NetworkConfig network_config(const Echo& echo) {
    localnet::NetworkConfig config;
    auto& map = config.exit.nat.map;
    map.add("198.60.22.10:7=127.0.0.1:" + std::to_string(echo.tcp_port()));
    map.add("198.60.22.11:7=127.0.0.1:" + std::to_string(echo.udp_port()));
    map.add("198.60.22.12:7=127.0.0.1:9");  // nobody listens
    return config;
  }
  [[nodiscard]] TunnelConfig config() const {
    TunnelConfig config;
    config.options.nym_api_urls = {network_.addresses().directory_url};
    config.options.force_tls = false;
    config.options.traffic.disable_main_poisson = true;
    config.options.traffic.disable_loop_cover = true;
    return config;
  }
  [[nodiscard]] static ConnectOptions patient() { return {.tls = std::nullopt, .timeout = kLong}; }

  Echo echo_;
  localnet::RunningNetwork network_{network_config(echo_)};
};

TEST_F(NativeTunnel, CarriesAStreamThereAndBack) {
  auto tunnel = Tunnel::open(config(), kLong);
  ASSERT_TRUE(tunnel) << base::describe(tunnel.error());
  EXPECT_EQ(tunnel->info()->exit.empty(), false);
  EXPECT_EQ(Tunnel::open(config(), kLong).error().code, Errc::usage_already_set_up);

  auto stream = tunnel->connect("198.60.22.10", 7, patient());
  ASSERT_TRUE(stream) << base::describe(stream.error());
  EXPECT_EQ(stream->remote_address(), "198.60.22.10");
  EXPECT_EQ(stream->remote_port(), 7);
  std::array<std::uint8_t, 4096> buffer{};
  EXPECT_EQ(stream->read(buffer, kShort).error().code, Errc::net_connect_timeout);

  base::Bytes sent(100'000);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * i >> 8U);
  // The echo comes while we write: someone must read it.
  std::thread writer([&] {
    EXPECT_TRUE(stream->write(sent, kLong).has_value());
    EXPECT_TRUE(stream->end_writing().has_value());
  });
  base::Bytes received;
  while (true) {
    const auto size = stream->read(buffer, kLong);
    ASSERT_TRUE(size) << base::describe(size.error());
    if (*size == 0) break;
    base::append(received, base::ByteView{buffer}.first(*size));
  }
  writer.join();
  EXPECT_EQ(received, sent);
  EXPECT_TRUE(stream->close(kLong).has_value());
  EXPECT_FALSE(stream->write(sent, kLong).has_value());
  EXPECT_GT(tunnel->stats().mixnet.sent_real, 0U);

  const auto refused = tunnel->connect("198.60.22.12", 7, patient());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::net_connect_refused);
}

TEST_F(NativeTunnel, CarriesDatagrams) {
  auto tunnel = Tunnel::open(config(), kLong);
  ASSERT_TRUE(tunnel) << base::describe(tunnel.error());
  auto socket = tunnel->udp();
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->receive(kShort).error().code, Errc::net_connect_timeout);
  // UDP may lose some on a busy machine: they go again.
  std::set<std::string> missing{"one", "two", "three"};
  for (int round = 0; !missing.empty() && round < 20; ++round) {
    for (const std::string& text : missing) {
      ASSERT_TRUE(socket->send_to(base::as_bytes(text), "198.60.22.11", 7).has_value());
    }
    while (!missing.empty()) {
      const auto datagram = socket->receive(10s);
      if (!datagram) break;
      EXPECT_EQ(datagram->address, "198.60.22.11");
      EXPECT_EQ(datagram->port, 7);
      missing.erase(base::to_string(datagram->bytes));
    }
  }
  EXPECT_TRUE(missing.empty());
  socket->close();
  EXPECT_FALSE(socket->send_to(base::as_bytes("late"), "198.60.22.11", 7).has_value());
}

TEST_F(NativeTunnel, EndsUnderThoseWhoWait) {
  auto tunnel = Tunnel::open(config(), kLong);
  ASSERT_TRUE(tunnel) << base::describe(tunnel.error());
  auto stream = tunnel->connect("198.60.22.10", 7, patient());
  ASSERT_TRUE(stream) << base::describe(stream.error());
  std::thread closer([&] { tunnel->close(); });
  std::array<std::uint8_t, 16> buffer{};
  EXPECT_FALSE(stream->read(buffer, kLong).has_value());
  closer.join();
  EXPECT_FALSE(stream->write(buffer, kLong).has_value());
  EXPECT_EQ(tunnel->udp().error().code, Errc::tunnel_shut_down);
  EXPECT_FALSE(tunnel->info().has_value());
  // A process may have one after the other.
  EXPECT_TRUE(Tunnel::open(config(), kLong).has_value());
}

TEST_F(NativeTunnel, TellsWhySetUpFailed) {
  TunnelConfig bad = config();
  bad.options.preferred_gateway = "not a key";
  EXPECT_EQ(Tunnel::open(bad, kLong).error().code, Errc::config_bad_gateway_identity);
  bad = config();
  bad.outer_roots = "no certificate";
  EXPECT_EQ(Tunnel::open(bad, kLong).error().code, Errc::tls_bad_roots);
  bad = config();
  bad.options.nym_api_urls = {"http://127.0.0.1:9/api"};
  const auto unreachable = Tunnel::open(bad, 3s);
  ASSERT_FALSE(unreachable);
  EXPECT_NE(unreachable.error().code, Errc::usage_already_set_up);
  EXPECT_TRUE(Tunnel::open(config(), kLong).has_value());
}

}  // namespace
}  // namespace mix::native
