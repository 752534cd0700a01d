// The entry gateway against the protocol's literal messages and vectors. spec: gateway §2 to §9.
#include "mix/localnet/gateway_core.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>

#include "gateway/gateway_vectors.h"
#include "mix/gateway/authentication.h"
#include "mix/gateway/frames.h"
#include "support/manual_clock.h"
#include "support/seeded_rng.h"

namespace mix::localnet {
namespace {

using namespace std::chrono_literals;
using gateway::BinaryFrame;
using gateway::LinkFrame;
using gateway::TextFrame;
using nlohmann::json;

/// Gives out the bytes it was told, then seeded ones.
class ScriptedRng final : public base::Rng {
 public:
  void add(base::ByteView bytes) { script_.insert(script_.end(), bytes.begin(), bytes.end()); }
  void fill(base::MutByteView out) override {
    for (auto& byte : out) {
      if (script_.empty()) {
        rest_.fill(base::MutByteView(&byte, 1));
      } else {
        byte = script_.front();
        script_.pop_front();
      }
    }
  }

 private:
  std::deque<std::uint8_t> script_;
  test::SeededRng rest_{7};
};

json numbers(base::ByteView bytes) { return json(base::to_bytes(bytes)); }

class GatewayCoreTest : public testing::Test {
 protected:
  explicit GatewayCoreTest(const GatewayConfig& config = {})
      : core_(config, gateway_identity_, rng_) {}

  LinkId open() { return core_.open(clock_.now()).value(); }
  void say(LinkId link, const json& message) {
    core_.receive(link, TextFrame{message.dump()}, clock_.now(), clock_.wall_now());
    collect();
  }
  void say_binary(LinkId link, base::Bytes bytes) {
    core_.receive(link, BinaryFrame{std::move(bytes)}, clock_.now(), clock_.wall_now());
    collect();
  }
  void pass(base::Duration time) {
    clock_.advance(time);
    core_.expire(clock_.now(), clock_.wall_now());
    collect();
  }
  void collect() {
    while (auto output = core_.poll_output()) {
      if (auto* frame = std::get_if<SendToClient>(&*output)) {
        if (const auto* text = std::get_if<TextFrame>(&frame->frame)) {
          said_[frame->link].push_back(json::parse(text->text, nullptr, false));
        } else {
          said_[frame->link].push_back(json::object());  // order of binary among text
          pushed_[frame->link].push_back(std::get<BinaryFrame>(frame->frame).bytes);
        }
      } else if (const auto* ping = std::get_if<PingClient>(&*output)) {
        pings_.push_back(*ping);
      } else if (const auto* close = std::get_if<CloseLink>(&*output)) {
        closed_.push_back(close->link);
      } else {
        forwarded_.push_back(std::get<ForwardPacket>(*output).packet);
      }
    }
  }
  json hear(LinkId link) {
    auto& queue = said_[link];
    if (queue.empty()) return nullptr;
    json message = queue.front();
    queue.pop_front();
    return message;
  }
  bool is_closed(LinkId link) {
    return std::find(closed_.begin(), closed_.end(), link) != closed_.end();
  }
  void expect_refusal(LinkId link, const std::string& text, int times) {
    for (int i = 0; i < times; ++i) {
      EXPECT_EQ(hear(link), (json{{"type", "error"}, {"message", text}}));
    }
    EXPECT_EQ(hear(link), json());
    EXPECT_TRUE(is_closed(link)) << text;
  }

  /// Registers `client` as its own software would; returns the shared key.
  gateway::SharedKey register_client(LinkId link, const crypto::Ed25519KeyPair& client,
                                     std::uint8_t version = 6) {
    const auto ephemeral = crypto::X25519KeyPair::generate(rng_);
    const gateway::HandshakeInit init{client.public_key, ephemeral.public_key,
                                      rng_.bytes<gateway::kSaltSize>()};
    say(link, {{"type", "handshakePayload"},
               {"protocol_version", version},
               {"data", numbers(gateway::encode_handshake_init(init))}});
    const json answer = hear(link);
    EXPECT_EQ(answer.value("type", ""), "handshakePayload");
    auto opened = gateway::open_handshake_answer(
        answer["data"].get<base::Bytes>(), gateway_identity_.public_key, ephemeral, init.salt);
    EXPECT_TRUE(opened.has_value());
    say(link, {{"type", "handshakePayload"},
               {"protocol_version", version},
               {"data", numbers(gateway::build_handshake_proof(
                            client, ephemeral.public_key, opened->gateway_ephemeral, opened->key,
                            rng_.bytes<gateway::kNonceSize>()))}});
    EXPECT_EQ(hear(link)["data"], json::array({1}));
    return std::move(opened->key);
  }
  /// Registers and takes the confirmation too.
  gateway::SharedKey session(LinkId link, const crypto::Ed25519KeyPair& client) {
    auto key = register_client(link, client);
    EXPECT_EQ(hear(link).value("type", ""), "register");
    return key;
  }
  json login(const crypto::Ed25519KeyPair& client, const gateway::SharedKey& key,
             std::uint64_t timestamp, std::uint8_t version = 6) {
    return json::parse(gateway::encode_request(gateway::build_authentication(
                           client, key, version, timestamp, rng_.bytes<gateway::kNonceSize>())),
                       nullptr, false);
  }
  std::uint64_t unix_now() const {
    return static_cast<std::uint64_t>(
        std::chrono::floor<std::chrono::seconds>(clock_.wall_now()).time_since_epoch().count());
  }
  base::Bytes packet_frame(const gateway::SharedKey& key, std::size_t packet_size = 386) {
    mixnet::MixPacket packet;
    packet.rotation = sphinx::KeyRotation::kEven;
    packet.first_hop = sphinx::NodeAddress::parse("127.0.0.1", 1789).value();
    packet.packet.assign(packet_size, 0x55);
    return gateway::seal_packet_frame(crypto::GcmSiv(key), rng_.bytes<gateway::kNonceSize>(),
                                      gateway::PacketFormat::kV2,
                                      packet.encode(mixnet::MixPacketFormat::kV2));
  }

  gateway::GatewayVectors vectors_;
  crypto::Ed25519KeyPair gateway_identity_ = vectors_.gateway();
  ScriptedRng rng_;
  crypto::Ed25519KeyPair client_ = vectors_.client();
  test::ManualClock clock_;
  GatewayCore core_;
  std::map<LinkId, std::deque<json>> said_;
  std::map<LinkId, std::deque<base::Bytes>> pushed_;
  std::vector<PingClient> pings_;
  std::vector<LinkId> closed_;
  std::vector<mixnet::MixPacket> forwarded_;
};

// --- version and registration ---

TEST_F(GatewayCoreTest, TellsItsProtocolVersionAtAnyTime) {
  const LinkId link = open();
  const json answer{{"type", "supportedProtocol"}, {"version", 6}};
  for (int i = 0; i < 3; ++i) {
    say(link, {{"type", "supportedProtocol"}});
    EXPECT_EQ(hear(link), answer);
  }
  session(link, client_);
  say(link, {{"type", "supportedProtocol"}});
  EXPECT_EQ(hear(link), answer);
}

TEST_F(GatewayCoreTest, RegistersWithTheBytesOfTheVectors) {
  const json& handshake = vectors_.json["handshake"];
  rng_.add(test::hex(vectors_.json["gateway_ephemeral_secret"]));
  rng_.add(test::hex(handshake["gateway_nonce"]));
  const LinkId link = open();
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(handshake["message1"]))}});
  EXPECT_EQ(hear(link), (json{{"type", "handshakePayload"},
                              {"protocol_version", 6},
                              {"data", numbers(test::hex(handshake["message2"]))}}));
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(handshake["message3"]))}});
  EXPECT_EQ(hear(link),
            (json{{"type", "handshakePayload"}, {"protocol_version", 6}, {"data", {1}}}));
  EXPECT_EQ(hear(link), (json{{"type", "register"},
                              {"protocol_version", 6},
                              {"status", true},
                              {"upgrade_mode", false}}));
  // The key that came out is the vectors' one: it opens what their client sealed.
  say(link, {{"type", "claimFreeTestnetBandwidth"}});
  EXPECT_EQ(
      hear(link),
      (json{{"type", "bandwidth"}, {"available_total", 68719476736}, {"upgrade_mode", false}}));
  say_binary(link, test::hex(vectors_.json["forward_v2"]["frame"]));
  EXPECT_EQ(hear(link), (json{{"type", "send"},
                              {"remaining_bandwidth", 68719476736 - 386},
                              {"upgrade_mode", false}}));
  ASSERT_EQ(forwarded_.size(), 1U);
  EXPECT_EQ(forwarded_[0].first_hop.to_string(), "203.0.113.7:1789");
  EXPECT_EQ(forwarded_[0].rotation, sphinx::KeyRotation::kEven);
}

TEST_F(GatewayCoreTest, AcceptsTheCanonicalNameOfTheFirstMessage) {
  const LinkId link = open();
  say(link, {{"type", "registerHandshakeInitRequest"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  EXPECT_EQ(hear(link).value("type", ""), "handshakePayload");
}

TEST_F(GatewayCoreTest, AnswersVersion42With6AndKeepsOlderOnes) {
  // 3 is what the published SDK 1.4.1 proposes to a gateway of version 6.
  for (const auto& [proposed, agreed] : {std::pair{42, 6}, {6, 6}, {5, 5}, {4, 4}, {3, 3}}) {
    const LinkId link = open();
    say(link, {{"type", "handshakePayload"},
               {"protocol_version", proposed},
               {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
    EXPECT_EQ(hear(link).value("protocol_version", 0), agreed);
  }
}

TEST_F(GatewayCoreTest, RegistersAClientThatTellsNoVersion) {
  const LinkId link = open();
  say(link, {{"type", "handshakePayload"},
             {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  const json answer = hear(link);
  EXPECT_EQ(answer.value("type", ""), "handshakePayload");
  EXPECT_EQ(answer.value("protocol_version", -1), 0);
}

TEST_F(GatewayCoreTest, RefusesMalformedHandshakesWithBothMessages) {
  auto expect_malformed = [this](LinkId link) {
    EXPECT_EQ(hear(link),
              (json{{"type", "handshakeError"}, {"message", "sent request was malformed"}}));
    expect_refusal(link, "Failed to perform registration handshake: sent request was malformed", 2);
  };
  const base::Bytes first = test::hex(vectors_.json["handshake"]["message1"]);
  for (const std::size_t size : {std::size_t{0}, std::size_t{79}, std::size_t{81}}) {
    base::Bytes data = first;
    data.resize(size);
    const LinkId link = open();
    say(link, {{"type", "handshakePayload"}, {"protocol_version", 6}, {"data", numbers(data)}});
    expect_malformed(link);
  }
  for (const std::size_t flipped : {std::size_t{0}, std::size_t{70}, std::size_t{91}}) {
    const LinkId link = open();
    say(link, {{"type", "handshakePayload"}, {"protocol_version", 6}, {"data", numbers(first)}});
    EXPECT_EQ(hear(link).value("type", ""), "handshakePayload");
    base::Bytes proof = test::hex(vectors_.json["handshake"]["message3"]);
    proof[flipped] ^= 1;
    say(link, {{"type", "handshakePayload"}, {"protocol_version", 6}, {"data", numbers(proof)}});
    expect_malformed(link);
  }
  EXPECT_EQ(core_.stats().clients, 0U);
}

TEST_F(GatewayCoreTest, IgnoresEverythingElseDuringTheHandshake) {
  const LinkId link = open();
  const auto ephemeral = crypto::X25519KeyPair::generate(rng_);
  const gateway::HandshakeInit init{client_.public_key, ephemeral.public_key, {}};
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(gateway::encode_handshake_init(init))}});
  const auto answer = hear(link)["data"].get<base::Bytes>();
  say_binary(link, base::Bytes(100, 1));
  say(link, {{"type", "claimFreeTestnetBandwidth"}});
  core_.receive(link, TextFrame{"no json"}, clock_.now(), clock_.wall_now());
  core_.pinged(link);
  collect();
  EXPECT_EQ(hear(link), json());
  EXPECT_FALSE(is_closed(link));
  const auto opened =
      gateway::open_handshake_answer(answer, gateway_identity_.public_key, ephemeral, init.salt);
  say(link,
      {{"type", "handshakePayload"},
       {"protocol_version", 6},
       {"data", numbers(gateway::build_handshake_proof(
                    client_, ephemeral.public_key, opened->gateway_ephemeral, opened->key, {}))}});
  EXPECT_EQ(hear(link)["data"], json::array({1}));
}

TEST_F(GatewayCoreTest, EndsAHandshakeThatStallsFor5Seconds) {
  const LinkId link = open();
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  hear(link);
  pass(4999ms);
  EXPECT_FALSE(is_closed(link));
  pass(1ms);
  EXPECT_EQ(hear(link).value("type", ""), "handshakeError");
  EXPECT_TRUE(is_closed(link));
}

TEST_F(GatewayCoreTest, EndsAHandshakeThatTheClientGaveUp) {
  const LinkId link = open();
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  say(link, {{"type", "handshakeError"}, {"message", "no"}});
  EXPECT_TRUE(is_closed(link));
}

TEST_F(GatewayCoreTest, RefusesToRegisterAClientWithALiveSession) {
  const LinkId first = open();
  session(first, client_);
  const LinkId second = open();
  say(second, {{"type", "handshakePayload"},
               {"protocol_version", 6},
               {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  expect_refusal(second, "There is already an open connection to this client", 2);
  EXPECT_TRUE(pings_.empty());
  EXPECT_FALSE(is_closed(first));
}

TEST_F(GatewayCoreTest, KeepsBandwidthAndReplacesTheKeyWhenAClientRegistersAgain) {
  const LinkId first = open();
  session(first, client_);
  say(first, {{"type", "claimFreeTestnetBandwidth"}});
  core_.closed(first, clock_.now(), clock_.wall_now());
  clock_.advance(1s);
  const LinkId second = open();
  const auto key = session(second, client_);
  say_binary(second, packet_frame(key));
  EXPECT_EQ(hear(second), (json{{"type", "send"},
                                {"remaining_bandwidth", 68719476736 - 386},
                                {"upgrade_mode", false}}));
}

// --- before authentication ---

TEST_F(GatewayCoreTest, RefusesAnythingButALoginFirst) {
  const std::string text = "Only 'Register' or 'Authenticate' requests are allowed";
  for (const char* request :
       {R"({"type":"claimFreeTestnetBandwidth"})", R"({"type":"nonsense"})", "no json", "",
        R"({"type":"authenticateV2"})", R"({"type":"handshakeError","message":"x"})"}) {
    const LinkId link = open();
    core_.receive(link, TextFrame{request}, clock_.now(), clock_.wall_now());
    collect();
    expect_refusal(link, text, 1);
  }
}

TEST_F(GatewayCoreTest, RefusesAPacketBeforeAuthentication) {
  const LinkId link = open();
  say_binary(link, test::hex(vectors_.json["forward_v2"]["frame"]));
  expect_refusal(link,
                 "possibly received a sphinx packet without prior authentication. Request is "
                 "going to be ignored",
                 1);
}

TEST_F(GatewayCoreTest, RefusesAPingBeforeAuthentication) {
  const LinkId link = open();
  core_.pinged(link);
  collect();
  expect_refusal(link, "received a Message of type ping which was not expected in this context", 1);
  const LinkId active = open();
  session(active, client_);
  core_.pinged(active);
  collect();
  EXPECT_FALSE(is_closed(active));
}

TEST_F(GatewayCoreTest, DropsAClientThatIsSilentFor10Seconds) {
  const LinkId link = open();
  pass(9s);
  say(link, {{"type", "supportedProtocol"}});  // each message starts the time anew
  hear(link);
  pass(9s);
  EXPECT_FALSE(is_closed(link));
  pass(1s);
  expect_refusal(link, "timed out while waiting for initial data", 1);
}

TEST_F(GatewayCoreTest, HoldsNoMoreLinksThanItMay) {
  GatewayConfig config;
  config.max_links = 2;
  GatewayCore small(config, gateway_identity_, rng_);
  const auto first = small.open(clock_.now());
  EXPECT_TRUE(first && small.open(clock_.now()));
  EXPECT_FALSE(small.open(clock_.now()));
  small.closed(*first, clock_.now(), clock_.wall_now());
  EXPECT_TRUE(small.open(clock_.now()));
}

// --- authentication ---

class LoginTest : public GatewayCoreTest {
 protected:
  LoginTest() {
    const LinkId link = open();
    key_ = session(link, client_);
    core_.closed(link, clock_.now(), clock_.wall_now());
    clock_.advance(10s);
  }
  json accepted(std::int64_t bytes = 0) {
    return {{"type", "authenticate"},
            {"protocol_version", 6},
            {"status", true},
            {"bandwidth_remaining", bytes},
            {"upgrade_mode", false}};
  }
  gateway::SharedKey key_;
};

TEST_F(LoginTest, AcceptsAReturningClient) {
  const LinkId link = open();
  say(link, login(client_, key_, unix_now()));
  EXPECT_EQ(hear(link), accepted());
  EXPECT_EQ(core_.stats().authentications, 1U);
}

TEST_F(LoginTest, AcceptsTheRequestOfTheVectors) {
  // Register with the vectors' key first, then log in with their literal request.
  const json& vector = vectors_.json["authenticate_v2"];
  const auto time = base::WallTime(std::chrono::seconds(vector["timestamp"].get<std::int64_t>()));
  clock_.set_wall(time - 100s);
  rng_.add(test::hex(vectors_.json["gateway_ephemeral_secret"]));
  const LinkId first = open();
  const json& handshake = vectors_.json["handshake"];
  say(first, {{"type", "handshakePayload"},
              {"protocol_version", 6},
              {"data", numbers(test::hex(handshake["message1"]))}});
  say(first, {{"type", "handshakePayload"},
              {"protocol_version", 6},
              {"data", numbers(test::hex(handshake["message3"]))}});
  core_.closed(first, clock_.now(), clock_.wall_now());
  const LinkId link = open();
  say(link, {{"type", "authenticateV2"},
             {"protocolVersion", vector["version"]},
             {"clientIdentity", numbers(test::hex(vectors_.json["client_identity_public"]))},
             {"addressCiphertext", vector["address_ciphertext_base64"]},
             {"nonce", vector["nonce_base64"]},
             {"requestUnixTimestamp", vector["timestamp"]},
             {"requestSignature", numbers(test::hex(vector["signature"]))}});
  EXPECT_EQ(hear(link), accepted());
}

TEST_F(LoginTest, ChecksTheVersionFirst) {
  for (const int version : {3, 7, 99}) {
    const LinkId link = open();
    json request = login(client_, key_, 0, 6);  // everything else is wrong too
    request["protocolVersion"] = version;
    say(link, request);
    expect_refusal(link,
                   "Attempted to negotiate connection with client using incompatible protocol "
                   "version. Ours is 6 and the client reports " +
                       std::to_string(version),
                   2);
  }
}

TEST_F(LoginTest, ChecksTheClockBeforeTheSignature) {
  for (const std::uint64_t time : {unix_now() - 121, unix_now() + 121}) {
    const LinkId link = open();
    json request = login(client_, key_, time);
    request["requestSignature"][0] = request["requestSignature"][0].get<int>() ^ 1;
    say(link, request);
    expect_refusal(link,
                   "the provided request timestamp is excessively skewed. got " +
                       std::to_string(time) + " whilst the server time is " +
                       std::to_string(unix_now()),
                   2);
  }
  for (const std::uint64_t time : {unix_now() - 120, unix_now() + 120}) {
    const LinkId link = open();
    say(link, login(client_, key_, time));
    EXPECT_EQ(hear(link), accepted());
    core_.closed(link, clock_.now(), clock_.wall_now());
  }
}

TEST_F(LoginTest, ChecksTheSignatureBeforeTheTable) {
  const auto stranger = crypto::Ed25519KeyPair::generate(rng_);
  const LinkId link = open();
  json request = login(stranger, key_, unix_now());
  request["requestSignature"][0] = request["requestSignature"][0].get<int>() ^ 1;
  say(link, request);
  expect_refusal(link, "failed to verify the provided request signature", 2);
}

TEST_F(LoginTest, RefusesAnUnknownClient) {
  const LinkId link = open();
  say(link, login(crypto::Ed25519KeyPair::generate(rng_), key_, unix_now()));
  expect_refusal(link, "the client is not registered", 2);
}

TEST_F(LoginTest, RefusesAWrongSharedKey) {
  const LinkId link = open();
  say(link, login(client_, gateway::SharedKey{rng_.bytes<32>()}, unix_now()));
  expect_refusal(link, "failed to verify provided address ciphertext", 2);
}

TEST_F(LoginTest, RefusesATimestampThatWasUsed) {
  const std::uint64_t time = unix_now();
  const LinkId first = open();
  say(first, login(client_, key_, time));
  core_.closed(first, clock_.now(), clock_.wall_now());
  for (const std::uint64_t again : {time, time - 1}) {
    const LinkId link = open();
    say(link, login(client_, key_, again));
    expect_refusal(link,
                   "the provided request timestamp is smaller or equal to one previously used", 2);
  }
}

TEST_F(LoginTest, RefusesTheLegacyMethodAlways) {
  const LinkId link = open();
  say(link, {{"type", "authenticate"}, {"address", "x"}, {"enc_address", "y"}, {"iv", "z"}});
  expect_refusal(link,
                 "the legacy authentication method is no longer supported. please update your "
                 "client",
                 2);
}

TEST_F(LoginTest, RefusesTheNewSessionWhenTheOldOneAnswersThePing) {
  const LinkId old_link = open();
  say(old_link, login(client_, key_, unix_now()));
  clock_.advance(2s);
  const LinkId new_link = open();
  say(new_link, login(client_, key_, unix_now()));
  ASSERT_EQ(pings_.size(), 1U);
  EXPECT_EQ(pings_[0].link, old_link);
  EXPECT_EQ(hear(new_link), json());
  core_.ponged(old_link, base::Bytes(8, 0));  // another payload proves nothing
  collect();
  EXPECT_FALSE(is_closed(new_link));
  core_.ponged(old_link, pings_[0].payload);
  collect();
  expect_refusal(new_link, "There is already an open connection to this client", 2);
  EXPECT_FALSE(is_closed(old_link));
}

TEST_F(LoginTest, AcceptsTheNewSessionWhenTheOldOneIsSilentForASecond) {
  const LinkId old_link = open();
  say(old_link, login(client_, key_, unix_now()));
  clock_.advance(2s);
  const LinkId new_link = open();
  say(new_link, login(client_, key_, unix_now()));
  // What arrives meanwhile is handled in order, afterwards.
  say(new_link, {{"type", "claimFreeTestnetBandwidth"}});
  pass(999ms);
  EXPECT_FALSE(is_closed(old_link));
  pass(1ms);
  EXPECT_TRUE(is_closed(old_link));
  EXPECT_EQ(hear(new_link), accepted());
  EXPECT_EQ(hear(new_link).value("type", ""), "bandwidth");
  // Now the new link gets the messages.
  core_.deliver(client_.public_key.bytes, base::Bytes(21, 1), clock_.wall_now());
  collect();
  EXPECT_EQ(pushed_[new_link].size(), 1U);
  EXPECT_TRUE(pushed_[old_link].empty());
}

TEST_F(LoginTest, AcceptsTheNewSessionWhenTheOldSocketCloses) {
  const LinkId old_link = open();
  say(old_link, login(client_, key_, unix_now()));
  clock_.advance(2s);
  const LinkId new_link = open();
  say(new_link, login(client_, key_, unix_now()));
  core_.closed(old_link, clock_.now(), clock_.wall_now());
  collect();
  EXPECT_EQ(hear(new_link), accepted());
}

TEST_F(LoginTest, RefusesALoginThatIsNotNewerThanTheLiveSession) {
  const LinkId registered = open();
  const auto key = session(registered, client_);  // its session counts from now
  const LinkId link = open();
  say(link, login(client_, key, unix_now()));
  expect_refusal(link, "attempted to overwrite client session with a stale authentication", 2);
  EXPECT_FALSE(is_closed(registered));
}

TEST_F(LoginTest, PushesStoredMessagesBeforeTheAnswer) {
  for (std::uint8_t i = 1; i <= 3; ++i) {
    core_.deliver(client_.public_key.bytes, base::Bytes(21, i), clock_.wall_now());
  }
  EXPECT_EQ(core_.stats().stored_messages, 3U);
  const LinkId link = open();
  say(link, login(client_, key_, unix_now()));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear(link), json::object());  // binary
  EXPECT_EQ(hear(link), accepted());
  ASSERT_EQ(pushed_[link].size(), 3U);
  for (std::uint8_t i = 1; i <= 3; ++i) {
    EXPECT_EQ(gateway::open_push_frame(crypto::GcmSiv(key_), pushed_[link][i - 1U]).value(),
              base::Bytes(21, i));
  }
  EXPECT_EQ(core_.stats().stored_messages, 0U);
}

TEST_F(LoginTest, PushesStoredMessagesBeforeTheRegistrationAnswerToo) {
  core_.deliver(client_.public_key.bytes, base::Bytes(50, 9), clock_.wall_now());
  const LinkId link = open();
  const auto key = register_client(link, client_);
  EXPECT_EQ(hear(link), json::object());  // binary
  EXPECT_EQ(hear(link).value("type", ""), "register");
  EXPECT_TRUE(gateway::open_push_frame(crypto::GcmSiv(key), pushed_[link].at(0)).has_value());
}

TEST_F(LoginTest, ForgetsStoredMessagesAfterADay) {
  core_.expire(clock_.now(), clock_.wall_now());
  core_.deliver(client_.public_key.bytes, base::Bytes(21, 1), clock_.wall_now());
  for (int i = 0; i < 25; ++i) pass(1h);
  EXPECT_EQ(core_.stats().stored_messages, 0U);
}

TEST_F(LoginTest, KeepsABoundedInbox) {
  GatewayConfig config;
  for (std::size_t i = 0; i < config.max_inbox + 10; ++i) {
    core_.deliver(client_.public_key.bytes, base::Bytes{1}, clock_.wall_now());
  }
  EXPECT_EQ(core_.stats().stored_messages, config.max_inbox);
}

TEST_F(LoginTest, StoresNothingForStrangers) {
  core_.deliver(sphinx::Destination{1}, base::Bytes(21, 1), clock_.wall_now());
  EXPECT_EQ(core_.stats().stored_messages, 0U);
  EXPECT_EQ(core_.stats().undeliverable, 1U);
}

// --- an authenticated session ---

class ActiveTest : public GatewayCoreTest {
 protected:
  ActiveTest() : link_(open()), key_(session(link_, client_)) {}
  json ask(const json& message) {
    say(link_, message);
    return hear(link_);
  }
  json send_binary(base::Bytes frame) {
    say_binary(link_, std::move(frame));
    return hear(link_);
  }
  json error(const std::string& text) { return {{"type", "error"}, {"message", text}}; }
  json sealed(const std::string& plaintext) {
    const auto nonce = rng_.bytes<gateway::kNonceSize>();
    return {{"type", "encryptedRequest"},
            {"ciphertext", numbers(crypto::GcmSiv(key_).seal(nonce, base::as_bytes(plaintext)))},
            {"nonce", numbers(nonce)}};
  }
  std::string unsealed(const json& response) {
    EXPECT_EQ(response.value("type", ""), "encryptedResponse") << response.dump();
    crypto::GcmSivNonce nonce{};
    const auto bytes = response["nonce"].get<base::Bytes>();
    std::copy(bytes.begin(), bytes.end(), nonce.begin());
    const auto opened = crypto::GcmSiv(key_).open(nonce, response["ciphertext"].get<base::Bytes>());
    return opened.has_value() ? base::to_string(*opened) : "unreadable";
  }

  LinkId link_;
  gateway::SharedKey key_;
};

TEST_F(ActiveTest, MetersPacketsBySize) {
  EXPECT_EQ(ask({{"type", "claimFreeTestnetBandwidth"}})["available_total"], 68719476736);
  EXPECT_EQ(ask({{"type", "claimFreeTestnetBandwidth"}})["available_total"], 2 * 68719476736);
  const json answer = send_binary(packet_frame(key_, 2413));
  EXPECT_EQ(answer, (json{{"type", "send"},
                          {"remaining_bandwidth", 2 * 68719476736 - 2413},
                          {"upgrade_mode", false}}));
  EXPECT_EQ(forwarded_.size(), 1U);
}

TEST_F(ActiveTest, DiscardsPacketsWithoutBandwidthAndStaysUp) {
  EXPECT_EQ(send_binary(packet_frame(key_, 2413)),
            (json{{"type", "typedError"},
                  {"error", {{"out_of_bandwidth", {{"required", 2413}, {"available", 0}}}}}}));
  EXPECT_TRUE(forwarded_.empty());
  EXPECT_FALSE(is_closed(link_));
  ask({{"type", "claimFreeTestnetBandwidth"}});
  EXPECT_EQ(send_binary(packet_frame(key_, 2413)).value("type", ""), "send");
}

TEST_F(ActiveTest, LosesTheClaimAtMidnight) {
  ask({{"type", "claimFreeTestnetBandwidth"}});
  clock_.advance(23h + 59min);  // the test's clock starts at midnight
  EXPECT_EQ(send_binary(packet_frame(key_)).value("type", ""), "send");
  clock_.advance(1min);
  EXPECT_EQ(send_binary(packet_frame(key_)),
            (json{{"type", "typedError"},
                  {"error", {{"out_of_bandwidth", {{"required", 386}, {"available", 0}}}}}}));
  EXPECT_EQ(ask({{"type", "claimFreeTestnetBandwidth"}})["available_total"], 68719476736);
}

TEST_F(ActiveTest, RefusesClaimsWhenToldSo) {
  core_.set_claims(Claims::kRefused);
  EXPECT_NE(ask({{"type", "claimFreeTestnetBandwidth"}})
                .value("message", "")
                .find("only coconut credentials"),
            std::string::npos);
}

TEST_F(ActiveTest, AnswersEveryUnusableRequestAndStaysUp) {
  const std::string malformed = "Provided text request was malformed - ";
  EXPECT_EQ(ask({{"type", "nonsense"}}).value("message", "").substr(0, malformed.size()),
            malformed);
  core_.receive(link_, TextFrame{"[]"}, clock_.now(), clock_.wall_now());
  collect();
  EXPECT_EQ(hear(link_).value("message", "").substr(0, malformed.size()), malformed);
  const std::string context = "The received request is not valid in the current context: ";
  EXPECT_EQ(ask({{"type", "handshakePayload"}, {"protocol_version", 6}, {"data", json::array()}})
                .value("message", "")
                .substr(0, context.size()),
            context);
  EXPECT_EQ(ask({{"type", "authenticate"}}).value("message", "").substr(0, context.size()),
            context);
  EXPECT_EQ(ask(login(client_, key_, unix_now())),
            error("received a text request of an unknown type"));
  for (const char* old : {"bandwidthCredential", "bandwidthCredentialV2"}) {
    EXPECT_EQ(ask({{"type", old}}), error(context + "coconut credential are not longer supported"));
  }
  EXPECT_EQ(ask({{"type", "upgradeModeJWT"}, {"token", "x"}}).value("type", ""), "error");
  for (const char* nonce : {"iv", "nonce"}) {
    const crypto::GcmSivNonce zero{};
    EXPECT_EQ(ask({{"type", "ecashCredential"},
                   {"enc_credential", numbers(crypto::GcmSiv(key_).seal(zero, base::Bytes(40, 1)))},
                   {nonce, numbers(zero)}})
                  .value("type", ""),
              "error");
  }
  EXPECT_FALSE(is_closed(link_));
  EXPECT_EQ(ask({{"type", "supportedProtocol"}})["version"], 6);
}

TEST_F(ActiveTest, AnswersEveryUnusablePacketAndStaysUp) {
  ask({{"type", "claimFreeTestnetBandwidth"}});
  const std::string undecryptable =
      "Provided binary request was malformed - failed to either encrypt or decrypt provided "
      "message";
  const base::Bytes good = packet_frame(key_);
  base::Bytes altered = good;
  altered.back() ^= 1;
  EXPECT_EQ(send_binary(altered), error(undecryptable));
  base::Bytes plain = good;
  plain[1] = 0;
  EXPECT_EQ(send_binary(plain), error(undecryptable));
  for (std::size_t size = 0; size < 40; ++size) {
    EXPECT_EQ(send_binary(base::Bytes(good.begin(), good.begin() + static_cast<long>(size)))
                  .value("type", ""),
              "error")
        << size;
  }
  base::Bytes unknown_kind = good;
  unknown_kind[0] = 9;
  EXPECT_EQ(send_binary(unknown_kind),
            error("Provided binary request was malformed - received request with an unknown "
                  "kind: 9"));
  const std::string bad_packet =
      "Provided binary request was malformed - failed to serialise created sphinx packet: ";
  EXPECT_EQ(send_binary(packet_frame(key_, 387)).value("message", "").substr(0, bad_packet.size()),
            bad_packet);
  EXPECT_TRUE(forwarded_.empty());
  EXPECT_FALSE(is_closed(link_));
  EXPECT_EQ(send_binary(good).value("type", ""), "send");
}

TEST_F(ActiveTest, TakesTheOldPacketKindWithoutRotation) {
  ask({{"type", "claimFreeTestnetBandwidth"}});
  mixnet::MixPacket packet;
  packet.first_hop = sphinx::NodeAddress::parse("::1", 1).value();
  packet.packet.assign(386, 1);
  EXPECT_EQ(
      send_binary(gateway::seal_packet_frame(crypto::GcmSiv(key_), {}, gateway::PacketFormat::kV1,
                                             packet.encode(mixnet::MixPacketFormat::kV1)))
          .value("type", ""),
      "send");
  ASSERT_EQ(forwarded_.size(), 1U);
  EXPECT_EQ(forwarded_[0].rotation, sphinx::KeyRotation::kUnknown);
}

TEST_F(ActiveTest, PushesWithTheBytesOfTheVectors) {
  const json& handshake = vectors_.json["handshake"];
  core_.closed(link_, clock_.now(), clock_.wall_now());
  rng_.add(test::hex(vectors_.json["gateway_ephemeral_secret"]));
  const LinkId link = open();
  for (const char* message : {"message1", "message3"}) {
    say(link, {{"type", "handshakePayload"},
               {"protocol_version", 6},
               {"data", numbers(test::hex(handshake[message]))}});
  }
  rng_.add(test::hex(vectors_.json["push_ack"]["nonce"]));
  core_.deliver(client_.public_key.bytes, test::hex(vectors_.json["push_ack"]["plaintext"]),
                clock_.wall_now());
  collect();
  ASSERT_EQ(pushed_[link].size(), 1U);
  EXPECT_EQ(pushed_[link][0], test::hex(vectors_.json["push_ack"]["frame"]));
}

TEST_F(ActiveTest, ForgetsTheClientOnRequest) {
  ask({{"type", "claimFreeTestnetBandwidth"}});
  EXPECT_EQ(unsealed(ask(sealed(R"({"ForgetMe":{"client":true,"stats":false}})"))),
            R"({"ForgetMeAck":{}})");
  EXPECT_EQ(core_.stats().clients, 0U);
  EXPECT_EQ(send_binary(packet_frame(key_)).value("type", ""), "typedError");
  core_.closed(link_, clock_.now(), clock_.wall_now());
  clock_.advance(2s);
  const LinkId again = open();
  say(again, login(client_, key_, unix_now()));
  expect_refusal(again, "the client is not registered", 2);
}

TEST_F(ActiveTest, KeepsTheClientWhenOnlyStatisticsShallBeForgotten) {
  EXPECT_EQ(unsealed(ask(sealed(R"({"ForgetMe":{"client":false,"stats":true}})"))),
            R"({"ForgetMeAck":{}})");
  EXPECT_EQ(core_.stats().clients, 1U);
}

TEST_F(ActiveTest, AcknowledgesRememberMe) {
  EXPECT_EQ(unsealed(ask(sealed(R"({"RememberMe":{"session_type":"Mixnet"}})"))),
            R"({"RememberMeAck":{}})");
}

TEST_F(ActiveTest, RefusesUnreadableEncryptedRequests) {
  const json refusal = error("failed to decrypt provided text request");
  EXPECT_EQ(ask(sealed("{}")), refusal);
  EXPECT_EQ(ask(sealed(R"({"Nonsense":{}})")), refusal);
  EXPECT_EQ(ask(sealed(R"({"RememberMe":{"session_type":"mixnet"}})")), refusal);
  json request = sealed(R"({"ForgetMe":{"client":true,"stats":false}})");
  request["nonce"][0] = (request["nonce"][0].get<int>() + 1) % 256;
  EXPECT_EQ(ask(request), refusal);
  EXPECT_EQ(core_.stats().clients, 1U);
}

TEST_F(ActiveTest, CutsEveryLinkWhenToldSo) {
  const LinkId other = open();
  core_.cut_links();
  collect();
  EXPECT_TRUE(is_closed(link_) && is_closed(other));
  core_.deliver(client_.public_key.bytes, base::Bytes{1}, clock_.wall_now());
  EXPECT_EQ(core_.stats().stored_messages, 1U);
}

TEST_F(ActiveTest, SurvivesEveryTruncationOfEveryFrame) {
  const std::string request = login(client_, key_, unix_now()).dump();
  for (std::size_t size = 0; size < request.size(); ++size) {
    const LinkId link = open();
    core_.receive(link, TextFrame{request.substr(0, size)}, clock_.now(), clock_.wall_now());
    collect();
    EXPECT_TRUE(is_closed(link)) << size;
  }
}

class SmallGrantTest : public GatewayCoreTest {
 protected:
  SmallGrantTest()
      : GatewayCoreTest([] {
          GatewayConfig config;
          config.initial_bytes = 500;
          config.claim_bytes = 1000;
          return config;
        }()) {}
};

TEST_F(SmallGrantTest, StartsWithTheInitialBytesAndAddsWhatAClaimIsWorth) {
  const LinkId link = open();
  const auto key = session(link, client_);
  say_binary(link, packet_frame(key, 386));
  EXPECT_EQ(hear(link)["remaining_bandwidth"], 114);
  say_binary(link, packet_frame(key, 386));
  EXPECT_EQ(hear(link)["error"]["out_of_bandwidth"]["available"], 114);
  say(link, {{"type", "claimFreeTestnetBandwidth"}});
  EXPECT_EQ(hear(link)["available_total"], 1114);
}

TEST_F(GatewayCoreTest, RefusesRegistrationsWhenToldSo) {
  core_.set_registrations(Registrations::kRefused);
  const LinkId link = open();
  say(link, {{"type", "handshakePayload"},
             {"protocol_version", 6},
             {"data", numbers(test::hex(vectors_.json["handshake"]["message1"]))}});
  EXPECT_EQ(hear(link).value("type", ""), "handshakeError");
  EXPECT_TRUE(is_closed(link));
}

}  // namespace
}  // namespace mix::localnet
