// A client that says anything to the local mixnet's gateway, beside one that behaves: before and
// after its registration, texts from a list or from the input, frames raw or sealed with its key,
// time, cuts.
#include <set>

#include "mix/gateway/authentication.h"
#include "mix/gateway/session.h"
#include "mix/localnet/gateway_core.h"
#include "support/target.h"

using namespace mix;

namespace {

constexpr std::array<std::string_view, 8> kTexts{
    R"({"type":"supportedProtocol"})",
    R"({"type":"claimFreeTestnetBandwidth"})",
    R"({"type":"registerHandshakeInitRequest","protocol_version":6,"data":[1,2,3]})",
    R"({"type":"handshakePayload","protocol_version":6,"data":[1]})",
    R"({"type":"encryptedRequest","ciphertext":[1,2],"nonce":[1,2,3,4,5,6,7,8,9,10,11,12]})",
    R"({"type":"ecashCredential","enc_credential":[1],"iv":[1,2,3,4,5,6,7,8,9,10,11,12]})",
    R"({"type":"upgradeModeJWT","token":"x"})",
    R"({"type":"error","message":"nonsense"})",
};
constexpr base::WallTime kWall{std::chrono::seconds{1748736000}};

struct World {
  crypto::Ed25519KeyPair gateway_identity, client_identity;
  World()
      : World([] {
          static fuzz::FixedRng rng;
          return &rng;
        }()) {}
  explicit World(base::Rng* rng)
      : gateway_identity(crypto::Ed25519KeyPair::generate(*rng)),
        client_identity(crypto::Ed25519KeyPair::generate(*rng)) {}
};

/// The gateway, and what it did for whom.
class Gateway {
 public:
  Gateway(const World& world, base::Rng& rng)
      : core_(config(), world.gateway_identity, rng), link_(*core_.open({})) {}

  static localnet::GatewayConfig config() {
    localnet::GatewayConfig out;
    out.max_links = 4;
    out.max_clients = 2;
    out.max_inbox = 4;
    return out;
  }

  void receive(const gateway::LinkFrame& frame) { core_.receive(link_, frame, now_, kWall); }
  void pass(base::Duration time) {
    now_ += time;
    core_.expire(now_, kWall);
  }
  void cut() {
    core_.closed(link_, now_, kWall);
    ended_.insert(link_);
    open();
  }
  void open() {
    if (const auto link = core_.open(now_)) link_ = *link;
  }
  /// Frames for the open link.
  std::vector<gateway::LinkFrame> drain() {
    std::vector<gateway::LinkFrame> out;
    while (auto output = core_.poll_output()) {
      if (auto* sent = std::get_if<localnet::SendToClient>(&*output)) {
        fuzz::require(!ended_.contains(sent->link), "words to a link that ended");
        if (const auto* text = std::get_if<gateway::TextFrame>(&sent->frame)) {
          fuzz::require(gateway::decode_response(text->text).has_value() ||
                            gateway::decode_request(text->text).has_value(),
                        "the gateway does not speak its language");
        }
        if (sent->link == link_) out.push_back(std::move(sent->frame));
      } else if (const auto* close = std::get_if<localnet::CloseLink>(&*output)) {
        ended_.insert(close->link);
      } else if (const auto* forward = std::get_if<localnet::ForwardPacket>(&*output)) {
        fuzz::require(core_.stats().registrations > 0, "a stranger's packet is sent on");
        fuzz::require(sphinx::packet_size_of(forward->packet.packet.size()).has_value(),
                      "a packet of no known size is sent on");
      }
    }
    const localnet::GatewayStats stats = core_.stats();
    fuzz::require(stats.links <= 4 && stats.clients <= 2 && stats.sessions <= stats.links,
                  "more is kept than may be");
    return out;
  }
  bool is_over() const { return ended_.contains(link_); }
  localnet::GatewayCore& core() { return core_; }

 private:
  localnet::GatewayCore core_;
  localnet::LinkId link_;
  std::set<localnet::LinkId> ended_;
  base::TimePoint now_{};
};

/// Lets the client that behaves register; gives the key.
gateway::SharedKey register_client(Gateway& gateway, const World& world, base::Rng& rng) {
  gateway::SessionConfig config;
  config.gateway_identity = world.gateway_identity.public_key;
  gateway::Session session(config, world.client_identity, std::nullopt, rng, base::null_log());
  session.opened({}, kWall);
  for (int i = 0; i < 16 && !session.active(); ++i) {
    while (const auto frame = session.poll_output()) gateway.receive(*frame);
    for (const auto& frame : gateway.drain()) session.receive(frame, {}, kWall);
  }
  fuzz::require(session.active() && session.shared_key(), "a good client cannot register");
  return session.shared_key()->clone();
}

}  // namespace

MIX_FUZZ(localnet_gateway) {
  static const World world;
  fuzz::FixedRng rng;
  Gateway gateway(world, rng);
  fuzz::Parts parts(input);
  gateway::SharedKey key;
  if ((parts.u8() & 1) != 0) key = register_client(gateway, world, rng);
  const crypto::GcmSiv cipher(key);
  while (!parts.empty()) {
    const std::uint8_t what = parts.u8();
    if (what < 32) {
      gateway.receive(gateway::TextFrame{std::string{kTexts[what % kTexts.size()]}});
    } else if (what < 64) {
      gateway.receive(gateway::TextFrame{base::to_string(parts.part())});
    } else if (what < 96) {
      gateway.receive(gateway::BinaryFrame{base::to_bytes(parts.part())});
    } else if (what < 160) {
      const auto format = what % 2 == 0 ? gateway::PacketFormat::kV1 : gateway::PacketFormat::kV2;
      gateway.receive(
          gateway::BinaryFrame{gateway::seal_packet_frame(cipher, {}, format, parts.part())});
    } else if (what < 176) {
      // Whole, but for what its first bytes say.
      mixnet::MixPacket packet;
      packet.packet = base::Bytes(sphinx::packet_bytes(sphinx::PacketSize::kAck));
      base::Bytes bytes = packet.encode(mixnet::MixPacketFormat::kV2);
      const base::ByteView head = parts.take(16);
      std::ranges::copy(head, bytes.begin());
      gateway.receive(gateway::BinaryFrame{
          gateway::seal_packet_frame(cipher, {}, gateway::PacketFormat::kV2, bytes)});
    } else if (what < 192) {
      const base::Bytes sealed = cipher.seal({}, parts.part());
      gateway.receive(
          gateway::TextFrame{gateway::encode_request(gateway::EncryptedRequest{sealed, {}})});
    } else if (what < 208) {
      const auto login = gateway::build_authentication(world.client_identity, key, 6,
                                                       1748736000U + parts.u8(), {});
      gateway.receive(gateway::TextFrame{gateway::encode_request(login)});
    } else if (what < 216) {
      gateway.core().deliver(sphinx::Destination{parts.u8()}, parts.part(), kWall);
    } else if (what < 232) {
      gateway.pass(std::chrono::seconds{what - 215});
    } else if (what < 244) {
      gateway.open();
    } else {
      gateway.cut();
    }
    gateway.drain();
    if (gateway.is_over()) gateway.open();
  }
}
