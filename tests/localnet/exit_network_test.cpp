// The way through an exit on loopback sockets: a client of all protocol rungs connects to the IP
// packet router through mixes, reaches a UDP server, and meets an exit that misbehaves.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/beast/websocket.hpp>
#include <deque>
#include <functional>

#include "guest.h"
#include "mix/directory/client.h"
#include "mix/gateway/session.h"
#include "mix/host/system_clock.h"
#include "mix/ipr/client.h"
#include "mix/mixnet/client.h"
#include "running_network.h"

namespace mix::localnet {
namespace {

namespace websocket = beast::websocket;
using namespace std::chrono_literals;

/// Answers every datagram with itself, in a thread of its own.
class UdpEcho {
 public:
  UdpEcho() : socket_(io_, {asio::ip::address_v4::loopback(), 0}) {
    receive();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~UdpEcho() {
    io_.stop();
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  void receive() {
    socket_.async_receive_from(asio::buffer(buffer_), from_,
                               [this](beast::error_code error, std::size_t size) {
                                 if (error) return;
                                 socket_.send_to(asio::buffer(buffer_.data(), size), from_);
                                 receive();
                               });
  }
  asio::io_context io_;
  asio::ip::udp::socket socket_;
  asio::ip::udp::endpoint from_;
  std::array<char, 2048> buffer_{};
  std::thread thread_;
};

constexpr base::Duration kFallBackAfter = 2s;

/// Gateway session, mixnet client and IPR client over one WebSocket, without shaping.
class TunnelClient {
 public:
  explicit TunnelClient(const RunningNetwork& network, base::Duration v10_timeout = 50s)
      : socket_(io_) {
    const auto& entry = network.addresses().entries.at(0);
    const auto identity = crypto::parse_ed25519(entry.identity).value();
    exit_ = mixnet::Recipient::parse(network.addresses().exits.at(0).ipr_address).value();

    mixnet::TrafficConfig traffic;
    traffic.disable_main_poisson = true;
    traffic.disable_loop_cover = true;
    traffic.average_packet_delay = 1ms;
    traffic.average_ack_delay = 1ms;
    mixnet_.emplace(traffic, mixnet::ReplierConfig{}, keys_, identity, rng_, base::null_log());
    read_directory(network);

    ipr::ClientConfig config;
    config.first_version = ipr::ProtocolVersion::k10;
    config.v10_timeout = v10_timeout;
    ipr_.emplace(config, rng_, base::null_log());

    beast::get_lowest_layer(socket_).connect(
        {asio::ip::address_v4::loopback(), RunningNetwork::port_of(entry.url)});
    socket_.handshake("127.0.0.1", "/");
    gateway::SessionConfig session;
    session.gateway_identity = identity;
    session_.emplace(session, keys_.identity, std::nullopt, rng_, base::null_log());
    session_->opened(clock_.now(), clock_.wall_now());
    read();
    if (!run_until([this] { return session_->active(); })) throw std::runtime_error("no session");
    mixnet_->start(clock_.now());
  }

  /// Works until the condition holds; false after `limit`. Machines of CI may be slow.
  bool run_until(const std::function<bool()>& done, std::chrono::milliseconds limit = 120s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (turn(); !done(); turn()) {
      if (std::chrono::steady_clock::now() > end) return false;
      io_.restart();
      io_.run_one_for(2ms);
    }
    return true;
  }
  bool connect(std::chrono::milliseconds limit = 120s) {
    ipr_->connect(clock_.now(), clock_.wall_now());
    return run_until([this] { return assignment_ || ended_; }, limit) && assignment_.has_value();
  }
  void send_udp(const std::string& to, std::string_view payload) {
    const IpEndpoint from{IpAddress::v4(assignment_->ipv4), 4000};
    ASSERT_TRUE(
        ipr_->send(test::udp_packet(from, IpEndpoint::parse(to).value(), payload), clock_.now())
            .has_value());
    ipr_->flush(clock_.now());
  }

  std::optional<ipr::Assignment> assignment_;
  std::optional<base::Error> ended_;
  std::vector<base::Bytes> packets_;
  std::vector<std::string> denied_;

 private:
  void read_directory(const RunningNetwork& network) {
    HttpClient http(network.directory_port());
    directory::ClientConfig config;
    config.base_urls = {network.addresses().directory_url};
    directory::Client client(config);
    client.fetch_topology(clock_.now());
    client.fetch_rotation_info(clock_.now());
    while (auto request = client.poll_output()) {
      const auto answer = http.ask(http::verb::get, request->url.substr(request->url.find("/api")));
      client.receive(request->id, static_cast<int>(answer.result_int()),
                     base::as_bytes(answer.body()), clock_.now());
    }
    while (auto event = client.poll_event()) {
      if (auto* topology = std::get_if<directory::TopologyReady>(&*event)) {
        mixnet_->set_topology(topology->topology, clock_.now());
      } else if (auto* info = std::get_if<directory::RotationInfoReady>(&*event)) {
        mixnet_->set_rotation_info(info->info, clock_.now(), clock_.wall_now());
      }
    }
  }
  void read() {
    socket_.async_read(buffer_, [this](beast::error_code error, std::size_t) {
      if (error) return;
      const auto data = buffer_.data();
      const base::ByteView bytes(static_cast<const std::uint8_t*>(data.data()), data.size());
      if (socket_.got_text()) {
        session_->receive(gateway::TextFrame{base::to_string(bytes)}, clock_.now(),
                          clock_.wall_now());
      } else {
        session_->receive(gateway::BinaryFrame{base::to_bytes(bytes)}, clock_.now(),
                          clock_.wall_now());
      }
      buffer_.consume(buffer_.size());
      read();
    });
  }
  void turn() {
    const auto now = clock_.now();
    session_->expire(now);
    mixnet_->expire(now);
    ipr_->expire(now);
    while (auto event = session_->poll_event()) {
      if (auto* delivered = std::get_if<gateway::Delivered>(&*event)) {
        mixnet_->receive(delivered->plaintext, now);
      }
    }
    while (auto event = mixnet_->poll_event()) {
      if (auto* message = std::get_if<mixnet::MessageReceived>(&*event)) {
        (void)ipr_->receive(message->data, now);
      }
    }
    while (auto event = ipr_->poll_event()) {
      if (auto* connected = std::get_if<ipr::Connected>(&*event)) {
        assignment_ = connected->assignment;
      } else if (auto* packet = std::get_if<ipr::PacketReceived>(&*event)) {
        packets_.push_back(packet->ip_packet);
      } else if (auto* denied = std::get_if<ipr::DestinationDenied>(&*event)) {
        denied_.push_back(denied->destination);
      } else if (auto* ended = std::get_if<ipr::SessionEnded>(&*event)) {
        ended_ = ended->error;
      }
    }
    ipr_->surbs_at_exit(mixnet_->surbs_at(exit_), now);
    ipr_->flush(now);
    while (auto output = ipr_->poll_output()) {
      if (auto* message = std::get_if<ipr::Outgoing>(&*output)) {
        EXPECT_TRUE(mixnet_->send(exit_, message->data, message->options, now).has_value());
      } else if (const auto* supply = std::get_if<ipr::SupplySurbs>(&*output)) {
        (void)mixnet_->supply_surbs(exit_, supply->amount, now);
      }
    }
    if (session_->active()) {
      while (auto packet = mixnet_->poll_output(now, 0)) {
        (void)session_->send(packet->encode(mixnet::MixPacketFormat::kV2));
      }
    }
    while (auto frame = session_->poll_output()) {
      if (const auto* text = std::get_if<gateway::TextFrame>(&*frame)) {
        socket_.text(true);
        socket_.write(asio::buffer(text->text));
      } else {
        socket_.binary(true);
        socket_.write(asio::buffer(std::get<gateway::BinaryFrame>(*frame).bytes));
      }
    }
  }

  crypto::SystemRng rng_;
  host::SystemClock clock_;
  mixnet::ClientKeys keys_ = mixnet::ClientKeys::generate(rng_);
  mixnet::Recipient exit_;
  asio::io_context io_;
  websocket::stream<beast::tcp_stream> socket_;
  beast::flat_buffer buffer_;
  std::optional<gateway::Session> session_;
  std::optional<mixnet::Client> mixnet_;
  std::optional<ipr::Client> ipr_;
};

NetworkConfig with_map(std::uint16_t port) {
  NetworkConfig config;
  config.exit.nat.map.add("192.0.2.1:7=127.0.0.1:" + std::to_string(port));
  return config;
}

TEST(ExitNetwork, CarriesDatagramsThroughTheExitAndBack) {
  UdpEcho echo;
  RunningNetwork network(with_map(echo.port()));
  TunnelClient client(network);
  ASSERT_TRUE(client.connect());
  EXPECT_EQ(client.assignment_->version, ipr::ProtocolVersion::k10);
  EXPECT_EQ(client.assignment_->mtu, 1420);
  std::set<std::string> missing;
  for (int i = 0; i < 100; ++i) missing.insert("datagram " + std::to_string(i));
  // Datagrams may get lost where a busy machine's queues are full: what is missing goes again.
  for (int round = 0; !missing.empty() && round < 20; ++round) {
    for (const std::string& payload : missing) client.send_udp("192.0.2.1:7", payload);
    (void)client.run_until(
        [&] {
          for (const auto& packet : client.packets_) missing.erase(test::dissect(packet).payload);
          return missing.empty();
        },
        10s);
  }
  ASSERT_TRUE(missing.empty());
  const auto got = test::dissect(client.packets_[0]);
  EXPECT_EQ(got.packet.source.to_string(), "192.0.2.1");
  EXPECT_EQ(got.payload.substr(0, 9), "datagram ");

  HttpClient admin(network.directory_port());
  const json stats =
      admin.get("/admin/nodes/" + std::to_string(network.addresses().exits.at(0).id));
  EXPECT_EQ(stats["exit"]["sessions"], 1);
  EXPECT_GE(stats["exit"]["ip_packets_from_clients"], 100);
}

TEST(ExitNetwork, FallsBackToVersion9WhenTheExitDropsVersion10) {
  NetworkConfig config;
  config.exit.router.newest = NewestVersion::k9;
  RunningNetwork network(config);
  TunnelClient client(network, kFallBackAfter);
  ASSERT_TRUE(client.connect());
  EXPECT_EQ(client.assignment_->version, ipr::ProtocolVersion::k9);
}

TEST(ExitNetwork, RefusesLocalDestinationsUnlessTheyAreAllowed) {
  RunningNetwork network;
  TunnelClient client(network);
  ASSERT_TRUE(client.connect());
  client.send_udp("127.0.0.1:9", "x");
  ASSERT_TRUE(client.run_until([&] { return !client.denied_.empty(); }));
  EXPECT_EQ(client.denied_[0], "127.0.0.1:9");
}

TEST(ExitNetwork, SaysNothingWhileItIsFrozenAndGoesOnAfterwards) {
  UdpEcho echo;
  RunningNetwork network(with_map(echo.port()));
  TunnelClient client(network);
  ASSERT_TRUE(client.connect());
  HttpClient admin(network.directory_port());
  const std::string exit = "/admin/nodes/" + std::to_string(network.addresses().exits.at(0).id);
  admin.post(exit + "/freeze");
  client.send_udp("192.0.2.1:7", "lost");
  EXPECT_FALSE(client.run_until([&] { return !client.packets_.empty(); }, 300ms));
  admin.post(exit + "/freeze", {{"on", false}});
  client.send_udp("192.0.2.1:7", "kept");
  // What was sent to the frozen exit may still come, retransmitted.
  EXPECT_TRUE(client.run_until([&] { return !client.packets_.empty(); }));
}

TEST(ExitNetwork, CannotAnswerWhileItIsStarvedOfReplySurbs) {
  RunningNetwork network;
  TunnelClient client(network, kFallBackAfter);
  HttpClient admin(network.directory_port());
  const std::string exit = "/admin/nodes/" + std::to_string(network.addresses().exits.at(0).id);
  admin.post(exit + "/starve");
  EXPECT_FALSE(client.connect(500ms));
  admin.post(exit + "/starve", {{"on", false}});
  // The v9 attempt after 2 s brings SURBs that are kept.
  EXPECT_TRUE(client.run_until([&] { return client.assignment_.has_value(); }));
}

TEST(ExitNetwork, SurvivesLossAtAMixAndRotationsUnderWay) {
  UdpEcho echo;
  NetworkConfig config = with_map(echo.port());
  RunningNetwork network(config);
  TunnelClient client(network);
  ASSERT_TRUE(client.connect());
  HttpClient admin(network.directory_port());
  admin.post("/admin/nodes/3/faults", {{"drop", 0.1}});
  for (int i = 0; i < 20; ++i) {
    client.send_udp("192.0.2.1:7", "datagram " + std::to_string(i));
    if (i == 10) admin.post("/admin/rotate");
  }
  // Requests are retransmitted; a reply that is lost is lost (no retransmission of data).
  EXPECT_TRUE(client.run_until([&] { return client.packets_.size() >= 10; }));
}

}  // namespace
}  // namespace mix::localnet
