// The whole network on loopback sockets: a real WebSocket client registers and loops a packet
// through three mixes; nodes go down and come back; the directory and admin answer over HTTP.
#include "mix/localnet/network.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "mix/base/encoding.h"
#include "mix/crypto/system_rng.h"
#include "mix/gateway/session.h"
#include "mix/host/system_clock.h"
#include "mix/localnet/constants.h"
#include "mix/mixnet/mix_packet.h"
#include "running_network.h"

namespace mix::localnet {
namespace {

namespace websocket = beast::websocket;
using asio::ip::tcp;
using namespace std::chrono_literals;

/// gateway::Session on a blocking WebSocket.
class Client {
 public:
  Client(const NetworkAddresses::EntryAddress& entry, const crypto::Ed25519KeyPair& identity,
         std::optional<gateway::SharedKey> key = std::nullopt)
      : socket_(io_) {
    beast::get_lowest_layer(socket_).connect(
        {asio::ip::address_v4::loopback(), RunningNetwork::port_of(entry.url)});
    socket_.handshake("127.0.0.1", "/");
    gateway::SessionConfig config;
    config.gateway_identity = crypto::parse_ed25519(entry.identity).value();
    session_.emplace(config, identity, std::move(key), rng_, base::null_log());
    session_->opened(clock_.now(), clock_.wall_now());
    flush();
  }
  gateway::Session& session() { return *session_; }

  void flush() {
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
  /// Reads one frame; false when the connection ended.
  bool read() {
    beast::flat_buffer buffer;
    beast::error_code error;
    socket_.read(buffer, error);
    if (error) return false;
    const base::ByteView bytes(static_cast<const std::uint8_t*>(buffer.data().data()),
                               buffer.size());
    if (socket_.got_text()) {
      session_->receive(gateway::TextFrame{base::to_string(bytes)}, clock_.now(),
                        clock_.wall_now());
    } else {
      session_->receive(gateway::BinaryFrame{base::to_bytes(bytes)}, clock_.now(),
                        clock_.wall_now());
    }
    flush();
    while (auto event = session_->poll_event()) {
      if (auto* delivered = std::get_if<gateway::Delivered>(&*event)) {
        delivered_.push_back(delivered->plaintext);
      } else if (const auto* failed = std::get_if<gateway::SessionFailed>(&*event)) {
        failure_ = failed->error;
      }
    }
    return true;
  }
  bool activate() {
    while (!session_->active() && !failure_) {
      if (!read()) break;
    }
    return session_->active();
  }
  void drop() { beast::get_lowest_layer(socket_).socket().close(); }

  std::vector<base::Bytes> delivered_;
  std::optional<base::Error> failure_;

 private:
  crypto::SystemRng rng_;
  host::SystemClock clock_;
  asio::io_context io_;
  websocket::stream<beast::tcp_stream> socket_;
  std::optional<gateway::Session> session_;
};

/// Route of one node per layer to a gateway, read from the directory as a client does.
std::vector<sphinx::Hop> route(HttpClient& directory, const std::string& gateway,
                               base::Duration delay, sphinx::KeyRotation* rotation = nullptr) {
  const json all = directory.get("/api/v2/unstable/nym-nodes/skimmed");
  if (rotation != nullptr) {
    *rotation = sphinx::key_rotation_of(all["metadata"]["rotation_id"].get<std::uint32_t>());
  }
  std::vector<sphinx::Hop> hops;
  const auto add = [&](const json& node) {
    hops.push_back({sphinx::NodeAddress::parse(node["ip_addresses"][0].get<std::string>(),
                                               node["mix_port"].get<std::uint16_t>())
                        .value(),
                    crypto::parse_x25519(node["x25519_sphinx_pubkey"].get<std::string>()).value(),
                    delay});
  };
  for (int layer = 1; layer <= 3; ++layer) {
    for (const json& node : all["nodes"]["data"]) {
      if (node["role"] == json{{"Mixnode", {{"layer", layer}}}}) {
        add(node);
        break;
      }
    }
  }
  for (const json& node : all["nodes"]["data"]) {
    if (node["ed25519_identity_pubkey"] == gateway) add(node);
  }
  return hops;
}

/// A packet to oneself with its ack, as loop cover is made.
mixnet::MixPacket loop_packet(HttpClient& directory, const std::string& gateway,
                              const crypto::Ed25519KeyPair& self, const base::Bytes& body) {
  crypto::SystemRng rng;
  mixnet::MixPacket out;
  const auto hops = route(directory, gateway, 2ms, &out.rotation);
  const auto ack = sphinx::make_packet(hops, self.public_key.bytes, base::Bytes(21, 0xac),
                                       sphinx::PacketSize::kAck, sphinx::Version::kSeeded, rng)
                       .value();
  base::Writer plaintext;
  hops[0].address.encode_padded(plaintext, kAckAddressSize);
  plaintext.bytes(ack).bytes(body);
  out.first_hop = hops[0].address;
  out.packet = sphinx::make_packet(hops, self.public_key.bytes, plaintext.view(),
                                   sphinx::PacketSize::kRegular, sphinx::Version::kSeeded, rng)
                   .value();
  return out;
}

class NetworkTest : public testing::Test {
 protected:
  void loop(Client& client, HttpClient& directory, const std::string& gateway,
            const crypto::Ed25519KeyPair& identity, std::uint8_t mark) {
    client.delivered_.clear();
    const auto packet = loop_packet(directory, gateway, identity, base::Bytes(1643, mark));
    ASSERT_TRUE(client.session().send(packet.encode(mixnet::MixPacketFormat::kV2)).has_value());
    client.flush();
    while (client.delivered_.size() < 2) ASSERT_TRUE(client.read());
    EXPECT_EQ(client.delivered_[0], base::Bytes(1643, mark));
    EXPECT_EQ(client.delivered_[1], base::Bytes(21, 0xac));
  }
  crypto::SystemRng rng_;
  crypto::Ed25519KeyPair identity_ = crypto::Ed25519KeyPair::generate(rng_);
};

TEST_F(NetworkTest, LoopsAPacketThroughThreeMixesBackToItsSender) {
  RunningNetwork network;
  HttpClient directory(network.directory_port());
  const auto& entry = network.addresses().entries.at(0);
  Client client(entry, identity_);
  ASSERT_TRUE(client.activate());
  for (std::uint8_t i = 0; i < 5; ++i) loop(client, directory, entry.identity, identity_, i);
  const json stats = directory.get("/admin/stats");
  for (const json& node : stats["nodes"]) {
    if (node["role"] == "mix") {
      EXPECT_GE(node["forwarded"], 10) << node.dump();
    }
  }
}

TEST_F(NetworkTest, AuthenticatesAReturningClientAndKeepsItsMessages) {
  RunningNetwork network;
  HttpClient directory(network.directory_port());
  const auto& entry = network.addresses().entries.at(0);
  std::optional<gateway::SharedKey> key;
  {
    Client client(entry, identity_);
    ASSERT_TRUE(client.activate());
    key = client.session().shared_key()->clone();
    const auto packet = loop_packet(directory, entry.identity, identity_, base::Bytes(9, 1));
    ASSERT_TRUE(client.session().send(packet.encode(mixnet::MixPacketFormat::kV2)).has_value());
    client.flush();
    client.drop();
  }
  // The packet needs some 6 ms on its way; the gateway stores it and its ack.
  while (directory.get("/admin/nodes/1")["gateway"]["stored_messages"] != 2) {
    std::this_thread::yield();
  }
  Client client(entry, identity_, std::move(key));
  ASSERT_TRUE(client.activate());
  EXPECT_EQ(client.delivered_.size(), 2U);
}

TEST_F(NetworkTest, SendsAnErrorTwiceBeforeItDropsTheConnection) {
  RunningNetwork network;
  const auto& entry = network.addresses().entries.at(0);
  asio::io_context io;
  websocket::stream<beast::tcp_stream> socket(io);
  beast::get_lowest_layer(socket).connect(
      {asio::ip::address_v4::loopback(), RunningNetwork::port_of(entry.url)});
  socket.handshake("127.0.0.1", "/");
  socket.text(true);
  socket.write(asio::buffer(std::string(R"({"type":"authenticate"})")));
  for (int i = 0; i < 2; ++i) {
    beast::flat_buffer buffer;
    socket.read(buffer);
    const json error = json::parse(beast::buffers_to_string(buffer.data()), nullptr, false);
    EXPECT_EQ(error["type"], "error");
  }
  beast::flat_buffer buffer;
  beast::error_code error;
  socket.read(buffer, error);
  EXPECT_TRUE(error);
  EXPECT_NE(error, websocket::error::closed);  // no close frame
}

TEST_F(NetworkTest, PongsAndThenRefusesAPingBeforeAuthentication) {
  RunningNetwork network;
  const auto& entry = network.addresses().entries.at(0);
  asio::io_context io;
  websocket::stream<beast::tcp_stream> socket(io);
  beast::get_lowest_layer(socket).connect(
      {asio::ip::address_v4::loopback(), RunningNetwork::port_of(entry.url)});
  socket.handshake("127.0.0.1", "/");
  bool ponged = false;
  socket.control_callback([&](websocket::frame_type type, beast::string_view) {
    ponged = ponged || type == websocket::frame_type::pong;
  });
  socket.ping("x");
  beast::flat_buffer buffer;
  socket.read(buffer);
  EXPECT_TRUE(ponged);
  EXPECT_NE(beast::buffers_to_string(buffer.data()).find("type ping"), std::string::npos);
}

TEST_F(NetworkTest, RefusesASecondSessionWhileTheFirstAnswersPings) {
  RunningNetwork network;
  const auto& entry = network.addresses().entries.at(0);
  Client first(entry, identity_);
  ASSERT_TRUE(first.activate());
  auto key = first.session().shared_key()->clone();
  std::thread reader([&first] {
    while (first.read()) {
    }
  });
  // A log-in in the second of the registration is refused as stale, a later one after the ping.
  Client second(entry, identity_, std::move(key));
  EXPECT_FALSE(second.activate());
  ASSERT_TRUE(second.failure_);
  EXPECT_TRUE(second.failure_->code == base::Errc::gateway_session_in_use ||
              second.failure_->code == base::Errc::gateway_stale_login)
      << base::describe(*second.failure_);
  HttpClient admin(network.directory_port());
  admin.post("/admin/nodes/1/cut");
  reader.join();
}

TEST_F(NetworkTest, SurvivesTheDeathAndReturnOfAMix) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  const auto& entry = network.addresses().entries.at(0);
  Client client(entry, identity_);
  ASSERT_TRUE(client.activate());
  loop(client, http, entry.identity, identity_, 1);
  const std::string mix = "/admin/nodes/" + std::to_string(network.addresses().mixes.at(1).id);
  http.post(mix + "/kill");
  EXPECT_EQ(http.get(mix)["alive"], false);
  const auto lost = loop_packet(http, entry.identity, identity_, base::Bytes(1, 9));
  ASSERT_TRUE(client.session().send(lost.encode(mixnet::MixPacketFormat::kV2)).has_value());
  client.flush();
  while (http.get("/admin/nodes/2")["dropped"]["overflow"] == 0) std::this_thread::yield();
  http.post(mix + "/restart");
  // The back-off of the node before it, 200 ms after the first failure, has to pass: try anew.
  client.delivered_.clear();
  for (int tries = 0; tries < 200 && client.delivered_.empty(); ++tries) {
    const auto packet = loop_packet(http, entry.identity, identity_, base::Bytes(1, 2));
    ASSERT_TRUE(client.session().send(packet.encode(mixnet::MixPacketFormat::kV2)).has_value());
    client.flush();
    ASSERT_TRUE(client.read());  // at least the answer to `send` comes
  }
  while (client.delivered_.empty()) ASSERT_TRUE(client.read());
  EXPECT_EQ(client.delivered_[0], base::Bytes(1, 2));
}

TEST_F(NetworkTest, CutsGatewaySockets) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  Client client(network.addresses().entries.at(0), identity_);
  ASSERT_TRUE(client.activate());
  http.post("/admin/nodes/1/cut");
  while (client.read()) {
  }
  while (http.get("/admin/nodes/1")["gateway"]["sessions"] != 0) std::this_thread::yield();
}

TEST_F(NetworkTest, RotatesKeysUnderAClient) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  const auto& entry = network.addresses().entries.at(0);
  Client client(entry, identity_);
  ASSERT_TRUE(client.activate());
  const auto old_packet = loop_packet(http, entry.identity, identity_, base::Bytes(3, 3));
  http.post("/admin/rotate");
  ASSERT_TRUE(client.session().send(old_packet.encode(mixnet::MixPacketFormat::kV2)).has_value());
  client.flush();
  while (client.delivered_.size() < 2) ASSERT_TRUE(client.read());
  loop(client, http, entry.identity, identity_, 4);
}

TEST_F(NetworkTest, ServesTheDirectoryToPagesOfAnyOrigin) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  const auto answer =
      http.ask(http::verb::get, "/api/v1/nym-nodes/rewarded-set", "", "https://example.org");
  EXPECT_EQ(answer.result_int(), 200U);
  EXPECT_EQ(answer["Access-Control-Allow-Origin"], "*");
  EXPECT_EQ(answer["Cross-Origin-Resource-Policy"], "cross-origin");
  EXPECT_EQ(answer[http::field::content_type], "application/json");
  EXPECT_TRUE(answer.keep_alive());
  const auto preflight =
      http.ask(http::verb::options, "/api/v1/nym-nodes/rewarded-set", "", "https://example.org");
  EXPECT_EQ(preflight.result_int(), 204U);
  EXPECT_EQ(preflight["Access-Control-Allow-Origin"], "*");
  EXPECT_EQ(preflight["Access-Control-Allow-Private-Network"], "true");
}

TEST_F(NetworkTest, AnswersHeadAsGetWithoutTheBody) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  const std::string target = "/api/v1/nym-nodes/rewarded-set";
  const auto head = http.ask(http::verb::head, target);
  EXPECT_EQ(head.result_int(), 200U);
  EXPECT_TRUE(head.body().empty());
  // The connection goes on behind the head, so no byte of a body was sent.
  const auto whole = http.ask(http::verb::get, target);
  EXPECT_EQ(whole.result_int(), 200U);
  EXPECT_EQ(head[http::field::content_length], std::to_string(whole.body().size()));
}

TEST_F(NetworkTest, KeepsForeignPagesAwayFromTheAdminInterface) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  for (const char* origin : {"https://example.org", "null", "http://127.0.0.1.example.org",
                             "http://localhost.example.org"}) {
    EXPECT_EQ(http.ask(http::verb::post, "/admin/rotate", "", origin).result_int(), 403U) << origin;
  }
  for (const char* origin : {"http://127.0.0.1:5173", "http://localhost", "http://[::1]:80"}) {
    const auto answer = http.ask(http::verb::get, "/admin/stats", "", origin);
    EXPECT_EQ(answer.result_int(), 200U) << origin;
    EXPECT_EQ(answer["Access-Control-Allow-Origin"], origin);
  }
}

TEST_F(NetworkTest, MisbehavesAsADirectoryWhenToldSo) {
  RunningNetwork network;
  HttpClient http(network.directory_port());
  http.post("/admin/directory", {{"mode", "status"}, {"status", 503}});
  EXPECT_EQ(http.ask(http::verb::get, "/api/v1/nym-nodes/rewarded-set").result_int(), 503U);
  http.post("/admin/directory", {{"mode", "garbage"}});
  const auto garbage = http.ask(http::verb::get, "/api/v1/nym-nodes/rewarded-set");
  EXPECT_EQ(garbage[http::field::content_type], "text/html");
  http.post("/admin/directory", {{"mode", "hang"}});
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), network.directory_port()});
  asio::write(socket,
              asio::buffer(std::string("GET /api/v1/nym-nodes/rewarded-set HTTP/1.1\r\n\r\n")));
  socket.shutdown(tcp::socket::shutdown_send);
  std::string answer;
  beast::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  EXPECT_EQ(end, asio::error::eof);
  EXPECT_EQ(answer, "");  // never answered
  http.post("/admin/directory", {{"mode", "normal"}});
  http.get("/api/v1/nym-nodes/rewarded-set");
}

TEST_F(NetworkTest, GivesEveryNodeItsOwnAddressWhenAsked) {
  NetworkConfig config;
  config.addresses = NetworkConfig::Addresses::kDistinct;
  RunningNetwork network(config);
  HttpClient http(network.directory_port());
  std::set<std::string> seen;
  const json all = http.get("/api/v2/unstable/nym-nodes/skimmed");
  for (const json& node : all["nodes"]["data"]) {
    seen.insert(node["ip_addresses"][0].get<std::string>());
  }
  EXPECT_EQ(seen.size(), all["nodes"]["data"].size());
  EXPECT_EQ(*seen.begin(), "127.0.0.2");
}

TEST_F(NetworkTest, RefusesImpossibleShapes) {
  asio::io_context io;
  NetworkConfig none;
  none.mixes_per_layer = 0;
  EXPECT_THROW(Network(io, none, rng_), std::invalid_argument);
  NetworkConfig no_entry;
  no_entry.gateways = 0;
  no_entry.exit_entries = NetworkConfig::ExitEntries::kNo;
  EXPECT_THROW(Network(io, no_entry, rng_), std::invalid_argument);
  NetworkConfig many;
  many.mixes_per_layer = 100;
  EXPECT_THROW(Network(io, many, rng_), std::invalid_argument);
}

}  // namespace
}  // namespace mix::localnet
