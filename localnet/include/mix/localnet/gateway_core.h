// The client side of an entry gateway: one state machine per WebSocket, the table of clients with
// their keys and bandwidth, and the inbox of absent clients. Sans-I/O. spec: gateway §1 to §9.
//
//   AwaitingRequest -> AwaitingProof ------------> Active
//         |      \--> AwaitingOldSession --------/   any refusal -> text frames, then closed
//         \-- supportedProtocol stays
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "mix/base/rng.h"
#include "mix/base/time.h"
#include "mix/crypto/cipher.h"
#include "mix/crypto/keys.h"
#include "mix/gateway/handshake.h"
#include "mix/gateway/messages.h"
#include "mix/gateway/session.h"
#include "mix/localnet/constants.h"
#include "mix/mixnet/mix_packet.h"

namespace mix::localnet {

/// One WebSocket of a client.
using LinkId = std::uint64_t;

enum class Claims : std::uint8_t { kGranted, kRefused };
enum class Registrations : std::uint8_t { kAccepted, kRefused };

struct GatewayConfig {
  Claims claims = Claims::kGranted;
  std::int64_t claim_bytes = gateway::kFreeBandwidth;  // added by each free claim
  std::int64_t initial_bytes = 0;                      // balance of a new client
  Registrations registrations = Registrations::kAccepted;
  std::size_t max_links = kMaxClientLinks;
  std::size_t max_inbox = 2000;         // messages of one absent client; the oldest goes first
  std::size_t max_clients = 100'000;    // registrations beyond are refused
  std::size_t max_waiting_frames = 64;  // of a link that waits for an older session's pong
};

// What the transport shall do.
struct SendToClient {
  LinkId link = 0;
  gateway::LinkFrame frame;
};
/// A WebSocket ping; report its pong by `ponged`.
struct PingClient {
  LinkId link = 0;
  std::array<std::uint8_t, kSessionPingSize> payload{};
};
/// Drop the TCP connection, without a close frame, once what was sent before is out.
struct CloseLink {
  LinkId link = 0;
};
/// A client's packet for its first hop.
struct ForwardPacket {
  mixnet::MixPacket packet;
};
using GatewayOutput = std::variant<SendToClient, PingClient, CloseLink, ForwardPacket>;

struct GatewayStats {
  std::size_t links = 0, sessions = 0, clients = 0, stored_messages = 0;
  std::uint64_t registrations = 0, authentications = 0, refusals = 0;
  std::uint64_t packets_from_clients = 0, bytes_from_clients = 0;
  std::uint64_t pushed = 0, stored = 0, undeliverable = 0;
  std::uint64_t out_of_bandwidth = 0, malformed = 0, claims = 0;
};

class GatewayCore {
 public:
  /// `identity` and `rng` must outlive the gateway.
  GatewayCore(const GatewayConfig& config, const crypto::Ed25519KeyPair& identity, base::Rng& rng);

  /// A WebSocket is open. Nothing when there are too many: drop the connection.
  [[nodiscard]] std::optional<LinkId> open(base::TimePoint now);
  void receive(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
               base::WallTime wall_now);
  /// The client pinged; the transport answers with the pong by itself.
  void pinged(LinkId link);
  void ponged(LinkId link, base::ByteView payload);
  /// The connection ended, by whomever.
  void closed(LinkId link, base::TimePoint now, base::WallTime wall_now);

  /// A last hop's body or ack for a client: pushed when it is there, stored when it is known.
  void deliver(const sphinx::Destination& destination, base::ByteView body,
               base::WallTime wall_now);

  [[nodiscard]] std::optional<GatewayOutput> poll_output();
  [[nodiscard]] base::Deadline next_deadline() const;
  void expire(base::TimePoint now, base::WallTime wall_now);

  // Switches for tests.
  void set_claims(Claims claims) { config_.claims = claims; }
  void set_registrations(Registrations registrations) { config_.registrations = registrations; }
  /// Drops every socket of a client; what is stored stays.
  void cut_links();
  /// Sets the balance of every client, in bytes.
  void set_bandwidth(std::int64_t bytes);
  /// Forgets every client, as a gateway whose disk was lost.
  void forget_clients();

  [[nodiscard]] GatewayStats stats() const;

 private:
  using Identity = crypto::Ed25519PublicKey;

  struct Stored {
    base::Bytes body;
    base::WallTime arrival;
  };
  struct Client {
    gateway::SharedKey key;
    std::optional<std::uint64_t> last_login;  // unix seconds
    std::int64_t balance = 0;
    std::optional<base::WallTime> balance_until;  // none: no expiry
    std::deque<Stored> inbox;
  };

  struct AwaitingRequest {
    base::TimePoint deadline;
  };
  struct AwaitingProof {
    base::TimePoint deadline;
    gateway::HandshakeInit init;
    crypto::X25519PublicKey own_ephemeral;
    gateway::SharedKey key;
    std::uint8_t version = 0;
  };
  struct AwaitingOldSession {
    base::TimePoint deadline;
    gateway::AuthenticateV2Request request;
    LinkId old_link = 0;
    std::array<std::uint8_t, kSessionPingSize> ping{};
    std::deque<gateway::LinkFrame> waiting;
  };
  struct Active {
    Identity identity;
    crypto::GcmSiv cipher;
    std::uint64_t since = 0;  // unix seconds: of the login, or of the registration
  };
  using State = std::variant<AwaitingRequest, AwaitingProof, AwaitingOldSession, Active>;

  void receive_initial(LinkId link, const gateway::LinkFrame& frame, base::TimePoint now,
                       base::WallTime wall_now);
  void receive_in_handshake(LinkId link, const gateway::LinkFrame& frame, base::WallTime wall_now);
  void receive_active(LinkId link, Active& active, const gateway::LinkFrame& frame,
                      base::WallTime wall_now);

  void begin_registration(LinkId link, const gateway::HandshakePayload& payload,
                          base::TimePoint now);
  void finish_registration(LinkId link, AwaitingProof& state,
                           const gateway::HandshakePayload& payload, base::WallTime wall_now);
  void authenticate(LinkId link, const gateway::AuthenticateV2Request& request, base::TimePoint now,
                    base::WallTime wall_now);
  /// From the check of the stored key on; runs again when an older session is out of the way.
  void admit(LinkId link, const gateway::AuthenticateV2Request& request, base::TimePoint now,
             base::WallTime wall_now);
  void activate(LinkId link, const Identity& identity, Client& client, std::uint64_t since,
                base::WallTime wall_now);
  void handle_text(LinkId link, Active& active, std::string_view text, base::WallTime wall_now);
  void handle_sealed_request(LinkId link, Active& active, const gateway::EncryptedRequest& request);
  void handle_packet(LinkId link, Active& active, base::ByteView frame, base::WallTime wall_now);
  void claim(LinkId link, const Active& active, base::WallTime wall_now);

  [[nodiscard]] std::int64_t balance_of(const Client& client, base::WallTime wall_now) const;
  void push(LinkId link, const Active& active, base::ByteView body);
  void send(LinkId link, const gateway::Response& response);
  void send_error(LinkId link, std::string text);
  void drop(LinkId link);
  void refuse(LinkId link, std::string text);                 // one error frame, then the drop
  void refuse_doubled(LinkId link, const std::string& text);  // as errors of log-ins are sent
  void refuse_handshake(LinkId link, const std::string& reason);
  void purge_inboxes(base::WallTime wall_now);

  GatewayConfig config_;
  const crypto::Ed25519KeyPair& identity_;
  base::Rng& rng_;
  std::map<LinkId, State> links_;
  std::map<Identity, LinkId> sessions_;
  std::map<Identity, Client> clients_;
  std::deque<GatewayOutput> outputs_;
  LinkId next_link_ = 1;
  std::optional<base::TimePoint> next_purge_;
  GatewayStats stats_;
};

}  // namespace mix::localnet
